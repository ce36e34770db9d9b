//! The bytes of a request to the Runtime API. No IO.

use bytes::{BufMut, BytesMut};

/// A header of a request.
pub(super) type Header<'a> = (&'a str, &'a [u8]);

/// The head of a request with a body of this length.
pub(super) fn head(method: &str, path: &str, host: &str, headers: &[Header<'_>], length: usize) -> BytesMut {
    let mut head = begin_head(method, path, host, headers);
    if method != "GET" {
        head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The head of a POST whose body comes in chunks, and behind them trailers of these names.
pub(super) fn chunked_head(path: &str, host: &str, headers: &[Header<'_>], trailers: &[&str]) -> BytesMut {
    let mut head = begin_head("POST", path, host, headers);
    let rest = format!("transfer-encoding: chunked\r\ntrailer: {}\r\n\r\n", trailers.join(", "));
    head.extend_from_slice(rest.as_bytes());
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

/// Adds the end of a body in chunks.
pub(super) fn put_end(buffer: &mut BytesMut, trailers: &[Header<'_>]) {
    buffer.extend_from_slice(b"0\r\n");
    put_headers(buffer, trailers);
    buffer.extend_from_slice(b"\r\n");
}

fn begin_head(method: &str, path: &str, host: &str, headers: &[Header<'_>]) -> BytesMut {
    let agent = concat!("lambda-script-runtime/", env!("CARGO_PKG_VERSION"));
    let line = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\n");
    let mut head = BytesMut::from(line.as_bytes());
    put_headers(&mut head, headers);
    head
}

fn put_headers(buffer: &mut BytesMut, headers: &[Header<'_>]) {
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            buffer.put_slice(part);
        }
    }
}
