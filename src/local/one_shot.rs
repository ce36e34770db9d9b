//! `bootstrap HANDLER EVENT`: one event through the same path as on Lambda.
//!
//! The answer goes to standard output, logs and the `REPORT` line to standard error.

use std::{
    future::pending,
    io::{self, IsTerminal, Read, Write},
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::{
    durable::{functions::load, link},
    invocation, report,
};
use crate::{
    event::headers::Headers,
    event::invocation::Outcome,
    failure::{ErrorType, Failure},
    http::{
        answer::{Answer, Caller},
        prelude::Part,
    },
    limits::{LONGEST_TIMEOUT, PAYLOAD_LIMIT, SHUTDOWN_GRACE},
    logs::own_line,
    process::Children,
    settings::Settings,
    start::cli::EventSource,
    worker::slot::Slot,
};

/// Runs the event; the status is 0 if the handler answered, else 1. During a shutdown it never returns.
pub async fn run(settings: &Arc<Settings>, source: &EventSource, children: &Children) -> ExitCode {
    let began = Instant::now();
    let (settings, _link) = link::offer(settings);
    let settings = &settings;
    let start = async {
        let event = read(source).await?;
        Ok::<_, Failure>((load(settings, children).await?, event))
    };
    let Some(started) = children.shutdown.run_until_cancelled(start).await else { return pending().await };
    let (outcome, init, ran) = match started {
        Ok((mut slot, event)) => {
            let init = began.elapsed();
            let outcome = run_event(settings, &mut slot, event).await;
            if children.shutdown.is_cancelled() {
                pending::<()>().await;
            }
            let ran = began.elapsed().saturating_sub(init);
            slot.shut_down().await;
            children.shutdown.cancel();
            children.terminate(SHUTDOWN_GRACE).await;
            // writes the rest of the log
            drop(slot);
            (outcome, init, ran)
        }
        Err(failure) => (Err(failure), began.elapsed(), Duration::ZERO),
    };
    let status = print_outcome(&outcome);
    report(None, Some(init), ran, children);
    status
}

/// Reads the event.
pub(super) async fn read(source: &EventSource) -> Result<Bytes, Failure> {
    let (name, read) = match source {
        EventSource::Text(text) => (String::new(), Ok(text.as_bytes().to_vec())),
        EventSource::File(file) => {
            let path = PathBuf::from(file);
            (format!("`{}`", path.display()), in_thread(|| std::fs::read(path)).await)
        }
        EventSource::StandardInput => {
            ("standard input".to_owned(), in_thread(|| io::stdin().lock().bytes().collect()).await)
        }
    };
    let event = read.map_err(|error| {
        let message = format!("the event cannot be read from {name}: {error}");
        Failure::new(ErrorType::InvalidConfiguration, message)
    })?;
    if event.len() > PAYLOAD_LIMIT {
        let message = format!("the event has {} bytes, and Lambda takes at most {PAYLOAD_LIMIT}", event.len());
        return Err(Failure::new(ErrorType::InvalidConfiguration, message));
    }
    Ok(event.into())
}

/// Reads in a separate thread, because a read from a pipe may wait: the event loop can handle signals meanwhile.
async fn in_thread(read: impl FnOnce() -> io::Result<Vec<u8>> + Send + 'static) -> io::Result<Vec<u8>> {
    let (sender, event) = oneshot::channel();
    // the receiver is gone if the run was ended
    std::thread::Builder::new().spawn(|| drop(sender.send(read())))?;
    event.await.map_err(io::Error::other)?
}

/// Runs the event. Prints a streamed answer while it is written.
async fn run_event(settings: &Settings, slot: &mut Slot, event: Bytes) -> Outcome {
    let mut invocation = invocation(settings, event, Headers::default());
    invocation.begin(LONGEST_TIMEOUT);
    let answer = Answer::of(settings, &mut invocation)?;
    answer.run(slot.run(&invocation), &mut StandardOutput).await
}

/// Prints an answer while it is written.
struct StandardOutput;

impl Caller for StandardOutput {
    fn put(&mut self, part: Part) {
        // a closed standard output has no reader
        let _ = print_part(&part);
    }
}

fn print_part(part: &Part) -> io::Result<()> {
    let mut output = io::stdout().lock();
    match part {
        Part::Head(head) => {
            serde_json::to_writer(&mut output, &head.to_json())?;
            output.write_all(b"\n")?;
        }
        Part::Body(bytes) => output.write_all(bytes)?,
    }
    output.flush()
}

/// Prints the answer or the error; returns the exit status.
pub(super) fn print_outcome(outcome: &Outcome) -> ExitCode {
    if let Err(error) = print(outcome) {
        eprintln!("the answer could not be written to standard output: {error}");
        return ExitCode::FAILURE;
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(outcome: &Outcome) -> io::Result<()> {
    match outcome {
        Ok(answer) => {
            let mut output = io::stdout().lock();
            output.write_all(answer)?;
            // so that a terminal's next prompt begins on a line of its own
            if !answer.is_empty() {
                output.write_all(b"\n")?;
            }
            output.flush()
        }
        Err(failure) if io::stderr().is_terminal() => {
            let lines = failure.stack_trace.iter().map(|line| format!("    {line}\n"));
            own_line().write_all(format!("{failure}\n{}", lines.collect::<String>()).as_bytes())
        }
        Err(failure) => {
            let mut line = failure.to_json();
            line.push(b'\n');
            own_line().write_all(&line)
        }
    }
}
