//! The memory that pipes are read into. All workers share it.

use std::sync::{Mutex, MutexGuard};

use crate::limits::BLOCK;

static BUFFER: Mutex<[u8; BLOCK]> = Mutex::new([0; BLOCK]);

/// Lends the buffer for one read and the use of its bytes.
pub(super) fn buffer() -> MutexGuard<'static, [u8; BLOCK]> {
    BUFFER.lock().expect("BUG: no code panics while it holds this lock")
}
