//! The Runtime API of Lambda: a client, and the loop that answers its events.
//!
//! The loop of the crate `lambda_runtime` is not used: it ends the environment if a caller's client context is JSON but
//! not in the mobile SDK's form, takes a refusal for an event, and panics if a header is missing. The code outside of
//! this module uses only `next`, and the reply to an event.

pub mod cause;
mod connection;
mod error;
mod extension;
pub mod http;
mod receipt;
mod reply;
mod request;
mod retry;
pub mod run;
mod snapstart;

use std::{path::Path, pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep, sleep};

use self::{
    connection::Connection,
    error::RequestError,
    http::Response,
    request::Request,
    retry::{POST_PAUSES, retried},
};
pub use self::{error::ApiError, reply::Reply};
use crate::{
    event::invocation::{Invocation, REQUEST_ID},
    failure::{ErrorType, Failure},
    logs::{self, Origin},
};

/// The pauses between the attempts to get the next event, in milliseconds.
const NEXT_PAUSES: [u64; 5] = [50, 100, 200, 400, 800];

/// The time limit for posting an answer.
const POST_LIMIT: Duration = Duration::from_secs(60);

/// The client of one slot, with its own connection.
pub struct Client {
    connection: Connection,
    task_root: String,
    /// Ends a post that the server does not take. One timer for all posts: a new one would wake the event loop each
    /// time.
    limit: Pin<Box<Sleep>>,
}

impl Client {
    /// A client of the Runtime API at this host and port, for the function in this directory. It connects at the first
    /// request.
    pub fn new(api: &str, task_root: &Path) -> Self {
        let task_root = task_root.to_string_lossy().into_owned();
        Self { connection: Connection::new(api), task_root, limit: Box::pin(sleep(Duration::ZERO)) }
    }

    /// Waits for the next event without a limit while the connection is open, because the environment may be frozen
    /// meanwhile. Tries again after errors, with pauses. Answers an event that is too large with an error.
    pub async fn next(&mut self) -> Result<Invocation, ApiError> {
        loop {
            let note = |error: &RequestError, pause| {
                // not a warning: the last error is logged when the environment ends
                tracing::debug!("the next event could not be received: {error}; trying again in {pause:?}");
            };
            let event = retried(&mut *self, &NEXT_PAUSES, |client| Box::pin(client.ask()), note);
            let event = event.await.map_err(|cause| ApiError::Next(NEXT_PAUSES.len() + 1, cause))?;
            let invocation = Invocation::new(event.headers, event.body);
            if let Some((first, count)) = event.left_out {
                Origin::of(&invocation)
                    .warn(format_args!("malformed header lines of the event were left out: {first}, {count} in all"));
            }
            let Some(too_large) = event.too_large else { return Ok(invocation) };
            let message = format!("the event's {too_large}, and no handler has seen it");
            let failure = Failure::new(ErrorType::EventTooLarge, message);
            logs::write_failure(&invocation, &failure);
            self.fail(&invocation, &failure).await?;
        }
    }

    /// Asks for an event. A response over a limit is an event, too.
    async fn ask(&mut self) -> Result<Response, RequestError> {
        let response = self.connection.request(&Request::next(), true).await?;
        if !response.status.is_success() {
            return Err(RequestError::NoEvent(response.shown()));
        }
        let id = response.headers.text(REQUEST_ID).unwrap_or_default();
        // it becomes a part of a path
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "it has no valid lambda-runtime-aws-request-id";
            return Err(RequestError::NoEvent(message.to_owned()));
        }
        Ok(response)
    }

    /// The reply to an event.
    pub fn reply(&mut self, invocation: &Invocation) -> Reply<'_> {
        Reply::new(self, invocation)
    }

    async fn fail(&mut self, invocation: &Invocation, failure: &Failure) -> Result<(), ApiError> {
        self.post_about(invocation, &Request::error(invocation, failure, &self.task_root)).await
    }

    async fn post_about(&mut self, invocation: &Invocation, request: &Request) -> Result<(), ApiError> {
        let response = self.post(request).await;
        let response = response.map_err(|cause| ApiError::Unposted(request.about(invocation), cause))?;
        receipt::follow(request, invocation, &response)
    }

    /// Posts an answer or an error; again if the connection breaks: Lambda takes the first complete post.
    async fn post(&mut self, request: &Request) -> Result<Response, RequestError> {
        let note = |error: &RequestError, _| {
            tracing::warn!("posting to {} failed: {error}; trying again", request.path);
        };
        let context = (self, request);
        retried(context, &POST_PAUSES, |(client, request)| Box::pin(client.try_to_post(request)), note).await
    }

    async fn try_to_post(&mut self, request: &Request) -> Result<Response, RequestError> {
        self.limit.as_mut().reset(Instant::now() + POST_LIMIT);
        tokio::select! {
            biased;
            response = self.connection.request(request, false) => response,
            () = self.limit.as_mut() => Err(RequestError::Late(POST_LIMIT)),
        }
    }

    /// Posts the error of an init or a restore, if the Runtime API can be reached.
    async fn fail_phase(&mut self, phase: &str, error_type: &str, failure: &Failure) {
        let request = Request::phase_error(phase, error_type, failure, &self.task_root);
        if let Err(error) = self.post(&request).await {
            tracing::error!("posting to {} failed: {error}", request.path);
        }
    }

    /// Waits until Lambda has restored the environment from its snapshot. No connection stays open in the snapshot.
    async fn restored(&mut self) -> Result<(), RequestError> {
        let response = self.connection.request(&Request::restore_next(), false).await;
        self.connection.close();
        let status = response?.status;
        if status.is_success() { Ok(()) } else { Err(RequestError::Status(status)) }
    }
}
