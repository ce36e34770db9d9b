//! `bootstrap --durable HANDLER EVENT`: runs one execution from its beginning, or continues that of the last run.
//!
//! The result goes to standard output; logs, the operations and the `REPORT` line to standard error. If the state file
//! has a finished execution, the run prints its result again, and runs nothing.

use std::{
    future::pending,
    io::Write,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::Mutex;

use super::{
    desk::{Desk, clock},
    execution::Execution,
    file::{FileError, StateFile},
    functions::{Functions, load},
    report,
    schedule::{Invoke, Invoked, Schedule, Until},
    state::State,
    table,
};
use crate::{
    durable::{Durable, service::Service},
    event::headers::Headers,
    failure::{ErrorType, Failure},
    limits::SHUTDOWN_GRACE,
    local::{one_shot, report as print_report},
    logs::own_line,
    process::Children,
    settings::Settings,
    start::cli::{self, EventSource},
    worker::slot::Slot,
};

/// The status of a run with an open callback: `EX_TEMPFAIL` of sysexits.
const OPEN: u8 = 75;

/// Runs the execution. The status is 0 if it has succeeded, 75 if it waits for a callback, else 1. During a shutdown it
/// never returns.
pub async fn run(
    settings: &Arc<Settings>,
    source: &EventSource,
    options: &cli::Durable,
    children: &Children,
) -> ExitCode {
    let began = Instant::now();
    let opening = open(settings, source, options);
    let Some(opened) = children.shutdown.run_until_cancelled(opening).await else { return pending().await };
    let desk = match opened {
        Ok(desk) => Arc::new(desk),
        Err(failure) => return fail(failure, began.elapsed(), children),
    };
    if desk.look(|state, _| has_ended(state)) {
        if let Some(path) = &options.state {
            eprintln!("`{}` has an execution that has ended: remove it to run another one", path.display());
        }
        return finish(&desk, options, None, Duration::ZERO, began.elapsed(), children);
    }
    let starting = Runner::start(settings, &desk, options, children);
    let Some(started) = children.shutdown.run_until_cancelled(starting).await else { return pending().await };
    let init = began.elapsed();
    let error = match started {
        Ok(runner) => {
            let error = runner.run(&desk, options).await.err();
            if children.shutdown.is_cancelled() {
                return pending().await;
            }
            runner.slot.lock().await.shut_down().await;
            children.shutdown.cancel();
            children.terminate(SHUTDOWN_GRACE).await;
            error
        }
        Err(failure) => return fail(failure, init, children),
    };
    finish(&desk, options, error, init, began.elapsed().saturating_sub(init), children)
}

/// Prints an error from before the first invocation.
fn fail(failure: Failure, init: Duration, children: &Children) -> ExitCode {
    let status = one_shot::print_outcome(&Err(failure));
    print_report(None, Some(init), Duration::ZERO, children);
    status
}

fn has_ended(state: &State) -> bool {
    state.executions.first().is_some_and(|execution| execution.end().is_some())
}

/// Reads the event, and loads or creates the state.
async fn open(settings: &Settings, source: &EventSource, options: &cli::Durable) -> Result<Desk, Failure> {
    let invalid = |message: String| Failure::new(ErrorType::InvalidConfiguration, message);
    let event = one_shot::read(source).await?;
    let event = String::from_utf8(event.into()).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        invalid(format!("the event of a durable function is UTF-8 text, and this is none at byte {at}"))
    })?;
    let refused = |error: FileError| invalid(error.to_string());
    let (file, state) = match &options.state {
        Some(path) => {
            let (file, state) = StateFile::take(path).map_err(refused)?;
            (Some(file), state)
        }
        None => (None, None),
    };
    let functions: Vec<_> = options.functions.iter().map(|function| function.name.clone()).collect();
    if let (Some(state), Some(path)) = (&state, &options.state) {
        check(state, path, &settings.handler, &event).map_err(refused)?;
        if let Some(function) = state.missing_function(&functions) {
            return Err(refused(FileError::MissingFunction(path.clone(), function.to_owned())));
        }
    }
    // stored with the first invocation: a handler that cannot be loaded leaves no file
    let state = state.unwrap_or_else(|| {
        let mut state = State::new(&settings.handler, false);
        let now = clock(&state);
        state.start(&settings.function_name, None, event, now);
        state
    });
    Ok(Desk::new(state, file, functions, options.replay_each))
}

/// Checks that a state belongs to this handler and this event.
fn check(state: &State, path: &Path, handler: &str, event: &str) -> Result<(), FileError> {
    let path = path.to_path_buf();
    if state.served {
        return Err(FileError::OtherUse(path, "a server"));
    }
    if state.handler != handler {
        return Err(FileError::OtherHandler(path, state.handler.clone()));
    }
    if state.executions.first().is_none_or(|execution| execution.input() != event) {
        return Err(FileError::OtherEvent(path));
    }
    Ok(())
}

/// Prints the end of the run.
fn finish(
    desk: &Desk,
    options: &cli::Durable,
    error: Option<FileError>,
    init: Duration,
    ran: Duration,
    children: &Children,
) -> ExitCode {
    let (end, table, open) = desk.look(|state, now| {
        let end = state.executions.first().and_then(Execution::end).cloned();
        (end, table::of(state, now), report::open_callbacks(state, options.state.as_deref()))
    });
    // a closed standard error has no reader
    let say = |text: &str| drop(own_line().write_all(text.as_bytes()));
    match (end.as_ref().map(report::outcome), error) {
        (Some(outcome), None) => {
            let status = one_shot::print_outcome(&outcome.map(Bytes::from));
            say(&table);
            print_report(None, Some(init), ran, children);
            status
        }
        (_, Some(error)) => {
            say(&format!("bootstrap: {error}\n"));
            say(&table);
            ExitCode::FAILURE
        }
        (None, None) => {
            say(&table);
            print_report(None, Some(init), ran, children);
            say(&open);
            ExitCode::from(OPEN)
        }
    }
}

/// Runs the invocations of a run.
struct Runner {
    settings: Arc<Settings>,
    core: Durable,
    slot: Mutex<Slot>,
    functions: Functions,
}

impl Runner {
    async fn start(
        settings: &Arc<Settings>,
        desk: &Arc<Desk>,
        options: &cli::Durable,
        children: &Children,
    ) -> Result<Self, Failure> {
        let service: Arc<dyn Service> = Arc::<Desk>::clone(desk);
        let functions = Functions::new(settings, &options.functions, &service, children)?;
        let slot = Mutex::new(load(settings, children).await?);
        let core = Durable::with(settings, service);
        Ok(Self { settings: Arc::clone(settings), core, slot, functions })
    }

    async fn run(&self, desk: &Desk, options: &cli::Durable) -> Result<(), FileError> {
        let until = Until::FirstEnds;
        Schedule { desk, invoke: self, skip_time: options.skip_time, until }.run().await
    }
}

impl Invoke for Runner {
    fn invoke<'a>(&'a self, function: Option<&'a str>, headers: Headers, event: Bytes) -> BoxFuture<'a, Invoked> {
        match function {
            Some(function) => self.functions.invoke(function, headers, event).boxed(),
            None => async move {
                let mut slot = self.slot.lock().await;
                Invoked::run(&self.core, &mut slot, &self.settings, headers, event).await
            }
            .boxed(),
        }
    }
}
