//! A body in chunks.

use std::mem;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use super::{BODY_LIMIT, HttpError, RESPONSE_HEAD_LIMIT, TooLarge};

/// The longest line with the size of a chunk, in bytes.
const SIZE_LINE: usize = 4 * 1024;

#[derive(Debug, Default)]
pub(super) struct Chunks {
    body: BytesMut,
    next: Part,
    trailers: usize,
}

/// The next part of a body in chunks.
#[derive(Clone, Copy, Debug, Default)]
enum Part {
    #[default]
    Size,
    Data(usize),
    DataEnd,
    Trailers,
}

impl Chunks {
    pub(super) fn decode(
        &mut self,
        buffer: &mut BytesMut,
    ) -> Result<Option<Result<Bytes, TooLarge>>, HttpError> {
        loop {
            match self.next {
                Part::Size => {
                    let Some(line) = take_line(buffer, SIZE_LINE).map_err(HttpError::ChunkSize)? else {
                        return Ok(None);
                    };
                    let size = chunk_size(&line)?;
                    if self.body.len().saturating_add(size) > BODY_LIMIT {
                        return Ok(Some(Err(TooLarge::Body)));
                    }
                    self.next = if size == 0 { Part::Trailers } else { Part::Data(size) };
                }
                Part::Data(left) => {
                    let here = left.min(buffer.len());
                    self.body.extend_from_slice(&buffer[..here]);
                    buffer.advance(here);
                    if here < left {
                        self.next = Part::Data(left - here);
                        return Ok(None);
                    }
                    self.next = Part::DataEnd;
                }
                Part::DataEnd => {
                    let Some(end) = data_end(buffer)? else { return Ok(None) };
                    buffer.advance(end);
                    self.next = Part::Size;
                }
                Part::Trailers => {
                    let too_long = |_| HttpError::Head("trailers without an end".to_owned());
                    let Some(line) =
                        take_line(buffer, RESPONSE_HEAD_LIMIT - self.trailers).map_err(too_long)?
                    else {
                        return Ok(None);
                    };
                    if line.is_empty() {
                        return Ok(Some(Ok(mem::take(&mut self.body).freeze())));
                    }
                    self.trailers = (self.trailers + line.len() + 2).min(RESPONSE_HEAD_LIMIT);
                }
            }
        }
    }
}

/// The length of the line end behind a chunk.
fn data_end(buffer: &[u8]) -> Result<Option<usize>, HttpError> {
    match buffer {
        [b'\n', ..] => Ok(Some(1)),
        [b'\r', b'\n', ..] => Ok(Some(2)),
        [] | [b'\r'] => Ok(None),
        _ => Err(HttpError::ChunkEnd),
    }
}

/// A line without its end; an error with its beginning if it is longer than `limit`.
fn take_line(buffer: &mut BytesMut, limit: usize) -> Result<Option<BytesMut>, String> {
    match memchr(b'\n', &buffer[..buffer.len().min(limit)]) {
        Some(end) => {
            let mut line = buffer.split_to(end);
            buffer.advance(1);
            if line.ends_with(b"\r") {
                line.truncate(line.len() - 1);
            }
            Ok(Some(line))
        }
        None if buffer.len() >= limit => Err(String::from_utf8_lossy(&buffer[..limit.min(64)]).into_owned()),
        None => Ok(None),
    }
}

/// The hexadecimal number in front of a chunk's extensions.
fn chunk_size(line: &[u8]) -> Result<usize, HttpError> {
    let refused = || HttpError::ChunkSize(String::from_utf8_lossy(&line[..line.len().min(64)]).into_owned());
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let text = std::str::from_utf8(digits).map_err(|_| refused())?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refused());
    }
    usize::from_str_radix(text, 16).map_err(|_| refused())
}
