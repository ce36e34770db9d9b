//! The event of an invocation, and further pages of operations.

use serde_json::{Value, json};

use super::{Execution, Refusal};
use crate::durable::{operation::Operation, service::Page};

/// The most operations and the approximate largest size of a page: an event has up to 6 MB.
const PAGE_ITEMS: usize = 1000;
const PAGE_BYTES: usize = 5 * 1024 * 1024;

/// The event of an invocation.
pub fn envelope(execution: &Execution) -> Vec<u8> {
    let (operations, next) = page(execution, 0);
    let operations: Vec<_> = operations.iter().map(with_milliseconds).collect();
    let json = json!({
        "DurableExecutionArn": execution.arn,
        "CheckpointToken": execution.token(),
        "InitialExecutionState": { "Operations": operations, "NextMarker": marker(execution, next).unwrap_or_default() },
    });
    json.to_string().into_bytes()
}

/// A further page.
pub fn state_page(execution: &Execution, token: &str, marker_text: &str) -> Result<Page, Refusal> {
    execution.check_token(token)?;
    let invalid = || Refusal::Invalid("Invalid marker".to_owned());
    let (changes, from) = marker_text.split_once(':').ok_or_else(invalid)?;
    let from: usize = from.parse().map_err(|_| invalid())?;
    if changes.parse() != Ok(execution.seen) || from > execution.records.len() {
        return Err(invalid());
    }
    let (operations, next) = page(execution, from);
    Ok(Page { operations, next_marker: marker(execution, next) })
}

fn marker(execution: &Execution, next: Option<usize>) -> Option<String> {
    next.map(|next| format!("{}:{next}", execution.seen))
}

/// The operations from a position that fit into a page, and the next position if there are more.
fn page(execution: &Execution, from: usize) -> (Vec<Operation>, Option<usize>) {
    let (mut operations, mut bytes) = (Vec::new(), 0);
    for (position, record) in execution.records.iter().enumerate().skip(from) {
        let size = serde_json::to_vec(&record.operation).expect("BUG: an operation always serializes").len();
        let is_full = operations.len() >= PAGE_ITEMS || bytes + size > PAGE_BYTES;
        // the first one always fits, whatever its size
        if is_full && !operations.is_empty() {
            return (operations, Some(position));
        }
        operations.push(record.operation.clone());
        bytes += size;
    }
    (operations, None)
}

/// An operation in the format of events, with times in milliseconds.
fn with_milliseconds(operation: &Operation) -> Value {
    let mut json = serde_json::to_value(operation).expect("BUG: an operation always serializes");
    to_milliseconds(&mut json);
    json
}

fn to_milliseconds(json: &mut Value) {
    let Some(members) = json.as_object_mut() else { return };
    for (name, value) in members {
        match value.as_f64().filter(|_| name.ends_with("Timestamp")) {
            #[allow(clippy::cast_possible_truncation)]
            Some(seconds) => *value = json!((seconds * 1000.0).round() as i64),
            None => to_milliseconds(value),
        }
    }
}
