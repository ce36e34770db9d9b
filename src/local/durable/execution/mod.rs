//! One execution in the service: a state machine without IO and without a clock.
//!
//! Always true: a refused call has changed nothing. Times are seconds since 1970, passed by the caller.

mod answer;
mod apply;
mod due;
mod event;
mod outside;
mod page;
mod rules;
mod syntax;
#[cfg(test)]
mod tests;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

pub use self::{
    answer::Reply,
    event::{Event, EventType},
    outside::CallbackError,
    page::{envelope, state_page},
    syntax::{Target, find_function},
};
use crate::durable::{
    operation::{ErrorObject, ExecutionDetails, Kind, Operation, Status},
    service::Checkpoint,
    update::{CallbackOptions, Update},
};

/// The reason why a checkpoint is refused, with the service's messages.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The token is not that of the last answer, or the execution has ended.
    #[error("Invalid checkpoint token")]
    Token,
    /// A payload is over its limit.
    #[error("{0}")]
    TooLarge(String),
    /// An update breaks a rule.
    #[error("{0}")]
    Invalid(String),
}

/// The end of an execution.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub enum End {
    /// It succeeded, with this result.
    Succeeded(String),
    /// It failed, with this error.
    Failed(ErrorObject),
    /// A call stopped it.
    Stopped(ErrorObject),
}

/// The operation of another execution that waits for this one.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Parent {
    /// The other execution.
    pub arn: String,
    /// Its operation.
    pub id: String,
}

/// An operation, with further data of the service.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Record {
    /// The operation.
    pub operation: Operation,
    /// The number of its last change.
    changed: u64,
    /// The limits of a callback.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limits: Option<CallbackOptions>,
    /// The start of a callback, or its last heartbeat.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    heard: Option<f64>,
    /// The target of an invocation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub invoked: Option<Invoked>,
}

/// The target of an invocation, and its input.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Invoked {
    /// The name that the handler uses.
    pub function: String,
    /// The event.
    pub payload: String,
    /// The tenant for which it is called.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tenant: Option<String>,
    /// The execution that was started for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub arn: Option<String>,
}

/// An execution.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    /// Its name for the service.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The function that runs it; `None` for the handler of the command line.
    pub function: Option<String>,
    /// The operation that waits for it.
    pub parent: Option<Parent>,
    /// The tenant for which it runs.
    pub tenant: Option<String>,
    /// Its operations in the order of their starts. The first one is the execution itself.
    records: Vec<Record>,
    /// Its history.
    events: Vec<Event>,
    /// The number of changes of operations.
    changes: u64,
    /// The last change that the handler knows.
    seen: u64,
    /// The number of invocations, and of checkpoints in the last one.
    invocations: u64,
    checkpoints: u64,
    /// Whether an invocation runs.
    running: bool,
    /// Whether an invocation must follow, whatever the state of the operations.
    owed: bool,
    /// The number of failed invocations in a row, and the time at which the next one may begin.
    failures: u32,
    retry_at: Option<f64>,
    /// The bytes of all checkpoints.
    written: usize,
    end: Option<End>,
}

impl Execution {
    /// An execution with this input, before its first invocation.
    pub fn new(arn: String, name: String, input: String, now: f64) -> Self {
        let operation = Operation {
            id: uuid::Uuid::new_v4().to_string(),
            name: Some(name.clone()),
            start_timestamp: Some(now),
            execution_details: Some(ExecutionDetails { input_payload: Some(input) }),
            ..blank(Kind::Execution)
        };
        let mut execution = Self {
            arn,
            name,
            function: None,
            parent: None,
            tenant: None,
            records: Vec::new(),
            events: Vec::new(),
            changes: 0,
            seen: 0,
            invocations: 0,
            checkpoints: 0,
            running: false,
            owed: true,
            failures: 0,
            retry_at: None,
            written: 0,
            end: None,
        };
        execution.events.push(Event::new(now, EventType::ExecutionStarted, &operation));
        execution.insert(operation);
        execution
    }

    /// The operations.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The history.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The number of changes of operations.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The end, if it has ended.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// The operation of the execution itself.
    pub fn itself(&self) -> &Operation {
        &self.records[0].operation
    }

    /// The input as text.
    pub fn input(&self) -> &str {
        let details = self.itself().execution_details.as_ref();
        details.and_then(|details| details.input_payload.as_deref()).unwrap_or_default()
    }

    /// Continues after the process that ran it was killed.
    pub fn resume(&mut self) {
        self.owed |= std::mem::take(&mut self.running);
    }

