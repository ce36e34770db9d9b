//! One interpreter process: start, invoke, stop.
//!
//! Always true: between two calls of [`Worker::invoke`] the worker waits for an event, or is gone and says so.

mod event;
mod invoke;
mod lanes;
mod pipes;
mod snapshot;

use std::{
    convert::Infallible,
    fmt::Display,
    io,
    pin::Pin,
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::time::{Sleep, sleep, timeout};

pub use self::snapshot::Step;
use self::{
    event::keep_innermost,
    lanes::Lanes,
    pipes::{Reports, Requests},
};
use crate::{
    config::Config,
    failure::{ErrorType, Failure},
    frame::{Delivery, FrameError, Report},
    languages::Launch,
    logs::Log,
    process::{Child, Children},
};

/// The longest init that is waited for: Lambda's own longest timeout.
const INIT_LIMIT: Duration = Duration::from_secs(15 * 60);

/// An interpreter that has loaded the user's file and waits for events.
pub struct Worker {
    child: Child,
    requests: Requests,
    reports: Reports,
    /// Where events go that are handed over by descriptor.
    lanes: Option<Lanes>,
    log: Log,
    deadline_margin: Option<Duration>,
    /// Ends the event that runs. One timer for all events: a new one would interrupt the event loop for each.
    limit: Pin<Box<Sleep>>,
}

/// How an event, or the start of the worker that is to have it, can fail, by what becomes of both.
#[derive(Debug)]
pub enum WorkerError {
    /// The worker can take the next event.
    Failed(Failure),
    /// The worker is gone.
    Gone(Failure),
    /// The worker is gone, and has not taken the event: no handler has seen it. Another may live.
    Untaken(Failure),
}

impl WorkerError {
    /// What the caller gets.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) | Self::Gone(failure) | Self::Untaken(failure) => failure,
        }
    }
}

/// What a worker did first.
enum Happening {
    Report(Report),
    Exited(ExitStatus),
    Malformed(FrameError),
}

impl Worker {
    /// Starts the interpreter and waits until it has loaded the user's file. `snapshot` says that the worker is to
    /// take both steps of a SnapStart snapshot before its first event.
    pub async fn start(
        launch: &Launch,
        config: &Config,
        children: &Children,
        snapshot: bool,
    ) -> Result<Self, WorkerError> {
        let mut worker = Self::spawn(launch, config, children, snapshot).map_err(|error| {
            let what = format!("`{}` cannot be started", launch.program.display());
            WorkerError::Gone(exhausted(&what, &error))
        })?;
        let error = match timeout(INIT_LIMIT, worker.ready(config)).await {
            Ok(Ok(())) => return Ok(worker),
            Ok(Err(error)) => error,
            Err(_) => {
                let message = format!("`{}` was not loaded within {INIT_LIMIT:?}", config.handler);
                WorkerError::Gone(Failure::new(ErrorType::HandlerLoadFailed, message))
            }
        };
        worker.child.kill().await;
        worker.log.drain();
        Err(error)
    }

    fn spawn(launch: &Launch, config: &Config, children: &Children, snapshot: bool) -> io::Result<Self> {
        let (requests, reports) = (Requests::new()?, Reports::new()?);
        let lanes = (launch.delivery == Delivery::ByDescriptor).then(Lanes::new).transpose()?;
        let (log, log_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .args(pipe_arguments(&requests, &reports))
            .args(lanes.iter().flat_map(Lanes::arguments))
            .args((snapshot && lanes.is_some()).then_some("snapshot"))
            .env_clear()
            .envs(&config.environment)
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&config.task_root)
            .stdin(Stdio::null())
            .stdout(log_end.try_clone()?)
            .stderr(log_end);
        Ok(Self {
            child: children.spawn(&mut command)?,
            requests,
            reports,
            lanes,
            log: Log::new(log, config.log_format)?,
            deadline_margin: config.deadline_margin,
            limit: Box::pin(sleep(Duration::ZERO)),
        })
    }

