//! The requests to the Runtime API, and two to the Extensions API: path, headers, the meaning of each status, and the
//! bytes on the connection. No IO.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};

use super::cause;
use crate::{
    event::invocation::{INVOCATION_ID, Invocation},
    failure::Failure,
    http::prelude::Part,
};

/// The header or trailer with the type of an error, in the form that Lambda expects.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// The trailer with the JSON of an error, in base64.
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

pub(super) const EXTENSION_ID: &str = "lambda-extension-identifier";

/// A request without the headers that all requests have.
pub(super) struct Request {
    method: &'static str,
    pub(super) path: Cow<'static, str>,
    headers: Vec<(&'static str, Bytes)>,
    pub(super) body: Bytes,
}

impl Request {
    /// The next event, without a time limit. 200 is an event; after any other status, the request is repeated.
    pub(super) fn next() -> Self {
        Self::get("/2018-06-01/runtime/invocation/next")
    }

    /// The response comes in the copy of a restored snapshot. 200 is success; after any other status, init has failed.
    pub(super) fn restore_next() -> Self {
        Self::get("/2018-06-01/runtime/restore/next")
    }

    /// The answer to an event. `receipt` has the statuses.
    pub(super) fn response(invocation: &Invocation, answer: Bytes) -> Self {
        Self::outcome(invocation, "response", answer)
    }

    /// The error of an event. `receipt` has the statuses.
    pub(super) fn error(invocation: &Invocation, failure: &Failure, task_root: &str) -> Self {
        Self::outcome(invocation, "error", Bytes::new()).with_error(&failure.header_type(), failure, task_root)
    }

    /// The error of an init, or of the restore of a snapshot. The environment ends after any status.
    pub(super) fn phase_error(phase: &str, error_type: &str, failure: &Failure, task_root: &str) -> Self {
        let path = format!("/2018-06-01/runtime/{phase}/error");
        Self::post(path.into(), Bytes::new()).with_error(error_type, failure, task_root)
    }

    /// Registers an extension of this name. 200 returns its id in [`EXTENSION_ID`]; without an extension, no signal
    /// comes before the end.
    pub(super) fn register(name: &'static str) -> Self {
        let events = Bytes::from_static(br#"{"events":[]}"#);
        Self::post("/2020-01-01/extension/register".into(), events)
            .with("lambda-extension-name", name)
            .with("content-type", "application/json")
    }

    /// Tells Lambda that the extension is ready. No response comes, because the extension has registered for no events.
    pub(super) fn extension_next(id: Bytes) -> Self {
        Self::get("/2020-01-01/extension/event/next").with(EXTENSION_ID, id)
    }

    fn get(path: &'static str) -> Self {
        Self { method: "GET", path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    fn post(path: Cow<'static, str>, body: Bytes) -> Self {
        Self { method: "POST", path, headers: Vec::new(), body }
    }

    fn outcome(invocation: &Invocation, kind: &str, body: Bytes) -> Self {
        let path = format!("/2018-06-01/runtime/invocation/{}/{kind}", invocation.request_id());
        let request = Self::post(path.into(), body);
        match invocation.invocation_id() {
            Some(id) => request.with(INVOCATION_ID, Bytes::copy_from_slice(id)),
            None => request,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<Bytes>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn with_error(self, error_type: &str, failure: &Failure, task_root: &str) -> Self {
        let request = Self { body: failure.to_json().into(), ..self };
        request
            .with(ERROR_TYPE, error_type.to_owned())
            .with("lambda-runtime-function-xray-error-cause", cause::of(failure, task_root))
            .with("content-type", "application/json")
    }

    /// `response` or `error`, for a request about an event.
    pub(super) fn kind(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The same with the id of the event, for messages.
    pub(super) fn about(&self, invocation: &Invocation) -> String {
        format!("{} of request {}", self.kind(), invocation.request_id())
    }

    /// Whether the head of the response is enough.
    pub(super) fn gives_receipt(&self) -> bool {
        self.method == "POST"
    }

    /// The head of the request.
    pub(super) fn head(&self, host: &str) -> BytesMut {
        let length = self.body.len();
        let framing = self.gives_receipt().then(|| format!("content-length: {length}\r\n"));
        self.head_with(host, &framing.unwrap_or_default())
    }

    /// The head of the same request with a body in chunks, which begins with this part of an answer.
    pub(super) fn streamed_head(&self, host: &str, first: &Part) -> BytesMut {
        let content_type = match first {
            Part::Head(_) => "application/vnd.awslambda.http-integration-response",
            Part::Body(_) => "application/octet-stream",
        };
        let framing = format!(
            "content-type: {content_type}\r\nlambda-runtime-function-response-mode: streaming\r\n\
             transfer-encoding: chunked\r\ntrailer: {ERROR_TYPE}, {ERROR_BODY}\r\n"
        );
        self.head_with(host, &framing)
    }

    /// `framing`: the headers with the type and the length of the body.
    fn head_with(&self, host: &str, framing: &str) -> BytesMut {
        let Self { method, path, .. } = self;
        let agent = concat!("lambda-script-runtime/", env!("CARGO_PKG_VERSION"));
        let line = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\n{framing}");
        let mut head = BytesMut::from(line.as_bytes());
        for (name, value) in &self.headers {
            for part in [name.as_bytes(), b": ", value, b"\r\n"] {
                head.extend_from_slice(part);
            }
        }
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Adds bytes of a body as one chunk. No bytes add nothing: an empty chunk would be the last one.
pub(super) fn put_chunk(buffer: &mut BytesMut, bytes: &[u8]) {
    if !bytes.is_empty() {
        buffer.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        buffer.extend_from_slice(bytes);
        buffer.extend_from_slice(b"\r\n");
    }
}

/// Adds the last chunk, with an error in the trailers.
pub(super) fn put_end(buffer: &mut BytesMut, failure: Option<&Failure>) {
    let trailers = failure.map_or_else(String::new, |failure| {
        let (error_type, body) = (failure.header_type(), STANDARD.encode(failure.to_json()));
        format!("{ERROR_TYPE}: {error_type}\r\n{ERROR_BODY}: {body}\r\n")
    });
    buffer.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
}
