//! Log lines on standard error: the runtime's own through `tracing`, and those of handlers.
//!
//! In text mode a handler's bytes pass as they are. In JSON mode each line becomes one object, and a line that is one
//! already passes unchanged.

use std::{
    io::{self, Write},
    panic::PanicHookInfo,
};

use rustix::event::{PollFd, PollFlags, poll};
use serde::de::IgnoredAny;
use tracing::Level;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat};

/// The `tracing` target of handlers' lines, which no level filters.
const HANDLER: &str = "handler";

/// Sends the runtime's own lines to standard error. Later calls change nothing.
pub fn start(config: &Config) {
    let levels = Targets::new().with_default(config.log_level).with_target(HANDLER, Level::TRACE);
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

/// The panic hook: the message is one line of the log.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    tracing::error!("{panic}");
}

/// Passes on whole lines of a handler, or a part of a long one.
pub fn write_lines(format: LogFormat, request_id: &str, bytes: &[u8]) {
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
