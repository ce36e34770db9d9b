//! The end of a handler that is a process of its own, and the failure that it may be.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use rustix::process::Pid;

use crate::failure::{ErrorType, Failure};

/// How a handler's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum End {
    /// Of its own will, with this status.
    Exited(i32),
    /// With what a shell says of it: a status, or 128 + n for signal n.
    Ended(i32),
    /// By this signal.
    Signalled(i32),
}

/// How a handler ended, and when.
pub(in crate::worker) struct Ended {
    pub(in crate::worker) end: End,
    /// Its process, if it is not gone yet.
    pub(super) process: Option<Pid>,
    pub(super) at: std::time::Instant,
    /// Whether its answer ran through other processes.
    pub(super) has_filters: bool,
}

impl Ended {
    /// One that ends just now.
    pub(in crate::worker) fn now(end: End, process: Option<Pid>) -> Self {
        Self { end, process, at: std::time::Instant::now(), has_filters: false }
    }

    pub(super) fn is_success(&self) -> bool {
        matches!(self.end, End::Exited(0) | End::Ended(0))
    }
}

/// The end of a handler, as it says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) struct Farewell {
    pub(in crate::worker) status: i32,
    /// Its process, which is not quite gone yet.
    pub(in crate::worker) process: Option<Pid>,
}

impl Farewell {
    pub(super) fn parse(words: &[u8]) -> Option<Self> {
        let words = std::str::from_utf8(words).ok()?;
        let (status, process) = words.split_once(' ').unwrap_or((words, ""));
        let process = process.parse().ok().and_then(Pid::from_raw);
        Some(Self { status: status.parse().ok()?, process })
    }
}

impl End {
    /// How a process ended that was waited for.
    pub(in crate::worker) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }

    /// The failure that it is, if it is one. `place` is the command that ended the handler, or empty; `last_lines` gives
    /// the end of the handler's log.
    pub(in crate::worker) fn failure(
        self,
        place: &str,
        last_lines: impl FnOnce() -> String,
    ) -> Option<Failure> {
        let signal = match self {
            Self::Signalled(signal) => Some(signal),
            Self::Ended(status) => Some(status - 128).filter(|&signal| is_signal(signal)),
            Self::Exited(_) => None,
        };
        if let Some(signal) = signal {
            let signal = ExitStatus::from_raw(signal);
            return Some(Failure::new(ErrorType::Signal, format!("the handler was ended by {signal}")));
        }
        let (Self::Exited(status) | Self::Ended(status) | Self::Signalled(status)) = self;
        (status != 0).then(|| {
            let space = if place.is_empty() { "" } else { " " };
            let message = format!("the handler ended with status {status}{space}{place}");
            Failure::new(ErrorType::ExitStatus, with_lines(message, &last_lines()))
        })
    }
}

/// Whether this is the number of a signal that has a name.
fn is_signal(number: i32) -> bool {
    number > 0 && ExitStatus::from_raw(number).to_string().contains("(SIG")
}

/// A message with the last lines of the log behind it.
pub(in crate::worker) fn with_lines(message: String, lines: &str) -> String {
    if lines.is_empty() { message } else { format!("{message}: {lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_signal_from_a_status_over_128() {
        let kind = |end: End| end.failure("", String::new).unwrap().to_string();
        let killed = "Function.Signal: the handler was ended by signal: 9 (SIGKILL)";
        assert_eq!(kind(End::Ended(137)), killed);
        assert_eq!(kind(End::Signalled(9)), killed);
        assert_eq!(kind(End::Exited(137)), "Function.ExitStatus: the handler ended with status 137");
        assert_eq!(kind(End::Ended(255)), "Function.ExitStatus: the handler ended with status 255");
        assert_eq!(End::Exited(0).failure("", String::new), None);
    }
}
