//! Log lines on standard error: the runtime's own through `tracing`, and those of handlers.
//!
//! In text mode, a handler's bytes are written unchanged. In JSON mode, each line becomes one object; a line that is
//! already an object is written unchanged.

pub mod tail;

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
    panic::PanicHookInfo,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use lambda_runtime::Diagnostic;
use rustix::event::{PollFd, PollFlags, poll};
use serde::Serialize;
use serde::de::IgnoredAny;
use tracing::Level;
use tracing_subscriber::{
    filter::Targets,
    fmt::{
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{
    event::invocation::Invocation,
    failure::Failure,
    settings::{LogFormat, Settings},
};

/// The `tracing` target of handlers' lines, which no level filters.
const HANDLER: &str = "handler";

static ERRORS: OnceLock<Errors> = OnceLock::new();

/// Whether the last line of a handler has no end yet.
static IS_IN_LINE: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Copy)]
enum Errors {
    Record,
    /// As text. Carriage returns join its lines, so that `CloudWatch` stores them as one log event.
    Block,
    Lines,
}

/// Sends the runtime's own lines to standard error. Later calls change nothing.
pub fn start(settings: &Settings) {
    let _ = ERRORS.set(match settings.log_format {
        LogFormat::Json => Errors::Record,
        LogFormat::Text if settings.runtime_api.is_some() && !io::stderr().is_terminal() => Errors::Block,
        LogFormat::Text => Errors::Lines,
    });
    let levels = Targets::new().with_default(settings.log_level).with_target(HANDLER, Level::TRACE);
    let registry = tracing_subscriber::registry().with(levels);
    let lines = tracing_subscriber::fmt::layer().with_writer(own_line).with_target(false);
    // this fails only if there is already a subscriber, as in unit tests
    let _ = match settings.log_format {
        LogFormat::Text => registry.with(lines.with_ansi(false).without_time()).try_init(),
        LogFormat::Json => {
            registry.with(lines.json().flatten_event(true).with_current_span(false).with_span_list(false)).try_init()
        }
    };
}

/// The panic hook: logs the message as one line.
pub fn panicked(panic: &PanicHookInfo<'_>) {
    tracing::error!("{panic}");
}

/// The event of a line.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Its request; empty outside of events.
    pub request_id: String,
    pub tenant_id: Option<String>,
}

impl Origin {
    pub fn of(invocation: &Invocation) -> Self {
        let tenant_id = invocation.tenant_id().map(str::to_owned);
        Self { request_id: invocation.request_id().to_owned(), tenant_id }
    }

    pub fn warn(&self, message: impl Display) {
        tracing::warn!(requestId = self.request_id, tenantId = self.tenant_id, "{message}");
    }

    pub fn error(&self, message: impl Display) {
        tracing::error!(requestId = self.request_id, tenantId = self.tenant_id, "{message}");
    }
}

/// A handler's error in JSON, as the managed runtimes write it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    timestamp: String,
    level: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a str>,
    #[serde(flatten)]
    diagnostic: &'a Diagnostic,
    stack_trace: &'a [String],
}

pub fn write_failure(invocation: &Invocation, failure: &Failure) {
    let origin = Origin::of(invocation);
    let errors = ERRORS.get().copied().unwrap_or(Errors::Lines);
    let lines = [&[failure.to_string()], &failure.stack_trace[..]].concat().join("\n");
    tail::add_line(&origin.request_id, &format!("{lines}\n"));
    match errors {
        Errors::Record => {
            let record = Record {
                timestamp: timestamp(),
                level: "ERROR",
                request_id: &origin.request_id,
                tenant_id: origin.tenant_id.as_deref(),
                diagnostic: &failure.diagnostic,
                stack_trace: &failure.stack_trace,
            };
            let mut line = serde_json::to_vec(&record).expect("BUG: strings always serialize");
            line.push(b'\n');
            let _ = own_line().write_all(&line);
        }
        Errors::Block => origin.error(lines.replace('\n', "\r")),
        Errors::Lines => origin.error(lines),
    }
}

fn timestamp() -> String {
    let mut text = String::new();
    // writing to a string cannot fail
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

/// Writes whole lines of a handler, or a part of a long line.
pub fn write_lines(format: LogFormat, origin: &Origin, bytes: &[u8]) {
    tail::add(&origin.request_id, bytes);
    match format {
        LogFormat::Text => {
            // a closed standard error has no reader
            let _ = StandardError.write_all(bytes);
            IS_IN_LINE.store(!bytes.ends_with(b"\n"), Ordering::Relaxed);
        }
        LogFormat::Json => {
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                write_object(origin, line);
            }
        }
    }
}

fn write_object(origin: &Origin, line: &[u8]) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    if is_object(line) {
        let _ = StandardError.write_all(&[line, b"\n"].concat());
        return;
    }
    let message = String::from_utf8_lossy(line);
    let request_id = Some(origin.request_id.as_str()).filter(|id| !id.is_empty());
    let tenant_id = origin.tenant_id.as_deref();
    tracing::info!(target: HANDLER, requestId = request_id, tenantId = tenant_id, "{message}");
}

fn is_object(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

/// Standard error for a line of the runtime. If the last line of a handler has no end, this one begins behind a newline.
pub fn own_line() -> impl Write {
    if IS_IN_LINE.swap(false, Ordering::Relaxed) {
        let _ = StandardError.write_all(b"\n");
    }
    StandardError
}

/// Standard error without a buffer. If a process has made it non-blocking, a write waits for room.
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
