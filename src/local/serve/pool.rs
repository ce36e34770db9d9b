//! The workers of a local server. Who waits for one gets it in the order of asking.
//!
//! Always true: there are as many places as events may run at the same time, and a place is either free or
//! held by who has a turn.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    arguments::Serve,
    config::Config,
    failure::Failure,
    languages,
    local::{invocation, report, watch::Files},
    process::Children,
    runtime,
    supervisor::{Outcome, Slot},
};

/// The workers.
pub(super) struct Pool {
    config: Config,
    timeout: Duration,
    children: Children,
    turns: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    free: Vec<Place>,
    /// Where they are watched.
    files: Option<Files>,
    /// How often the files have changed.
    version: u64,
    /// The version whose init error has been logged.
    logged: Option<u64>,
}

/// The right to one place.
type Turn = OwnedSemaphorePermit;

/// A place for one worker.
struct Place {
    worker: PlacedWorker,
    /// The version of the files that it has loaded.
    version: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Preferred {
    Warm,
    Lagging,
}

enum PlacedWorker {
    /// None yet.
    Absent,
    /// Has loaded the files; the time of its init is told once.
    Ready(Slot, Option<Duration>),
    /// The files could not be loaded.
    Broken(Failure),
}

impl Pool {
    pub(super) fn new(config: &Config, options: &Serve, children: &Children) -> Arc<Self> {
        let places = options.concurrency.get();
        let absent = || Place { worker: PlacedWorker::Absent, version: None };
        // what changes from here on is seen, also while the first workers start
        let files = options.watch.then(|| Files::below(&config.task_root));
        let free = (0..places).map(|_| absent()).collect();
        Arc::new(Self {
            config: config.clone(),
            timeout: options.timeout,
            children: children.clone(),
            turns: Arc::new(Semaphore::new(places)),
            state: Mutex::new(State { free, files, version: 0, logged: None }),
        })
    }

    /// Runs one event when its turn comes, whether or not anybody still waits for the outcome.
    pub(super) fn run(self: &Arc<Self>, headers: HeaderMap, event: Bytes) -> oneshot::Receiver<Outcome> {
        let (sender, outcome) = oneshot::channel();
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let turns = Arc::clone(&pool.turns);
            let turn = turns.acquire_owned().await.expect("BUG: turns are never closed");
            pool.look();
            let mut place = pool.take(Preferred::Warm);
            pool.renew(&mut place).await;
            let outcome = pool.run_at(&mut place, headers, event).await;
            let _ = sender.send(outcome);
            pool.renew(&mut place).await;
            pool.give_back(place, turn);
        });
        outcome
    }

    async fn run_at(&self, place: &mut Place, headers: HeaderMap, event: Bytes) -> Outcome {
        let invocation = invocation(&self.config, event, self.timeout, headers);
        let request_id = invocation.request_id().to_owned();
        let began = Instant::now();
        let (outcome, init) = match &mut place.worker {
            PlacedWorker::Ready(slot, init) => (slot.invoke(invocation).await.0, init.take()),
            PlacedWorker::Broken(failure) => (Err(failure.clone()), None),
            PlacedWorker::Absent => unreachable!("BUG: a renewed place has a worker, or a failure"),
        };
        if let Err(failure) = &outcome {
            runtime::log(&request_id, failure);
        }
        report(Some(&request_id), init, began.elapsed(), &self.children);
        outcome
    }

    /// Starts a worker at every free place that lacks one for the files as they are; the error of one that
    /// could not load them.
    pub(super) async fn warm(self: &Arc<Self>) -> Result<(), Failure> {
        let mut starting = Vec::new();
        while let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            let mut place = self.take(Preferred::Lagging);
            if !self.lags(&place) {
                self.give_back(place, turn);
                break;
            }
            let pool = Arc::clone(self);
            starting.push(async move {
                pool.renew(&mut place).await;
                let result = match &place.worker {
                    PlacedWorker::Broken(failure) => Err(failure.clone()),
                    PlacedWorker::Ready(..) | PlacedWorker::Absent => Ok(()),
                };
                pool.give_back(place, turn);
                result
            });
        }
        join_all(starting).await.into_iter().collect()
    }

    /// Looks for changed files every now and then, and starts workers anew when no more change; for ever.
    pub(super) async fn watch(self: &Arc<Self>) -> Infallible {
        loop {
            let Some(pause) = self.state().files.as_ref().map(Files::pause) else {
                return std::future::pending().await;
            };
            tokio::time::sleep(pause).await;
            if !self.look() {
                // its error has been logged
                let _ = self.warm().await;
            }
        }
    }

    /// Whether a file has changed since the last look: then the workers that there are lag behind.
    fn look(&self) -> bool {
        let mut state = self.state();
        let Some(path) = state.files.as_mut().and_then(Files::changed) else { return false };
        state.version += 1;
        drop(state);
        tracing::info!("`{}` has changed: the handler is loaded again", path.display());
        true
    }

    /// Makes the worker of this place one that has loaded the files as they are.
    async fn renew(&self, place: &mut Place) {
        if !self.lags(place) {
            return;
        }
        let version = self.state().version;
        // the old worker is gone before the new one needs its memory
        *place = Place { worker: PlacedWorker::Absent, version: Some(version) };
        let began = Instant::now();
        place.worker = match self.start().await {
            Ok(slot) => PlacedWorker::Ready(slot, Some(began.elapsed())),
            Err(failure) => {
                self.log_init_error(&failure, version);
                PlacedWorker::Broken(failure)
            }
        };
    }

    async fn start(&self) -> Result<Slot, Failure> {
        Slot::start(&languages::launch(&self.config)?, &self.config, &self.children).await
    }

    fn log_init_error(&self, failure: &Failure, version: u64) {
        let mut state = self.state();
        // without a watch it ends the server, and is printed then
        if state.files.is_none() || self.children.ending() {
            return;
        }
        if state.logged.replace(version) != Some(version) {
            tracing::error!("the handler cannot be loaded; waiting for a change: {failure}");
        }
    }

    fn lags(&self, place: &Place) -> bool {
        place.version != Some(self.state().version)
    }
    /// The place of who has a turn.
    fn take(&self, preferred: Preferred) -> Place {
        let mut state = self.state();
        let lagging = preferred == Preferred::Lagging;
        let best = state.free.iter().position(|place| (place.version != Some(state.version)) == lagging);
        let any = state.free.len().checked_sub(1).expect("BUG: there is a free place for each turn");
        state.free.swap_remove(best.unwrap_or(any))
    }

    fn give_back(&self, place: Place, turn: Turn) {
        self.state().free.push(place);
        drop(turn);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("BUG: no code panics while it holds this lock")
    }
}
