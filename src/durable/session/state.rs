//! The state of an execution in one invocation: the operations, and the queued updates. No IO.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    time::Instant,
};

use rustix::process::Pid;

use super::policy::Policy;
use crate::durable::{
    identity,
    operation::{ErrorObject, Kind, Operation, Status},
    service::Page,
    update::{Action, Update},
};

/// The most updates of one checkpoint.
const BATCH: usize = 200;

/// The most bytes of payloads in one checkpoint, unless it has only one update.
const BATCH_BYTES: usize = 750_000;

/// How the invocation ends, if not by the handler's end.
#[derive(Clone, Debug)]
pub enum Ending {
    /// The handler waits: the service invokes the function again.
    Pending,
    /// The execution has failed.
    Failed(ErrorObject),
    /// This invocation has failed: the service repeats it.
    Retry(String),
}

/// A step or a context whose body runs.
#[derive(Debug)]
pub struct Running {
    pub operation: Named,
    pub since: Instant,
    /// A START that has not been sent: for a short step, it is sent with the end.
    pub start: Option<Update>,
    pub policy: Policy,
    pub attempt: u64,
    /// The state of an `until` step.
    pub poll: Option<String>,
    /// The start of the first attempt, in seconds since 1970.
    pub began: Option<f64>,
}

/// The names of an operation, for its updates.
#[derive(Clone, Debug)]
pub struct Named {
    pub id: String,
    /// The id of the surrounding context; empty at the top.
    pub context: String,
    pub name: String,
    pub kind: Kind,
    pub sub_type: String,
}

/// A request that waits for the end of an operation.
#[derive(Debug)]
pub struct Blocked {
    pub id: String,
    pub context: String,
    pub process: Option<Pid>,
}

/// A fault of the script: the execution fails.
#[derive(Debug)]
pub struct Violation {
    pub error_type: &'static str,
    pub message: String,
}

#[derive(Debug, Default)]
pub struct State {
    pub token: String,
    /// By the place part of their ids.
    operations: HashMap<String, Operation>,
    /// The places that were recorded before this invocation, and that the handler has not reached.
    unasked: HashSet<String>,
    /// How often a name was used in a context.
    counters: HashMap<(String, String), u32>,
    /// The names that run or wait, by context.
    active: HashSet<(String, String)>,
    pub running: HashMap<String, Running>,
    pub blocked: HashMap<u64, Blocked>,
    tickets: u64,
    queue: VecDeque<Update>,
    /// The numbers of updates that were queued, requested, and made.
    queued: u64,
    wanted: u64,
    made: u64,
    /// Whether to ask the service for changes.
    pub poll: bool,
    pub ending: Option<Ending>,
    /// Whether the time of the invocation is over: no more requests are answered.
    pub is_over_time: bool,
    /// The error of the last failed operation that the handler knows.
    pub last_error: Option<(i64, ErrorObject)>,
}

impl State {
    pub fn new(token: String) -> Self {
        Self { token, ..Self::default() }
    }

    pub fn put(&mut self, page: Page) {
        for operation in page.operations {
            if operation.kind != Kind::Execution {
                self.operations.insert(identity::place_of(&operation.id).to_owned(), operation);
            }
        }
    }

    /// Marks all operations so far as those of earlier invocations.
    pub fn has_loaded(&mut self) {
        self.unasked = self.operations.keys().cloned().collect();
    }

