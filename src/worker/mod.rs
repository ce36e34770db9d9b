//! A worker runs the handler: in an interpreter that has loaded the user's file, or as a program for each event.
//!
//! Always true: between two calls of [`Worker::run`] a worker can take an event, or [`Worker::ended`] tells of its end.

mod answer;
mod deadline;
mod end;
mod hooks;
mod launch;
mod log;
mod phase;
pub mod slot;
mod stack;
pub mod transport;

use std::{future::pending, io, pin::Pin, process::ExitStatus, sync::Arc, time::Duration};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::{
    task::coop::unconstrained,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    deadline::Deadline,
    launch::Starter,
    log::Log,
    phase::{Phase, start_failure, undefined},
    transport::{Message, Transport, TransportError},
};
pub use self::{
    hooks::Step,
    launch::{Kind, Launch, Prelude},
    phase::WorkerError,
};
use crate::{
    event::invocation::Invocation,
    failure::Failure,
    process::{Child, Children},
    settings::Config,
};

/// How long a worker with a shutdown hook may take to end after SIGTERM before it is taken for one that missed the signal.
const SIGNAL_LIMIT: Duration = Duration::from_millis(50);

/// A worker that is ready for an event.
pub struct Worker {
    /// The interpreter, or the program of the event that runs.
    child: Option<Child>,
    transport: Box<dyn Transport>,
    starter: Starter,
    log: Log,
    /// Whether the file has hooks for the shutdown, and whether they are to be asked for.
    shutdown_hook: Option<bool>,
    shutdown: CancellationToken,
    /// The end of the current wait. One timer for all waits: a new one would interrupt the event loop for each event.
    limit: Pin<Box<Sleep>>,
}

/// Why the wait for a message has ended without one.
enum Stop {
    /// The worker has ended, and all its messages were taken.
    Ended(ExitStatus),
    Broken(TransportError),
    LimitReached,
}

impl Worker {
    /// Starts the interpreter and waits until it has loaded the user's file. `snapshot` says that the worker is to
    /// take both steps of a SnapStart snapshot before its first event.
    pub async fn start(
        launch: &Arc<Launch>,
        config: &Arc<Config>,
        children: &Children,
        shutdown: &CancellationToken,
        snapshot: bool,
    ) -> Result<Self, WorkerError> {
        let started = Self::spawn(launch, config, children, shutdown, snapshot);
        let mut worker = started.map_err(|error| {
            let what = format!("`{}` cannot be started", launch.program.display());
            WorkerError::Gone(start_failure(&what, &error))
        })?;
        if worker.transport.has_worker()
            && let Err(error) = worker.wait(Phase::Load).await
        {
            worker.kill().await;
            worker.log.drain();
            return Err(error);
        }
        Ok(worker)
    }

