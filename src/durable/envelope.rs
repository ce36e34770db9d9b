//! The event of a durable function: an envelope with the user's event. Also the answers for the service.

use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    operation::{ErrorObject, Kind},
    service::Page,
};
use crate::limits::PAYLOAD_LIMIT;

/// The largest result in an answer, in bytes of JSON: Lambda's limit of 6 MB minus the rest of the answer.
const RESULT_LIMIT: usize = PAYLOAD_LIMIT - 50;

/// The service's event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Envelope {
    /// The execution.
    #[serde(rename = "DurableExecutionArn")]
    pub arn: String,
    /// The token of the first checkpoint.
    #[serde(rename = "CheckpointToken")]
    pub token: String,
    /// The operations so far, or the first page of them.
    #[serde(rename = "InitialExecutionState")]
    pub state: Page,
}

impl Envelope {
    /// The envelope, if the event has one.
    #[must_use]
    pub fn of(event: &Bytes) -> Option<Self> {
        // a quick check: most events have none, and are not parsed
        memmem::find(event, b"\"DurableExecutionArn\"")?;
        serde_json::from_slice(event).ok()
    }
}

impl Page {
    /// Removes the user's event from the operations, if it is among them.
    pub fn take_input(&mut self) -> Option<String> {
        let at = self.operations.iter().position(|operation| operation.kind == Kind::Execution)?;
        let details = self.operations.swap_remove(at).execution_details.unwrap_or_default();
        Some(details.input_payload.unwrap_or_default())
    }
}

/// The answer of an execution that continues later.
#[must_use]
pub fn pending() -> Bytes {
    Bytes::from_static(br#"{"Status":"PENDING"}"#)
}

/// The answer of an execution that has ended with a result.
#[must_use]
pub fn succeeded(result: &str) -> Bytes {
    bytes(&json!({ "Status": "SUCCEEDED", "Result": result }))
}

/// Whether such an answer is not too large. Escapes in its result count.
#[must_use]
pub fn fits(answer: &Bytes) -> bool {
    answer.len() - succeeded("").len() <= RESULT_LIMIT
}

/// The answer of an execution that has ended with an error.
#[must_use]
pub fn failed(error: &ErrorObject) -> Bytes {
    bytes(&json!({ "Status": "FAILED", "Error": error }))
}

fn bytes(value: &Value) -> Bytes {
    value.to_string().into()
}
