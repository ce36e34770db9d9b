//! `SCRIPT_RUNTIME_INTERFACE=cgi`: CGI programs (RFC 3875) as handlers. An HTTP event becomes meta-variables and
//! standard input. The program's document becomes the answer that the sender of the event expects.

mod document;
pub mod head;
mod request;
mod sender;

use http::StatusCode;
use serde_json::{Map, Value};

pub(super) use self::document::Document;
pub use self::sender::Sender;
use super::prelude::{Part, Prelude};
use crate::{
    event::invocation::{Invocation, Request},
    failure::{ErrorType, Failure},
    logs::Origin,
    settings::Settings,
};

/// The reason why an event cannot be a CGI request.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("the event is no HTTP request: {0}")]
    Event(String),
    /// The caller has sent a path with this character, which no variable may contain.
    #[error("its path has the character {1}")]
    Path(Sender, u8),
}

/// Reads an event. `script` is the handler's file, if it is one.
pub fn read(event: &[u8], script: Option<&str>) -> Result<(Sender, Request), Unusable> {
    let event: Map<String, Value> =
        serde_json::from_slice(event).map_err(|error| Unusable::Event(format!("it is no JSON object ({error})")))?;
    let unknown = "it is none of a function URL, of API Gateway or of a load balancer";
    let sender = Sender::of(&event).ok_or_else(|| Unusable::Event(unknown.to_owned()))?;
    request::read(&event, sender, script).map(|request| (sender, request))
}

/// The request for the program, or the answer to an invalid request, and the document that the program will write.
/// Fails if the event is no HTTP request.
pub(super) fn open(
    settings: &Settings,
    invocation: &Invocation,
) -> Result<(Document, Result<Request, [Part; 2]>), Failure> {
    let (sender, request) = match read(&invocation.event, settings.script().as_deref()) {
        Ok((sender, request)) => (sender, Ok(request)),
        Err(error @ Unusable::Event(_)) => {
            return Err(Failure::new(ErrorType::InvalidEvent, error.to_string()));
        }
        Err(error @ Unusable::Path(sender, _)) => {
            Origin::of(invocation).warn(format_args!("a request was answered with status 400: {error}"));
            (sender, Err(bad_request("the path has a line end or NUL\n")))
        }
    };
    Ok((Document::new(settings, sender, invocation, request.as_ref().ok()), request))
}

/// The answer to a request that is invalid by a fault of the caller.
fn bad_request(reason: &'static str) -> [Part; 2] {
    let head = Prelude::typed(StatusCode::BAD_REQUEST, "text/plain");
    [Part::Head(head), Part::Body(reason.into())]
}
