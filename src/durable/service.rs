//! The service that keeps what an execution has done: Lambda's, or the embedded one of local runs.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;

use super::{operation::Operation, update::Update};

/// The service. One checkpoint of an execution is in flight at a time: its owner sees to that.
pub trait Service: Send + Sync {
    /// Makes these updates, all or none. Without updates it gives what has changed.
    fn checkpoint<'a>(
        &'a self,
        arn: &'a str,
        token: &'a str,
        updates: &'a [Update],
    ) -> BoxFuture<'a, Result<Checkpoint, ServiceError>>;

    /// A further page of the operations.
    fn state<'a>(
        &'a self,
        arn: &'a str,
        token: &'a str,
        marker: &'a str,
    ) -> BoxFuture<'a, Result<Page, ServiceError>>;

    /// The time by its clock, in seconds since 1970.
    fn now(&self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }
}

/// The answer to a checkpoint.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// For the next one. Without a token no further checkpoint is taken from this invocation.
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
    /// By which the next page is asked for, where there is one.
    pub next_marker: Option<String>,
}

/// Why the service has not done what it was asked for. The variants differ in what happens next.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ServiceError {
    /// A later invocation may do better: this one fails, and the service tries it again.
    #[error("{0}")]
    Invocation(String),
    /// No invocation will do better: the execution fails.
    #[error("{error_type}: {message}")]
    Execution {
        /// The error's type, as the service names it.
        error_type: String,
        /// The service's own words.
        message: String,
    },
    /// A payload is larger than the service takes. Nothing was made, and the token is still good.
    #[error("{0}")]
    TooLarge(String),
}
