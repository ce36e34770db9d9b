//! The deadline of an event: the handler is ended shortly before it, so that its caller gets an error that says so.

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
    /// The time that was left of the function's timeout when the event came.
    timeout: Duration,
    /// How long before the timeout the handler is ended.
    margin: Duration,
}

impl Deadline {
    /// The deadline of an event that has just come; `None` if it has none.
    pub(super) fn of(invocation: &Invocation, margin: Duration) -> Option<Self> {
        let timeout = invocation.time_left(SystemTime::now())?;
        // a timeout as short as the margin still leaves the handler some of it
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
        let message =
            format!("the handler had not answered {margin:.1} s before its timeout of {timeout:.1} s");
        Failure::new(ErrorType::DeadlineExceeded, message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use bytes::Bytes;

    use super::*;
    use crate::{event::headers::Headers, event::invocation::DEADLINE};

    fn deadline_in(time: Duration, margin: u64) -> Deadline {
        let at = (SystemTime::now() + time).duration_since(UNIX_EPOCH).unwrap().as_millis();
        let mut headers = Headers::default();
        headers.append(DEADLINE, at.to_string());
        let invocation = Invocation::new(headers, Bytes::new());
        Deadline::of(&invocation, Duration::from_millis(margin)).unwrap()
    }

    #[test]
    fn leaves_at_least_half_of_the_time_to_the_handler() {
        let usual = deadline_in(Duration::from_secs(1000), 200);
        assert_eq!(
            (usual.timeout, usual.grace()),
            (usual.limit() + Duration::from_millis(200), HANDLER_GRACE)
        );
        let short = deadline_in(Duration::from_secs(10), 60_000);
        assert_eq!(
            (short.limit(), short.grace()),
            (short.timeout.saturating_sub(short.timeout / 2), HANDLER_GRACE)
        );
        let none = deadline_in(Duration::from_secs(10), 0);
        assert_eq!((none.limit(), none.grace()), (none.timeout, Duration::ZERO));
    }

    #[test]
    fn says_the_timeout_and_the_margin() {
        let message = deadline_in(Duration::from_millis(30_040), 200).exceeded().error_message;
        assert_eq!(message, "the handler had not answered 0.2 s before its timeout of 30.0 s");
    }
}
