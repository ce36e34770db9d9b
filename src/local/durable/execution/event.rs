//! The history of an execution: one event for each change, as in `GetDurableExecutionHistory`.
//!
//! An event does not store data of its operation: results and errors of the last attempt are taken from the operation.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{End, Execution, Record};
use crate::durable::{
    operation::{ErrorObject, Operation},
    update::LONGEST_WAIT,
};

/// The kinds of events.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub enum EventType {
    ExecutionStarted,
    ExecutionSucceeded,
    ExecutionFailed,
    ExecutionStopped,
    ContextStarted,
    ContextSucceeded,
    ContextFailed,
    WaitStarted,
    WaitSucceeded,
    WaitCancelled,
    StepStarted,
    StepSucceeded,
    StepFailed,
    ChainedInvokeStarted,
    ChainedInvokeSucceeded,
    ChainedInvokeFailed,
    ChainedInvokeStopped,
    CallbackStarted,
    CallbackSucceeded,
    CallbackFailed,
    CallbackTimedOut,
    InvocationCompleted,
}

/// An event.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    time: f64,
    kind: EventType,
    /// The operation's id, or the request id of an invocation.
    id: String,
    /// The attempt of a step.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    attempt: Option<u64>,
    /// The pause before the next attempt, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    delay: Option<u64>,
    /// The error of an attempt that was not the last one, or of an invocation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    error: Option<ErrorObject>,
    /// The state after an attempt that was not the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    payload: Option<String>,
    /// The start of an invocation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    began: Option<f64>,
}

impl Event {
    /// An event of an operation in its current state.
    pub(super) fn new(time: f64, kind: EventType, operation: &Operation) -> Self {
        let attempt = operation.step_details.as_ref().map(|details| details.attempt);
        Self { time, kind, id: operation.id.clone(), attempt, delay: None, error: None, payload: None, began: None }
    }

    /// An attempt that is followed by another one.
    pub(super) fn of_retry(time: f64, kind: EventType, operation: &Operation, delay: u64) -> Self {
        let details = operation.step_details.clone().unwrap_or_default();
        let event = Self::new(time, kind, operation);
        Self { delay: Some(delay), error: details.error, payload: details.result, ..event }
    }

    /// An invocation that is over.
    pub(super) fn of_invocation(began: f64, time: f64, request_id: &str, error: Option<ErrorObject>) -> Self {
        Self {
            time,
            kind: EventType::InvocationCompleted,
            id: request_id.to_owned(),
            attempt: None,
            delay: None,
            error,
            payload: None,
            began: Some(began),
        }
    }

    /// The event in the format of the API, with this number; with payloads if `with_data` is set.
    pub fn to_json(&self, number: usize, execution: &Execution, with_data: bool) -> Value {
        let mut json = Map::new();
        let event_type = json!(self.kind);
        let mut put = |name: &str, value: Value| drop(json.insert(name.to_owned(), value));
        put("EventId", json!(number));
        put("EventTimestamp", json!(self.time));
        let details_name = format!("{}Details", event_type.as_str().unwrap_or_default());
        put("EventType", event_type);
        let record = execution.record(&self.id);
        if let Some(Record { operation, .. }) = record {
            put("Id", json!(operation.id));
            for (name, value) in
                [("Name", &operation.name), ("SubType", &operation.sub_type), ("ParentId", &operation.parent_id)]
            {
                if let Some(value) = value {
                    put(name, json!(value));
                }
            }
        }
        put(&details_name, self.details(record, execution, with_data));
        json.into()
    }

