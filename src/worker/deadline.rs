//! The deadline of an event: the handler is killed shortly before it, so that the caller gets an error with the reason.

use std::time::{Duration, SystemTime};

use crate::{
    event::invocation::Invocation,
    failure::{ErrorType, Failure},
};

/// The most time between SIGTERM and SIGKILL for the processes of a handler.
const HANDLER_GRACE: Duration = Duration::from_millis(100);

/// The time that an event has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    /// The rest of the function's timeout when the event came.
    timeout: Duration,
    /// How long before the timeout the handler is killed.
    margin: Duration,
}

impl Deadline {
    /// The deadline of an event that has just come; `None` if it has none.
    pub(super) fn of(invocation: &Invocation, margin: Duration) -> Option<Self> {
        let timeout = invocation.time_left(SystemTime::now())?;
        // with a timeout as short as the margin, the handler still gets half of it
        Some(Self { timeout, margin: margin.min(timeout / 2) })
    }

    /// The time that the handler has.
    pub(super) fn limit(self) -> Duration {
        self.timeout.saturating_sub(self.margin)
    }

    /// The time between SIGTERM and SIGKILL.
    pub(super) fn grace(self) -> Duration {
        (self.margin / 2).min(HANDLER_GRACE)
    }

    pub(super) fn exceeded(self) -> Failure {
        let (margin, timeout) = (self.margin.as_secs_f64(), self.timeout.as_secs_f64());
        let message = format!("the handler had not answered {margin:.1} s before its timeout of {timeout:.1} s");
        Failure::new(ErrorType::DeadlineExceeded, message)
    }
}
