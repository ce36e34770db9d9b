//! The memory that pipes are read into, one after the other: a worker has none of its own.

use std::sync::{Mutex, MutexGuard};

use crate::limits::BLOCK;

static BUFFER: Mutex<[u8; BLOCK]> = Mutex::new([0; BLOCK]);

/// Lends the buffer for one read and the use of its bytes.
pub(super) fn buffer() -> MutexGuard<'static, [u8; BLOCK]> {
    BUFFER.lock().expect("BUG: no code panics while it holds this lock")
}