    async fn ready(&mut self, config: &Config) -> Result<(), WorkerError> {
        let mut stack_trace = Vec::new();
        loop {
            match self.happening().await {
                Happening::Report(Report::Ready) => return Ok(()),
                Happening::Report(Report::Trace(_, _, lines)) => {
                    keep_innermost(&mut stack_trace, lines);
                }
                Happening::Report(Report::Failed(failure)) => return Err(WorkerError::Gone(failure)),
                Happening::Report(Report::Undefined(names)) => {
                    return Err(WorkerError::Gone(undefined(config, names)));
                }
                Happening::Report(_) => {}
                Happening::Malformed(error) => return Err(WorkerError::Untaken(broken(&error))),
                Happening::Exited(status) => {
                    self.log.drain();
                    let message = format!("`{}` could not be loaded ({status})", config.handler);
                    let message = with_lines(message, &self.log.last_lines());
                    let failure = Failure::new(ErrorType::HandlerLoadFailed, message);
                    return Err(WorkerError::Untaken(failure.with_stack_trace(stack_trace)));
                }
            }
        }
    }

    /// Does ahead of the next event what can be done without it.
    pub fn prepare(&mut self) {
        if let Some(Err(error)) = self.lanes.as_mut().map(Lanes::prepare) {
            // the next event says so, if it is still so then
            tracing::debug!("the next event cannot be prepared for: {error}");
        }
    }

    /// Whether the worker is known to have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.child.has_ended()
    }

    /// Waits for the worker's end while no event runs, and passes on what it logs.
    pub async fn idle(&mut self) -> ExitStatus {
        loop {
            match self.happening().await {
                Happening::Exited(status) => {
                    self.log.drain();
                    return status;
                }
                Happening::Malformed(error) => return self.give_up(error).await,
                Happening::Report(Report::Ended(number, _)) if self.is_current(number) => {
                    if let Some(Err(error)) =
                        self.lanes.as_mut().map(|lanes| lanes.next().and_then(|()| lanes.prepare()))
                    {
                        return self.give_up(error).await;
                    }
                }
                // what else is said between events belongs to none
                Happening::Report(_) => {}
            }
        }
    }

    async fn give_up(&mut self, error: impl Display) -> ExitStatus {
        tracing::error!("{error}; the worker is replaced");
        self.child.kill().await;
        // not by `happening`: what ended inside of a frame stays malformed
        self.child.exited().await
    }

    /// Passes on what others say after the worker's end, for as long as there are any.
    pub async fn outlived(&mut self) -> Infallible {
        loop {
            self.log.pump().await;
        }
    }

    async fn happening(&mut self) -> Happening {
        happening(&mut self.child, &mut self.log, &mut self.reports).await
    }
}

/// Arguments of a worker that no other has: where the shim opens its two pipes.
fn pipe_arguments(requests: &Requests, reports: &Reports) -> [String; 3] {
    let directory = format!("/proc/{}/fd", std::process::id());
    [directory, requests.descriptor().to_string(), reports.descriptor().to_string()]
}

/// Waits until the worker says something or ends, and passes on what it logs.
async fn happening(child: &mut Child, log: &mut Log, reports: &mut Reports) -> Happening {
    let mut exited = None;
    loop {
        match (reports.next(), exited) {
            (Ok(Some(report)), _) => return Happening::Report(report),
            (Err(error), _) => return Happening::Malformed(error),
            (Ok(None), Some(status)) => {
                return reports.finish().map_or_else(Happening::Malformed, |()| Happening::Exited(status));
            }
            (Ok(None), None) => {}
        }
        tokio::select! {
            () = reports.fill() => {}
            () = log.pump() => {}
            status = child.exited() => {
                // what it said before it ended counts
                reports.fill_rest();
                exited = Some(status);
            }
        }
    }
}

/// A message with the last lines of the log behind it.
fn with_lines(message: String, lines: &str) -> String {
    if lines.is_empty() { message } else { format!("{message}: {lines}") }
}

fn undefined(config: &Config, names: Vec<String>) -> Failure {
    let names: Vec<_> =
        names.into_iter().filter(|name| name != "exit" && !name.starts_with("__lambda_")).collect();
    let defined =
        if names.is_empty() { "no function".to_owned() } else { format!("`{}`", names.join("`, `")) };
    let message = format!(
        "handler `{}`: its file defines {defined}, but not the function that the handler names",
        config.handler
    );
    Failure::new(ErrorType::HandlerNotFound, message)
}

fn broken(error: &FrameError) -> Failure {
    Failure::new(ErrorType::WorkerExited, format!("the worker was given up: {error}"))
}

fn exhausted(what: &str, error: &io::Error) -> Failure {
    Failure::new(ErrorType::ResourceExhausted, format!("{what}: {error}"))
}
