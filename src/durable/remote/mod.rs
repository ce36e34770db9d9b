//! Lambda's own service: the two calls of its API that a durable function makes, over HTTPS.
//!
//! A call is tried three times, as in AWS's SDKs. All attempts have the same client token: if the answer to a
//! checkpoint was lost, the checkpoint is not made twice.

mod connection;
mod crypto;
mod refusal;
mod roots;
mod signature;
mod target;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use uuid::Uuid;

use self::{
    connection::{ConnectionError, Connections},
    refusal::Refusal,
    signature::{ENCODED, Signed},
    target::{Target, TargetError},
};
use super::{
    service::{Checkpoint, Page, Service, ServiceError},
    update::Update,
};
use crate::{failure::ErrorType, settings::Environment};

/// The most attempts of a call.
const ATTEMPTS: u32 = 3;

/// The operations of a page: the service's maximum.
const PAGE_SIZE: u32 = 1000;

/// The service of Lambda. The first call opens the connection.
pub struct Remote {
    target: Result<Target, TargetError>,
    connections: Connections,
}

/// One call of the API.
struct Call {
    method: Method,
    path: String,
    query: String,
    body: Bytes,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CheckpointRequest<'a> {
    checkpoint_token: &'a str,
    client_token: String,
    updates: &'a [Update],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CheckpointAnswer {
    #[serde(default)]
    checkpoint_token: Option<String>,
    #[serde(default)]
    new_execution_state: Page,
}

/// The reason why an attempt failed.
#[derive(Debug, thiserror::Error)]
enum AttemptError {
    #[error("{0}")]
    Connection(#[from] ConnectionError),
    #[error("the service answered {0}")]
    Refused(Refusal),
    #[error("the answer of the service cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

impl Remote {
    /// The service of this environment. A missing variable becomes the error of the first call.
    #[must_use]
    pub fn new(environment: &Environment) -> Self {
        Self { target: Target::of(environment), connections: Connections::default() }
    }

    /// Makes a call, and tries again after errors that may pass.
    async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, ServiceError> {
        let target = self.target.as_ref().map_err(|error| misconfigured(&error.to_string()))?;
        let mut attempt = 1;
        loop {
            match self.attempt(target, &call).await {
                Ok(answer) => return Ok(answer),
                Err(error) if error.is_passing() && attempt < ATTEMPTS => {
                    let pause = pause(attempt);
                    tracing::debug!("{} failed: {error}; trying again in {pause:?}", call.path);
                    sleep(pause).await;
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn attempt<T: DeserializeOwned>(&self, target: &Target, call: &Call) -> Result<T, AttemptError> {
        let response = self.connections.send(target, request(target, call, SystemTime::now())).await?;
        if !response.status().is_success() {
            return Err(AttemptError::Refused(Refusal::of(&response)));
        }
        Ok(serde_json::from_slice(response.body())?)
    }
}

impl Service for Remote {
    fn checkpoint<'a>(
        &'a self,
        arn: &'a str,
        token: &'a str,
        updates: &'a [Update],
    ) -> BoxFuture<'a, Result<Checkpoint, ServiceError>> {
        let call = checkpoint_call(arn, token, updates);
        Box::pin(async move {
            let answer: CheckpointAnswer = self.call(call).await?;
            let token = answer.checkpoint_token.filter(|token| !token.is_empty());
            Ok(Checkpoint { token, changed: page(answer.new_execution_state) })
        })
    }

    fn state<'a>(&'a self, arn: &'a str, token: &'a str, marker: &'a str) -> BoxFuture<'a, Result<Page, ServiceError>> {
        let call = state_call(arn, token, marker);
        Box::pin(async move { self.call(call).await.map(page) })
    }
}

fn checkpoint_call(arn: &str, token: &str, updates: &[Update]) -> Call {
    let client_token = Uuid::new_v4().to_string();
    let body = CheckpointRequest { checkpoint_token: token, client_token, updates };
    let body = serde_json::to_vec(&body).expect("BUG: updates always serialize");
    Call { method: Method::POST, path: path(arn, "checkpoint"), query: String::new(), body: body.into() }
}

fn state_call(arn: &str, token: &str, marker: &str) -> Call {
    let marker = if marker.is_empty() { String::new() } else { format!("&Marker={}", encoded(marker)) };
    let query = format!("CheckpointToken={}{marker}&MaxItems={PAGE_SIZE}", encoded(token));
    Call { method: Method::GET, path: path(arn, "state"), query, body: Bytes::new() }
}

/// A page without an empty marker.
fn page(page: Page) -> Page {
    Page { next_marker: page.next_marker.filter(|marker| !marker.is_empty()), ..page }
}

fn path(arn: &str, call: &str) -> String {
    format!("/2025-12-01/durable-executions/{}/{call}", encoded(arn))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// The signed request of a call.
fn request(target: &Target, call: &Call, now: SystemTime) -> Request<Full<Bytes>> {
    let path = format!("{}{}", target.prefix, call.path);
    let signed =
        Signed { method: call.method.as_str(), host: &target.host, path: &path, query: &call.query, body: &call.body };
    let uri = if call.query.is_empty() { path.clone() } else { format!("{path}?{}", call.query) };
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(uri)
        .header(header::HOST, &target.host)
        .header(header::USER_AGENT, concat!("lambda-script-runtime/", env!("CARGO_PKG_VERSION")))
        .header(header::CONTENT_TYPE, "application/json");
    for (name, value) in signature::headers(&target.credentials, &target.region, &signed, now) {
        let mut value = HeaderValue::try_from(value).expect("BUG: credentials are printable");
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    request.body(Full::new(call.body.clone())).expect("BUG: paths and hosts are encoded")
}

/// The pause before another attempt: random, up to one second, then up to two.
fn pause(attempt: u32) -> Duration {
    let random = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    Duration::from_secs_f64(random * f64::from(1 << (attempt - 1)))
}

fn misconfigured(message: &str) -> ServiceError {
    ServiceError::Execution {
        error_type: ErrorType::InvalidConfiguration.name().to_owned(),
        message: message.to_owned(),
    }
}

impl AttemptError {
    fn is_passing(&self) -> bool {
        match self {
            Self::Connection(ConnectionError::Roots(_)) => false,
            Self::Connection(_) | Self::Unreadable(_) => true,
            Self::Refused(refusal) => refusal.is_passing(),
        }
    }
}

impl From<AttemptError> for ServiceError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Connection(ConnectionError::Roots(error)) => misconfigured(&error.to_string()),
            AttemptError::Refused(refusal) => refusal.into(),
            AttemptError::Connection(_) | AttemptError::Unreadable(_) => Self::Invocation(error.to_string()),
        }
    }
}
