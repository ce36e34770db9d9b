//! Lambda's Invoke API in the local server: requests and responses.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, request::Parts};
use serde_json::{Map, Value};

use super::{
    answer::{Body, Reply, whole},
    event_stream,
    pool::Pool,
};
use crate::{
    event::headers::Headers,
    event::invocation::{CLIENT_CONTEXT, REQUEST_ID, TENANT_ID, TRACE_ID},
    limits::PAYLOAD_LIMIT,
    logs::tail::Tail,
};

/// The path for events, as in the emulator. The second `function` may be any name.
pub(super) const PATH: &str = "/2015-03-31/functions/function/invocations";

/// Headers that are passed from the caller to the handler, with their names in the Runtime API.
const PASSED_ON: [(&str, &str); 2] = [("x-amzn-trace-id", TRACE_ID), ("x-amz-tenant-id", TENANT_ID)];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

/// A request to invoke the function, without its event.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) invocation_type: InvocationType,
    /// Whether the answer is an event stream.
    pub(super) is_streamed: bool,
    /// The end of the log, if the caller requests it.
    log: Option<Tail>,
    /// The headers that the caller sets, and the request id.
    pub(super) headers: Headers,
    request_id: String,
}

#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// The error's name for SDKs.
    error_type: &'static str,
    message: String,
}

impl Call {
    /// Reads the head of a request to the server at this address.
    pub(super) fn read(head: &Parts, server: SocketAddr) -> Result<Self, Refusal> {
        let is_streamed = check_target(head, server)?;
        let invocation_type = invocation_type(&head.headers)?;
        if is_streamed && invocation_type == InvocationType::Event {
            let message = "X-Amz-Invocation-Type is RequestResponse or DryRun where the answer is streamed";
            return Err(Refusal::bad("InvalidParameterValueException", message));
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        let mut headers = Headers::default();
        headers.append(REQUEST_ID, request_id.clone());
        if let Some(context) = head.headers.get("x-amz-client-context").filter(|value| !value.is_empty()) {
            headers.append(CLIENT_CONTEXT, client_context(context)?);
        }
        for (name, passed_on) in PASSED_ON {
            if let Some(value) = head.headers.get(name) {
                headers.append(passed_on, value.as_bytes().to_vec());
            }
        }
        let log_type = head.headers.get("x-amz-log-type").filter(|value| *value == "Tail");
        let log = log_type.map(|_| Tail::keep(&request_id));
        Ok(Self { invocation_type, is_streamed, log, headers, request_id })
    }

    pub(super) async fn invoke(mut self, pool: &Pool, event: Bytes) -> Response<Body> {
        let reply = pool.answer(self.headers.clone(), event).await;
        if self.is_streamed {
            let body = event_stream::of(reply, self.log.take());
            let mut response = self.respond(body);
            set_type(&mut response, event_stream::CONTENT_TYPE);
            return response;
        }
        self.respond_with(reply)
    }

    /// The response without an event stream.
    pub(super) fn respond_with(self, reply: Reply) -> Response<Body> {
        let failed = matches!(reply, Reply::Whole(Err(_)));
        let (content_type, body) = match reply {
            Reply::Whole(Ok(answer)) => ("application/json", whole(answer)),
            Reply::Whole(Err(failure)) => ("application/json", whole(failure.to_json())),
            Reply::Streamed(_, body) => ("application/octet-stream", body),
        };
        let mut response = self.respond(body);
        set_type(&mut response, content_type);
        let log = self.log.and_then(|log| HeaderValue::try_from(log.encoded()).ok());
        let error = failed.then_some(HeaderValue::from_static("Unhandled"));
        for (name, value) in [("x-amz-log-result", log), ("x-amz-function-error", error)] {
            response.headers_mut().extend(value.map(|value| (HeaderName::from_static(name), value)));
        }
        response
    }

    /// The response for a caller that does not wait for the outcome.
    pub(super) fn acknowledge(&self) -> Response<Body> {
        let mut response = self.respond(whole(Bytes::new()));
        let is_dry = self.invocation_type == InvocationType::DryRun;
        *response.status_mut() = if is_dry { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED };
        response
    }

    fn respond(&self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        let id = HeaderValue::try_from(&self.request_id).expect("BUG: a UUID has no control characters");
        response.headers_mut().insert("x-amzn-requestid", id);
        response
    }
}

impl Refusal {
    pub(super) fn too_large() -> Self {
        let message = format!("the event has more than {PAYLOAD_LIMIT} bytes, the most that Lambda takes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    }

    pub(super) fn new(status: StatusCode, error_type: &'static str, message: impl Into<String>) -> Self {
        Self { status, error_type, message: message.into() }
    }

    fn bad(error_type: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error_type, message)
    }

    /// The response, in the form that SDKs read.
    pub(super) fn response(&self) -> Response<Body> {
        let line = serde_json::json!({ "Type": "User", "message": self.message }).to_string() + "\n";
        let mut response = Response::new(whole(line));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(self.error_type));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

fn set_type(response: &mut Response<Body>, content_type: &'static str) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
}

/// Checks path and method. Returns whether the answer is streamed.
fn check_target(head: &Parts, server: SocketAddr) -> Result<bool, Refusal> {
    let refuse = |status, what: &str| {
        let message = format!("{what}: POST events to http://{server}{PATH}");
        Err(Refusal::new(status, "UnknownOperationException", message))
    };
    let path = head.uri.path();
    // `Invoke` and `InvokeWithResponseStream`
    let is_streamed = match path.split('/').collect::<Vec<_>>()[..] {
        ["", "2015-03-31", "functions", name, "invocations"] if !name.is_empty() => false,
        ["", "2021-11-15", "functions", name, "response-streaming-invocations"] if !name.is_empty() => true,
        _ => return refuse(StatusCode::NOT_FOUND, &format!("there is nothing at `{path}`")),
    };
    if head.method != Method::POST {
        return refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("{} does nothing here", head.method));
    }
    Ok(is_streamed)
}

fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, Refusal> {
    match headers.get("x-amz-invocation-type").map_or(&b""[..], HeaderValue::as_bytes) {
        b"" | b"RequestResponse" => Ok(InvocationType::RequestResponse),
        b"Event" => Ok(InvocationType::Event),
        b"DryRun" => Ok(InvocationType::DryRun),
        other => {
            let other = other.escape_ascii();
            let message = format!("X-Amz-Invocation-Type is RequestResponse, Event or DryRun, not `{other}`");
            Err(Refusal::bad("InvalidParameterValueException", message))
        }
    }
}

/// The JSON object of a client context, in one line.
fn client_context(encoded: &HeaderValue) -> Result<Vec<u8>, Refusal> {
    let decoded = STANDARD.decode(encoded.as_bytes()).ok();
    let json = decoded.filter(|json| serde_json::from_slice::<Map<String, Value>>(json).is_ok());
    // control characters in JSON are white space between tokens
    let line = json.map(|json| json.into_iter().map(|byte| byte.max(b' ')).collect::<Vec<_>>());
    line.ok_or_else(|| {
        let message = "X-Amz-Client-Context is a JSON object in base64, and this does not decode to one";
        Refusal::bad("InvalidRequestContentException", message)
    })
}
