//! A worker runs the handler: in an interpreter that has loaded the user's file, or as a program for each event.
//!
//! Always true: between two calls of [`Worker::run`], a worker can take an event, or [`Worker::ended`] returns.

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

use std::{io, pin::Pin, time::Duration};

use bytes::Bytes;
use tokio::time::{Sleep, sleep, timeout};

use self::{
    deadline::Deadline,
    log::Log,
    phase::{Phase, start_failure},
    transport::Transport,
};
pub use self::{
    hooks::Step,
    launch::{Kind, Launch, Prelude, Setup},
    phase::WorkerError,
};
use crate::{
    event::invocation::Invocation,
    failure::Failure,
    process::{Child, Hold, handler::Handler},
};

/// How long a worker with a shutdown hook may take to end after SIGTERM. Later, it probably missed the signal.
const SIGNAL_LIMIT: Duration = Duration::from_millis(50);

pub struct Worker {
    /// The interpreter, or the program of the current event.
    child: Option<Child>,
    transport: Box<dyn Transport>,
    setup: Setup,
    log: Log,
    /// Whether a request runs the shutdown hooks. If not, the worker runs them at SIGTERM. `None` without hooks.
    shutdown_hook: Option<bool>,
    /// Delays SIGTERM until hooks that need a request have run.
    hold: Option<Hold>,
    /// Whether it has run an event.
    used: bool,
    /// The time limit of the current wait. One timer for all waits: a new one would wake the event loop for each event.
    limit: Pin<Box<Sleep>>,
}

impl Worker {
    /// Starts the interpreter and waits until it has loaded the user's file. `snapshot`: both steps of a SnapStart
    /// snapshot come before the first event.
    async fn start(setup: &Setup, snapshot: bool) -> Result<Self, WorkerError> {
        let mut worker = Self::spawn(setup, snapshot).map_err(|error| {
            let what = format!("`{}` cannot be started", setup.launch.program.display());
            WorkerError::Gone(start_failure(&what, &error))
        })?;
        if setup.launch.transport.has_worker()
            && let Err(error) = worker.wait(Phase::Load).await
        {
            worker.kill().await;
            worker.log.lock().drain();
            return Err(error);
        }
        worker.hold = (worker.shutdown_hook == Some(true)).then(|| setup.children.hold());
        Ok(worker)
    }

    fn spawn(setup: &Setup, snapshot: bool) -> io::Result<Self> {
        let log = Log::new(setup.settings.log_format, setup.launch.last_words)?;
        let mut transport = setup.launch.transport.open(setup, &log)?;
        let mut child = None;
        if setup.launch.transport.has_worker() {
            let mut command = setup.command(&log)?;
            command.args(transport.arguments(snapshot));
            let worker = setup.children.spawn(&mut command)?;
            transport.has_started(worker.pid());
            child = Some(worker);
        }
        let limit = Box::pin(sleep(Duration::ZERO));
        let setup = setup.clone();
        Ok(Self { child, transport, setup, log, shutdown_hook: None, hold: None, used: false, limit })
    }

    /// Runs one event. When this returns, the whole log of the handler has been written.
    pub async fn run(&mut self, invocation: &Invocation) -> Result<Bytes, WorkerError> {
        self.used = true;
        self.log.lock().set_origin(Some(invocation));
        let margin = self.setup.settings.deadline_margin;
        let deadline = margin.and_then(|margin| Deadline::of(invocation, margin));
        let mut result = match self.send_event(invocation) {
            Ok(()) => self.wait(Phase::Event(invocation, deadline)).await,
            Err(failure) => Err(WorkerError::Failed(failure)),
        };
        if let Err(WorkerError::Gone(failure)) = result {
            let had_ended = self.has_ended();
            self.kill_event(invocation).await;
            // after the kill, no process can take the event any more
            let untaken = had_ended && !self.transport.event_was_taken();
            result = Err(if untaken { WorkerError::Untaken(failure) } else { WorkerError::Gone(failure) });
        } else if !self.setup.launch.transport.has_worker() {
            self.child = None;
        }
        self.log.lock().drain();
        result
    }

    fn send_event(&mut self, invocation: &Invocation) -> Result<(), Failure> {
        match self.transport.send_event(invocation) {
            Ok(None) => {}
            Ok(Some(child)) => self.child = Some(child),
            Err(error) => return Err(start_failure("the event cannot be sent to the worker", &error)),
        }
        if let (Some(suspension), Some(child)) = (&invocation.suspension, &self.child) {
            let launch = &self.setup.launch;
            let handler = Handler::new(launch.transport.home(), child.pid(), self.marks(invocation));
            suspension.begin(handler, launch.durable_library);
        }
        Ok(())
    }

    pub fn has_shutdown_hook(&self) -> bool {
        self.shutdown_hook.is_some()
    }

    /// Runs the hooks for the shutdown, or waits until the worker has run them at SIGTERM.
    pub async fn shut_down(&mut self) -> Result<(), Failure> {
        if self.shutdown_hook == Some(true) {
            return self.run_hooks(Step::SHUTDOWN).await;
        }
        let runs_hooks = self.has_shutdown_hook() && self.setup.children.shutdown.is_cancelled();
        if runs_hooks && timeout(SIGNAL_LIMIT, self.ended()).await.is_err() {
            // a subshell that was being forked may have missed the signal: it waits for an event, and the worker for
            // the subshell
            self.transport.close();
        }
        Ok(())
    }

    /// Runs the hooks of a step. When this returns, their log has been written. After an error, the worker cannot be
    /// used.
    pub async fn run_hooks(&mut self, step: Step) -> Result<(), Failure> {
        if !self.setup.launch.transport.has_worker() {
            return Ok(());
        }
        self.log.lock().set_origin(None);
        self.transport.send_step(step);
        let result = self.wait(Phase::Hooks(step)).await;
        self.log.lock().drain();
        result.map(drop).map_err(WorkerError::into_failure)
    }

    /// Prepares for the next event, so that it starts faster.
    pub fn prepare(&mut self) {
        if let Err(error) = self.transport.prepare() {
            // the next event tries again, and reports the error
            tracing::debug!("the preparation for the next event failed: {error}");
        }
    }

    /// Whether the worker is known to have ended.
    pub fn has_ended(&self) -> bool {
        self.child.as_ref().is_some_and(Child::has_ended)
    }
}
