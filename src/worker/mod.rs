//! A worker runs the handler: in an interpreter that has loaded the user's file, or as a program for each event.
//!
//! Always true: between two calls of [`Worker::run`] a worker can take an event, or [`Worker::ended`] tells of its end.

mod answer;
mod buffer;
mod deadline;
mod end;
mod hooks;
mod launch;
mod log;
mod phase;
pub mod slot;
mod stack;
pub mod transport;
mod wait;

use std::{io, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::time::{Sleep, sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::{
    deadline::Deadline,
    launch::Starter,
    log::Log,
    phase::{Phase, start_failure},
    transport::Transport,
};
pub use self::{
    hooks::Step,
    launch::{Kind, Launch, Prelude},
    phase::WorkerError,
};
use crate::{
    event::invocation::Invocation,
    failure::Failure,
    process::{Child, Children, handler::Handler},
    settings::Settings,
};

/// How long a worker with a shutdown hook may take to end after SIGTERM before it is taken for one that missed the signal.
const SIGNAL_LIMIT: Duration = Duration::from_millis(50);

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

impl Worker {
    /// Starts the interpreter and waits until it has loaded the user's file. `snapshot` says that the worker is to
    /// take both steps of a SnapStart snapshot before its first event.
    pub async fn start(
        launch: &Arc<Launch>,
        settings: &Arc<Settings>,
        children: &Children,
        shutdown: &CancellationToken,
        snapshot: bool,
    ) -> Result<Self, WorkerError> {
        let started = Self::spawn(launch, settings, children, shutdown, snapshot);
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
        settings: &Arc<Settings>,
        children: &Children,
        shutdown: &CancellationToken,
        snapshot: bool,
    ) -> io::Result<Self> {
        let (log, log_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let log = Log::new(log, settings.log_format, launch.last_words)?;
        let mut transport = launch.transport.open(settings.transport_mode(), children, &log)?;
        let starter = Starter { launch: Arc::clone(launch), settings: Arc::clone(settings), log: log_end };
        let mut child = None;
        if transport.has_worker() {
            let mut command = starter.command()?;
            command.args(transport.arguments(snapshot));
            let worker = children.spawn(&mut command)?;
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
        let margin = self.starter.settings.deadline_margin;
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
        if let (Some(suspension), Some(child)) = (&invocation.suspension, &self.child) {
            let launch = &self.starter.launch;
            let handler = Handler::new(launch.transport.home(), child.pid(), self.marks(invocation));
            suspension.begin(handler, launch.durable_library);
        }
        Ok(())
    }

    pub fn has_shutdown_hook(&self) -> bool {
        self.shutdown_hook.is_some()
    }

    /// Whether these hooks run by [`Self::run_hooks`]. If not, the worker runs them when it gets SIGTERM.
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

    /// Prepares for the next event, so that it is taken sooner.
    pub fn prepare(&mut self) {
        if let Err(error) = self.transport.prepare() {
            // tried again with the next event, which reports the error
            tracing::debug!("the next event cannot be prepared for: {error}");
        }
    }

    /// Whether the worker is known to have ended.
    pub fn has_ended(&self) -> bool {
        self.child.as_ref().is_some_and(Child::has_ended)
    }

    fn handler(&self) -> &str {
        &self.starter.settings.handler
    }

    fn as_program(&self) -> Option<&str> {
        self.starter.launch.as_program.as_deref()
    }
}
