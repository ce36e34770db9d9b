//! Makes messages of the bytes of a shim.

use bytes::{Buf, Bytes, BytesMut};

use super::frame::Message;
use crate::{
    failure::Failure,
    limits::PAYLOAD_LIMIT,
    worker::{
        answer::ExitKind,
        stack::{FailedCommand, SEPARATOR, natural},
    },
};

/// The frames of a shim, which `message` reads.
const NAMES: [&str; 8] =
    ["shutdown-hook", "ready", "answer", "failure", "undefined", "trace", "exited", "ended"];

const SHOWN: usize = 200;

/// The longest head line that is still waited for, in bytes.
const FRAME_HEAD_LIMIT: usize = 64;

/// Why the bytes of a shim are not frames. The worker is of no use after any of these.
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

/// Makes messages of a shim's bytes, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// The bytes of an oversized answer that are still to be dropped.
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
            // now, and not with the next frame: what a handler has written here must not cost the next event
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
            // the allocation of a large answer goes with it
            self.buffer = BytesMut::new();
        }
        message(&name, payload).map(Some)
    }

    /// A message whose payload begins here and ends at a newline.
    fn line(&mut self, name: &str, begin: usize) -> Result<Option<Message>, FrameError> {
        let Some(length) = memchr::memchr(b'\n', &self.buffer[begin..]) else {
            let size = self.buffer.len() - begin;
            return if size > PAYLOAD_LIMIT {
                Err(FrameError::Size(name.to_owned(), size))
            } else {
                Ok(None)
            };
        };
        self.buffer.advance(begin);
        let payload = self.buffer.split_to(length).freeze();
        self.buffer.advance(1);
        message(name, payload).map(Some)
    }

    /// How many bytes are held or set aside.
    pub fn allocated(&self) -> usize {
        self.buffer.capacity()
    }

    /// The worker's end: right between two frames, an error inside one.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() && self.to_drop == 0 { Ok(()) } else { Err(FrameError::Truncated) }
    }
}

/// Where the newline or the second space is.
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

/// The name and the length; none where the payload is a line.
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
        "undefined" => Some(undefined(&lossy(&payload))),
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

fn undefined(text: &str) -> Message {
    let names = text.split(['\n', SEPARATOR]).filter(|name| !name.is_empty());
    Message::Undefined(names.map(str::to_owned).collect())
}

/// `NUMBER STATUS`, where the number says nothing.
fn exited(text: &str) -> Option<Message> {
    let (number, status) = text.split_once(' ')?;
    natural::<u64>(number)?;
    let (sign, digits) = status.strip_prefix('-').map_or((1, status), |digits| (-1, digits));
    Some(Message::Exited(sign * natural::<i32>(digits)?))
}

/// `NUMBER STATUS`, and `signal` where that is what a shell makes of a signal.
fn ended(text: &str) -> Option<Message> {
    let mut words = text.split(' ');
    let number = natural(words.next()?)?;
    let status = i32::from(natural::<u8>(words.next()?)?);
    let exit = match (words.next(), status) {
        (None, _) => ExitKind::Exited(status),
        (Some("signal"), 129..) => ExitKind::Signalled(status - 128),
        _ => return None,
    };
    words.next().is_none().then_some(Message::Ended(number, exit))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
