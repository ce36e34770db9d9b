//! How a handler that is a process of its own has ended, and the failure that it may be.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Instant};

use crate::failure::{ErrorType, Failure};

/// How a handler's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

/// A handler that has ended, and whose answer may not be whole yet.
pub(in crate::worker) struct Closing {
    pub(in crate::worker) exit: ExitKind,
    pub(super) since: Instant,
    /// Whether its answer ran through other processes.
    pub(super) has_filters: bool,
}

impl Closing {
    /// Of a handler that has ended just now.
    pub(in crate::worker) fn begin(exit: ExitKind) -> Self {
        Self { exit, since: Instant::now(), has_filters: false }
    }
}

impl ExitKind {
    /// How a process ended that was waited for.
    pub(in crate::worker) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }

    /// The status, unless a signal ended it.
    pub(in crate::worker) fn status(self) -> Option<i32> {
        match self {
            Self::Exited(status) => Some(status),
            Self::Signalled(_) => None,
        }
    }

    /// The failure that it is, if it is one. `place` is the command that ended the handler, or empty; `last_lines` gives
    /// the end of the handler's log.
    pub(in crate::worker) fn failure(
        self,
        place: &str,
        last_lines: impl FnOnce() -> String,
    ) -> Option<Failure> {
        match self {
            Self::Exited(0) => None,
            Self::Exited(status) => {
                let message = with_place(format!("the handler ended with status {status}"), place);
                Some(Failure::new(ErrorType::ExitStatus, with_lines(message, &last_lines())))
            }
            Self::Signalled(signal) => {
                let signal = ExitStatus::from_raw(signal);
                Some(Failure::new(ErrorType::Signal, format!("the handler was ended by {signal}")))
            }
        }
    }
}

/// A message with the place of a failure behind it, if there is one.
pub(in crate::worker) fn with_place(message: String, place: &str) -> String {
    if place.is_empty() { message } else { format!("{message} {place}") }
}

/// A message with the last lines of the log behind it.
pub(in crate::worker) fn with_lines(message: String, lines: &str) -> String {
    if lines.is_empty() { message } else { format!("{message}: {lines}") }
}
