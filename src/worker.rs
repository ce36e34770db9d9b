//! One interpreter process: start, invoke, stop.
//!
//! Always true: between two calls of [`Worker::invoke`] the worker waits for an event, or is gone and says so.

mod event;
mod lanes;
mod pipes;
mod snapshot;

use std::{
    convert::Infallible,
    fmt::Display,
    io,
    pin::Pin,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::time::{Instant, Sleep, sleep, timeout};

pub use self::snapshot::Step;
use self::{
    event::{End, Event, keep_innermost, too_large},
    lanes::Lanes,
    pipes::{Reports, Requests},
};
use crate::{
    config::Config,
    failure::{ErrorType, Failure},
    frame::{self, Delivery, FrameError, Report},
    invocation::{Invocation, REQUEST_ID_VARIABLE},
    language::Launch,
    logs::Log,
    process::{Child, Children, Marks},
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
    /// The worker is gone, and has not taken the event: no handler has seen it.
    Untaken(Failure),
}

impl InvokeError {
    /// What the caller gets.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) | Self::Gone(failure) | Self::Untaken(failure) => failure,
        }
    }
}

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

    /// Runs one event. Whatever the handler logged before it ended has been passed on when this returns.
    pub async fn invoke(&mut self, invocation: &Invocation) -> Result<Bytes, InvokeError> {
        self.log.begin(invocation.request_id());
        let limit = self.deadline_margin.and_then(|margin| {
            let left = invocation.time_left(SystemTime::now())?;
            // a timeout as short as the margin still leaves the handler some of it
            Some(left.saturating_sub(margin).max(left / 2))
        });
        if let Some(limit) = limit {
            self.limit.as_mut().reset(Instant::now() + limit);
        }
        let result = self.exchange(invocation, limit).await;
        let result = match result {
            Err(InvokeError::Gone(failure)) => {
                let ended = self.child.has_ended();
                self.child.kill_event(&self.marks(invocation)).await;
                // only now nobody is left who could take it
                Err(if ended && !self.event_was_taken() {
                    InvokeError::Untaken(failure)
                } else {
                    InvokeError::Gone(failure)
                })
            }
            result => result,
        };
        self.log.drain();
        result
    }

    /// Whether the worker, which has ended, had taken all of the event.
    fn event_was_taken(&mut self) -> bool {
        match &mut self.lanes {
            Some(lanes) => lanes.event_was_taken().unwrap_or(true),
            None => self.requests.taken(),
        }
    }

    fn marks(&self, invocation: &Invocation) -> Marks {
        Marks {
            variable: format!("{REQUEST_ID_VARIABLE}={}", invocation.request_id()).into_bytes(),
            arguments: format!("\0{}\0", pipe_arguments(&self.requests, &self.reports).join("\0"))
                .into_bytes(),
        }
    }

    async fn exchange(
        &mut self,
        invocation: &Invocation,
        limit: Option<Duration>,
    ) -> Result<Bytes, InvokeError> {
        self.begin(invocation).map_err(InvokeError::Failed)?;
        let mut event = Event::new();
        loop {
            let happening = tokio::select! {
                biased;
                status = event.receive(self.lanes.as_mut()) => {
                    return self.handler_ended(event, End::Exited(status)).map_err(InvokeError::Failed);
                }
                happening = happening(&mut self.child, &mut self.log, &mut self.reports) => happening,
                () = self.requests.send() => continue,
                () = self.limit.as_mut(), if limit.is_some() => {
                    return Err(InvokeError::Gone(deadline_exceeded(limit.unwrap_or_default())));
                }
            };
            match happening {
                Happening::Report(Report::Trace(number, lines)) if self.is_current(number) => {
                    keep_innermost(&mut event.stack_trace, lines);
                }
                Happening::Report(Report::Exited(number, status)) if self.is_current(number) => {
                    event.receive_rest(self.lanes.as_mut());
                    return self.handler_ended(event, End::Exited(status)).map_err(InvokeError::Failed);
                }
                Happening::Report(Report::Ended(number, status)) if self.is_current(number) => {
                    event.receive_rest(self.lanes.as_mut());
                    if !self.hand_on(invocation)? {
                        return self.handler_ended(event, End::Ended(status)).map_err(InvokeError::Failed);
                    }
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

    /// Whether this is the handler's process that has the event, or is to have the next one.
    fn is_current(&self, number: u64) -> bool {
        self.lanes.as_ref().is_some_and(|lanes| lanes.is_current(number))
    }

    /// The answer, or the failure, of a handler that is a process of its own.
    fn handler_ended(&mut self, mut event: Event, end: End) -> Result<Bytes, Failure> {
        let Some(lanes) = &mut self.lanes else { unreachable!("BUG: only lanes have processes that end") };
        if end != End::Exited(0) {
            // where it failed, which it reported before its end
            self.reports.fill_rest();
            while let Ok(Some(report)) = self.reports.next() {
                if let Report::Trace(number, stack) = report
                    && lanes.is_current(number)
                {
                    keep_innermost(&mut event.stack_trace, stack);
                }
            }
        }
        // the next event is not begun before the next lane is there
        let _ = lanes.next();
        let log = &mut self.log;
        event.ended(end, || {
            log.drain();
            log.last_lines()
        })
    }

    /// Hands the event to the next process if the current one has ended without having taken it.
    fn hand_on(&mut self, invocation: &Invocation) -> Result<bool, InvokeError> {
        let Some(lanes) = &mut self.lanes else { return Ok(false) };
        let handed_on = lanes.event_was_taken().and_then(|taken| {
            if !taken {
                lanes.next()?;
                lanes.begin(invocation)?;
            }
            Ok(!taken)
        });
        handed_on.map_err(|error| InvokeError::Gone(exhausted("the event cannot be handed over", &error)))
    }

    /// Hands this event over, or begins to.
    fn begin(&mut self, invocation: &Invocation) -> Result<(), Failure> {
        if let Some(lanes) = &mut self.lanes {
            return lanes
                .begin(invocation)
                .map_err(|error| exhausted("the event cannot be handed over", &error));
        }
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
        Ok(())
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

fn deadline_exceeded(limit: Duration) -> Failure {
    let message = format!("the handler had not answered after {} ms", limit.as_millis());
    Failure::new(ErrorType::DeadlineExceeded, message)
}

fn broken(error: &FrameError) -> Failure {
    Failure::new(ErrorType::WorkerExited, format!("the worker was given up: {error}"))
}

fn exhausted(what: &str, error: &io::Error) -> Failure {
    Failure::new(ErrorType::ResourceExhausted, format!("{what}: {error}"))
}