    /// Whether the record has operations that the handler has not reached yet.
    pub fn is_replaying(&self) -> bool {
        !self.unasked.is_empty()
    }

    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(identity::place_of(id))
    }

    /// The next operation of this name in this context. It becomes active.
    pub fn identify(
        &mut self,
        context: &str,
        name: &str,
        (kind, sub_type): (Kind, &str),
        arguments: Option<&str>,
    ) -> Result<Named, Violation> {
        let key = key(context, name);
        if self.active.contains(&key) {
            return Err(Violation {
                error_type: "Durable.NameInUse",
                message: format!(
                    "two operations named `{name}` run at the same time: give each a name of its own, or put each \
                     into a context (`durable context`)"
                ),
            });
        }
        let number = self.counters.entry(key.clone()).or_default();
        *number += 1;
        let place = identity::place(&key.0, name, *number);
        let number = *number;
        self.unasked.remove(&place);
        let id = match arguments {
            Some(arguments) => format!("{place}-{arguments}"),
            None => place.clone(),
        };
        let mut named =
            Named { id, context: context.to_owned(), name: name.to_owned(), kind, sub_type: sub_type.to_owned() };
        if let Some(recorded) = self.operations.get(&place) {
            let recorded_type = recorded.sub_type.as_deref().unwrap_or_default();
            if (recorded.kind, recorded_type) != (kind, sub_type) {
                let message = format!(
                    "`{name}` (number {number}) was a {recorded_type} in an earlier invocation, and is a {sub_type} now: \
                     the script has changed, or takes another way in each replay"
                );
                return Err(Violation { error_type: "Durable.NonDeterministic", message });
            }
            if !identity::same_arguments(&recorded.id, arguments) {
                let message = format!(
                    "the {sub_type} `{name}` (number {number}) had other arguments in an earlier invocation: take a \
                     time, a random number or the name of a temporary file from a step, or allow other arguments with \
                     `--any-args`"
                );
                return Err(Violation { error_type: "Durable.NonDeterministic", message });
            }
            named.id.clone_from(&recorded.id);
        }
        self.active.insert(key);
        Ok(named)
    }

    /// The recorded operation for the next request of this name, unless an operation of this name runs or waits.
    pub fn next(&self, context: &str, name: &str) -> Option<&Operation> {
        let key = key(context, name);
        let number = self.counters.get(&key).map_or(1, |number| number + 1);
        let place = identity::place(&key.0, name, number);
        self.operations.get(&place).filter(|_| !self.active.contains(&key))
    }

    /// The last operation of this name in this context.
    pub fn last_of(&self, context: &str, name: &str) -> Option<&Operation> {
        let key = key(context, name);
        self.operations.get(&identity::place(&key.0, name, *self.counters.get(&key)?))
    }

    /// Records that an operation no longer runs or waits.
    pub fn is_over(&mut self, context: &str, name: &str) {
        self.active.remove(&key(context, name));
    }

    pub fn block(&mut self, blocked: Blocked) -> u64 {
        self.tickets += 1;
        self.blocked.insert(self.tickets, blocked);
        self.tickets
    }

    /// Queues an update for the next checkpoint.
    pub fn queue(&mut self, update: Update) {
        self.queue.push_back(update);
        self.queued += 1;
    }

    /// Requests a checkpoint of all queued updates, and returns its number.
    pub fn want(&mut self) -> u64 {
        self.wanted = self.queued;
        self.queued
    }

    pub fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }

    pub fn is_made(&self, number: u64) -> bool {
        self.made >= number
    }

    /// Whether a checkpoint is due.
    pub fn is_wanted(&self) -> bool {
        self.wanted > self.made || self.poll
    }

    /// The updates of the next checkpoint.
    pub fn batch(&mut self) -> Vec<Update> {
        let size = |update: &Update| update.payload.as_ref().map_or(0, String::len);
        let mut bytes = 0;
        let fits = |update: &&Update| {
            bytes += size(update);
            bytes <= BATCH_BYTES
        };
        let count = self.queue.iter().take(BATCH).take_while(fits).count().max(1);
        self.queue.drain(..count.min(self.queue.len())).collect()
    }

    pub fn has_made(&mut self, count: usize) {
        self.made += count as u64;
    }

    /// Whether a wait is over at this time.
    pub fn is_due(&self, now: f64) -> bool {
        self.blocked.values().filter_map(|blocked| self.operation(&blocked.id)).any(|operation| {
            let wait = operation.wait_details.as_ref().and_then(|wait| wait.scheduled_end_timestamp);
            let step = operation.step_details.as_ref().and_then(|step| step.next_attempt_timestamp);
            !operation.status.is_final()
                && operation.status != Status::Ready
                && wait.or(step).is_some_and(|time| time <= now)
        })
    }

    /// The steps that run.
    pub fn steps(&mut self) -> impl Iterator<Item = &mut Running> {
        self.running.values_mut().filter(|running| running.operation.kind == Kind::Step)
    }

    /// Whether each running context without inner contexts waits; without contexts, whether any operation waits.
    pub fn contexts_wait(&self) -> bool {
        let contexts = || self.running.values().map(|running| &running.operation);
        let is_innermost = |id: &str| contexts().all(|other| other.context != id);
        let waits = |id: &str| self.blocked.values().any(|blocked| blocked.context == id);
        !self.blocked.is_empty() && contexts().all(|own| !is_innermost(&own.id) || waits(&own.id))
    }
}

impl Named {
    /// An update of this operation.
    pub fn update(&self, action: Action) -> Update {
        let mut update = Update::new(self.id.clone(), self.kind, action);
        update.parent_id = (!self.context.is_empty()).then(|| self.context.clone());
        update.name = Some(self.name.clone());
        update.sub_type = Some(self.sub_type.clone());
        update
    }
}

/// A context and a name in it.
fn key(context: &str, name: &str) -> (String, String) {
    (identity::place_of(context).to_owned(), name.to_owned())
}