    fn spawn(
        launch: &Arc<Launch>,
        config: &Arc<Config>,
        children: &Children,
        shutdown: &CancellationToken,
        snapshot: bool,
    ) -> io::Result<Self> {
        let (log, log_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let log = Log::new(log, config.log_format, launch.last_words)?;
        let mut transport = launch.transport.open(config.transport_mode(), children, &log)?;
        let starter = Starter {
            launch: Arc::clone(launch),
            config: Arc::clone(config),
            children: children.clone(),
            log: log_end,
        };
        let mut child = None;
        if transport.has_worker() {
            let mut command = starter.command()?;
            command.args(transport.arguments(snapshot));
            let worker = starter.start(&mut command)?;
            transport.has_started(worker.pid());
            child = Some(worker);
        }
        Ok(Self {
            child,
            transport,
            starter,
            shutdown_hook: None,
            log,
            shutdown: shutdown.clone(),
            limit: Box::pin(sleep(Duration::ZERO)),
        })
    }

    /// Runs one event. Whatever the handler logged before it ended has been passed on when this returns.
    pub async fn run(&mut self, invocation: &Invocation) -> Result<Bytes, WorkerError> {
        self.log.set_origin(Some(invocation));
        let margin = self.starter.config.deadline_margin;
        let deadline = margin.and_then(|margin| Deadline::of(invocation, margin));
        let result = match self.send_event(invocation) {
            Ok(()) => self.wait(Phase::Event(invocation, deadline)).await,
            Err(failure) => Err(WorkerError::Failed(failure)),
        };
        let result = match result {
            Err(WorkerError::Gone(failure)) => {
                let had_ended = self.has_ended();
                self.kill_event(invocation).await;
                // asked after the kill: no process is left that could still take it
                if had_ended && !self.transport.event_was_taken() {
                    Err(WorkerError::Untaken(failure))
                } else {
                    Err(WorkerError::Gone(failure))
                }
            }
            result => {
                if !self.transport.has_worker() {
                    self.child = None;
                }
                result
            }
        };
        self.log.drain();
        result
    }

    fn send_event(&mut self, invocation: &Invocation) -> Result<(), Failure> {
        match self.transport.send_event(invocation, &self.starter) {
            Ok(None) => {}
            Ok(Some(child)) => self.child = Some(child),
            Err(error) => return Err(start_failure("the event cannot be handed over", &error)),
        }
        Ok(())
    }

    /// Whether the user's file has hooks for the shutdown.
    #[must_use]
    pub fn has_shutdown_hook(&self) -> bool {
        self.shutdown_hook.is_some()
    }

    /// Whether these hooks run by [`Self::run_hooks`]. If not, the worker runs them when it gets SIGTERM.
    #[must_use]
    pub fn waits_for_shutdown(&self) -> bool {
        self.shutdown_hook == Some(true)
    }

    /// Waits for the worker's end after SIGTERM. A subshell that was being forked when the signal came may have missed it:
    /// it waits for an event, and the worker waits for the subshell.
    pub async fn ended_by_signal(&mut self) {
        if timeout(SIGNAL_LIMIT, self.ended()).await.is_err() {
            self.transport.close();
        }
    }

    /// Runs the hooks of a step. Their log has been passed on when this returns. After an error the worker is of no use.
    pub async fn run_hooks(&mut self, step: Step) -> Result<(), Failure> {
        if !self.transport.has_worker() {
            return Ok(());
        }
        self.log.set_origin(None);
        self.transport.send_step(step);
        let result = self.wait(Phase::Hooks(step)).await;
        self.log.drain();
        result.map(drop).map_err(WorkerError::into_failure)
    }

    /// Waits until the worker has done what the phase asks for: the answer, in an event.
    async fn wait(&mut self, phase: Phase<'_>) -> Result<Bytes, WorkerError> {
        let limit = phase.limit();
        if let Some(limit) = limit {
            self.limit.as_mut().reset(Instant::now() + limit);
        }
        loop {
            let message = tokio::select! {
                biased;
                message = message(&mut self.child, &mut *self.transport) => message,
                // unconstrained: the messages may have used up the task's budget
                () = unconstrained(self.limit.as_mut()), if limit.is_some() => Err(Stop::LimitReached),
            };
            match (message, phase) {
                (Ok(message), _) => {
                    if let Some(result) = self.result_of(message, phase) {
                        return result;
                    }
                }
                (Err(Stop::Broken(error)), _) => return Err(phase.broken(&error)),
                (Err(Stop::Ended(status)), _) => {
                    let trace = self.transport.take_trace(status.code());
                    let (handler, launch) = (self.handler(), &self.starter.launch);
                    let lines = self.log.last_lines();
                    return Err(phase.ended(status, &lines, trace, handler, launch));
                }
                (Err(Stop::LimitReached), Phase::Event(invocation, Some(deadline))) => {
                    self.transport.stop_streaming();
                    self.ask_to_end(invocation, deadline.grace()).await;
                    return Err(WorkerError::Gone(deadline.exceeded()));
                }
                (Err(Stop::LimitReached), _) => {
                    return Err(WorkerError::Gone(phase.too_late(self.handler())));
                }
            }
        }
    }

    /// The result of this phase, if the message is one. A message of another phase is passed over.
    fn result_of(&mut self, message: Message, phase: Phase<'_>) -> Option<Result<Bytes, WorkerError>> {
        match (message, phase) {
            (Message::Ready, Phase::Load | Phase::Hooks(_)) => Some(Ok(Bytes::new())),
            (Message::ShutdownHook { asked }, _) => {
                self.shutdown_hook = Some(asked);
                None
            }
            (Message::Undefined(names), Phase::Load) => {
                Some(Err(WorkerError::Gone(undefined(self.handler(), names, self.as_program()))))
            }
            (Message::Failed(failure), Phase::Load | Phase::Hooks(_)) => {
                Some(Err(WorkerError::Gone(failure)))
            }
            (Message::Failed(failure), Phase::Event(..)) => Some(Err(WorkerError::Failed(failure))),
            (Message::Answer(answer), Phase::Event(..)) => Some(Ok(answer)),
            (Message::Untaken, Phase::Event(invocation, _)) => {
                self.send_event(invocation).err().map(|failure| Err(WorkerError::Gone(failure)))
            }
            _ => None,
        }
    }

    /// Prepares for the next event, so that it is taken sooner.
    pub fn prepare(&mut self) {
        if let Err(error) = self.transport.prepare() {
            // tried again with the next event, which reports the error
            tracing::debug!("the next event cannot be prepared for: {error}");
        }
    }

    /// Whether the worker is known to have ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.child.as_ref().is_some_and(Child::has_ended)
    }

    /// Waits for the worker's end while no event runs. Messages between events are passed over.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            match message(&mut self.child, &mut *self.transport).await {
                Err(Stop::Ended(status)) => return status,
                Err(Stop::Broken(error)) => {
                    tracing::error!("{error}; the worker is replaced");
                    self.kill().await;
                    // `message` would find the malformed frame again
                    return exited(&mut self.child).await;
                }
                Ok(_) | Err(Stop::LimitReached) => {}
            }
        }
    }

    fn handler(&self) -> &str {
        &self.starter.config.handler
    }

    fn as_program(&self) -> Option<&str> {
        self.starter.launch.as_program.as_deref()
    }
}

/// The worker's next message. All that it sent before its end comes before that.
async fn message(child: &mut Option<Child>, transport: &mut dyn Transport) -> Result<Message, Stop> {
    let mut has_ended = false;
    loop {
        tokio::select! {
            biased;
            message = transport.message() => return match message {
                Ok(Some(message)) => Ok(message),
                Ok(None) => Err(Stop::Ended(exited(child).await)),
                Err(error) => Err(Stop::Broken(error)),
            },
            status = exited(child), if !has_ended => {
                has_ended = true;
                transport.has_ended(status);
            }
        }
    }
}

/// Waits for the end of a process; for ever where there is none.
async fn exited(child: &mut Option<Child>) -> ExitStatus {
    match child {
        Some(child) => child.exited().await,
        None => pending().await,
    }
}
