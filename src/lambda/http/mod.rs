//! HTTP/1.1 as a client of the Runtime API needs it: bytes of a response in, the response out. No IO.
//!
//! A response is the same however its bytes are cut, and no more is kept of it than the two limits allow. Of a
//! response that is over a limit the short header lines are kept, so that its event can be answered by an error.

mod chunks;
mod head;

use std::mem;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use memchr::memchr;

use self::{
    chunks::Chunks,
    head::{Framing, Head, end_of_head, parse_head},
};
use crate::event::headers::Headers;

/// The largest head of a response, in bytes.
pub const RESPONSE_HEAD_LIMIT: usize = 1024 * 1024;

/// The largest body of a response, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// The longest header line that is kept of a head that is too large, in bytes, and how many bytes of such lines.
const SHORT_LINE: usize = 8 * 1024;
const SHORT_LINES: usize = 64 * 1024;

/// How much of a head that is too large is read to its end.
const ENDLESS_HEAD: usize = 16 * RESPONSE_HEAD_LIMIT;

/// The most that room is made for before it has come, in bytes.
const ROOM: usize = 8 * 1024 * 1024;

/// One response.
#[derive(Debug, PartialEq)]
pub struct Response {
    /// What the server says of the request.
    pub status: StatusCode,
    /// Its headers.
    pub headers: Headers,
    /// Its body; empty if it is too large.
    pub body: Bytes,
    /// The limit that it is over, and the connection with it: nothing more is read from there.
    pub too_large: Option<TooLarge>,
    /// Whether the connection can be used again.
    pub reusable: bool,
}

/// A limit, by the part of a response that it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TooLarge {
    /// [`RESPONSE_HEAD_LIMIT`].
    Head,
    /// [`BODY_LIMIT`].
    Body,
}

/// Why bytes are no response. Nothing more can be read from their connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The head does not follow the grammar.
    #[error("invalid HTTP: {0}")]
    Head(String),
    /// Nobody can say where the body ends.
    #[error("invalid HTTP: `{0}` says nothing of where the body ends")]
    Length(&'static str),
    /// The size of a chunk is none.
    #[error("Invalid chunk size: {0:?}")]
    ChunkSize(String),
    /// A chunk does not end where it should.
    #[error("invalid HTTP: a chunk does not end in a line end")]
    ChunkEnd,
    /// The connection has ended before the response.
    #[error("connection closed {0}")]
    Closed(&'static str),
}

/// Makes one response out of the bytes of a connection.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
    /// How many bytes of the buffer are known to hold no end of the head.
    searched: usize,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    /// The head is too large. Its short lines, and how many bytes there were in all.
    LongHead {
        kept: Vec<u8>,
        seen: usize,
        in_long_line: bool,
    },
    Body {
        head: Head,
        chunks: Option<Chunks>,
    },
}

