//! Errors of the Runtime API: an event cannot be had, or not be answered.

use std::time::Duration;

use super::connection::ConnectionError;

/// Why no more events can be had or answered: the environment has to end.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the next event could not be had in {attempts} attempts: {cause}")]
    Next {
        /// How often it was asked for.
        attempts: usize,
        /// The last attempt's error.
        cause: NoEvent,
    },
    #[error("the Runtime API did not take the {kind} of request {request_id}: {cause}")]
    Unposted {
        /// `response` or `error`.
        kind: String,
        /// The event's.
        request_id: String,
        /// The last attempt's error.
        cause: PostError,
    },
    /// "Non-recoverable state. Runtime should exit promptly", says the Runtime API's documentation.
    #[error("the Runtime API refused the {kind} of request {request_id}: {answer}")]
    Unrecoverable {
        /// `response` or `error`.
        kind: String,
        /// The event's.
        request_id: String,
        /// Status and body.
        answer: String,
    },
}

/// Why a request for an event got none: it is asked for again.
#[derive(Debug, thiserror::Error)]
pub enum NoEvent {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("the response of the Runtime API is no event: {0}")]
    Status(String),
    #[error("the response of the Runtime API is no event: it has no valid lambda-runtime-aws-request-id")]
    RequestId,
}

/// Why a post got no receipt: it is tried again, if it can be.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("no receipt within {0:?}")]
    Late(Duration),
}

/// Why an environment was not restored, or an extension not registered: neither is tried again.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("it answered {0}")]
    Status(http::StatusCode),
    #[error("no answer within {0:?}")]
    Late(Duration),
}
