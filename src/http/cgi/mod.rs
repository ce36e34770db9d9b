//! `SCRIPT_RUNTIME_INTERFACE=cgi`: HTTP events for programs that have answered a web server (RFC 3875). An event becomes
//! meta-variables and a standard input, a document the answer that the sender of the event takes.

mod document;
mod fields;
pub mod head;
mod request;
mod sender;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};

pub(super) use self::document::Document;
use self::{request::Unusable, sender::Sender};
use super::prelude::Prelude;
use crate::{
    event::invocation::{Invocation, Request},
    failure::{ErrorType, Failure},
    settings::Config,
};

/// The answer to a request that no program can have, by a fault of the caller.
pub(super) struct Refusal {
    pub(super) head: Prelude,
    pub(super) body: Bytes,
}

/// Reads an event: the request for the program, or why its caller gets an answer without it, and the document that the
/// program will write. An error says that the event is no HTTP request.
pub(super) fn open(
    config: &Config,
    invocation: &Invocation,
) -> Result<(Document, Result<Request, Refusal>), Failure> {
    let invalid = |reason: String| {
        Failure::new(ErrorType::InvalidEvent, format!("the event is no HTTP request: {reason}"))
    };
    let event: Map<String, Value> = serde_json::from_slice(&invocation.event)
        .map_err(|error| invalid(format!("it is no JSON object ({error})")))?;
    let sender = Sender::of(&event).ok_or_else(|| {
        invalid("it is none of a function URL, of API Gateway or of a load balancer".to_owned())
    })?;
    let request = match request::read(&event, sender, config.script().as_deref()) {
        Ok(request) => Ok(request),
        Err(Unusable::Event(reason)) => return Err(invalid(reason)),
        Err(Unusable::Path(byte)) => {
            tracing::warn!(
                requestId = invocation.request_id(),
                tenantId = invocation.tenant_id(),
                "a request was answered with status 400: its path has the character {byte}"
            );
            Err(Refusal::bad_request("the path has a line end or NUL\n"))
        }
    };
    Ok((Document::new(config, sender, invocation, request.as_ref().ok()), request))
}

impl Refusal {
    fn bad_request(reason: &'static str) -> Self {
        let mut head = Prelude { status: StatusCode::BAD_REQUEST, ..Prelude::default() };
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        Self { head, body: Bytes::from_static(reason.as_bytes()) }
    }
}