    fn details(&self, record: Option<&Record>, execution: &Execution, with_data: bool) -> Value {
        let payload = |text: Option<&str>| match text.filter(|_| with_data) {
            Some(text) => json!({ "Payload": text, "Truncated": false }),
            None => json!({ "Truncated": text.is_some_and(|text| !text.is_empty()) }),
        };
        let failure = |error: Option<&ErrorObject>| match error.filter(|_| with_data) {
            Some(error) => json!({ "Payload": error, "Truncated": false }),
            None => json!({ "Truncated": error.is_some() }),
        };
        let (result, error) = match (execution.end(), record) {
            (Some(End::Succeeded(result)), _) if self.is_of_execution() => (Some(result.as_str()), None),
            (Some(End::Failed(error) | End::Stopped(error)), _) if self.is_of_execution() => (None, Some(error)),
            (_, Some(record)) if self.delay.is_none() => record.operation.outcome(),
            _ => (self.payload.as_deref(), self.error.as_ref()),
        };
        let duration = || {
            let operation = record.map(|record| &record.operation);
            let end = operation.and_then(|operation| operation.wait_details.as_ref()?.scheduled_end_timestamp);
            let begin = operation.and_then(|operation| operation.start_timestamp);
            json!(whole_seconds(end.unwrap_or_default() - begin.unwrap_or_default()))
        };
        let retry = || json!({ "CurrentAttempt": self.attempt, "NextAttemptDelaySeconds": self.delay.unwrap_or(0) });
        match self.kind {
            EventType::ExecutionStarted => {
                json!({ "Input": payload(Some(execution.input())), "ExecutionTimeout": LONGEST_WAIT })
            }
            EventType::StepSucceeded => json!({ "Result": payload(result), "RetryDetails": retry() }),
            EventType::StepFailed => json!({ "Error": failure(error), "RetryDetails": retry() }),
            EventType::ExecutionSucceeded
            | EventType::ContextSucceeded
            | EventType::ChainedInvokeSucceeded
            | EventType::CallbackSucceeded => json!({ "Result": payload(result) }),
            EventType::ExecutionFailed
            | EventType::ExecutionStopped
            | EventType::ContextFailed
            | EventType::ChainedInvokeFailed
            | EventType::ChainedInvokeStopped
            | EventType::CallbackFailed
            | EventType::CallbackTimedOut => json!({ "Error": failure(error) }),
            EventType::WaitStarted => {
                let wait = record.and_then(|record| record.operation.wait_details.as_ref());
                let end = wait.and_then(|wait| wait.scheduled_end_timestamp);
                json!({ "Duration": duration(), "ScheduledEndTimestamp": end })
            }
            EventType::WaitSucceeded => json!({ "Duration": duration() }),
            EventType::CallbackStarted => callback(record),
            EventType::ChainedInvokeStarted => invocation(record, &payload),
            EventType::InvocationCompleted => {
                let times = json!({ "StartTimestamp": self.began, "EndTimestamp": self.time, "RequestId": self.id });
                match &self.error {
                    Some(error) => with(times, "Error", failure(Some(error))),
                    None => times,
                }
            }
            EventType::ContextStarted | EventType::StepStarted | EventType::WaitCancelled => json!({}),
        }
    }

    fn is_of_execution(&self) -> bool {
        matches!(self.kind, EventType::ExecutionSucceeded | EventType::ExecutionFailed | EventType::ExecutionStopped)
    }
}

/// The begin of an invocation.
fn invocation(record: Option<&Record>, payload: &dyn Fn(Option<&str>) -> Value) -> Value {
    let Some(invoked) = record.and_then(|record| record.invoked.as_ref()) else { return json!({}) };
    let begun = json!({ "FunctionName": invoked.function, "Input": payload(Some(&invoked.payload)) });
    let begun = invoked.tenant.iter().fold(begun, |begun, tenant| with(begun, "TenantId", json!(tenant)));
    invoked.arn.iter().fold(begun, |begun, arn| {
        with(with(begun, "DurableExecutionArn", json!(arn)), "ExecutedVersion", json!("$LATEST"))
    })
}

/// An object with one more member.
fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn callback(record: Option<&Record>) -> Value {
    let details = record.and_then(|record| record.operation.callback_details.as_ref());
    let limits = record.and_then(|record| record.limits).unwrap_or_default();
    json!({
        "CallbackId": details.and_then(|details| details.callback_id.as_ref()),
        "Timeout": limits.timeout_seconds,
        "HeartbeatTimeout": limits.heartbeat_timeout_seconds,
    })
}

/// A duration without fractions: the API's model has integers.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole_seconds(duration: f64) -> u64 {
    duration.round() as u64
}