impl Decoder {
    /// Takes what belongs to the response out of the buffer, and gives it once it is whole.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Response>, HttpError> {
        loop {
            match &mut self.state {
                State::Head => match self.take_head(buffer)? {
                    Step::More => return Ok(None),
                    Step::On => {}
                },
                State::LongHead { .. } => return self.skim_head(buffer),
                State::Body { head, chunks } => {
                    let body = match chunks {
                        Some(chunks) => chunks.decode(buffer)?,
                        None => sized_body(head.framing, buffer),
                    };
                    return Ok(body.map(|body| self.response(body)));
                }
            }
        }
    }

    /// The connection has ended: the response, if that is the end of its body.
    pub fn finish(mut self, buffer: &mut BytesMut) -> Result<Response, HttpError> {
        match &self.state {
            State::Body { head: Head { framing: Framing::UntilClose, .. }, .. } => {
                let body = buffer.split().freeze();
                Ok(self.response(Ok(body)))
            }
            State::Body { .. } => {
                Err(HttpError::Closed("in a body: end of file before message length reached"))
            }
            State::Head if buffer.is_empty() => Err(HttpError::Closed("before a response came")),
            State::Head | State::LongHead { .. } => Err(HttpError::Closed("in the head of a response")),
        }
    }

    fn take_head(&mut self, buffer: &mut BytesMut) -> Result<Step, HttpError> {
        let Some(end) = end_of_head(buffer, &mut self.searched) else {
            if buffer.len() > RESPONSE_HEAD_LIMIT {
                self.state = State::LongHead { kept: Vec::new(), seen: 0, in_long_line: false };
                return Ok(Step::On);
            }
            return Ok(Step::More);
        };
        if end > RESPONSE_HEAD_LIMIT {
            self.state = State::LongHead { kept: Vec::new(), seen: 0, in_long_line: false };
            return Ok(Step::On);
        }
        let bytes = buffer.split_to(end).freeze();
        self.searched = 0;
        let head = parse_head(&bytes)?;
        // an interim response, which the final one follows
        if !head.status.is_informational() {
            let chunks = matches!(head.framing, Framing::Chunked).then(Chunks::default);
            self.state = State::Body { head, chunks };
        }
        Ok(Step::On)
    }

    /// Takes whole lines, and keeps the short ones, until the head is over.
    fn skim_head(&mut self, buffer: &mut BytesMut) -> Result<Option<Response>, HttpError> {
        let State::LongHead { kept, seen, in_long_line } = &mut self.state else {
            unreachable!("BUG: only a long head is skimmed");
        };
        loop {
            let line_end = memchr(b'\n', buffer);
            let count = match line_end {
                Some(end) => end + 1,
                None if buffer.len() >= SHORT_LINE => buffer.len(),
                None => return Ok(None),
            };
            let line = buffer.split_to(count);
            *seen += count;
            let is_end = !*in_long_line && matches!(&line[..], b"\n" | b"\r\n");
            let is_short = line_end.is_some() && !*in_long_line && count <= SHORT_LINE;
            if is_end || (is_short && kept.len() + count <= SHORT_LINES) {
                kept.extend_from_slice(&line);
            }
            *in_long_line = line_end.is_none();
            if is_end {
                let head = parse_head(&Bytes::from(mem::take(kept)))?;
                let head = Head { reusable: false, ..head };
                return Ok(Some(head.response(Err(TooLarge::Head))));
            }
            if *seen > ENDLESS_HEAD {
                return Err(HttpError::Head(format!("the head has more than {ENDLESS_HEAD} bytes")));
            }
        }
    }

    fn response(&mut self, body: Result<Bytes, TooLarge>) -> Response {
        let State::Body { head, .. } = mem::take(&mut self.state) else {
            unreachable!("BUG: a body follows a head");
        };
        head.response(body)
    }
}

/// Whether a part of a response was there to be taken.
enum Step {
    On,
    More,
}

impl Head {
    fn response(self, body: Result<Bytes, TooLarge>) -> Response {
        let Self { status, headers, framing, reusable } = self;
        let reusable = reusable && body.is_ok() && !matches!(framing, Framing::UntilClose);
        Response {
            status,
            headers,
            too_large: body.as_ref().err().copied(),
            body: body.unwrap_or_default(),
            reusable,
        }
    }
}

/// The body of a response whose length is known, or that ends with its connection.
fn sized_body(framing: Framing, buffer: &mut BytesMut) -> Option<Result<Bytes, TooLarge>> {
    let Framing::Length(length) = framing else {
        return (buffer.len() > BODY_LIMIT).then_some(Err(TooLarge::Body));
    };
    if length > BODY_LIMIT {
        return Some(Err(TooLarge::Body));
    }
    if buffer.len() < length {
        buffer.reserve((length - buffer.len()).min(ROOM));
        return None;
    }
    Some(Ok(buffer.split_to(length).freeze()))
}

#[cfg(test)]
mod tests;
