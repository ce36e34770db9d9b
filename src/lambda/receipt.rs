//! The response to a post about an event.

use http::StatusCode;

use super::{endpoint::Endpoint, error::ApiError, http::Response};
use crate::event::invocation::Invocation;

/// Does as the response says. After anything but an error here, the next event is asked for.
pub(super) fn follow(
    endpoint: &Endpoint,
    invocation: &Invocation,
    response: &Response,
) -> Result<(), ApiError> {
    let (kind, answer) = (endpoint.kind(), response.shown());
    let (request_id, tenant_id) = (invocation.request_id(), invocation.tenant_id());
    match response.status {
        status if status.is_success() => {}
        status if status.is_server_error() => {
            let (kind, request_id) = (kind.to_owned(), request_id.to_owned());
            return Err(ApiError::Unrecoverable { kind, request_id, answer });
        }
        // the event had ended before
        StatusCode::GONE => tracing::warn!(
            requestId = request_id,
            tenantId = tenant_id,
            "the {kind} came too late and was not taken: {answer}"
        ),
        // as 413 for an answer that is too large
        _ => tracing::error!(
            requestId = request_id,
            tenantId = tenant_id,
            "the Runtime API refused the {kind}: {answer}"
        ),
    }
    Ok(())
}
