//! Answers to callbacks, and answers of other functions.

use super::{End, EventType, Execution, Record};
use crate::durable::operation::{CallbackDetails, ErrorObject, Kind, Operation, Status};

/// The largest result of a callback, and of another function, in bytes.
const RESULT_LIMIT: usize = 1024 * 1024;

/// The reason why an answer to a callback is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// No execution has this callback.
    #[error("there is no callback `{0}`")]
    Unknown(String),
    /// It has been answered, or was too late, or its execution has ended.
    #[error("the callback `{0}` is closed: {1}")]
    Closed(String, &'static str),
    /// The answer is too large, or not text.
    #[error("{0}")]
    Invalid(String),
}

impl Execution {
    /// The open callbacks: their ids, and their operations.
    pub fn open_callbacks(&self) -> impl Iterator<Item = (&str, &Operation)> {
        self.open_records().iter().filter_map(|record| {
            let open = record.operation.status == Status::Started;
            callback_id(record).filter(|_| open).map(|id| (id, &record.operation))
        })
    }

    /// Whether this execution has the callback.
    pub fn has_callback(&self, id: &str) -> bool {
        self.records.iter().any(|record| callback_id(record) == Some(id))
    }

    /// Answers a callback.
    pub fn answer_callback(
        &mut self,
        id: &str,
        answer: Result<String, ErrorObject>,
        now: f64,
    ) -> Result<(), CallbackError> {
        if answer.as_ref().is_ok_and(|result| result.len() > RESULT_LIMIT) {
            let message = format!("the result of a callback has at most {RESULT_LIMIT} bytes");
            return Err(CallbackError::Invalid(message));
        }
        let position = self.open_callback(id, now)?;
        let (status, event) = match &answer {
            Ok(_) => (Status::Succeeded, EventType::CallbackSucceeded),
            Err(_) => (Status::Failed, EventType::CallbackFailed),
        };
        self.change(position, Some(event), now, |operation| {
            operation.status = status;
            let details = operation.callback_details.get_or_insert_default();
            match answer {
                Ok(result) => details.result = Some(result),
                Err(error) => details.error = Some(error),
            }
        });
        Ok(())
    }

    /// Records a heartbeat of a callback.
    pub fn heartbeat(&mut self, id: &str, now: f64) -> Result<(), CallbackError> {
        let position = self.open_callback(id, now)?;
        self.records[position].heard = Some(now);
        Ok(())
    }

    fn open_callback(&mut self, id: &str, now: f64) -> Result<usize, CallbackError> {
        self.complete_due(now);
        let found = self.records.iter().position(|record| callback_id(record) == Some(id));
        let position = found.ok_or_else(|| CallbackError::Unknown(id.to_owned()))?;
        let closed = |why| Err(CallbackError::Closed(id.to_owned(), why));
        match self.records[position].operation.status {
            _ if self.end.is_some() => closed("its execution has ended"),
            Status::Started => Ok(position),
            Status::TimedOut => closed("its time is over"),
            _ => closed("it has been answered"),
        }
    }

    /// The invocations of other functions that wait: their operations.
    pub fn open_invocations(&self) -> impl Iterator<Item = &Record> {
        self.open_records().iter().filter(|record| {
            let Operation { kind, status, .. } = &record.operation;
            *kind == Kind::ChainedInvoke && *status == Status::Started
        })
    }

    /// The operations that may still change.
    fn open_records(&self) -> &[Record] {
        if self.end.is_some() { &[] } else { &self.records }
    }

    /// Records the execution that was started for an invocation.
    pub fn has_begun(&mut self, id: &str, arn: &str) {
        let record = self.records.iter_mut().find(|record| record.operation.id == id);
        if let Some(invoked) = record.and_then(|record| record.invoked.as_mut()) {
            invoked.arn = Some(arn.to_owned());
        }
    }

    /// Takes the end of another function. Drops it if no operation waits for it.
    pub fn complete_invocation(&mut self, id: &str, end: &End, now: f64) {
        if self.end.is_some() {
            return;
        }
        let waiting = self
            .records
            .iter()
            .position(|record| record.operation.id == id && record.operation.status == Status::Started);
        let Some(position) = waiting else { return };
        let too_large = || {
            let message =
                format!("CHAINED_INVOKE output payload size must be less than or equal to {RESULT_LIMIT} bytes.");
            ErrorObject { error_message: Some(message), ..ErrorObject::default() }
        };
        let (status, event, result, error) = match end {
            End::Succeeded(result) if result.len() > RESULT_LIMIT => {
                (Status::Failed, EventType::ChainedInvokeFailed, None, Some(too_large()))
            }
            End::Succeeded(result) => {
                (Status::Succeeded, EventType::ChainedInvokeSucceeded, Some(result.clone()), None)
            }
            End::Failed(error) => (Status::Failed, EventType::ChainedInvokeFailed, None, Some(error.clone())),
            End::Stopped(error) => (Status::Stopped, EventType::ChainedInvokeStopped, None, Some(error.clone())),
        };
        self.change(position, Some(event), now, |operation| {
            operation.status = status;
            let details = operation.chained_invoke_details.get_or_insert_default();
            (details.result, details.error) = (result, error);
        });
    }
}

fn callback_id(record: &Record) -> Option<&str> {
    let CallbackDetails { callback_id, .. } = record.operation.callback_details.as_ref()?;
    callback_id.as_deref()
}
