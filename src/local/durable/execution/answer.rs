//! The answer of an invocation: the end of the execution, a suspension, or an error after which the invocation is
//! repeated.

use serde::Deserialize;

use super::{End, Event, EventType, Execution, apply::seconds, error};
use crate::durable::operation::{ErrorObject, Kind, Status};

/// The most invocations in a row that fail, or that suspend without an open operation: the same as in AWS's offline
/// runner.
const ATTEMPTS: u32 = 5;
const ATTEMPTS_WITHOUT_CAUSE: u32 = 3;
/// The largest result for another execution, in bytes.
const CHAINED_RESULT_LIMIT: usize = 1024 * 1024;

/// The end of an invocation.
#[derive(Debug)]
pub struct Reply<'a> {
    /// The answer, or the error.
    pub answer: Result<&'a [u8], ErrorObject>,
    /// The invocation's id.
    pub request_id: &'a str,
    /// When it began.
    pub began: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    status: Option<String>,
    result: Option<String>,
    error: Option<ErrorObject>,
}

impl Execution {
    /// Takes the answer of the current invocation. Returns the error if the invocation will be repeated.
    pub fn end_invocation(&mut self, reply: Reply<'_>, now: f64) -> Option<ErrorObject> {
        self.running = false;
        let failure = reply.answer.as_ref().err().cloned();
        self.events.push(Event::of_invocation(reply.began, now, reply.request_id, failure));
        if self.end.is_some() {
            return None;
        }
        let taken = match reply.answer {
            Ok(bytes) => self.take(bytes, now),
            Err(error) => Err((error, ATTEMPTS)),
        };
        let Err((error, attempts)) = taken else {
            self.failures = 0;
            return None;
        };
        self.failures += 1;
        if self.failures >= attempts {
            self.finish(End::Failed(error), now);
            return None;
        }
        self.retry_at = Some(now + seconds(1 << (self.failures - 1)));
        Some(error)
    }

    /// Ends the execution at once: no later invocation can succeed.
    pub fn fail(&mut self, error: ErrorObject, now: f64) {
        self.running = false;
        if self.end.is_none() {
            self.finish(End::Failed(error), now);
        }
    }

    /// An error has the number of attempts that are made.
    fn take(&mut self, bytes: &[u8], now: f64) -> Result<(), (ErrorObject, u32)> {
        let invalid = |message: &str| End::Failed(error("InvalidParameterValueException", message));
        let Ok(answer) = serde_json::from_slice::<Answer>(bytes) else {
            let message = "Invalid Status in invocation output.";
            self.finish(invalid(message), now);
            return Ok(());
        };
        let end = match (answer.status.as_deref(), answer.result, answer.error) {
            (Some("SUCCEEDED"), _, Some(_)) => invalid("Cannot provide an Error for SUCCEEDED status."),
            (Some("SUCCEEDED"), result, None) => self.result(result.unwrap_or_default()),
            (Some("FAILED"), Some(_), _) => invalid("Cannot provide a Result for FAILED status."),
            (Some("FAILED"), None, error) => End::Failed(error.unwrap_or_default()),
            (Some("PENDING"), ..) if self.may_suspend() => return Ok(()),
            (Some("PENDING"), ..) => {
                let message = "Cannot return PENDING status with no pending operations.";
                return Err((error("InvalidParameterValueException", message), ATTEMPTS_WITHOUT_CAUSE));
            }
            (Some(other), ..) => invalid(&format!("Unexpected invocation status: {other}")),
            (None, ..) => invalid("Response status is required"),
        };
        self.finish(end, now);
        Ok(())
    }

    fn result(&self, result: String) -> End {
        if self.parent.is_some() && result.len() > CHAINED_RESULT_LIMIT {
            let message =
                format!("Execution output payload size must be less than or equal to {CHAINED_RESULT_LIMIT} bytes.");
            return End::Failed(ErrorObject { error_message: Some(message), ..ErrorObject::default() });
        }
        End::Succeeded(result)
    }

    /// Whether an open operation can continue the execution later.
    fn may_suspend(&self) -> bool {
        let waits = |kind: Kind, status: Status| match kind {
            Kind::Step => status == Status::Pending,
            Kind::Wait | Kind::Callback | Kind::ChainedInvoke => status == Status::Started,
            Kind::Execution | Kind::Context => false,
        };
        let mut operations = self.records.iter().map(|record| &record.operation);
        self.owed || self.changes > self.seen || operations.any(|operation| waits(operation.kind, operation.status))
    }

    /// Stops the execution. Does nothing if it has ended.
    pub fn stop(&mut self, error: ErrorObject, now: f64) {
        if self.end.is_some() {
            return;
        }
        for position in 1..self.records.len() {
            let operation = &self.records[position].operation;
            if operation.kind == Kind::ChainedInvoke && operation.status == Status::Started {
                let error = error.clone();
                self.change(position, Some(EventType::ChainedInvokeStopped), now, |operation| {
                    operation.status = Status::Stopped;
                    operation.chained_invoke_details.get_or_insert_default().error = Some(error);
                });
            }
        }
        self.finish(End::Stopped(error), now);
    }
}
