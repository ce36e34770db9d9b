//! The end of an event's log, for callers of a local server that send `X-Amz-Log-Type: Tail`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use base64::{Engine, engine::general_purpose::STANDARD};

/// How much of a log the caller gets, in bytes, as on Lambda.
const TAIL: usize = 4 * 1024;

/// By request id, while the event runs.
static TAILS: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// Stores the end of an event's log until this is dropped.
#[derive(Debug)]
pub struct Tail(String);

impl Tail {
    /// Starts to store the end of this event's log.
    pub fn keep(request_id: &str) -> Self {
        tails().insert(request_id.to_owned(), Vec::new());
        Self(request_id.to_owned())
    }

    /// The end so far, in base64.
    pub fn encoded(&self) -> String {
        STANDARD.encode(&tails()[&self.0])
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        tails().remove(&self.0);
    }
}

/// Adds to the log of an event, if its end is stored.
pub fn add(request_id: &str, bytes: &[u8]) {
    if let Some(tail) = tails().get_mut(request_id) {
        tail.extend_from_slice(bytes);
        tail.drain(..tail.len().saturating_sub(TAIL));
    }
}

/// Adds a line of the runtime. If the last line of a handler has no end, this one begins behind a newline.
pub fn add_line(request_id: &str, line: &str) {
    let is_in_line = tails().get(request_id).is_some_and(|tail| !tail.is_empty() && !tail.ends_with(b"\n"));
    if is_in_line {
        add(request_id, b"\n");
    }
    add(request_id, line.as_bytes());
}

fn tails() -> MutexGuard<'static, BTreeMap<String, Vec<u8>>> {
    TAILS.lock().expect("BUG: no code panics while it holds this lock")
}
