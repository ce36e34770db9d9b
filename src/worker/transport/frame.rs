//! The protocol between `bootstrap` and a shim, over the two pipes of a worker.
//!
//! A shim inherits no descriptor. It opens both pipes by path, `/proc/PID/fd/N` of the bootstrap, so that a handler
//! cannot close them, write to them, or pass them on to its children.
//!
//! A frame is a head line `NAME LENGTH\n` and then LENGTH bytes of payload. In a frame of a shim, the head may end in a
//! space instead: Bash writes line by line, and frames of several processes must not mix. LENGTH may be `-`: then the
//! payload ends at the next newline, because Bash cannot count bytes without changing its locale.
//!
//! **Requests** (bootstrap to shim) have one of two forms, by the kind of the language ([`crate::worker::Kind`]):
//!
//! * *resident*: a frame `context`, then a frame `event` with the event's bytes. The shim gets another argument: `-`,
//!   or for streamed answers the descriptor of a pipe. It opens this pipe again for each event, writes the answer to
//!   it, and then sends an empty frame `answer`.
//! * *forking*: the shim forks a process for each event, and numbers them from 1. Process n opens the descriptors of
//!   lane n mod 2 in `/proc/PID/fd`: `event` as its standard input, `answer` as its standard output. It waits until it
//!   can read a newline from `wake`; the files `event` and `context` are written before. The shim waits for the
//!   process, and reports its end. The event is in a file, because Bash reads files in blocks, but pipes byte by byte.
//!   A shim gets these further arguments: the descriptor of a file for its own notes, and the four descriptors of each
//!   lane, in the order `wake`, `context`, `event`, `answer`.
//!
//! Requests for the user's hooks: `checkpoint` before a SnapStart snapshot and `restore` after it, both before the
//! first event, and `shutdown` if a worker has hooks that need a request. The answer is `ready` or `failure`. Resident:
//! an empty frame of that name. Forking: a line with that name. A forking shim for a snapshot has the argument
//! `snapshot`, and waits for events only after `restore`; at the shutdown, the process that waits for an event ends.
//!
//! The context is text. Resident: lines `NAME=VALUE` (set this environment variable) or `NAME` (unset it), an empty
//! line, and the headers of the event as lines `name: value`. Forking: a line `COUNT [ARGUMENT [MARK]]`, COUNT lines
//! `NAME=VALUE` (all other variables are unset), and the event without NUL bytes. If the event is large, ARGUMENT is
//! the descriptor of a file with the event, which Bash reads faster. MARK is a text at the end of that file, because
//! Bash removes trailing newlines from its input.
//!
//! **Messages** (shim to bootstrap) are the frames of [`Message`].
//!
//! This module does no IO. A frame's size is checked before anything is allocated for it.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

use bytes::{Buf, Bytes, BytesMut};

use crate::{
    failure::Failure,
    limits::PAYLOAD_LIMIT,
    worker::stack::{FailedCommand, SEPARATOR, natural},
};

/// The frames of a shim; `message` reads them.
const NAMES: [&str; 8] = ["shutdown-hook", "ready", "answer", "failure", "undefined", "trace", "exited", "ended"];

const SHOWN: usize = 200;

/// The longest head line, in bytes.
const FRAME_HEAD_LIMIT: usize = 64;

/// A message of a shim.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// The file has hooks for the shutdown. Sent before the worker is ready.
    ShutdownHook {
        /// Whether a request runs them. If not, the worker runs them at SIGTERM.
        asked: bool,
    },
    /// The handler is loaded, or the hooks have run; the worker waits for an event.
    Ready,
    /// The handler's whole answer. Empty for a streamed answer, and sent after its last byte.
    Answer(Bytes),
    /// The handler failed, or could not be loaded: the error for the caller.
    Failed(Failure),
    /// The file was loaded but does not define the handler. These are the names that it defines.
    Undefined(Vec<String>),
    /// A command has failed.
    Trace(FailedCommand),
    /// The handler has ended with this exit status; the worker continues.
    Exited(i32),
    /// The shell reports the end of the handler's process with this number.
    Ended(u64, ExitStatus),
    /// The process for the event has ended without taking it. The transport creates this message, not the shim.
    Untaken,
}

/// One frame for a shim: the head line and the payload.
pub fn encode(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut frame = format!("{name} {}\n", payload.len()).into_bytes();
    frame.extend_from_slice(payload);
    frame
}

/// The reason why bytes of a shim are no frame. The worker cannot be used after that.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    #[error("a shim's frame begins with {0:?}")]
    Head(String),
    #[error("a shim sent an unknown frame `{0}`")]
    Name(String),
    #[error("a shim's frame `{0}` holds {1:?}")]
    Payload(String, String),
    #[error("a shim announced a frame `{0}` of {1} bytes")]
    Size(String, usize),
    #[error("a shim sent a frame that is not for shims of its kind")]
    Foreign,
    #[error("a shim's frame ended in the middle")]
    Truncated,
}

/// Decodes a shim's bytes into messages, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// The number of bytes of an oversized answer that are still to be dropped.
    to_drop: usize,
}

impl Decoder {
    pub fn feed(&mut self, bytes: &[u8]) {
        let dropped = self.to_drop.min(bytes.len());
        self.to_drop -= dropped;
        self.buffer.extend_from_slice(&bytes[dropped..]);
    }