    /// Whether an invocation may begin now.
    pub fn wants_invocation(&self, now: f64) -> bool {
        if self.end.is_some() || self.running {
            return false;
        }
        match self.retry_at {
            Some(time) => time <= now,
            None => self.owed || self.changes > self.seen,
        }
    }

    /// Begins an invocation. The tokens of the last one become invalid.
    pub fn begin_invocation(&mut self) {
        (self.running, self.owed, self.retry_at) = (true, false, None);
        (self.invocations, self.checkpoints) = (self.invocations + 1, 0);
        self.seen = self.changes;
    }

    /// The token of the next checkpoint.
    pub fn token(&self) -> String {
        STANDARD.encode(format!("{}:{}:{}", self.itself().id, self.invocations, self.checkpoints))
    }

    /// Fails if a token is not the next one.
    pub fn check_token(&self, token: &str) -> Result<(), Refusal> {
        if self.running && self.end.is_none() && token == self.token() { Ok(()) } else { Err(Refusal::Token) }
    }

    /// Makes these updates, all or none. `functions` returns whether there is a function of this name. With
    /// `replay_each`, the end of an operation ends the invocation, if no other step runs.
    pub fn checkpoint(
        &mut self,
        token: &str,
        updates: &[Update],
        functions: &dyn Fn(&Target) -> bool,
        replay_each: bool,
        now: f64,
    ) -> Result<Checkpoint, Refusal> {
        self.check_token(token)?;
        self.written += rules::check(self, updates)?;
        for update in updates {
            self.apply(update, functions, now);
        }
        self.checkpoints += 1;
        self.complete_due(now);
        let seen = std::mem::replace(&mut self.seen, self.changes);
        let changed = self.records.iter().filter(|record| record.changed > seen);
        let mut answer = Checkpoint::default();
        answer.changed.operations = changed.map(|record| record.operation.clone()).collect();
        let withheld = replay_each && updates.iter().any(apply::ends_operation) && !self.a_step_runs();
        self.owed |= withheld;
        answer.token = (!withheld && self.end.is_none()).then(|| self.token());
        Ok(answer)
    }

    fn a_step_runs(&self) -> bool {
        let mut operations = self.records.iter().map(|record| &record.operation);
        operations.any(|operation| operation.kind == Kind::Step && operation.status == Status::Started)
    }

    /// The record of an operation; searches from the end, because the last ones are used most.
    fn record(&self, id: &str) -> Option<&Record> {
        self.records.iter().rfind(|record| record.operation.id == id)
    }

    fn insert(&mut self, operation: Operation) -> &mut Record {
        self.changes += 1;
        let changed = self.changes;
        self.records.push(Record { operation, changed, limits: None, heard: None, invoked: None });
        self.records.last_mut().expect("BUG: it was put there")
    }

    /// Changes an operation, and adds the change to the history.
    fn change(&mut self, position: usize, event: Option<EventType>, now: f64, change: impl FnOnce(&mut Operation)) {
        self.changes += 1;
        let record = &mut self.records[position];
        record.changed = self.changes;
        change(&mut record.operation);
        if record.operation.status.is_final() {
            record.operation.end_timestamp = Some(now);
        }
        if let Some(event) = event {
            self.events.push(Event::new(now, event, &record.operation));
        }
    }

    /// Ends the execution.
    fn finish(&mut self, end: End, now: f64) {
        let (status, event) = match &end {
            End::Succeeded(_) => (Status::Succeeded, EventType::ExecutionSucceeded),
            End::Failed(_) => (Status::Failed, EventType::ExecutionFailed),
            End::Stopped(_) => (Status::Stopped, EventType::ExecutionStopped),
        };
        self.end = Some(end);
        self.change(0, Some(event), now, |operation| operation.status = status);
    }
}

/// An operation that has begun, without other data.
fn blank(kind: Kind) -> Operation {
    Operation {
        id: String::new(),
        parent_id: None,
        name: None,
        kind,
        sub_type: None,
        status: Status::Started,
        start_timestamp: None,
        end_timestamp: None,
        execution_details: None,
        step_details: None,
        wait_details: None,
        callback_details: None,
        chained_invoke_details: None,
        context_details: None,
    }
}

/// A time in whole milliseconds, as in the service: a state file would not keep other fractions.
pub fn in_milliseconds(time: f64) -> f64 {
    (time * 1000.0).round() / 1000.0
}

/// An error of the service.
pub fn error(error_type: &str, message: impl Into<String>) -> ErrorObject {
    ErrorObject {
        error_type: Some(error_type.to_owned()),
        error_message: Some(message.into()),
        ..ErrorObject::default()
    }
}
