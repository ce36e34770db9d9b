//! The head of a CGI document: header lines and an empty line. No IO.

use std::borrow::Cow;

use bytes::{Buf, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use memchr::memchr;

use crate::{
    failure::{ErrorType, Failure},
    http::prelude::Prelude,
};

/// The largest head, in bytes.
pub const CGI_HEAD_LIMIT: usize = 64 * 1024;

const SHOWN: usize = 80;

const NO_HEAD: &str =
    "it is empty, and has to begin with header lines, as in `Content-Type: text/plain`, and an empty line";

/// Removes the head from the bytes of a document; `None` until all of it has come. An error has the reason, and does
/// not depend on how the bytes are cut.
pub fn take_head(bytes: &mut BytesMut, is_last: bool) -> Result<Option<Prelude>, Failure> {
    let mut begin = 0;
    let mut lines = Lines::default();
    let seen = &bytes[..bytes.len().min(CGI_HEAD_LIMIT)];
    while let Some(length) = memchr(b'\n', &seen[begin..]) {
        let line = &seen[begin..begin + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let is_first = begin == 0;
        begin += length + 1;
        if line.is_empty() {
            let head = lines.head()?;
            bytes.advance(begin);
            return Ok(Some(head));
        }
        lines.add(line, is_first)?;
    }
    if bytes.len() > CGI_HEAD_LIMIT {
        return Err(invalid(&format!("its head has more than {CGI_HEAD_LIMIT} bytes")));
    }
    match (is_last, bytes.is_empty()) {
        (false, _) => Ok(None),
        (true, true) => Err(invalid(NO_HEAD)),
        (true, false) => Err(invalid(&format!("there is no empty line behind its head {}", shown(bytes)))),
    }
}

#[derive(Default)]
struct Lines {
    status: Option<StatusCode>,
    headers: HeaderMap,
}

impl Lines {
    fn add(&mut self, line: &[u8], is_first: bool) -> Result<(), Failure> {
        // the status line of HTTP, as `nph-` programs write it
        if let Some(status_line) = line.strip_prefix(b"HTTP/").filter(|_| is_first) {
            let space = status_line.iter().position(|&byte| byte == b' ').unwrap_or(status_line.len());
            self.status = Some(status_code(status_line[space..].trim_ascii(), line)?);
            return Ok(());
        }
        // the first line of Python's `cgitb`: a header for servers, a comment for browsers
        if line == b"<!--: spam" {
            return Ok(());
        }
        let (name, value) = header_line(line)?;
        if name.as_str() == "status" {
            self.status = Some(status_code(value.as_bytes(), value.as_bytes())?);
        } else {
            self.headers.append(name, value);
        }
        Ok(())
    }

    fn head(self) -> Result<Prelude, Failure> {
        let Self { status, headers } = self;
        let location = headers.get(header::LOCATION).map(HeaderValue::as_bytes);
        let is_local = |location: &[u8]| location.starts_with(b"/") && !location.starts_with(b"//");
        let status = match (status, location) {
            (Some(status), _) => status,
            (None, Some(location)) if is_local(location) => {
                return Err(invalid(&format!(
                    "a `Location` of this server, {}, asks for a local redirect, which is not supported: add \
                     `Status: 302`, or give the whole URL",
                    shown(location)
                )));
            }
            (None, Some(_)) => StatusCode::FOUND,
            (None, None) => StatusCode::OK,
        };
        Ok(Prelude { status, headers })
    }
}

fn header_line(line: &[u8]) -> Result<(HeaderName, HeaderValue), Failure> {
    let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
    let (name, value) = (&line[..colon], line[colon..].strip_prefix(b":").unwrap_or_default().trim_ascii());
    match (HeaderName::from_bytes(name), HeaderValue::from_bytes(utf8(value).as_bytes())) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(invalid(&format!(
            "it has to begin with header lines, as in `Content-Type: text/plain`, and an empty line, and has the line {}",
            shown(line)
        ))),
    }
}

/// The value of a header: UTF-8 if it is valid, else Latin-1, in which any bytes are text.
fn utf8(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => text.into(),
        Err(_) => value.iter().copied().map(char::from).collect::<String>().into(),
    }
}

fn invalid(reason: &str) -> Failure {
    Failure::new(ErrorType::InvalidResponse, format!("the answer is no CGI response: {reason}"))
}

fn shown(bytes: &[u8]) -> String {
    format!("`{}`", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}

/// The number of a status with or without a reason: `404 Not Found`. An error shows `whole`.
fn status_code(text: &[u8], whole: &[u8]) -> Result<StatusCode, Failure> {
    let number = text.split(|&byte| byte == b' ').next().unwrap_or_default();
    let status = StatusCode::from_bytes(number).ok().filter(|status| (200..600).contains(&status.as_u16()));
    status.ok_or_else(|| invalid(&format!("its status is {}", shown(whole))))
}
