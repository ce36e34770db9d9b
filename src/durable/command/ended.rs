//! The end of a command: its result, or its error.

use std::{io, os::unix::process::ExitStatusExt, process::ExitStatus};

use super::pipes::Pipes;
use crate::{durable::message::Message, failure::ErrorType, limits::PAYLOAD_LIMIT};

/// The end of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// Its standard output, without trailing newlines.
    pub(super) output: Vec<u8>,
    /// The error, if it failed.
    pub(super) failed: Option<Failed>,
}

/// The error of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) status: i32,
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

impl Ended {
    /// The fields of `end`.
    pub(super) fn message(self, id: &str) -> Message {
        let end = Message::new("end").with("id", id);
        match self.failed {
            None => end.with("result", self.output),
            Some(failed) => end
                .with("status", failed.status.to_string())
                .with("type", failed.error_type)
                .with("message", failed.message),
        }
    }

    /// The exit status, if it is not 0.
    pub(super) fn exit_status(&self) -> Option<i32> {
        let failed = self.failed.as_ref()?;
        (failed.error_type == ErrorType::ExitStatus.name()).then_some(failed.status)
    }

    /// The end of a command that cannot be run.
    pub(super) fn not_run(name: &str, error: &io::Error) -> Self {
        let status = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
        let message = format!("`{name}` cannot be run: {error}");
        let failed = Failed { status, error_type: ErrorType::ExitStatus.name(), message };
        Self { output: Vec::new(), failed: Some(failed) }
    }

    /// The end of a command with this status and this output.
    pub(super) fn of(name: &str, status: ExitStatus, pipes: Pipes) -> Self {
        let failed = failure(name, status, &pipes.tail);
        let is_over_limit = pipes.are_over_limit();
        Self { output: pipes.output, failed }.checked(name, is_over_limit)
    }

    /// The same, or the error of a result that cannot be stored.
    fn checked(mut self, name: &str, is_over_limit: bool) -> Self {
        while self.output.last() == Some(&b'\n') {
            self.output.pop();
        }
        let (error_type, message) = if is_over_limit {
            ("Durable.ResultTooLarge", too_large(name))
        } else if std::str::from_utf8(&self.output).is_err() {
            ("Durable.InvalidResult", not_text(name))
        } else {
            return self;
        };
        self.failed.get_or_insert(Failed { status: 1, error_type, message });
        self
    }
}

fn too_large(name: &str) -> String {
    format!(
        "`{name}` has printed more than {PAYLOAD_LIMIT} bytes, which no step can keep: put them into Amazon S3 and \
         print their address"
    )
}

fn not_text(name: &str) -> String {
    format!("`{name}` has printed bytes that are no UTF-8, and results are text: encode them, as with `base64`")
}

/// The error of a command that has ended with this status.
fn failure(name: &str, status: ExitStatus, tail: &[u8]) -> Option<Failed> {
    let (code, error_type, end) = match (status.code(), status.signal()) {
        (Some(0), _) => return None,
        (Some(code), _) => (code, ErrorType::ExitStatus, format!("ended with status {code}")),
        (None, signal) => (128 + signal.unwrap_or(0), ErrorType::Signal, format!("was ended by {status}")),
    };
    let message = format!("`{name}` {end}{}", last_line(tail));
    Some(Failed { status: code, error_type: error_type.name(), message })
}

/// The last line that is not empty, after a colon.
fn last_line(tail: &[u8]) -> String {
    let tail = String::from_utf8_lossy(tail);
    let line = tail.trim_end().lines().last().map(str::trim_end).filter(|line| !line.is_empty());
    line.map(|line| format!(": {line}")).unwrap_or_default()
}
