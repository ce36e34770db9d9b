use super::*;

/// The response in these bytes, which come in blocks of this size.
fn decoded(bytes: &[u8], block: usize) -> Result<Response, HttpError> {
    let (mut decoder, mut buffer) = (Decoder::default(), BytesMut::new());
    for block in bytes.chunks(block) {
        buffer.extend_from_slice(block);
        if let Some(response) = decoder.decode(&mut buffer)? {
            return Ok(response);
        }
    }
    decoder.finish(&mut buffer)
}

fn whole(bytes: &[u8]) -> Result<Response, HttpError> {
    let response = decoded(bytes, bytes.len().max(1));
    for block in [1, 2, 3, 7, 8000] {
        assert_eq!(decoded(bytes, block), response, "in blocks of {block}");
    }
    response
}

fn body(bytes: &[u8]) -> Bytes {
    whole(bytes).unwrap().body
}

#[test]
fn reads_bodies_by_length_in_chunks_and_to_the_end() {
    assert_eq!(body(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef"), "abc");
    assert_eq!(body(b"HTTP/1.1 200 OK\ncontent-length: 3, 3\ncontent-length: 3\n\nabc"), "abc");
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n\
        4\r\n1234\r\n00003;name=\"v\"\r\n567\r\n0\r\nx-trailer: 1\r\n\r\nnext";
    assert_eq!(body(chunks), "1234567");
    assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nto the end"), "to the end");
    assert_eq!(body(b"HTTP/1.1 204 No Content\r\n\r\nx"), "");
    assert_eq!(body(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"), "");
}

#[test]
fn knows_whether_the_connection_can_be_used_again() {
    for (response, reusable) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..], true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", false),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", true),
        (b"HTTP/1.1 200 OK\r\n\r\n", false),
    ] {
        assert_eq!(whole(response).unwrap().reusable, reusable, "{}", response.escape_ascii());
    }
}

#[test]
fn takes_many_headers_up_to_the_limit() {
    let lines: Vec<_> = (0..3000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let lines = lines.concat();
    let response = whole(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(response.headers.iter().count(), 3001);
}

#[test]
fn refuses_what_is_no_response() {
    for (bytes, said) in [
        (&b"\0garbage\r\n\r\n"[..], "invalid HTTP: the status line is \"\\0garbage\""),
        (b"\r\n\r\n", "invalid HTTP: the status line is \"\""),
        (b"HTTP/1.1 200OK\r\n\r\n", "invalid HTTP: the status line is \"HTTP/1.1 200OK\""),
        (b"HTTP/2.0 200 OK\r\n\r\n", "invalid HTTP: the status line is \"HTTP/2.0 200 OK\""),
        (b"", "connection closed before a response came"),
        (b"HTTP/1.1 200 OK\r\nX-", "connection closed in the head of a response"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "connection closed in a body: end of file before message length reached",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
            "invalid HTTP: `content-length` says nothing of where the body ends",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
            "invalid HTTP: `content-length` says nothing of where the body ends",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "invalid HTTP: `transfer-encoding` says nothing of where the body ends",
        ),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "Invalid chunk size: \"zz\""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+1\r\na\r\n", "Invalid chunk size: \"+1\""),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
            "invalid HTTP: a chunk does not end in a line end",
        ),
    ] {
        assert_eq!(whole(bytes).unwrap_err().to_string(), said, "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_body_over_the_limit_is_not_waited_for() {
    let length = BODY_LIMIT + 1;
    for head in [
        format!("content-length: {length}\r\n\r\n"),
        format!("content-length: {}\r\n\r\n", usize::MAX),
        format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n"),
        format!("transfer-encoding: chunked\r\n\r\n1\r\na\r\n{:x}\r\n", usize::MAX),
    ] {
        let response = whole(format!("HTTP/1.1 200 OK\r\nx-id: 7\r\n{head}").as_bytes()).unwrap();
        assert_eq!((response.too_large, response.reusable), (Some(TooLarge::Body), false), "{head}");
        assert_eq!(response.headers.get("x-id"), Some(&b"7"[..]));
    }
}
