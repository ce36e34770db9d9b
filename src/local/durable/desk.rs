//! The service itself: the executions, their state file and their clock.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard},
    time::{SystemTime, UNIX_EPOCH},
};

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::{
    execution::{Refusal, Target, find_function, in_milliseconds, state_page},
    file::{FileError, StateFile},
    inbox,
    state::State,
};
use crate::durable::{
    service::{Checkpoint, Page, Service, ServiceError},
    update::Update,
};

/// The embedded service.
pub struct Desk {
    kept: Mutex<Kept>,
    /// Counts the changes.
    version: watch::Sender<u64>,
    /// The names of the functions for `invoke`.
    functions: Vec<String>,
    /// Whether the end of an operation ends its invocation.
    replay_each: bool,
}

struct Kept {
    state: State,
    file: Option<StateFile>,
}

impl Desk {
    /// A service that begins with this state.
    pub fn new(state: State, file: Option<StateFile>, functions: Vec<String>, replay_each: bool) -> Self {
        let kept = Mutex::new(Kept { state, file });
        Self { kept, version: watch::Sender::new(0), functions, replay_each }
    }

    /// Reads the state, with the time of its clock.
    pub fn look<T>(&self, look: impl FnOnce(&State, f64) -> T) -> T {
        let kept = self.kept();
        look(&kept.state, clock(&kept.state))
    }

    /// Changes the state, and stores it if `change` has changed it.
    pub fn change<T>(&self, change: impl FnOnce(&mut State, f64) -> (T, bool)) -> Result<T, FileError> {
        let Kept { state, file } = &mut *self.kept();
        let now = clock(state);
        let (result, changed) = change(state, now);
        if changed {
            if let Some(file) = file {
                file.save(state)?;
            }
            self.version.send_modify(|version| *version += 1);
        }
        Ok(result)
    }

    /// Stores the state.
    pub fn save(&self) -> Result<(), FileError> {
        self.change(|_, _| ((), true))
    }

    /// Reads the answers that other processes have left for this run.
    pub fn take_answers(&self) -> Result<(), FileError> {
        let Some(file) = self.file() else { return Ok(()) };
        inbox::take(&file, |answers| {
            self.change(|state, now| {
                for answer in &answers {
                    if let Err(error) = answer.deliver(state, now) {
                        tracing::warn!("an answer is not taken: {error}");
                    }
                }
                ((), true)
            })
        })
    }

    /// Signals each later change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The path of the state file.
    pub fn file(&self) -> Option<PathBuf> {
        self.kept().file.as_ref().map(|file| file.path().to_path_buf())
    }

    fn checkpoint_now(&self, arn: &str, token: &str, updates: &[Update]) -> Result<Checkpoint, ServiceError> {
        let functions = |target: &Target| find_function(&self.functions, &target.text, |name| name).is_some();
        let made = self.change(|state, now| {
            let Some(execution) = state.execution_mut(arn) else { return (Err(Refusal::Token), false) };
            let before = execution.changes();
            let made = execution.checkpoint(token, updates, &functions, self.replay_each, now);
            // a call without changes is not stored: the next run has another token
            (made, execution.changes() != before)
        });
        made.map_err(|error| ServiceError::Invocation(error.to_string()))?.map_err(ServiceError::from)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("BUG: no code panics while it holds this lock")
    }
}

impl Service for Desk {
    fn checkpoint<'a>(
        &'a self,
        arn: &'a str,
        token: &'a str,
        updates: &'a [Update],
    ) -> BoxFuture<'a, Result<Checkpoint, ServiceError>> {
        Box::pin(async { self.checkpoint_now(arn, token, updates) })
    }

    fn state<'a>(&'a self, arn: &'a str, token: &'a str, marker: &'a str) -> BoxFuture<'a, Result<Page, ServiceError>> {
        Box::pin(async move {
            let page = self.look(|state, _| {
                state.execution(arn).ok_or(Refusal::Token).and_then(|own| state_page(own, token, marker))
            });
            page.map_err(ServiceError::from)
        })
    }

    /// With `--skip-time` it is ahead of the machine's clock.
    fn now(&self) -> f64 {
        self.look(|_, now| now)
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::Token => Self::Invocation(format!("InvalidParameterValueException: {message}")),
            Refusal::TooLarge(_) => Self::TooLarge(message),
            Refusal::Invalid(_) => Self::Execution { error_type: "InvalidParameterValueException".to_owned(), message },
        }
    }
}

/// The time by the clock of a state, in seconds since 1970.
pub fn clock(state: &State) -> f64 {
    let real = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    in_milliseconds(real.as_secs_f64() + state.ahead)
}
