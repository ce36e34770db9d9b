//! The endpoints of the Runtime API, and the two of the Extensions API: path, headers, and what each status means;
//! and the bytes of a request to one. No IO.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use crate::event::invocation::Invocation;

/// The header with the type of an error, in the form that Lambda files it by.
pub(super) const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// The header with what X-Ray shows of an error.
const CAUSE: &str = "lambda-runtime-function-xray-error-cause";

/// The trailer with the JSON of an error, in base64.
pub(super) const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// The header that says that the body is no whole answer.
pub(super) const STREAMING: Header<'static> = ("lambda-runtime-function-response-mode", b"streaming");

/// The content type of a streamed answer that begins with the head of an HTTP response.
pub(super) const HTTP_RESPONSE: &[u8] = b"application/vnd.awslambda.http-integration-response";

/// The header with the id of a registered extension.
pub(super) const EXTENSION_ID: &str = "lambda-extension-identifier";

/// Where a request goes.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) method: &'static str,
    pub(super) path: Cow<'static, str>,
}

pub(super) type Header<'a> = (&'a str, &'a [u8]);

impl Endpoint {
    /// The next event, however long that takes. 200 is an event; after any other status it is asked for again.
    pub(super) const NEXT: Self = Self::get("/2018-06-01/runtime/invocation/next");

    /// Answers in the copy of a restored snapshot. 200 is a copy; after any other status its init has failed.
    pub(super) const RESTORE_NEXT: Self = Self::get("/2018-06-01/runtime/restore/next");

    /// Takes the error of an init, with [`error_headers`]. The environment ends after any status.
    pub(super) const INIT_ERROR: Self = Self::post("/2018-06-01/runtime/init/error");

    /// The same for a copy of a snapshot.
    pub(super) const RESTORE_ERROR: Self = Self::post("/2018-06-01/runtime/restore/error");

    /// Registers an extension by [`EXTENSION_HEADERS`]. 200 gives its id in [`EXTENSION_ID`]; without one no signal comes
    /// before the end.
    pub(super) const REGISTER: Self = Self::post("/2020-01-01/extension/register");

    /// Says with [`EXTENSION_ID`] that the extension is ready. There is no answer, as it has asked for no events.
    pub(super) const EXTENSION_NEXT: Self = Self::get("/2020-01-01/extension/event/next");

    /// Takes an answer, whole or with [`STREAMING`] in chunks. `receipt` has the statuses.
    pub(super) fn response(invocation: &Invocation) -> Self {
        Self::about(invocation, "response")
    }

    /// Takes an error, with [`error_headers`]. `receipt` has the statuses.
    pub(super) fn error(invocation: &Invocation) -> Self {
        Self::about(invocation, "error")
    }

    const fn get(path: &'static str) -> Self {
        Self { method: "GET", path: Cow::Borrowed(path) }
    }

    const fn post(path: &'static str) -> Self {
        Self { method: "POST", path: Cow::Borrowed(path) }
    }

    fn about(invocation: &Invocation, kind: &str) -> Self {
        let path = format!("/2018-06-01/runtime/invocation/{}/{kind}", invocation.request_id());
        Self { method: "POST", path: path.into() }
    }

    /// `response` or `error`.
    pub(super) fn kind(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Whether all is known once the head of a response is there.
    pub(super) fn gives_receipt(&self) -> bool {
        self.method == "POST"
    }
}

/// The headers of an error.
pub(super) fn error_headers<'a>(error_type: &'a str, cause: &'a str) -> [Header<'a>; 3] {
    [(ERROR_TYPE, error_type.as_bytes()), (CAUSE, cause.as_bytes()), ("content-type", b"application/json")]
}

/// The name of our extension.
pub(super) const EXTENSION_HEADERS: [Header<'static>; 2] =
    [("lambda-extension-name", b"lambda-script-runtime"), ("content-type", b"application/json")];

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
