//! A slot owns one worker. The worker runs one event at a time, and is replaced after it has ended.
//!
//! * A worker that ends in an event, or after one, is replaced as soon as the answer has been posted, so that the next
//!   event finds a warm worker.
//! * If a new worker cannot be started, or ends before its first event, the slot tries again when the next event comes.
//!   So a handler that cannot run causes one error for each event, and no restarts between events.
//! * An event that its worker had not taken goes to a new worker, once.
//! * A worker that ends between the two steps of a snapshot is replaced at the second.

use std::{convert::Infallible, future::pending, pin::pin};

use bytes::Bytes;

use crate::{
    event::invocation::{Invocation, Outcome},
    event::stream::Sink,
    failure::{ErrorType, Failure},
    worker::{Setup, Step, Worker, WorkerError},
};

/// A slot. It starts no task: its owner uses [`Slot::ready_during`] to wait for something else.
pub struct Slot {
    setup: Setup,
    /// Whether workers are started for a snapshot that has not been taken yet.
    snapshot: bool,
    /// Whether the hint that the file may only define functions has been logged.
    has_hinted: bool,
    /// `None` before the first worker was started, and after the last one has ended.
    worker: Option<Box<Worker>>,
}

impl Slot {
    pub fn new(setup: &Setup) -> Self {
        Self { setup: setup.clone(), snapshot: setup.settings.snapstart, has_hinted: false, worker: None }
    }

    /// Starts the worker. An error here is an init error.
    pub async fn load(&mut self) -> Result<(), Failure> {
        self.replace().await.map_err(|error| self.masked(error))
    }

    pub async fn run(&mut self, invocation: &Invocation) -> Outcome {
        let result = match self.attempt(invocation).await {
            Err(WorkerError::Untaken(failure)) => {
                let failure = self.setup.settings.secrets.masked(failure);
                tracing::warn!("{failure}; it had not taken the event: a new worker gets it");
                self.attempt(invocation).await
            }
            result => result,
        };
        if let (Ok(answer), Some(hint)) = (&result, &self.setup.launch.empty_answer)
            && answer.is_empty()
            && !invocation.sink.as_ref().is_some_and(Sink::has_had_any)
            && !std::mem::replace(&mut self.has_hinted, true)
        {
            tracing::warn!("{hint}");
        }
        result.map_err(|error| self.masked(error))
    }

    pub async fn run_hooks(&mut self, step: Step) -> Result<(), Failure> {
        self.snapshot = step == Step::CHECKPOINT;
        self.notice_end();
        // a worker that was started in the copy has nothing to restore
        let is_done = self.worker.is_none() && step == Step::RESTORE;
        let result = match self.worker().await {
            Ok(_) if is_done => Ok(()),
            Ok(worker) => worker.run_hooks(step).await,
            Err(error) => Err(error.into_failure()),
        };
        result.map_err(|failure| self.setup.settings.secrets.masked(failure))
    }

    pub fn has_shutdown_hook(&self) -> bool {
        self.worker.as_ref().is_some_and(|worker| worker.has_shutdown_hook())
    }

    /// Runs the hooks for the shutdown, or waits until the worker has run them.
    pub async fn shut_down(&mut self) {
        let Some(worker) = &mut self.worker else { return };
        if let Err(failure) = worker.shut_down().await {
            tracing::error!("{}", self.setup.settings.secrets.masked(failure));
        }
        worker.hold = None;
    }

    /// Waits for something else. A worker that ends meanwhile is replaced if it has had an event.
    pub async fn ready_during<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                result = &mut other => return result,
                used = self.ended() => if used {
                    self.replace_or_wait().await;
                }
            }
        }
    }

    /// Logs the end of a worker while no event runs, and does not replace it. Never returns.
    pub async fn watch(&mut self) -> Infallible {
        loop {
            self.ended().await;
        }
    }

    /// Prepares for the next event: starts a worker if there is none.
    pub async fn prepare(&mut self) {
        match &mut self.worker {
            Some(worker) => worker.prepare(),
            None => self.replace_or_wait().await,
        }
    }

    /// Waits for the end of the worker while no event runs. Returns whether to replace it now. Without a worker, it
    /// never returns.
    async fn ended(&mut self) -> bool {
        let Some(worker) = &mut self.worker else { return pending().await };
        let (status, used) = (worker.ended().await, worker.used);
        self.worker = None;
        if self.setup.children.shutdown.is_cancelled() {
            return false;
        }
        tracing::warn!("a worker ended between events ({status})");
        used
    }

    async fn attempt(&mut self, invocation: &Invocation) -> Result<Bytes, WorkerError> {
        self.notice_end();
        let result = self.worker().await?.run(invocation).await;
        if let Err(WorkerError::Gone(_) | WorkerError::Untaken(_)) = &result {
            self.worker = None;
        }
        result
    }

    /// The worker. Starts one if there is none.
    async fn worker(&mut self) -> Result<&mut Worker, WorkerError> {
        if self.worker.is_none() {
            self.replace().await?;
        }
        Ok(self.worker.as_mut().expect("BUG: a replaced worker is there"))
    }

    /// Drops a worker that has ended, also if the event loop has not noticed its end.
    fn notice_end(&mut self) {
        self.setup.children.collect();
        self.worker.take_if(|worker| worker.has_ended());
    }

    async fn replace(&mut self) -> Result<(), WorkerError> {
        if self.setup.children.shutdown.is_cancelled() {
            let message = "the runtime is shutting down";
            return Err(WorkerError::Gone(Failure::new(ErrorType::ResourceExhausted, message)));
        }
        self.worker = Some(Box::new(Worker::start(&self.setup, self.snapshot).await?));
        Ok(())
    }

    async fn replace_or_wait(&mut self) {
        if let Err(error) = self.replace().await
            && !self.setup.children.shutdown.is_cancelled()
        {
            let failure = self.masked(error);
            tracing::error!("a new worker could not be started: {failure}");
        }
    }

    fn masked(&self, error: WorkerError) -> Failure {
        self.setup.settings.secrets.masked(error.into_failure())
    }
}
