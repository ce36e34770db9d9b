//! The head of a response: its status line, its header lines, and the framing of the body.

use bytes::Bytes;
use http::StatusCode;
use memchr::memchr;

use super::{HttpError, Response, shown};
use crate::event::headers::Headers;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// Reads the lines of a whole head: the response without its body. The crate `httparse` is not used, because it refuses
/// some values of Lambda's headers.
pub(super) fn parse_head(lines: &[Bytes]) -> Result<Response, HttpError> {
    let (first, lines) = lines.split_first().map_or((&b""[..], lines), |(first, lines)| (first, lines));
    let (is_1_1, status) =
        status_line(first).ok_or_else(|| HttpError::Head(format!("the status line is {:?}", shown(first))))?;
    let (headers, left_out) = header_lines(lines);
    let has = |word: &[u8]| {
        let words = headers.all("connection").flat_map(|value| value.split(|&byte| byte == b','));
        words.map(<[u8]>::trim_ascii).any(|own| own.eq_ignore_ascii_case(word))
    };
    let reusable = if is_1_1 { !has(b"close") } else { has(b"keep-alive") };
    Ok(Response { status, headers, body: Bytes::new(), too_large: None, reusable, left_out })
}

/// The headers in these lines. A line that begins with white space continues the previous line (RFC 9112, section 5.2).
fn header_lines(lines: &[Bytes]) -> (Headers, Option<(String, usize)>) {
    let mut headers = Headers::default();
    let mut left_out: Option<(String, usize)> = None;
    let mut has_last = false;
    for line in lines {
        let is_fold = line.starts_with(b" ") || line.starts_with(b"\t");
        if is_fold && has_last && is_value(line) {
            match line.trim_ascii() {
                b"" => {}
                more => headers.extend_last(more),
            }
            continue;
        }
        let header = header_line(line).filter(|_| !is_fold);
        has_last = header.is_some();
        match (header, &mut left_out) {
            (Some((name, value)), _) => headers.append(name, line.slice_ref(value)),
            (None, Some((_, count))) => *count += 1,
            (None, none) => *none = Some((format!("{:?}", shown(line)), 1)),
        }
    }
    (headers, left_out)
}

/// Reads a line such as `HTTP/1.1 200 OK`: whether the version is 1.1, and the status.
fn status_line(line: &[u8]) -> Option<(bool, StatusCode)> {
    let mut words = line.split(|&byte| byte == b' ');
    let is_1_1 = match words.next()? {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return None,
    };
    Some((is_1_1, StatusCode::from_bytes(words.next()?).ok()?))
}

/// Name and value of a header. A name has no spaces around it.
fn header_line(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let is_sound = !name.is_empty() && name.iter().all(is_token) && is_value(value);
    Some((std::str::from_utf8(name).ok().filter(|_| is_sound)?, value.trim_ascii()))
}

fn is_value(bytes: &[u8]) -> bool {
    !bytes.iter().any(|byte| b"\0\r".contains(byte))
}

/// The rule for the end of the body (RFC 9112, section 6.3).
pub(super) fn framing(response: &Response) -> Result<Framing, HttpError> {
    const LENGTH: &str = "content-length";
    const ENCODING: &str = "transfer-encoding";
    if matches!(response.status.as_u16(), 204 | 304) {
        return Ok(Framing::Length(0));
    }
    if let Some(encoding) = response.headers.all(ENCODING).last() {
        let is_chunked = encoding.eq_ignore_ascii_case(b"chunked");
        return if is_chunked { Ok(Framing::Chunked) } else { Err(HttpError::Length(ENCODING)) };
    }
    let mut length = None;
    for text in response.headers.all(LENGTH).flat_map(|value| value.split(|&byte| byte == b',')) {
        match number(text, 10) {
            Some(number) if length.is_none_or(|other| other == number) => length = Some(number),
            _ => return Err(HttpError::Length(LENGTH)),
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

/// A number between blanks, without a sign.
pub(super) fn number(text: &[u8], radix: u32) -> Option<usize> {
    let digits = std::str::from_utf8(text.trim_ascii()).ok()?;
    // `from_str_radix` accepts a plus sign
    usize::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))
}
