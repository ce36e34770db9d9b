//! A CGI response: header lines, an empty line, the body. No IO.

use bytes::{Buf, BytesMut};
use http::{HeaderName, HeaderValue, StatusCode, header};
use lambda_runtime::MetadataPrelude;

/// The largest head, in bytes.
const CGI_HEAD_LIMIT: usize = 64 * 1024;

/// How much of an answer without a head an error shows, in bytes.
const SHOWN: usize = 80;

pub(super) const NO_HEAD: &str = "it is empty, and has to begin with header lines, as in `Content-Type: text/plain`, and an \
                                  empty line";

/// Takes the head off what has come of an answer; `None` until all of it has come. An error says what is wrong with it.
pub(super) fn take_head(bytes: &mut BytesMut, is_last: bool) -> Result<Option<MetadataPrelude>, String> {
    let mut begin = 0;
    let mut lines = Vec::new();
    while let Some(length) = bytes[begin..].iter().position(|&byte| byte == b'\n') {
        let line = &bytes[begin..begin + length];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        begin += length + 1;
        if line.is_empty() {
            let head = head(&lines)?;
            bytes.advance(begin);
            return Ok(Some(head));
        }
        lines.push(header_line(line)?);
    }
    if begin > CGI_HEAD_LIMIT || bytes.len() - begin > CGI_HEAD_LIMIT {
        return Err(format!("its head has more than {CGI_HEAD_LIMIT} bytes"));
    }
    match (is_last, bytes.is_empty()) {
        (false, _) => Ok(None),
        (true, true) => Err(NO_HEAD.to_owned()),
        (true, false) => Err(format!("there is no empty line behind its head {}", shown(bytes))),
    }
}

fn header_line(line: &[u8]) -> Result<(HeaderName, HeaderValue), String> {
    let colon = line.iter().position(|&byte| byte == b':').unwrap_or(0);
    let (name, value) = (&line[..colon], line[colon..].strip_prefix(b":").unwrap_or_default().trim_ascii());
    match (HeaderName::from_bytes(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(format!(
            "it has to begin with header lines, as in `Content-Type: text/plain`, and an empty line, and has the line {}",
            shown(line)
        )),
    }
}

fn shown(bytes: &[u8]) -> String {
    format!("`{}`", bytes[..bytes.len().min(SHOWN)].escape_ascii())
}

fn head(lines: &[(HeaderName, HeaderValue)]) -> Result<MetadataPrelude, String> {
    let mut head = MetadataPrelude { status_code: StatusCode::OK, ..MetadataPrelude::default() };
    let mut status = None;
    for (name, value) in lines {
        if name.as_str() == "status" {
            status = Some(status_code(value)?);
        } else if *name == header::SET_COOKIE {
            head.cookies.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
        } else {
            head.headers.append(name, value.clone());
        }
    }
    let location = head.headers.get(header::LOCATION);
    head.status_code = match (status, location) {
        (Some(status), _) => status,
        (None, Some(location)) if location.as_bytes().starts_with(b"/") => {
            let location = shown(location.as_bytes());
            return Err(format!(
                "a `Location` of this server, {location}, asks for a local redirect, which is not supported: add \
                 `Status: 302`, or give the whole URL"
            ));
        }
        (None, Some(_)) => StatusCode::FOUND,
        (None, None) => StatusCode::OK,
    };
    Ok(head)
}

/// The number of a status with or without a reason: `404 Not Found`.
fn status_code(value: &HeaderValue) -> Result<StatusCode, String> {
    let number = value.as_bytes().split(|&byte| byte == b' ').next().unwrap_or_default();
    let status = StatusCode::from_bytes(number).ok().filter(|status| (200..600).contains(&status.as_u16()));
    status.ok_or_else(|| format!("its status is {}", shown(value.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_the_same_however_it_is_cut() {
        let answer = b"Status: 404 Not Found\r\nContent-Type: text/plain\nX-A:  b \nSet-Cookie: a=1\nSet-Cookie: b=2\n\r\nbody\n\n";
        for cut in 0..answer.len() {
            let mut bytes = BytesMut::from(&answer[..cut]);
            let first = take_head(&mut bytes, false).unwrap();
            bytes.extend_from_slice(&answer[cut..]);
            let head = first.or_else(|| take_head(&mut bytes, false).unwrap()).unwrap();
            assert_eq!(head.status_code, 404);
            assert_eq!(head.headers["x-a"], "b");
            assert_eq!(head.cookies, ["a=1", "b=2"]);
            assert_eq!(bytes, &b"body\n\n"[..]);
        }
    }

    #[test]
    fn says_what_is_wrong_with_a_head() {
        let reason = |answer: &str| take_head(&mut BytesMut::from(answer), true).unwrap_err();
        assert!(reason("").contains("it is empty"));
        assert!(reason("{\"a\": 1}").contains("no empty line behind its head `{\\\"a\\\": 1}`"));
        assert!(reason("hello\n").contains("has the line `hello`"));
        assert!(reason("Status: 99\n\n").contains("its status is `99`"));
        assert!(reason("Location: /here\n\n").contains("a local redirect, which is not supported"));
        assert!(reason(&"a".repeat(CGI_HEAD_LIMIT + 1)).contains("more than 65536 bytes"));
    }

    #[test]
    fn a_location_alone_is_a_redirect() {
        let status =
            |answer: &str| take_head(&mut BytesMut::from(answer), true).unwrap().unwrap().status_code;
        assert_eq!(status("Location: https://example.org/\n\n"), 302);
        assert_eq!(status("Status: 303\nLocation: /here\n\n"), 303);
        assert_eq!(status("\n"), 200);
    }
}
