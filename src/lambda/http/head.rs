//! The head of a response: its status line and header lines, and what they say of the body.

use bytes::Bytes;
use http::StatusCode;
use memchr::memchr;

use super::{HttpError, Response, shown};
use crate::event::headers::Headers;

#[derive(Clone, Copy, Debug)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
    /// Nobody can say, for this header's sake.
    Unknown(&'static str),
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

/// Reads the lines of a whole head: the response without its body. Not by the crate `httparse`, which refuses values that our headers may have.
pub(super) fn parse_head(bytes: &Bytes) -> Result<(Response, Framing), HttpError> {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    let (is_1_1, status) = status_line(first)
        .ok_or_else(|| HttpError::Head(format!("the status line is {:?}", shown(first))))?;
    let (headers, left_out) = header_lines(bytes, lines.take_while(|line| !line.is_empty()));
    let has = |word: &[u8]| {
        let words = headers.all("connection").flat_map(|value| value.split(|&byte| byte == b','));
        words.map(<[u8]>::trim_ascii).any(|own| own.eq_ignore_ascii_case(word))
    };
    let reusable = if is_1_1 { !has(b"close") } else { has(b"keep-alive") };
    let framing = if status.is_informational() || matches!(status.as_u16(), 204 | 304) {
        Framing::Length(0)
    } else {
        framing(&headers)
    };
    Ok((Response { status, headers, body: Bytes::new(), too_large: None, reusable, left_out }, framing))
}

/// The headers in these lines. A line that begins with white space continues the one before (RFC 9112, section 5.2).
fn header_lines<'a>(
    bytes: &Bytes,
    lines: impl Iterator<Item = &'a [u8]>,
) -> (Headers, Option<(String, usize)>) {
    let mut headers = Headers::default();
    let mut left_out: Option<(String, usize)> = None;
    let mut has_last = false;
    for line in lines {
        let is_fold = line.starts_with(b" ") || line.starts_with(b"\t");
        if is_fold && has_last && is_value(line) {
            match trimmed(line) {
                b"" => {}
                more => headers.extend_last(more),
            }
            continue;
        }
        let header = header_line(line).filter(|_| !is_fold);
        has_last = header.is_some();
        match (header, &mut left_out) {
            (Some((name, value)), _) => headers.append(name, bytes.slice_ref(value)),
            (None, Some((_, count))) => *count += 1,
            (None, none) => *none = Some((format!("{:?}", shown(line)), 1)),
        }
    }
    (headers, left_out)
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

/// Name and value of a header. A name has no spaces around it.
fn header_line(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_sound = !name.is_empty() && name.iter().all(is_token) && is_value(value);
    Some((std::str::from_utf8(name).ok().filter(|_| is_sound)?, trimmed(value)))
}

fn is_value(bytes: &[u8]) -> bool {
    !bytes.iter().any(|byte| b"\0\r".contains(byte))
}

/// Bytes without the blanks around them.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let begin = bytes.iter().position(|byte| !is_blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_blank(byte)).map_or(begin, |last| last + 1);
    &bytes[begin..end]
}

/// How the end of a body is known (RFC 9112, section 6.3).
fn framing(headers: &Headers) -> Framing {
    const LENGTH: &str = "content-length";
    const ENCODING: &str = "transfer-encoding";
    if let Some(encoding) = headers.all(ENCODING).last() {
        let is_chunked = encoding.eq_ignore_ascii_case(b"chunked");
        return if is_chunked { Framing::Chunked } else { Framing::Unknown(ENCODING) };
    }
    let mut length = None;
    for number in headers.all(LENGTH).flat_map(|value| value.split(|&byte| byte == b',')) {
        match decimal(number.trim_ascii()) {
            Some(number) if length.is_none_or(|other| other == number) => length = Some(number),
            _ => return Framing::Unknown(LENGTH),
        }
    }
    length.map_or(Framing::UntilClose, Framing::Length)
}

fn decimal(digits: &[u8]) -> Option<usize> {
    // `parse` would take a sign
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits?.parse().ok()
}
