//! The head of a response: its status line and header lines, and what they say of the body.

use bytes::Bytes;
use http::StatusCode;
use memchr::memchr;

use super::HttpError;
use crate::event::headers::Headers;

#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: Headers,
    pub(super) framing: Framing,
    pub(super) reusable: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// Where the empty line behind a head ends. Lines may end in a bare newline, as `httparse` takes them, too.
pub(super) fn end_of_head(buffer: &[u8], searched: &mut usize) -> Option<usize> {
    while let Some(offset) = memchr(b'\n', &buffer[*searched..]) {
        let newline = *searched + offset;
        match &buffer[newline + 1..] {
            [b'\n', ..] => return Some(newline + 2),
            [b'\r', b'\n', ..] => return Some(newline + 3),
            // the rest of an end may be still to come
            [] | [b'\r'] => return None,
            _ => *searched = newline + 1,
        }
    }
    *searched = buffer.len();
    None
}

/// Reads the lines of a whole head. Not by the crate `httparse`, which refuses values that our headers may have.
pub(super) fn parse_head(bytes: &Bytes) -> Result<Head, HttpError> {
    let refused = |what: &str, line: &[u8]| {
        Err(HttpError::Head(format!("{what} {:?}", String::from_utf8_lossy(&line[..line.len().min(64)]))))
    };
    let mut lines = bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    let Some((is_1_1, status)) = status_line(first) else { return refused("the status line is", first) };
    let mut headers = Headers::default();
    for line in lines.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = header_line(line) else { return refused("a header line is", line) };
        headers.append(name, bytes.slice_ref(value));
    }
    let has = |word: &[u8]| {
        let words = headers.all("connection").flat_map(|value| value.split(|&byte| byte == b','));
        words.map(<[u8]>::trim_ascii).any(|own| own.eq_ignore_ascii_case(word))
    };
    let reusable = if is_1_1 { !has(b"close") } else { has(b"keep-alive") };
    let framing = if status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        Framing::Length(0)
    } else {
        framing(&headers)?
    };
    Ok(Head { status, headers, framing, reusable })
}

/// Whether the version is 1.1, and the status, of `HTTP/1.1 200 OK` or the like.
fn status_line(line: &[u8]) -> Option<(bool, StatusCode)> {
    let (version, rest) = line.split_at_checked(9)?;
    let is_1_1 = match version {
        b"HTTP/1.1 " => true,
        b"HTTP/1.0 " => false,
        _ => return None,
    };
    let (status, reason) = rest.split_at_checked(3)?;
    let is_separated = reason.first().is_none_or(|&byte| byte == b' ');
    Some((is_1_1, StatusCode::from_bytes(status).ok().filter(|_| is_separated)?))
}

/// Name and value of a header. A name has no spaces around it, and no line continues the one before.
fn header_line(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_sound =
        !name.is_empty() && name.iter().all(is_token) && !value.iter().any(|byte| b"\0\r".contains(byte));
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let begin = value.iter().position(|byte| !is_blank(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_blank(byte)).map_or(begin, |last| last + 1);
    Some((std::str::from_utf8(name).ok().filter(|_| is_sound)?, &value[begin..end]))
}

/// How the end of a body is known (RFC 9112, section 6.3).
fn framing(headers: &Headers) -> Result<Framing, HttpError> {
    if let Some(encoding) = headers.all("transfer-encoding").last() {
        let is_chunked = encoding.eq_ignore_ascii_case(b"chunked");
        return if is_chunked { Ok(Framing::Chunked) } else { Err(HttpError::Length("transfer-encoding")) };
    }
    let mut length = None;
    for number in headers.all("content-length").flat_map(|value| value.split(|&byte| byte == b',')) {
        let number = decimal(number.trim_ascii()).ok_or(HttpError::Length("content-length"))?;
        if length.replace(number).is_some_and(|other| other != number) {
            return Err(HttpError::Length("content-length"));
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

fn decimal(digits: &[u8]) -> Option<usize> {
    // `parse` would take a sign
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits?.parse().ok()
}
