//! The bytes of a request to the Runtime API. No IO.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: Cow<'static, str>,
}

pub(super) type Header<'a> = (&'a str, &'a [u8]);

/// The head of a request. `framing`: the headers that say where its body ends, if it has one.
pub(super) fn head(
    endpoint: &Endpoint,
    host: &str,
    headers: &[Header<'_>],
    framing: &[Header<'_>],
) -> BytesMut {
    let Endpoint { method, path } = endpoint;
    let agent = concat!("lambda-script-runtime/", env!("CARGO_PKG_VERSION"));
    let line = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\n");
    let mut head = BytesMut::from(line.as_bytes());
    put_headers(&mut head, headers);
    put_headers(&mut head, framing);
    head.extend_from_slice(b"\r\n");
    head
}

/// Adds bytes of a body as one chunk. None are no chunk: that would be the last one.
pub(super) fn put_chunk(buffer: &mut BytesMut, bytes: &[u8]) {
    if !bytes.is_empty() {
        buffer.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        buffer.extend_from_slice(bytes);
        buffer.extend_from_slice(b"\r\n");
    }
}

pub(super) fn put_end(buffer: &mut BytesMut, trailers: &[Header<'_>]) {
    buffer.extend_from_slice(b"0\r\n");
    put_headers(buffer, trailers);
    buffer.extend_from_slice(b"\r\n");
}

fn put_headers(buffer: &mut BytesMut, headers: &[Header<'_>]) {
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            buffer.put_slice(part);
        }
    }
}
