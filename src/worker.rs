//! One interpreter process: start, invoke, stop.
//!
//! Always true: between two calls of [`Worker::invoke`] the worker waits for an event, or is gone and says so.

mod event;
mod pipes;
mod snapshot;

use std::{
    io,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::time::timeout;

pub use self::snapshot::Step;
use self::{
    event::{End, Event, keep_innermost, too_large},
    pipes::{Reports, Requests, Unread},
};
use crate::{
    config::Config,
    failure::{ErrorType, Failure},
    frame::{self, Delivery, FrameError, Report},
    invocation::{Invocation, REQUEST_ID_VARIABLE},
    language::Launch,
    logs::Log,
    process::{Child, Children, kill_marked},
};

/// The longest init that is waited for: Lambda's own longest timeout.
const INIT_LIMIT: Duration = Duration::from_secs(15 * 60);

/// An event that is copied in front of the pipe, in bytes.
const SMALL_EVENT: usize = 16 * 1024;

/// How an event can fail, by what becomes of the worker.
#[derive(Debug)]
pub enum InvokeError {
    /// The worker can take the next event.
    Failed(Failure),
    /// The worker is gone.
    Gone(Failure),
}

/// An interpreter that has loaded the user's file and waits for events.
pub struct Worker {
    child: Child,
    delivery: Delivery,
    requests: Requests,
    reports: Reports,
    log: Log,
    deadline_margin: Option<Duration>,
    /// The number of the last handler's process that has ended.
    ended: u64,
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
    ) -> Result<Self, Failure> {
        let mut worker = Self::spawn(launch, config, children, snapshot).map_err(|error| {
            exhausted(&format!("`{}` cannot be started", launch.program.display()), &error)
        })?;
        let failure = match timeout(INIT_LIMIT, worker.ready(config)).await {
            Ok(Ok(())) => return Ok(worker),
            Ok(Err(failure)) => failure,
            Err(_) => {
                let message = format!("`{}` was not loaded within {INIT_LIMIT:?}", config.handler);
                Failure::new(ErrorType::HandlerLoadFailed, message)
            }
        };
        worker.child.kill().await;
        worker.log.drain();
        Err(failure)
    }

    fn spawn(launch: &Launch, config: &Config, children: &Children, snapshot: bool) -> io::Result<Self> {
        let (requests, reports) = (Requests::new()?, Reports::new()?);
        let (log, log_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .arg(format!("/proc/{}/fd", std::process::id()))
            .arg(requests.descriptor().to_string())
            .arg(reports.descriptor().to_string())
            .args((snapshot && launch.delivery == Delivery::ByDescriptor).then_some("snapshot"))
            .env_clear()
            .envs(&config.environment)
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&config.task_root)
            .stdin(Stdio::null())
            .stdout(log_end.try_clone()?)
            .stderr(log_end);
        Ok(Self {
            child: children.spawn(&mut command)?,
            delivery: launch.delivery,
            requests,
            reports,
            log: Log::new(log, config.log_format)?,
            deadline_margin: config.deadline_margin,
            ended: 0,
        })
    }

    async fn ready(&mut self, config: &Config) -> Result<(), Failure> {
        let mut stack_trace = Vec::new();
        loop {
            match self.happening().await {
                Happening::Report(Report::Ready) => return Ok(()),
                Happening::Report(Report::Trace(_, lines)) => keep_innermost(&mut stack_trace, lines),
                Happening::Report(Report::Failed(failure)) => return Err(failure),
                Happening::Report(Report::Undefined(names)) => return Err(undefined(config, names)),
                Happening::Report(_) => {}
                Happening::Malformed(error) => return Err(broken(&error)),
                Happening::Exited(status) => {
                    self.log.drain();
                    let message = format!("`{}` could not be loaded ({status})", config.handler);
                    let message = with_lines(message, &self.log.last_lines());
                    return Err(
                        Failure::new(ErrorType::HandlerLoadFailed, message).with_stack_trace(stack_trace)
                    );
                }
            }
        }
    }

    /// Waits for the worker's end while no event runs, and passes on what it logs.
    pub async fn idle(&mut self) -> ExitStatus {
        loop {
            match self.happening().await {
                Happening::Exited(status) => {
                    self.log.drain();
                    return status;
                }
                Happening::Malformed(error) => {
                    tracing::error!("{error}; the worker is replaced");
                    self.child.kill().await;
                }
                Happening::Report(Report::Ended(number, _)) => self.ended = self.ended.max(number),
                // what else is said between events belongs to none
                Happening::Report(_) => {}
            }
        }
    }

    /// Runs one event. Whatever the handler logged before it ended has been passed on when this returns.
    pub async fn invoke(&mut self, invocation: &Invocation) -> Result<Bytes, InvokeError> {
        self.log.begin(invocation.request_id());
        let limit = self.deadline_margin.and_then(|margin| {
            let left = invocation.time_left(SystemTime::now())?;
            // a timeout as short as the margin still leaves the handler some of it
            Some(left.saturating_sub(margin).max(left / 2))
        });
        let result = match limit {
            None => self.exchange(invocation).await,
            Some(limit) => timeout(limit, self.exchange(invocation)).await.unwrap_or_else(|_| {
                let message = format!("the handler had not answered after {} ms", limit.as_millis());
                Err(InvokeError::Gone(Failure::new(ErrorType::DeadlineExceeded, message)))
            }),
        };
        if let Err(InvokeError::Gone(_)) = &result {
            self.child.kill().await;
            kill_marked(REQUEST_ID_VARIABLE, invocation.request_id());
        }
        self.log.drain();
        result
    }

    async fn exchange(&mut self, invocation: &Invocation) -> Result<Bytes, InvokeError> {
        let mut event = self.begin(invocation).map_err(InvokeError::Failed)?;
        loop {
            let happening = tokio::select! {
                happening = happening(&mut self.child, &mut self.log, &mut self.reports) => happening,
                () = self.requests.send() => continue,
                () = event.receive() => continue,
            };
            match happening {
                Happening::Report(Report::Trace(number, lines)) if number > self.ended => {
                    keep_innermost(&mut event.stack_trace, lines);
                }
                Happening::Report(Report::Exited(number, status)) if number > self.ended => {
                    return self.handler_ended(event, number, End::Exited(status));
                }
                Happening::Report(Report::Ended(number, status)) if number > self.ended => {
                    if self.event_was_taken()? {
                        return self.handler_ended(event, number, End::Ended(status));
                    }
                    self.ended = number;
                }
                Happening::Report(Report::Answer(answer)) => return Ok(answer),
                Happening::Report(Report::AnswerTooLarge(size)) => {
                    return Err(InvokeError::Failed(too_large(size)));
                }
                Happening::Report(Report::Failed(failure)) => return Err(InvokeError::Failed(failure)),
                // of a process that an earlier event left behind, or what has no meaning in an event
                Happening::Report(_) => {}
                Happening::Malformed(error) => return Err(InvokeError::Gone(broken(&error))),
                Happening::Exited(status) => {
                    self.log.drain();
                    let message = format!("the worker ended ({status}) before it answered");
                    let message = with_lines(message, &self.log.last_lines());
                    let failure = Failure::new(ErrorType::WorkerExited, message);
                    return Err(InvokeError::Gone(failure.with_stack_trace(event.stack_trace)));
                }
            }
        }
    }

    /// The answer, or the failure, of a handler that is a process of its own.
    fn handler_ended(&mut self, event: Event, number: u64, end: End) -> Result<Bytes, InvokeError> {
        self.ended = number;
        let log = &mut self.log;
        let last_lines = || {
            log.drain();
            log.last_lines()
        };
        event.ended(end, last_lines).map_err(InvokeError::Failed)
    }

    /// Whether the handler's process that has just ended had taken the event; if not, the next one will.
    fn event_was_taken(&self) -> Result<bool, InvokeError> {
        let failure = match self.requests.unread() {
            Ok(Unread::Nothing) => return Ok(true),
            Ok(Unread::Whole) => return Ok(false),
            Ok(Unread::Part) => {
                Failure::new(ErrorType::WorkerExited, "the handler's process ended while it took the event")
            }
            Err(error) => exhausted("the request pipe cannot be asked", &error),
        };
        Err(InvokeError::Gone(failure))
    }

    /// Prepares the request for this event.
    fn begin(&mut self, invocation: &Invocation) -> Result<Event, Failure> {
        match self.delivery {
            Delivery::ByDescriptor => {
                let (event, request) = Event::by_descriptor(invocation)
                    .map_err(|error| exhausted("the event cannot be handed over", &error))?;
                self.requests.begin(vec![request]);
                Ok(event)
            }
            Delivery::Streamed => {
                let mut request = frame::encode("context", &invocation.context());
                request.extend_from_slice(format!("event {}\n", invocation.event.len()).as_bytes());
                let mut parts = Vec::new();
                if invocation.event.len() <= SMALL_EVENT {
                    // one write and one wake-up for what is small
                    request.extend_from_slice(&invocation.event);
                } else {
                    parts.push(invocation.event.clone());
                }
                parts.push(request.into());
                self.requests.begin(parts);
                Ok(Event::default())
            }
        }
    }

    async fn happening(&mut self) -> Happening {
        happening(&mut self.child, &mut self.log, &mut self.reports).await
    }
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
