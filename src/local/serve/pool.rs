//! The slots of a local server. Events wait in a queue.
//!
//! Always true: there is a slot, with its own task, for each event that may run at the same time.

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::answer::Reply;
use crate::{
    durable::{Durable, Envelope},
    event::headers::Headers,
    event::invocation::{Invocation, Outcome},
    failure::Failure,
    local::{durable::functions::load, invocation, report, watch::Files},
    logs,
    process::Children,
    settings::Settings,
    start::cli::Serve,
    worker::slot::Slot,
};

pub(super) struct Pool {
    settings: Arc<Settings>,
    durable: Durable,
    timeout: Duration,
    /// Whether callers get the head of an answer separately.
    takes_heads: bool,
    children: Children,
    waiting: mpsc::UnboundedSender<Waiting>,
    /// The number of changes of the files.
    version: watch::Sender<u64>,
    /// The watched files; `None` without a watch.
    files: Option<Mutex<Files>>,
    init_errors: mpsc::UnboundedSender<(u64, Failure)>,
}

struct Waiting {
    invocation: Invocation,
    envelope: Option<Envelope>,
    outcome: oneshot::Sender<Outcome>,
}

type Queue = Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<Waiting>>>;

/// A slot with one version of the files.
struct Place {
    version: u64,
    loaded: Result<Slot, Failure>,
    /// The time of loading; `None` once it is reported.
    init: Option<Duration>,
}

impl Pool {
    /// Starts a worker in every slot. Also returns the receiver of init errors, each with its version of the files.
    pub(super) fn start(
        settings: &Arc<Settings>,
        options: &Serve,
        durable: Durable,
        children: &Children,
    ) -> (Arc<Self>, mpsc::UnboundedReceiver<(u64, Failure)>) {
        let (waiting, queue) = mpsc::unbounded_channel();
        let (init_errors, errors) = mpsc::unbounded_channel();
        let pool = Arc::new(Self {
            settings: Arc::clone(settings),
            durable,
            timeout: options.timeout,
            takes_heads: options.http,
            children: children.clone(),
            waiting,
            version: watch::Sender::new(0),
            // from now on, changes are noticed, also while the first workers start
            files: options.watch.then(|| Mutex::new(Files::below(&settings.task_root))),
            init_errors,
        });
        let queue: Queue = Arc::new(tokio::sync::Mutex::new(queue));
        for _ in 0..options.concurrency.get() {
            tokio::spawn(Arc::clone(&pool).keep_slot(Arc::clone(&queue)));
        }
        (pool, errors)
    }

    /// Waits for the init error that ends the server, which prints it. With `--watch`, the server continues, and logs
    /// one error for each version of the files.
    pub(super) async fn init_error(&self, mut errors: mpsc::UnboundedReceiver<(u64, Failure)>) -> Failure {
        let mut logged = None;
        loop {
            let (version, failure) = errors.recv().await.expect("BUG: the pool has a sender");
            if self.files.is_none() {
                return failure;
            }
            if logged.replace(version) != Some(version) {
                tracing::error!("the handler cannot be loaded; waiting for a change: {failure}");
            }
        }
    }

    pub(super) async fn answer(&self, headers: Headers, event: Bytes) -> Reply {
        let mut invocation = invocation(&self.settings, event, headers);
        match self.durable.answer_of(&mut invocation) {
            Ok((envelope, answer)) => Reply::of(answer, self.run(invocation, envelope), self.takes_heads).await,
            Err(failure) => {
                logs::write_failure(&invocation, &failure);
                Reply::Whole(Err(failure))
            }
        }
    }

    /// Runs an event of a durable function. Also returns its id.
    pub(super) async fn run_envelope(&self, headers: Headers, event: Bytes) -> (String, Outcome) {
        let invocation = invocation(&self.settings, event, headers);
        let (id, envelope) = (invocation.request_id().to_owned(), Envelope::of(&invocation.event));
        (id, self.run(invocation, envelope).await)
    }

    fn run(&self, invocation: Invocation, envelope: Option<Envelope>) -> impl Future<Output = Outcome> + Send + use<> {
        let waiting = self.waiting.clone();
        async move {
            let (outcome, answered) = oneshot::channel();
            let sent = waiting.send(Waiting { invocation, envelope, outcome });
            assert!(sent.is_ok(), "BUG: the slots' tasks have no end");
            answered.await.expect("BUG: every event comes to an outcome")
        }
    }

    /// Checks for changed files at intervals, and never returns.
    pub(super) async fn watch(&self) -> Infallible {
        loop {
            let Some(pause) = self.files.as_ref().map(|files| locked(files).pause()) else {
                return pending().await;
            };
            tokio::time::sleep(pause).await;
            self.look();
        }
    }

    /// Makes all slots load the files again if one has changed since the last check.
    fn look(&self) {
        if let Some(path) = self.files.as_ref().and_then(|files| locked(files).changed()) {
            tracing::info!("`{}` has changed: the handler is loaded again", path.display());
            self.version.send_modify(|version| *version += 1);
        }
    }

    async fn keep_slot(self: Arc<Self>, queue: Queue) {
        let mut changes = self.version.subscribe();
        let mut place = self.load().await;
        let mut shutting_down = false;
        loop {
            let loaded_version = place.version;
            let next = async {
                let has_changed = async { drop(changes.wait_for(|&version| version != loaded_version).await) };
                tokio::select! {
                    biased;
                    waiting = async { queue.lock().await.recv().await } => waiting,
                    () = has_changed => None,
                    () = self.children.shutdown.cancelled(), if !shutting_down => None,
                }
            };
            let waiting = match &mut place.loaded {
                Ok(slot) => slot.ready_during(next).await,
                Err(_) => next.await,
            };
            if waiting.is_some() {
                self.look();
            }
            if self.children.shutdown.is_cancelled()
                && !std::mem::replace(&mut shutting_down, true)
                && let Ok(slot) = &mut place.loaded
            {
                slot.shut_down().await;
            }
            if place.version != *self.version.borrow() {
                // ends the old worker before the new one needs its memory
                drop(place);
                place = self.load().await;
            }
            if let Some(waiting) = waiting {
                let Waiting { mut invocation, envelope, outcome } = waiting;
                invocation.begin(self.timeout);
                let _ = outcome.send(self.run_at(&mut place, &mut invocation, envelope).await);
                if let Ok(slot) = &mut place.loaded {
                    slot.prepare().await;
                }
            }
        }
    }

    async fn run_at(&self, place: &mut Place, invocation: &mut Invocation, envelope: Option<Envelope>) -> Outcome {
        let began = Instant::now();
        let (outcome, init) = match &mut place.loaded {
            Ok(slot) => (self.durable.run(slot, invocation, envelope).await, place.init.take()),
            Err(failure) => (Err(failure.clone()), None),
        };
        if let Err(failure) = &outcome {
            logs::write_failure(invocation, failure);
        }
        report(Some(invocation.request_id()), init, began.elapsed(), &self.children);
        outcome
    }

    async fn load(&self) -> Place {
        let version = *self.version.borrow();
        let began = Instant::now();
        let loaded = load(&self.settings, &self.children).await;
        if let Err(failure) = &loaded
            && !self.children.shutdown.is_cancelled()
        {
            let _ = self.init_errors.send((version, failure.clone()));
        }
        Place { version, loaded, init: Some(began.elapsed()) }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("BUG: no code panics while it holds this lock")
}
