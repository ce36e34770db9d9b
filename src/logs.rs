//! Log lines: the runtime's own through `tracing`, and a worker's from its pipe to standard error.
//!
//! In text mode a worker's bytes pass as they are. In JSON mode each line becomes one object, and a line
//! that is one already passes unchanged. Nothing here grows with what a handler writes.

use std::{
    collections::VecDeque,
    io::{self, Write},
    os::fd::OwnedFd,
    panic::PanicHookInfo,
};

use rustix::event::{PollFd, PollFlags, poll};
use serde::de::IgnoredAny;
use tokio::{net::unix::pipe, task::coop::consume_budget};
use tracing::Level;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// The `tracing` target of handlers' lines, which no level filters.
const HANDLER: &str = "handler";

/// How much is read at once in text mode, in bytes; also how much of a line without an end is held back.
const BLOCK: usize = 64 * 1024;

/// How much is read at once in JSON mode, in bytes: if its lines are empty, it takes as long as some megabytes of text.
const JSON_BLOCK: usize = 8 * 1024;

/// How many units tokio gives a task before the others have their turn: a block costs all of them.
const UNITS: usize = 128;

/// A line longer than this is cut into several objects in JSON mode: the most that a log event can hold, in bytes.
const LONGEST_LINE: usize = 256 * 1024;

/// How much of an event's log an error may quote, in bytes and in lines.
const QUOTED: (usize, usize) = (16 * 1024, 10);

/// How an interpreter begins its last words, where it says more behind them than is quoted.
const LAST_WORDS: [&str; 2] = ["fatal error", "Unhandled exception"];

/// Sends the runtime's own lines to standard error. Later calls change nothing.
pub fn start(config: &Config) {
    // `lambda_runtime` warns of a feature that it lacks here and that this crate brings itself
    let levels = Targets::new()
        .with_default(config.log_level)
        .with_target("lambda_runtime", Level::ERROR)
        .with_target(HANDLER, Level::TRACE);
    let registry = tracing_subscriber::registry().with(levels);
    let lines = tracing_subscriber::fmt::layer().with_writer(|| StandardError).with_target(false);
    // it fails only where a subscriber is set, as in unit tests
    let _ = match config.log_format {
        LogFormat::Text => registry.with(lines.with_ansi(false).without_time()).try_init(),
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true).with_current_span(false).with_span_list(false))
            .try_init(),
    };
}

/// The panic hook. A panic of `lambda_runtime`, as at a header that is missing, ends the run with its message.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    if panic.location().is_none_or(|place| place.file().contains("lambda_runtime-")) {
        tracing::debug!("{panic}");
    } else {
        tracing::error!("{panic}");
    }
}

/// What one worker writes to its standard error, and to its standard output outside of events.
pub struct Log {
    receiver: pipe::Receiver,
    format: LogFormat,
    buffer: Vec<u8>,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    tail: VecDeque<u8>,
    request_id: String,
    open: bool,
}

impl Log {
    /// Reads from this end of a pipe.
    pub fn new(pipe: OwnedFd, format: LogFormat) -> io::Result<Self> {
        Ok(Self {
            receiver: pipe::Receiver::from_owned_fd(pipe)?,
            format,
            buffer: match format {
                LogFormat::Text => vec![0; BLOCK],
                LogFormat::Json => vec![0; JSON_BLOCK],
            },
            line: Vec::new(),
            tail: VecDeque::new(),
            request_id: String::new(),
            open: true,
        })
    }

    /// What comes from now on belongs to this event.
    pub fn begin(&mut self, request_id: &str) {
        request_id.clone_into(&mut self.request_id);
        self.tail.clear();
    }

    /// Waits for output and passes on what is there; for ever once nobody can write any more.
    pub async fn pump(&mut self) {
        if !self.open || self.receiver.readable().await.is_err() {
            return std::future::pending().await;
        }
        match self.receiver.try_read(&mut self.buffer) {
            Ok(0) => self.open = false,
            Ok(count) => {
                self.pass(count);
                // who writes faster than this passes it on must not keep all else, as deadlines, from its turn
                for _ in 0..=count * UNITS / self.buffer.len() {
                    consume_budget().await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.open = false,
        }
    }

    /// Passes on all that was written up to now, the beginning of a line too.
    pub fn drain(&mut self) {
        // not `try_read`: it knows only what the event loop has seen
        let mut there = rustix::io::ioctl_fionread(&self.receiver).unwrap_or(0);
        while there > 0 {
            match rustix::io::read(&self.receiver, &mut self.buffer[..]) {
                Ok(count) if count > 0 => {
                    self.pass(count);
                    there = there.saturating_sub(count as u64);
                }
                _ => break,
            }
        }
        self.flush();
    }

    /// The last lines of the current event, or those that begin with an interpreter's last words.
    #[must_use]
    pub fn last_lines(&self) -> String {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        let begin = lines
            .iter()
            .rposition(|line| LAST_WORDS.iter().any(|words| line.starts_with(words)))
            .unwrap_or(lines.len().saturating_sub(QUOTED.1));
        lines[begin..lines.len().min(begin + QUOTED.1)].join("\n")
    }

    fn pass(&mut self, count: usize) {
        let begin = count.saturating_sub(QUOTED.0);
        self.tail.extend(&self.buffer[begin..count]);
        self.tail.drain(..self.tail.len().saturating_sub(QUOTED.0));

        let new = &self.buffer[..count];
        let whole = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole > 0 {
            if self.line.is_empty() {
                write_lines(self.format, &self.request_id, &new[..whole]);
            } else {
                self.line.extend_from_slice(&new[..whole]);
                write_lines(self.format, &self.request_id, &self.line);
                self.line = Vec::new();
            }
        }
        self.line.extend_from_slice(&new[whole..]);
        let held = match self.format {
            LogFormat::Text => BLOCK,
            LogFormat::Json => LONGEST_LINE,
        };
        if self.line.len() >= held {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            write_lines(self.format, &self.request_id, &self.line);
            self.line = Vec::new();
        }
    }
}

fn write_lines(format: LogFormat, request_id: &str, bytes: &[u8]) {
    match format {
        LogFormat::Text => {
            // where standard error is closed there is nobody to tell
            let _ = StandardError.write_all(bytes);
        }
        LogFormat::Json => {
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                write_object(request_id, line);
            }
        }
    }
}

fn write_object(request_id: &str, line: &[u8]) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if is_object(line) {
        let _ = StandardError.write_all(&[line, b"\n"].concat());
        return;
    }
    let message = String::from_utf8_lossy(line);
    if request_id.is_empty() {
        tracing::info!(target: HANDLER, "{message}");
    } else {
        tracing::info!(target: HANDLER, requestId = request_id, "{message}");
    }
}

fn is_object(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

/// Standard error without a buffer, waited for where somebody has made it non-blocking.
struct StandardError;

impl Write for StandardError {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let standard_error = io::stderr();
        loop {
            match rustix::io::write(&standard_error, bytes) {
                Err(rustix::io::Errno::AGAIN) => {
                    poll(&mut [PollFd::new(&standard_error, PollFlags::OUT)], None)?;
                }
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_objects_from_other_lines() {
        assert!(is_object(br#"{"level":"INFO"}"#));
        assert!(is_object(b"  {} "));
        for line in [&b"[1]"[..], b"{", b"{} {}", b"text", b"", b"\xff{}"] {
            assert!(!is_object(line), "{}", line.escape_ascii());
        }
    }
}
