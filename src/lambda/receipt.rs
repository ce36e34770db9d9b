//! The response to a post about an event.

use http::StatusCode;

use super::{error::ApiError, http::Response, request::Request};
use crate::{event::invocation::Invocation, logs::Origin};

/// Handles the response. After `Ok`, the slot asks for the next event.
pub(super) fn follow(request: &Request, invocation: &Invocation, response: &Response) -> Result<(), ApiError> {
    let (kind, answer) = (request.kind(), response.shown());
    match response.status {
        status if status.is_success() => {}
        status if status.is_server_error() => {
            return Err(ApiError::Unrecoverable(request.about(invocation), answer));
        }
        // the event had ended before
        StatusCode::GONE => {
            Origin::of(invocation).warn(format_args!("the {kind} came too late and was not taken: {answer}"));
        }
        // as 413 for an answer that is too large
        _ => Origin::of(invocation).error(format_args!("the Runtime API refused the {kind}: {answer}")),
    }
    Ok(())
}