    /// The next whole message, or `None` until more bytes come.
    pub fn next_message(&mut self) -> Result<Option<Message>, FrameError> {
        let Some(end) = end_of_head(&self.buffer[..self.buffer.len().min(FRAME_HEAD_LIMIT)]) else {
            // report this now, not with the next frame: bytes that a handler has written here must not fail the next
            // event
            if self.buffer.len() >= FRAME_HEAD_LIMIT || !begins_head(&self.buffer) {
                return Err(FrameError::Head(lossy(&self.buffer[..self.buffer.len().min(FRAME_HEAD_LIMIT)])));
            }
            return Ok(None);
        };
        let (name, length) = head(&self.buffer[..end])?;
        let Some(length) = length else { return self.line(&name, end + 1) };
        if name == "answer" && length > PAYLOAD_LIMIT {
            self.buffer.advance(end + 1);
            let here = length.min(self.buffer.len());
            self.buffer.advance(here);
            self.to_drop = length - here;
            return Ok(Some(Message::Failed(Failure::too_large(length, PAYLOAD_LIMIT))));
        }
        if length > PAYLOAD_LIMIT {
            return Err(FrameError::Size(name, length));
        }
        let whole = end + 1 + length;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(end + 1);
        let payload = self.buffer.split_to(length).freeze();
        if self.buffer.is_empty() {
            // frees the memory of a large answer
            self.buffer = BytesMut::new();
        }
        message(&name, payload).map(Some)
    }

    /// A message with a payload from `begin` to the next newline.
    fn line(&mut self, name: &str, begin: usize) -> Result<Option<Message>, FrameError> {
        let Some(length) = memchr::memchr(b'\n', &self.buffer[begin..]) else {
            let size = self.buffer.len() - begin;
            return if size > PAYLOAD_LIMIT { Err(FrameError::Size(name.to_owned(), size)) } else { Ok(None) };
        };
        self.buffer.advance(begin);
        let payload = self.buffer.split_to(length).freeze();
        self.buffer.advance(1);
        message(name, payload).map(Some)
    }

    /// The number of allocated bytes.
    pub fn allocated(&self) -> usize {
        self.buffer.capacity()
    }

    /// Called at the worker's end: an error in the middle of a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() && self.to_drop == 0 { Ok(()) } else { Err(FrameError::Truncated) }
    }
}

/// The index of the newline or the second space.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut spaces = 0;
    bytes.iter().position(|&byte| {
        spaces += usize::from(byte == b' ');
        byte == b'\n' || spaces == 2
    })
}

/// Whether these bytes can become a head line.
fn begins_head(bytes: &[u8]) -> bool {
    let (name, length) = bytes.split_at(bytes.iter().position(|&byte| byte == b' ').unwrap_or(bytes.len()));
    let fits = |known: &&str| {
        if length.is_empty() { known.as_bytes().starts_with(name) } else { known.as_bytes() == name }
    };
    NAMES.iter().any(fits) && (length == b" -" || length.iter().skip(1).all(u8::is_ascii_digit))
}

/// The name and the length; `None` if the payload is a line.
fn head(line: &[u8]) -> Result<(String, Option<usize>), FrameError> {
    let malformed = || FrameError::Head(lossy(line));
    let line = std::str::from_utf8(line).map_err(|_| malformed())?;
    let (name, length) = line.split_once(' ').ok_or_else(malformed)?;
    let length = match length {
        "-" => None,
        digits => Some(natural(digits).ok_or_else(malformed)?),
    };
    Ok((name.to_owned(), length))
}

fn message(name: &str, payload: Bytes) -> Result<Message, FrameError> {
    let message = match name {
        "shutdown-hook" => Some(Message::ShutdownHook { asked: payload != "signal" }),
        "ready" => Some(Message::Ready),
        "answer" => return Ok(Message::Answer(payload)),
        "failure" => serde_json::from_slice(&payload).ok().map(Message::Failed),
        "undefined" => {
            let text = lossy(&payload);
            let names = text.split(['\n', SEPARATOR]).filter(|name| !name.is_empty());
            Some(Message::Undefined(names.map(str::to_owned).collect()))
        }
        "trace" => FailedCommand::parse(&lossy(&payload)).map(Message::Trace),
        "exited" => exited(&lossy(&payload)),
        "ended" => ended(&lossy(&payload)),
        _ => return Err(FrameError::Name(name.to_owned())),
    };
    message.ok_or_else(|| {
        let shown = lossy(&payload[..payload.len().min(SHOWN)]);
        FrameError::Payload(name.to_owned(), shown)
    })
}

/// Reads `NUMBER STATUS`, and ignores the number.
fn exited(text: &str) -> Option<Message> {
    let (number, status) = text.split_once(' ')?;
    natural::<u64>(number)?;
    let (sign, digits) = status.strip_prefix('-').map_or((1, status), |digits| (-1, digits));
    Some(Message::Exited(sign * natural::<i32>(digits)?))
}

/// Reads `NUMBER STATUS [signal]`. With `signal`, the status is a shell's code for a signal.
fn ended(text: &str) -> Option<Message> {
    let mut words = text.split(' ');
    let number = natural(words.next()?)?;
    let status = i32::from(natural::<u8>(words.next()?)?);
    let exit = match (words.next(), status) {
        (None, _) => ExitStatus::from_raw(status << 8),
        (Some("signal"), 129..) => ExitStatus::from_raw(status - 128),
        _ => return None,
    };
    words.next().is_none().then_some(Message::Ended(number, exit))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
