//! Keeps one worker alive: hands it events one at a time, passes on its log in between, replaces it.
//!
//! A worker that ends is replaced at once, so that the next event finds a warm one. One that cannot be
//! started again, or that ended without having had an event, is tried again when the next event comes: a
//! handler that cannot run costs an error for each event, and no restarts in between.

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{
    config::Config,
    failure::Failure,
    invocation::Invocation,
    language::Launch,
    process::Children,
    worker::{InvokeError, Worker},
};

/// What an event ends in.
pub type Outcome = Result<Bytes, Failure>;

/// A worker that is kept alive; the place that events are sent to.
#[derive(Clone)]
pub struct Slot(mpsc::Sender<Job>);

struct Job {
    invocation: Invocation,
    outcome: oneshot::Sender<Outcome>,
}

struct Supervisor {
    launch: Launch,
    config: Config,
    children: Children,
    state: State,
}

enum State {
    /// Waits for an event; `used` once it has had one.
    Ready { worker: Box<Worker>, used: bool },
    /// Has ended; the next event starts another.
    Ended,
}

impl Slot {
    /// Starts a worker. An error is one of the init.
    pub async fn start(launch: &Launch, config: &Config, children: &Children) -> Result<Self, Failure> {
        let mut supervisor = Supervisor {
            launch: launch.clone(),
            config: config.clone(),
            children: children.clone(),
            state: State::Ended,
        };
        supervisor.replace().await?;
        let (sender, jobs) = mpsc::channel(1);
        tokio::spawn(supervisor.run(jobs));
        Ok(Self(sender))
    }

    /// Runs one event.
    pub async fn invoke(&self, invocation: Invocation) -> Outcome {
        let (outcome, answered) = oneshot::channel();
        let sent = self.0.send(Job { invocation, outcome }).await;
        assert!(sent.is_ok(), "BUG: a supervisor runs as long as its slot");
        answered.await.expect("BUG: a supervisor answers every event")
    }
}

impl Supervisor {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        loop {
            let job = match &mut self.state {
                State::Ready { worker, used } => tokio::select! {
                    job = jobs.recv() => job,
                    status = worker.idle() => {
                        if self.children.ending() {
                            return;
                        }
                        tracing::warn!("a worker ended between events ({status})");
                        if *used {
                            self.replace_or_wait().await;
                        } else {
                            self.state = State::Ended;
                        }
                        continue;
                    }
                },
                State::Ended => jobs.recv().await,
            };
            let Some(Job { invocation, outcome }) = job else { return };
            let result = self.invoke(&invocation).await;
            // the event's memory does not wait for the next event
            drop(invocation);
            let _ = outcome.send(result);
            if let State::Ended = self.state {
                self.replace_or_wait().await;
            }
        }
    }

    async fn invoke(&mut self, invocation: &Invocation) -> Outcome {
        if let State::Ended = self.state {
            self.replace().await?;
        }
        let State::Ready { worker, used } = &mut self.state else {
            unreachable!("BUG: a replaced worker is ready");
        };
        *used = true;
        match worker.invoke(invocation).await {
            Ok(answer) => Ok(answer),
            Err(InvokeError::Failed(failure)) => Err(failure),
            Err(InvokeError::Gone(failure)) => {
                self.state = State::Ended;
                Err(failure)
            }
        }
    }

    async fn replace(&mut self) -> Result<(), Failure> {
        self.state = State::Ended;
        let worker = Worker::start(&self.launch, &self.config, &self.children).await?;
        self.state = State::Ready { worker: Box::new(worker), used: false };
        Ok(())
    }

    async fn replace_or_wait(&mut self) {
        if let Err(failure) = self.replace().await
            && !self.children.ending()
        {
            tracing::error!("a new worker could not be started: {failure}");
        }
    }
}
