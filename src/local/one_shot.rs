//! `bootstrap HANDLER EVENT`: one event through the same path as on Lambda.
//!
//! The answer goes to standard output, logs and the `REPORT` line to standard error.

use std::{
    io::{self, IsTerminal, Read, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
    pin::pin,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{invocation, report};
use crate::{
    event::headers::Headers,
    event::invocation::Outcome,
    event::stream::{Part, Parts},
    failure::{ErrorType, Failure},
    languages,
    limits::{LONGEST_TIMEOUT, PAYLOAD_LIMIT, SHUTDOWN_GRACE},
    process::Children,
    settings::{Config, ResponseMode},
    start::cli::EventSource,
    worker::slot::Slot,
};

/// Runs the event; the status is 0 if the handler answered, else 1. Once `shutdown` is cancelled this has no end.
pub async fn run(
    config: &Arc<Config>,
    source: &EventSource,
    children: &Children,
    shutdown: &CancellationToken,
) -> ExitCode {
    let began = Instant::now();
    let (outcome, init, ran) = match start(config, source, children, shutdown).await {
        Ok((mut slot, event)) => {
            let init = began.elapsed();
            let mut invocation = invocation(config, event, LONGEST_TIMEOUT, Headers::default());
            let outcome = match config.response_mode {
                ResponseMode::Buffered => slot.run(&invocation).await,
                ResponseMode::Streaming => {
                    let parts = invocation.stream();
                    printed_during(parts, slot.run(&invocation)).await
                }
            };
            if shutdown.is_cancelled() {
                std::future::pending::<()>().await;
            }
            let ran = began.elapsed().saturating_sub(init);
            slot.shut_down().await;
            shutdown.cancel();
            children.terminate(SHUTDOWN_GRACE).await;
            // the last of the log
            drop(slot);
            (outcome, init, ran)
        }
        Err(_) if shutdown.is_cancelled() => std::future::pending().await,
        Err(failure) => (Err(failure), began.elapsed(), Duration::ZERO),
    };
    let written = print(&outcome);
    report(None, Some(init), ran, children);
    match written {
        Ok(()) if outcome.is_ok() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the answer could not be written to standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start(
    config: &Arc<Config>,
    source: &EventSource,
    children: &Children,
    shutdown: &CancellationToken,
) -> Result<(Slot, Bytes), Failure> {
    let event = read(source)?;
    let mut slot = Slot::new(&Arc::new(languages::launch(config)?), config, children, shutdown);
    slot.load().await?;
    Ok((slot, event))
}

fn read(source: &EventSource) -> Result<Bytes, Failure> {
    let unreadable = |name: &str, error: &io::Error| {
        let message = format!("the event cannot be read from {name}: {error}");
        Failure::new(ErrorType::InvalidConfiguration, message)
    };
    let event = match source {
        EventSource::Text(text) => text.as_bytes().to_vec(),
        EventSource::File(file) => std::fs::read(file)
            .map_err(|error| unreadable(&format!("`{}`", Path::new(file).display()), &error))?,
        EventSource::StandardInput => {
            let mut event = Vec::new();
            io::stdin().read_to_end(&mut event).map_err(|error| unreadable("standard input", &error))?;
            event
        }
    };
    if event.len() > PAYLOAD_LIMIT {
        let message =
            format!("the event has {} bytes, and Lambda takes at most {PAYLOAD_LIMIT}", event.len());
        return Err(Failure::new(ErrorType::InvalidConfiguration, message));
    }
    Ok(event.into())
}

/// Prints the parts of an answer as they come, until the event has come to its outcome. Where nobody reads them they go
/// nowhere.
async fn printed_during(mut parts: Parts, running: impl Future<Output = Outcome>) -> Outcome {
    let mut running = pin!(running);
    let outcome = loop {
        tokio::select! {
            Some(part) = parts.recv() => drop(print_part(&part)),
            outcome = &mut running => break outcome,
        }
    };
    while let Ok(part) = parts.try_recv() {
        drop(print_part(&part));
    }
    outcome
}

fn print_part(part: &Part) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match part {
        Part::Head(head) => {
            serde_json::to_writer(&mut output, head)?;
            output.write_all(b"\n")?;
        }
        Part::Body(bytes) => output.write_all(bytes)?,
    }
    output.flush()
}

fn print(outcome: &Outcome) -> io::Result<()> {
    match outcome {
        Ok(answer) => {
            let mut output = io::stdout().lock();
            output.write_all(answer)?;
            // a terminal's next prompt begins on a line of its own
            if !answer.is_empty() {
                output.write_all(b"\n")?;
            }
            output.flush()
        }
        Err(failure) if io::stderr().is_terminal() => {
            let lines = failure.stack_trace.iter().map(|line| format!("    {line}\n"));
            io::stderr().write_all(format!("{failure}\n{}", lines.collect::<String>()).as_bytes())
        }
        Err(failure) => {
            let mut line = failure.to_json();
            line.push(b'\n');
            io::stderr().write_all(&line)
        }
    }
}
