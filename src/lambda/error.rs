//! What keeps events from being had or answered.

/// Why no more events can be had or answered: the environment has to end.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The next event.
    #[error("the next event could not be had in {attempts} attempts: {cause}")]
    Next {
        /// How often it was asked for.
        attempts: u32,
        /// The last attempt's error.
        cause: Refused,
    },
    /// No attempt to post an answer came through.
    #[error("the Runtime API did not take the {kind} of request {request_id}: {cause}")]
    Unposted {
        /// `response` or `error`.
        kind: &'static str,
        /// The event's.
        request_id: String,
        /// The last attempt's error.
        cause: String,
    },
    /// "Non-recoverable state. Runtime should exit promptly", says the Runtime API's documentation.
    #[error("the Runtime API refused the {kind} of request {request_id}: {answer}")]
    Unrecoverable {
        /// `response` or `error`.
        kind: &'static str,
        /// The event's.
        request_id: String,
        /// Status and body.
        answer: String,
    },
}

/// Why one request got nothing that is of use.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(super) String);
