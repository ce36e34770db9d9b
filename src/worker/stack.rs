//! Reports of failed shell commands. Several processes of one event may each send some.

use std::str::FromStr;

/// The separator of the parts of a report, and of the names of functions.
pub(super) const SEPARATOR: char = '\u{1e}';

/// A command that has failed, as a shell reports it.
#[derive(Debug, PartialEq, Eq)]
pub struct FailedCommand {
    /// The handler's process: its number, or the process id of a program. 0 while the file is loaded.
    pub handler: u64,
    status: i32,
    /// Whether it failed in a subshell of the handler.
    is_inner: bool,
    /// The command and its line, as in `at line 4: false`; empty if unknown.
    place: String,
    stack: Vec<String>,
}

impl FailedCommand {
    /// Reads `HANDLER`, `STATUS`, the depth of the subshell, the place and the frames, with separators between them.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(SEPARATOR);
        let mut next = || parts.next();
        let (handler, status, depth) = (natural(next()?)?, natural(next()?)?, natural::<u64>(next()?)?);
        Some(Self {
            handler,
            status,
            is_inner: depth > 0,
            place: next().unwrap_or_default().to_owned(),
            stack: parts.map(str::to_owned).collect(),
        })
    }
}

/// A number without a sign, which `parse` would accept.
pub(super) fn natural<T: FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The innermost failure so far.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) place: String,
    pub(super) stack: Vec<String>,
    /// The status of the last failed command in the handler itself.
    pub(super) status: Option<i32>,
}

impl Trace {
    /// Records a failure, unless an inner failure caused it.
    pub(super) fn note(&mut self, failed: FailedCommand) {
        let led_to_it = !self.stack.is_empty() && self.stack.ends_with(&failed.stack);
        if !led_to_it || self.place.is_empty() {
            self.place = failed.place;
        }
        if !led_to_it {
            self.stack = failed.stack;
        }
        if !failed.is_inner {
            self.status = Some(failed.status);
        }
    }

    /// The failure that ended a handler with this status. It is empty if the handler set the status itself, or
    /// continued after the failure.
    pub(super) fn of(self, status: Option<i32>) -> Self {
        if self.status.is_some() && self.status == status { self } else { Self::default() }
    }
}
