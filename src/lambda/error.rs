//! Errors of the Runtime API: an event cannot be received or answered.

use std::{io, time::Duration};

use super::http::HttpError;

/// No more events can be received or answered: the environment has to end.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("the next event could not be had in {0} attempts: {1}")]
    Next(usize, RequestError),
    /// The post, and the last attempt's error.
    #[error("the Runtime API did not take the {0}: {1}")]
    Unposted(String, RequestError),
    /// The post, and the response. The Runtime API's documentation says: "Non-recoverable state. Runtime should exit
    /// promptly".
    #[error("the Runtime API refused the {0}: {1}")]
    Unrecoverable(String, String),
}

/// The reason why a request has no usable response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("cannot connect to `{0}`: {1}")]
    Connect(String, io::Error),
    #[error("the request could not be sent: {0}")]
    Send(io::Error),
    #[error("{0}")]
    Response(#[from] HttpError),
    /// No complete response in this time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("it answered {0}")]
    Status(http::StatusCode),
    #[error("the response of the Runtime API is no event: {0}")]
    NoEvent(String),
}

impl RequestError {
    /// Whether the server may have closed the connection before it saw the request.
    pub(super) fn is_before_any_response(&self) -> bool {
        match self {
            Self::Send(_) | Self::Response(HttpError::Nothing) => true,
            Self::Response(HttpError::Read(error)) => error.kind() == io::ErrorKind::ConnectionReset,
            _ => false,
        }
    }
}
