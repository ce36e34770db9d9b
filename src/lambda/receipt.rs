//! The response to a post about an event.

use http::StatusCode;

use super::{endpoint::Endpoint, error::ApiError, http::Response};
use crate::event::invocation::Invocation;

/// The Runtime API's word on an answer or an error, by what happens next.
pub(super) enum Receipt {
    /// 2xx: the next event is asked for.
    Taken,
    /// 410, the event had ended before: a warning, and the next event.
    TooLate,
    /// Any other but 5xx, as 413 for an answer that is too large: an error in the log, and the next event.
    Refused,
    /// 5xx: "Non-recoverable state. Runtime should exit promptly".
    Unrecoverable,
}

impl Receipt {
    fn of(status: StatusCode) -> Self {
        match status {
            status if status.is_success() => Self::Taken,
            status if status.is_server_error() => Self::Unrecoverable,
            StatusCode::GONE => Self::TooLate,
            _ => Self::Refused,
        }
    }

    /// Does as the response to a post about an event says.
    pub(super) fn follow(
        endpoint: &Endpoint,
        invocation: &Invocation,
        response: &Response,
    ) -> Result<(), ApiError> {
        let (kind, answer) = (endpoint.kind(), response.shown());
        let (request_id, tenant_id) = (invocation.request_id(), invocation.tenant_id());
        match Self::of(response.status) {
            Self::Taken => {}
            Self::TooLate => tracing::warn!(
                requestId = request_id,
                tenantId = tenant_id,
                "the {kind} came too late and was not taken: {answer}"
            ),
            Self::Refused => tracing::error!(
                requestId = request_id,
                tenantId = tenant_id,
                "the Runtime API refused the {kind}: {answer}"
            ),
            Self::Unrecoverable => {
                let (kind, request_id) = (kind.to_owned(), request_id.to_owned());
                return Err(ApiError::Unrecoverable { kind, request_id, answer });
            }
        }
        Ok(())
    }
}
