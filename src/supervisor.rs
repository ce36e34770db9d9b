//! Keeps one worker alive: hands it events one at a time, passes on its log in between, replaces it.
//!
//! A worker that ends is replaced once the answer has been posted, so that the next event finds a warm one. One that
//! cannot be started again, or that ended without having had an event, is tried again when the next event comes: a
//! handler that cannot run costs an error for each event, and no restarts in between. An event that a worker has not
//! taken when it dies, be it in its start, goes to a new one, once. One that ends between the two steps of a snapshot
//! is replaced at the second.

use std::convert::Infallible;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{
    config::Config,
    failure::Failure,
    invocation::Invocation,
    languages::Launch,
    process::Children,
    secrets::Secrets,
    worker::{Step, Worker, WorkerError},
};

/// What an event ends in.
pub type Outcome = Result<Bytes, Failure>;

/// A worker that is kept alive; the place that events are sent to.
#[derive(Clone)]
pub struct Slot(mpsc::Sender<Job>);

/// An answer on its way to Lambda. Until this is dropped, nothing is done for the next event that could delay it.
pub struct InFlight(#[expect(dead_code, reason = "its end is what counts")] oneshot::Sender<()>);

enum Job {
    Event { invocation: Invocation, outcome: oneshot::Sender<(Outcome, InFlight)> },
    Step { step: Step, outcome: oneshot::Sender<Result<(), Failure>> },
}

struct Supervisor {
    launch: Launch,
    config: Config,
    children: Children,
    secrets: Secrets,
    /// Whether a snapshot is to come.
    snapshot: bool,
    state: State,
    /// The last answer, until it has been posted.
    in_flight: Option<oneshot::Receiver<()>>,
}

enum State {
    /// Waits for an event; `used` once it has had one.
    Ready { worker: Box<Worker>, used: bool },
    /// Has ended; the next event starts another. At the very end it is kept: what it has started may still log.
    Ended(Option<Box<Worker>>),
}

impl Slot {
    /// Starts a worker. An error is one of the init.
    pub async fn start(launch: &Launch, config: &Config, children: &Children) -> Result<Self, Failure> {
        let supervisor = Supervisor {
            launch: launch.clone(),
            config: config.clone(),
            children: children.clone(),
            secrets: Secrets::of(&config.environment),
            snapshot: config.snapstart,
            state: State::Ended(None),
            in_flight: None,
        };
        let (sender, jobs) = mpsc::channel(1);
        let (started, start) = oneshot::channel();
        // not here: what the file logs is passed on also while nobody waits for its load any more
        tokio::spawn(supervisor.start(started, jobs));
        start.await.expect("BUG: a supervisor starts or says why not")?;
        Ok(Self(sender))
    }

    /// Runs one event.
    pub async fn invoke(&self, invocation: Invocation) -> (Outcome, InFlight) {
        self.hand_over(|outcome| Job::Event { invocation, outcome }).await
    }

    /// Takes the worker into a snapshot, or out of it.
    pub async fn pass(&self, step: Step) -> Result<(), Failure> {
        self.hand_over(|outcome| Job::Step { step, outcome }).await
    }

    async fn hand_over<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> T {
        let (outcome, answered) = oneshot::channel();
        let sent = self.0.send(job(outcome)).await;
        assert!(sent.is_ok(), "BUG: a supervisor runs as long as its slot");
        answered.await.expect("BUG: a supervisor answers every job")
    }
}

impl Supervisor {
    async fn start(mut self, mut started: oneshot::Sender<Result<(), Failure>>, jobs: mpsc::Receiver<Job>) {
        let result = tokio::select! {
            result = self.replace() => result.map_err(|error| self.masked(error)),
            () = started.closed() => return,
        };
        let is_ready = result.is_ok();
        if started.send(result).is_ok() && is_ready {
            self.run(jobs).await;
        }
    }

    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            let posted = posted(&mut self.in_flight);
            let job = match &mut self.state {
                State::Ready { worker, used } => tokio::select! {
                    job = jobs.recv() => job,
                    () = posted => {
                        worker.prepare();
                        continue;
                    }
                    status = worker.idle() => {
                        if self.children.ending() {
                            self.end();
                            continue;
                        }
                        tracing::warn!("a worker ended between events ({status})");
                        if *used && self.in_flight.is_none() {
                            self.replace_or_wait().await;
                        } else {
                            self.end();
                        }
                        continue;
                    }
                },
                State::Ended(last) => tokio::select! {
                    job = jobs.recv() => job,
                    () = posted, if !self.children.ending() => {
                        self.replace_or_wait().await;
                        continue;
                    }
                    never = outlived(last) => match never {},
                },
            };
            match job {
                None => return,
                Some(Job::Step { step, outcome }) => drop(outcome.send(self.pass(step).await)),
                Some(Job::Event { invocation, outcome }) => {
                    let result = self.invoke(&invocation).await;
                    // the event's memory does not wait for the next event
                    drop(invocation);
                    let (in_flight, posted) = oneshot::channel();
                    self.in_flight = Some(posted);
                    let _ = outcome.send((result, InFlight(in_flight)));
                }
            }
        }
    }

    async fn pass(&mut self, step: Step) -> Result<(), Failure> {
        self.snapshot = step == Step::Checkpoint;
        if let State::Ended(_) = self.state {
            self.replace().await.map_err(|error| self.masked(error))?;
            if !self.snapshot {
                // what is loaded in the copy has nothing to be restored
                return Ok(());
            }
        }
        let State::Ready { worker, .. } = &mut self.state else {
            unreachable!("BUG: a replaced worker is ready");
        };
        worker.pass(step).await.map_err(|failure| self.secrets.masked(failure))
    }

    async fn invoke(&mut self, invocation: &Invocation) -> Outcome {
        let result = match self.attempt(invocation).await {
            Err(WorkerError::Untaken(failure)) => {
                let failure = self.secrets.masked(failure);
                tracing::warn!("{failure}; it had not taken the event, which goes to a new one");
                self.attempt(invocation).await
            }
            result => result,
        };
        result.map_err(|error| self.masked(error))
    }

    async fn attempt(&mut self, invocation: &Invocation) -> Result<Bytes, WorkerError> {
        self.children.catch_up();
        if let State::Ready { worker, .. } = &self.state
            && worker.has_ended()
        {
            self.end();
        }
        if let State::Ended(_) = self.state {
            self.replace().await?;
        }
        let State::Ready { worker, used } = &mut self.state else {
            unreachable!("BUG: a replaced worker is ready");
        };
        *used = true;
        let result = worker.invoke(invocation).await;
        if let Err(WorkerError::Gone(_) | WorkerError::Untaken(_)) = &result {
            self.end();
        }
        result
    }

    fn end(&mut self) {
        let last = std::mem::replace(&mut self.state, State::Ended(None));
        if let State::Ready { worker, .. } = last
            && self.children.ending()
        {
            self.state = State::Ended(Some(worker));
        }
    }

    async fn replace(&mut self) -> Result<(), WorkerError> {
        self.state = State::Ended(None);
        let worker = Worker::start(&self.launch, &self.config, &self.children, self.snapshot).await?;
        self.state = State::Ready { worker: Box::new(worker), used: false };
        Ok(())
    }

    /// What may be shown of an error.
    fn masked(&self, error: WorkerError) -> Failure {
        self.secrets.masked(error.into_failure())
    }

    async fn replace_or_wait(&mut self) {
        if let Err(error) = self.replace().await
            && !self.children.ending()
        {
            let failure = self.masked(error);
            tracing::error!("a new worker could not be started: {failure}");
        }
    }
}

/// Waits, once, until the last answer has been posted; for ever where there is none.
async fn posted(in_flight: &mut Option<oneshot::Receiver<()>>) {
    match in_flight {
        // nothing is ever sent: it is dropped
        Some(posted) => drop(posted.await),
        None => std::future::pending().await,
    }
    *in_flight = None;
}

/// Passes on what others say after the end of this worker, for ever.
async fn outlived(last: &mut Option<Box<Worker>>) -> Infallible {
    match last {
        Some(worker) => worker.outlived().await,
        None => std::future::pending().await,
    }
}
