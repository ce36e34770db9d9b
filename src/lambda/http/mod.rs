//! HTTP/1.1 as a client of the Runtime API needs it: bytes of a response in, the response out. No IO.
//!
//! A response is the same however its bytes are cut, and no more is kept of it than the limits allow. Of a response that
//! is too large the headers are kept, so that its event can be answered by an error.

mod chunks;
mod head;

use bytes::{Bytes, BytesMut};
use http::StatusCode;

pub use self::head::LeftOut;
use self::{
    chunks::Chunks,
    head::{Framing, Head, end_of_head, parse_head},
};
use crate::event::headers::Headers;

/// The largest head of a response, in bytes.
pub const RESPONSE_HEAD_LIMIT: usize = 1024 * 1024;

/// The largest body of a response, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// How much of a head is read. One that is over [`RESPONSE_HEAD_LIMIT`] is read to its end for the sake of its request id.
const READ_HEAD_LIMIT: usize = 16 * RESPONSE_HEAD_LIMIT;

/// The most that room is made for before it has come, in bytes.
const ROOM: usize = 8 * 1024 * 1024;

/// One response.
#[derive(Debug, PartialEq)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: Headers,
    /// The body; empty if the response is too large.
    pub body: Bytes,
    /// The limit that the response is over. Nothing more is read from its connection.
    pub too_large: Option<TooLarge>,
    /// Whether the connection can be used again.
    pub reusable: bool,
    /// Malformed lines of its head.
    pub left_out: Option<LeftOut>,
}

impl Response {
    /// Status and body, for people.
    pub fn shown(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
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
    Body {
        head: Head,
        is_head_too_large: bool,
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
                State::Body { is_head_too_large: true, .. } => {
                    return Ok(Some(self.response(Err(TooLarge::Head))));
                }
                State::Body { head, chunks, .. } => {
                    let body = match chunks {
                        Some(chunks) => chunks.decode(buffer)?,
                        None => sized_body(head.framing, buffer)?,
                    };
                    return Ok(body.map(|body| self.response(body)));
                }
            }
        }
    }

    /// The connection has ended: the response, if that is the end of its body.
    pub fn finish(&mut self, buffer: &mut BytesMut) -> Result<Response, HttpError> {
        match &self.state {
            State::Body { head: Head { framing: Framing::UntilClose, .. }, .. } => {
                let body = buffer.split().freeze();
                Ok(self.response(Ok(body)))
            }
            State::Body { .. } => {
                Err(HttpError::Closed("in a body: end of file before message length reached"))
            }
            State::Head if buffer.is_empty() => Err(HttpError::Closed("before a response came")),
            State::Head => Err(HttpError::Closed("in the head of a response")),
        }
    }

    /// Whether the head is there.
    pub fn has_head(&self) -> bool {
        matches!(self.state, State::Body { .. })
    }

    /// Whether the head is there, and nothing says where the body ends but the end of the connection.
    pub fn has_endless_body(&self) -> bool {
        matches!(&self.state, State::Body { head: Head { framing: Framing::UntilClose, .. }, .. })
    }

    /// The response with as much of its body as has come, if its head has.
    pub fn so_far(mut self, buffer: &mut BytesMut) -> Option<Response> {
        let State::Body { head, .. } = &mut self.state else { return None };
        head.reusable = false;
        let body = buffer.split().freeze();
        Some(self.response(Ok(body)))
    }

    fn take_head(&mut self, buffer: &mut BytesMut) -> Result<Step, HttpError> {
        let Some(end) = end_of_head(buffer, &mut self.searched) else {
            if buffer.len() > READ_HEAD_LIMIT {
                return Err(HttpError::Head(format!("the head has more than {READ_HEAD_LIMIT} bytes")));
            }
            return Ok(Step::More);
        };
        if end > READ_HEAD_LIMIT {
            return Err(HttpError::Head(format!("the head has more than {READ_HEAD_LIMIT} bytes")));
        }
        let bytes = buffer.split_to(end).freeze();
        self.searched = 0;
        let head = parse_head(&bytes)?;
        // an interim response, which the final one follows
        if !head.status.is_informational() {
            let chunks = matches!(head.framing, Framing::Chunked).then(Chunks::default);
            self.state = State::Body { head, is_head_too_large: end > RESPONSE_HEAD_LIMIT, chunks };
        }
        Ok(Step::On)
    }

    fn response(&mut self, body: Body) -> Response {
        let State::Body { head, .. } = std::mem::take(&mut self.state) else {
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
    fn response(self, body: Body) -> Response {
        let Self { status, headers, framing, reusable, left_out } = self;
        let reusable = reusable && body.is_ok() && !matches!(framing, Framing::UntilClose);
        Response {
            status,
            headers,
            too_large: body.as_ref().err().copied(),
            body: body.unwrap_or_default(),
            reusable,
            left_out,
        }
    }
}

/// A body, or that it is too large.
type Body = Result<Bytes, TooLarge>;

/// The body of a response whose length is known, or that ends with its connection.
fn sized_body(framing: Framing, buffer: &mut BytesMut) -> Result<Option<Body>, HttpError> {
    let length = match framing {
        Framing::Length(length) => length,
        Framing::Unknown(header) => return Err(HttpError::Length(header)),
        Framing::UntilClose | Framing::Chunked => {
            return Ok((buffer.len() > BODY_LIMIT).then_some(Err(TooLarge::Body)));
        }
    };
    if length > BODY_LIMIT {
        return Ok(Some(Err(TooLarge::Body)));
    }
    if buffer.len() < length {
        buffer.reserve((length - buffer.len()).min(ROOM));
        return Ok(None);
    }
    Ok(Some(Ok(buffer.split_to(length).freeze())))
}

#[cfg(test)]
mod tests;
