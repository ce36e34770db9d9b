//! The steps at which a worker runs the user's hooks: before and after a SnapStart snapshot, and at the shutdown.

use std::time::Duration;

use crate::limits::{INIT_LIMIT, SHUTDOWN_GRACE};

/// The longest restore. Lambda's limit is 10 seconds; it takes no error after that.
const RESTORE_LIMIT: Duration = Duration::from_millis(9500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name in requests to a shim.
    pub(super) name: &'static str,
    /// Its time, in messages.
    pub(super) moment: &'static str,
    /// The longest that it may take.
    pub(super) limit: Duration,
}

impl Step {
    /// Runs the user's hooks before the snapshot.
    pub const CHECKPOINT: Self = Self { name: "checkpoint", moment: "before the checkpoint", limit: INIT_LIMIT };
    /// Sets new random state in the copy, and runs the user's hooks.
    pub const RESTORE: Self = Self { name: "restore", moment: "after the restore", limit: RESTORE_LIMIT };
    /// Runs the user's hooks before the end.
    pub const SHUTDOWN: Self = Self { name: "shutdown", moment: "at the shutdown", limit: SHUTDOWN_GRACE };
}
