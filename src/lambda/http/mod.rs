//! The HTTP/1.1 client of the Runtime API: reads one response from the bytes of a connection.
//!
//! A response does not depend on how its bytes are cut, and never takes more memory than the limits. If a response is
//! too large, its headers are kept, so that its event can be answered by an error.

mod head;

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use memchr::memchr;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use self::head::{Framing, framing, number, parse_head};
use crate::event::headers::Headers;

/// The largest head of a response, in bytes.
pub const RESPONSE_HEAD_LIMIT: usize = 1024 * 1024;

/// The largest body of a response, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// How much of a head is read. A head over [`RESPONSE_HEAD_LIMIT`] is read to its end to find the request id.
const READ_HEAD_LIMIT: usize = 16 * RESPONSE_HEAD_LIMIT;

/// The longest line with the size of a chunk, in bytes.
const SIZE_LINE: usize = 4 * 1024;

/// The longest pause within an event. The wait for its first byte has no limit.
const STALL_LIMIT: Duration = Duration::from_secs(8);

/// The longest pause within the response to a post. After it, the status counts without the rest.
const RECEIPT_STALL_LIMIT: Duration = Duration::from_secs(1);

/// The smallest buffer for one read, and the largest that is allocated for a body before it has come, in bytes.
const ROOM: usize = 8 * 1024;
const BODY_ROOM: usize = 8 * 1024 * 1024;

#[derive(Debug, PartialEq)]
pub struct Response {
    pub status: StatusCode,
    pub headers: Headers,
    /// Empty if the response is too large.
    pub body: Bytes,
    /// Text about the limit that the response exceeds. Nothing more is read from its connection.
    pub too_large: Option<String>,
    /// Whether the connection can be used again.
    pub reusable: bool,
    /// The beginning of the first malformed line of its head, and the number of such lines.
    pub left_out: Option<(String, usize)>,
}

