//! The steps at which a worker runs the user's hooks: before and after a SnapStart snapshot, and at the shutdown.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

use crate::limits::{INIT_LIMIT, SHUTDOWN_GRACE};

/// The longest restore. Lambda's limit is 10 seconds, and takes no error after them.
const RESTORE_LIMIT: Duration = Duration::from_millis(9500);

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Runs the user's hooks before the snapshot.
    Checkpoint,
    /// Draws new random state in the copy, and runs the user's hooks there.
    Restore,
    /// Runs the user's hooks before the end.
    Shutdown,
}

impl Step {
    /// Its name in requests to a shim.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Restore => "restore",
            Self::Shutdown => "shutdown",
        }
    }

    pub(super) const fn limit(self) -> Duration {
        match self {
            Self::Checkpoint => INIT_LIMIT,
            Self::Restore => RESTORE_LIMIT,
            Self::Shutdown => SHUTDOWN_GRACE,
        }
    }
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Checkpoint => "before the checkpoint",
            Self::Restore => "after the restore",
            Self::Shutdown => "at the shutdown",
        })
    }
}
