//! One invocation of an execution: answers the handler's requests, and makes checkpoints.
//!
//! Always true: at most one call to the service, which uses the token, is in flight. Meanwhile, updates are queued for
//! the next call.

mod connection;
mod fields;
mod outcome;
mod policy;
mod port;
mod requests;
mod state;
mod step;
mod watch;

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};

use tokio::sync::watch as channel;

use self::state::State;
pub use self::{
    connection::serve,
    port::{Port, serve_port},
    state::Ending,
};
use super::{
    envelope::Envelope,
    operation::{ErrorObject, Kind},
    service::{Page, Service, ServiceError},
    update::{Action, Update},
};
use crate::{
    event::suspension::Suspension,
    failure::{Failure, secrets::Secrets},
};

/// An invocation of an execution.
pub struct Session {
    arn: String,
    service: Arc<dyn Service>,
    secrets: Arc<Secrets>,
    /// Shared with the worker, which knows the handler's processes.
    suspension: Suspension,
    /// The start of this invocation.
    began: Instant,
    /// The time at which a running handler is suspended.
    limit: Option<Instant>,
    state: Mutex<State>,
    changes: channel::Sender<()>,
}

impl Session {
    /// Begins with the operations of the envelope. Returns the user's event as well.
    pub async fn load(
        envelope: Envelope,
        service: Arc<dyn Service>,
        secrets: Arc<Secrets>,
        suspension: Suspension,
        limit: Option<Instant>,
    ) -> Result<(Self, String), ServiceError> {
        let began = Instant::now();
        let Envelope { arn, token, state: mut page } = envelope;
        let mut state = State::new(token);
        let mut input = None;
        loop {
            let marker = next_marker(&mut page);
            input = input.or(page.take_input());
            state.put(page);
            let Some(marker) = marker else { break };
            page = service.state(&arn, &state.token, &marker).await?;
        }
        state.has_loaded();
        let state = Mutex::new(state);
        let changes = channel::Sender::new(());
        let session = Self { arn, service, secrets, suspension, began, limit, state, changes };
        Ok((session, input.unwrap_or_default()))
    }

    /// Whether the record has operations that the handler has not reached yet.
    pub fn is_replaying(&self) -> bool {
        self.state().is_replaying()
    }

    /// Makes the requested checkpoints, and never returns.
    pub async fn make_checkpoints(&self) -> Infallible {
        loop {
            self.until(|state| (state.is_wanted() && state.ending.is_none()).then_some(())).await;
            let (token, updates) = {
                let mut state = self.state();
                state.poll = false;
                (state.token.clone(), state.batch())
            };
            self.make(&token, updates).await;
            self.has_changed();
        }
    }

    async fn make(&self, token: &str, mut updates: Vec<Update>) {
        loop {
            match self.service.checkpoint(&self.arn, token, &updates).await {
                Ok(made) => {
                    let mut changed = made.changed;
                    let token = made.token;
                    while let (Some(marker), Some(token)) = (next_marker(&mut changed), &token) {
                        self.state().put(changed);
                        changed = match self.service.state(&self.arn, token, &marker).await {
                            Ok(page) => page,
                            Err(error) => return self.end(error.into()),
                        };
                    }
                    let mut state = self.state();
                    state.put(changed);
                    state.has_made(updates.len());
                    match token {
                        Some(token) => state.token = token,
                        // this invocation can make no more checkpoints
                        None => drop(state.ending.get_or_insert(Ending::Pending)),
                    }
                    return;
                }
                Err(ServiceError::TooLarge(message)) => {
                    let Some(largest) = largest(&mut updates) else {
                        return self.end(Ending::Failed(too_large(&message)));
                    };
                    largest.payload = None;
                    largest.context_options = None;
                    largest.action = Action::Fail;
                    largest.error = Some(too_large(&message));
                }
                Err(error) => return self.end(error.into()),
            }
        }
    }

    /// Queues these updates and waits until they are made, or until the invocation ends.
    async fn checkpoint(&self, updates: impl IntoIterator<Item = Update>) {
        let number = {
            let mut state = self.state();
            updates.into_iter().for_each(|update| state.queue(update));
            state.want()
        };
        self.has_changed();
        self.until(|state| (state.is_made(number) || state.ending.is_some()).then_some(())).await;
    }

    /// Waits until the requested checkpoints are made.
    pub async fn settle(&self) {
        self.until(|state| (!state.is_wanted() || state.ending.is_some()).then_some(())).await;
    }

    /// Ends what still waits where the handler has ended and nobody else does.
    pub fn end_waits(&self) {
        let blocked: Vec<_> = self.state().blocked.values().filter_map(|blocked| blocked.process).collect();
        if !blocked.is_empty() && self.ending().is_none() {
            self.suspension.kill_waiting(&blocked);
        }
    }

    /// Stores a result that is too large for an answer, as the execution's last update.
    pub async fn keep_result(&self, result: String) -> Option<Ending> {
        let mut update = Update::new("execution", Kind::Execution, Action::Succeed);
        update.payload = Some(result);
        let token = self.state().token.clone();
        match self.service.checkpoint(&self.arn, &token, &[update]).await {
            Ok(_) => None,
            Err(error) => Some(error.into()),
        }
    }

    /// Decides how the invocation ends, if that was not decided before.
    fn end(&self, ending: Ending) {
        self.state().ending.get_or_insert(ending);
        self.has_changed();
    }

    /// How the invocation ends, if it was decided.
    pub fn ending(&self) -> Option<Ending> {
        self.state().ending.clone()
    }

    /// The execution's error for a failure of the handler: that of an operation, if the handler ended with its status.
    pub fn error(&self, failure: Failure) -> ErrorObject {
        let status = failure.status.map(i64::from);
        let last = self.state().last_error.take().filter(|(code, _)| status == Some(*code));
        let own = ErrorObject::from(failure);
        match last {
            Some((_, error)) => ErrorObject { stack_trace: error.stack_trace.clone().or(own.stack_trace), ..error },
            None => own,
        }
    }

    /// Waits until `look` returns a value. Cancel-safe.
    async fn until<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(found) = look(&mut self.state()) {
                return found;
            }
            // the sender lives as long as `self`
            let _ = changes.changed().await;
        }
    }

    fn has_changed(&self) {
        self.changes.send_replace(());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("BUG: no code panics while it holds this lock")
    }
}

fn next_marker(page: &mut Page) -> Option<String> {
    page.next_marker.take().filter(|marker| !marker.is_empty())
}

/// The update with the largest result.
fn largest(updates: &mut [Update]) -> Option<&mut Update> {
    let size = |update: &&mut Update| update.payload.as_ref().map_or(0, String::len);
    updates.iter_mut().filter(|update| update.action == Action::Succeed && update.payload.is_some()).max_by_key(size)
}

fn too_large(message: &str) -> ErrorObject {
    let message = message.trim_end_matches('.');
    ErrorObject::new(
        "Durable.ResultTooLarge",
        format!("{message}: put the result into Amazon S3, and keep its address"),
    )
}

impl From<ServiceError> for Ending {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invocation(message) => Self::Retry(message),
            ServiceError::Execution { error_type, message } => Self::Failed(ErrorObject::new(error_type, message)),
            ServiceError::TooLarge(message) => Self::Failed(too_large(&message)),
        }
    }
}