impl Response {
    /// Status and body, for messages.
    pub fn shown(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// The reason why there is no response. Nothing more can be read from the connection.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("the response could not be read: {0}")]
    Read(io::Error),
    #[error("the rest of the response did not come within {STALL_LIMIT:?}")]
    Stalled,
    #[error("invalid HTTP: {0}")]
    Head(String),
    #[error("invalid HTTP: `{0}` says nothing of where the body ends")]
    Length(&'static str),
    #[error("Invalid chunk size: {0:?}")]
    ChunkSize(String),
    #[error("invalid HTTP: a chunk does not end in a line end")]
    ChunkEnd,
    #[error("body has more than {BODY_LIMIT} bytes")]
    TooLarge,
    #[error("connection closed before a response came")]
    Nothing,
    #[error("connection closed {0}")]
    Closed(&'static str),
}

const IN_HEAD: &str = "in the head of a response";
const IN_BODY: &str = "in a body: end of file before message length reached";

/// Reads one response, with an empty buffer. `is_receipt`: the head is enough.
pub async fn response(
    stream: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
    is_receipt: bool,
) -> Result<Response, HttpError> {
    let stall_limit = if is_receipt { RECEIPT_STALL_LIMIT } else { STALL_LIMIT };
    let mut source = Source { stream, buffer, has_begun: false, place: IN_HEAD, stall_limit };
    let mut response = source.head().await?;
    if response.too_large.is_some() {
        return Ok(response);
    }
    source.place = IN_BODY;
    let body = match framing(&response) {
        // does not wait for an end that may never come
        Ok(Framing::UntilClose) if is_receipt => Err(HttpError::Stalled),
        Ok(framing) => {
            response.reusable &= framing != Framing::UntilClose;
            source.body(framing).await
        }
        Err(error) => Err(error),
    };
    response.reusable &= body.is_ok();
    match body {
        Ok(body) => response.body = body,
        Err(error @ HttpError::TooLarge) => response.too_large = Some(error.to_string()),
        Err(_) if is_receipt => response.body = source.buffer.split().freeze(),
        Err(error) => return Err(error),
    }
    Ok(response)
}

/// The bytes of a connection.
struct Source<'a, S> {
    stream: &'a mut S,
    buffer: &'a mut BytesMut,
    /// Whether the response has begun. From then on, each pause has a limit.
    has_begun: bool,
    /// The part of it that is read.
    place: &'static str,
    stall_limit: Duration,
}

impl<S: AsyncRead + Unpin> Source<'_, S> {
    /// Reads once.
    async fn read(&mut self) -> Result<(), HttpError> {
        if self.buffer.capacity() - self.buffer.len() < ROOM {
            self.buffer.reserve(ROOM);
        }
        // unlike `try_read`, it knows after a short read that there is no more input
        let read = self.stream.read_buf(self.buffer);
        let had_begun = std::mem::replace(&mut self.has_begun, true);
        let count =
            if had_begun { timeout(self.stall_limit, read).await.map_err(|_| HttpError::Stalled)? } else { read.await };
        match count.map_err(HttpError::Read)? {
            0 if had_begun => Err(HttpError::Closed(self.place)),
            0 => Err(HttpError::Nothing),
            _ => Ok(()),
        }
    }

    /// The final response without its body.
    async fn head(&mut self) -> Result<Response, HttpError> {
        loop {
            self.has_begun = !self.buffer.is_empty();
            let too_long = || format!("the head has more than {READ_HEAD_LIMIT} bytes");
            let (lines, size) = self.lines(READ_HEAD_LIMIT, too_long).await?;
            let mut response = parse_head(&lines)?;
            // the final response follows an informational one
            if !response.status.is_informational() {
                if size > RESPONSE_HEAD_LIMIT {
                    let too_large = format!("headers have more than {RESPONSE_HEAD_LIMIT} bytes");
                    (response.too_large, response.reusable) = (Some(too_large), false);
                }
                return Ok(response);
            }
        }
    }

    async fn body(&mut self, framing: Framing) -> Result<Bytes, HttpError> {
        match framing {
            Framing::Chunked => self.chunks().await,
            Framing::Length(length) if length > BODY_LIMIT => Err(HttpError::TooLarge),
            Framing::Length(length) => Ok(self.take(length).await?.freeze()),
            Framing::UntilClose => loop {
                if self.buffer.len() > BODY_LIMIT {
                    return Err(HttpError::TooLarge);
                }
                match self.read().await {
                    Err(HttpError::Closed(_)) => return Ok(self.buffer.split().freeze()),
                    read => read?,
                }
            },
        }
    }

    async fn chunks(&mut self) -> Result<Bytes, HttpError> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line(SIZE_LINE, HttpError::ChunkSize).await?.freeze();
            // extensions may follow
            let size = number(line.split(|&byte| byte == b';').next().unwrap_or_default(), 16);
            let size = size.ok_or_else(|| HttpError::ChunkSize(shown(&line)))?;
            if body.len().saturating_add(size) > BODY_LIMIT {
                return Err(HttpError::TooLarge);
            }
            if size == 0 {
                break;
            }
            body.extend_from_slice(&self.take(size).await?);
            if !self.line(2, |_| HttpError::ChunkEnd).await?.is_empty() {
                return Err(HttpError::ChunkEnd);
            }
        }
        self.lines(RESPONSE_HEAD_LIMIT, || "trailers without an end".to_owned()).await?;
        Ok(body.freeze())
    }

    /// The lines up to an empty one, and their size in bytes.
    async fn lines(&mut self, limit: usize, too_long: impl Fn() -> String) -> Result<(Vec<Bytes>, usize), HttpError> {
        // enough for an event
        let (mut lines, mut size) = (Vec::with_capacity(16), 0);
        loop {
            let left = limit.saturating_sub(size);
            let line = self.line(left, |_| HttpError::Head(too_long())).await?.freeze();
            size += line.len() + 2;
            if line.is_empty() {
                return Ok((lines, size));
            }
            lines.push(line);
        }
    }

    async fn take(&mut self, length: usize) -> Result<BytesMut, HttpError> {
        while self.buffer.len() < length {
            self.buffer.reserve((length - self.buffer.len()).min(BODY_ROOM));
            self.read().await?;
        }
        Ok(self.buffer.split_to(length))
    }

    /// A line without its line end. If it is longer than `limit`, the error shows its beginning.
    async fn line(&mut self, limit: usize, too_long: impl Fn(String) -> HttpError) -> Result<BytesMut, HttpError> {
        let mut searched = 0;
        loop {
            let end = self.buffer.len().min(limit);
            if let Some(before) = memchr(b'\n', &self.buffer[searched..end]) {
                let mut line = self.buffer.split_to(searched + before + 1);
                let text = line.strip_suffix(b"\r\n").unwrap_or(&line[..searched + before]);
                line.truncate(text.len());
                return Ok(line);
            }
            if end == limit {
                return Err(too_long(shown(&self.buffer[..end])));
            }
            searched = end;
            self.read().await?;
        }
    }
}

/// The beginning of a line, for messages.
fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(64)]).into_owned()
}
