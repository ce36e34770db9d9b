//! The end of an event's log, for callers of a local server who ask for it by `X-Amz-Log-Type: Tail`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

/// How much of a log its caller gets, in bytes, as on Lambda.
const TAIL: usize = 4 * 1024;

/// By request id, for as long as the event runs.
static TAILS: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());

/// Keeps the end of this event's log from now on.
pub fn keep(request_id: &str) {
    tails().insert(request_id.to_owned(), Vec::new());
}

/// Adds to the log of an event, if its end is kept.
pub fn add(request_id: &str, bytes: &[u8]) {
    if let Some(tail) = tails().get_mut(request_id) {
        tail.extend_from_slice(bytes);
        let dropped = tail.len().saturating_sub(TAIL);
        tail.drain(..dropped);
    }
}

/// The end of this event's log, which is kept no longer; `None` if it was not kept.
pub fn take(request_id: &str) -> Option<Vec<u8>> {
    tails().remove(request_id)
}

fn tails() -> MutexGuard<'static, BTreeMap<String, Vec<u8>>> {
    TAILS.lock().expect("BUG: no code panics while it holds this lock")
}
