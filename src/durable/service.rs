//! The service that stores the operations of an execution: Lambda's, or the embedded one of local runs.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

use super::{operation::Operation, update::Update};

/// The service. Its owner makes only one checkpoint of an execution at a time.
pub trait Service: Send + Sync {
    /// Makes these updates, all or none. Without updates, it only returns changes.
    fn checkpoint<'a>(
        &'a self,
        arn: &'a str,
        token: &'a str,
        updates: &'a [Update],
    ) -> BoxFuture<'a, Result<Checkpoint, ServiceError>>;

    /// Returns a further page of the operations.
    fn state<'a>(&'a self, arn: &'a str, token: &'a str, marker: &'a str) -> BoxFuture<'a, Result<Page, ServiceError>>;

    /// The time by its clock, in seconds since 1970.
    fn now(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }
}

/// The answer to a checkpoint.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// For the next checkpoint. Without a token, this invocation can make no more checkpoints.
    pub token: Option<String>,
    /// The operations that have changed, or the first page of them.
    pub changed: Page,
}

/// A page of operations.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Page {
    /// The operations.
    pub operations: Vec<Operation>,
    /// The marker of the next page, if there is one.
    pub next_marker: Option<String>,
}

/// The reason why a call failed. The variants say what happens next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServiceError {
    /// A later invocation may succeed: this one fails, and the service repeats it.
    #[error("{0}")]
    Invocation(String),
    /// No invocation can succeed: the execution fails.
    #[error("{error_type}: {message}")]
    Execution {
        /// The error's type, as the service names it.
        error_type: String,
        /// The service's message.
        message: String,
    },
    /// A payload is larger than the service takes. No update was made, and the token is still valid.
    #[error("{0}")]
    TooLarge(String),
}
