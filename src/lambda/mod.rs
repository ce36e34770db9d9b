//! The Runtime API of Lambda: a client of our own, and the loop that answers its events.
//!
//! Not the loop of the crate `lambda_runtime`: it ends the environment where a caller's client context is JSON but
//! not of the mobile SDK's shape, takes a refusal for an event, and panics where a header is missing. Everything
//! outside of this module knows only `next`, `respond` and `fail`.

pub mod cause;
mod connection;
mod error;
mod extension;
pub mod http;
mod request;
pub mod run;
mod snapstart;
mod streamed;

use std::{convert::Infallible, path::Path, pin::Pin, time::Duration};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep};

use self::{
    connection::{Connection, Request},
    http::{BODY_LIMIT, RESPONSE_HEAD_LIMIT, Response, TooLarge},
    request::Header,
};
pub use self::{
    error::{ApiError, Refused},
    streamed::StreamedResponse,
};
use crate::{
    event::invocation::Outcome,
    event::invocation::{INVOCATION_ID, Invocation, REQUEST_ID},
    failure::{ErrorType, Failure},
    logs,
};

/// How often a failing request for the next event is repeated, and the first pause before it; each doubles the last.
const REPEATS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How often an answer is sent before the Runtime API is taken for gone, and how long is waited in between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// How long an answer may take to be sent and received.
const POST_LIMIT: Duration = Duration::from_secs(60);

/// The header with what X-Ray shows of an error.
const CAUSE: &str = "lambda-runtime-function-xray-error-cause";

/// The header with the type of an error in the form that Lambda files it by.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// The client of one slot, with a connection of its own.
pub struct Client {
    connection: Connection,
    task_root: String,
    /// Ends a post that nobody takes. One timer for all: a new one would interrupt the event loop for each.
    limit: Pin<Box<Sleep>>,
}

impl Client {
    /// A client of the Runtime API at this host and port, for the function in this directory. It connects when it has
    /// something to say.
    #[must_use]
    pub fn new(api: &str, task_root: &Path) -> Self {
        let task_root = task_root.to_string_lossy().into_owned();
        Self { connection: Connection::new(api), task_root, limit: Box::pin(sleep(Duration::ZERO)) }
    }

    /// Waits for the next event, for as long as the Runtime API keeps the connection: the environment may be frozen
    /// meanwhile. Asks again where that fails, with pauses.
    pub async fn next(&mut self) -> Result<Invocation, ApiError> {
        let mut failures = 0;
        let mut pause = FIRST_PAUSE;
        loop {
            let refused = match self.ask().await {
                Ok(invocation) if invocation.too_large.is_none() => {
                    return Ok(Invocation::new(invocation.headers, invocation.body));
                }
                Ok(response) => {
                    self.refuse(response).await?;
                    continue;
                }
                Err(refused) => refused,
            };
            if failures == REPEATS {
                return Err(ApiError::Next { attempts: REPEATS + 1, cause: refused });
            }
            failures += 1;
            // not a warning: the last of them becomes the line with which the environment ends
            tracing::debug!("the next event could not be had: {refused}; asking again in {pause:?}");
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Asks for an event. A response that is over a limit is one, too.
    async fn ask(&mut self) -> Result<Response, Refused> {
        let request = Request {
            method: "GET",
            path: "/2018-06-01/runtime/invocation/next",
            headers: &[],
            body: Bytes::new(),
        };
        let response = self.connection.request(&request, true).await;
        let response = response.map_err(|error| Refused(error.to_string()))?;
        if !response.status.is_success() {
            return Err(Refused(format!("what the Runtime API gave is no event: {}", shown(&response))));
        }
        let id = response.headers.get(REQUEST_ID).unwrap_or_default();
        // it becomes a part of a path
        if id.is_empty() || !id.iter().all(u8::is_ascii_graphic) {
            let missing =
                "what the Runtime API gave is no event: it has no valid lambda-runtime-aws-request-id";
            return Err(Refused(missing.to_owned()));
        }
        Ok(response)
    }

    /// Answers an event of which not all was kept.
    async fn refuse(&mut self, response: Response) -> Result<(), ApiError> {
        let (part, limit) = match response.too_large {
            Some(TooLarge::Head) => ("headers have", RESPONSE_HEAD_LIMIT),
            _ => ("body has", BODY_LIMIT),
        };
        let message = format!("the event's {part} more than {limit} bytes, and no handler has seen it");
        let failure = Failure::new(ErrorType::EventTooLarge, message);
        let invocation = Invocation::new(response.headers, Bytes::new());
        logs::write_failure(invocation.request_id(), invocation.tenant_id(), &failure);
        self.fail(&invocation, &failure).await
    }

    /// Posts the answer to an event.
    pub async fn respond(&mut self, invocation: &Invocation, answer: Bytes) -> Result<(), ApiError> {
        self.post_outcome("response", invocation, &[], answer).await
    }

    /// Posts the error of an event.
    pub async fn fail(&mut self, invocation: &Invocation, failure: &Failure) -> Result<(), ApiError> {
        let (error_type, cause) = (failure.header_type(), cause::of(failure, &self.task_root));
        let headers = error_headers(&error_type, &cause);
        self.post_outcome("error", invocation, &headers, failure.to_json().into()).await
    }

    async fn post_outcome(
        &mut self,
        kind: &'static str,
        invocation: &Invocation,
        headers: &[Header<'_>],
        body: Bytes,
    ) -> Result<(), ApiError> {
        let request_id = invocation.request_id();
        let path = format!("/2018-06-01/runtime/invocation/{request_id}/{kind}");
        let echoed = invocation.invocation_id().map(|id| (INVOCATION_ID, id));
        let headers: Vec<_> = headers.iter().copied().chain(echoed).collect();
        let response = self.post(&path, &headers, body).await.map_err(|error| ApiError::Unposted {
            kind,
            request_id: request_id.to_owned(),
            cause: error.0,
        })?;
        receipt(kind, invocation, &response)
    }

    /// Sends what the handler writes, for ever. May be dropped and called again.
    pub async fn pass_on(&mut self, response: &mut StreamedResponse) -> Infallible {
        response.pass_on(&mut self.connection).await
    }

    /// Ends a streamed response by what has come of its event.
    pub async fn finish(
        &mut self,
        mut response: StreamedResponse,
        invocation: &Invocation,
        outcome: &Outcome,
    ) -> Result<(), ApiError> {
        let has_begun = response.take_rest(&self.connection);
        if let Err(failure) = outcome
            && !has_begun
        {
            return self.fail(invocation, failure).await;
        }
        self.limit.as_mut().reset(Instant::now() + POST_LIMIT);
        let finished = tokio::select! {
            finished = response.finish(&mut self.connection, outcome) => {
                finished.map_err(|error| error.to_string())
            }
            () = self.limit.as_mut() => Err(format!("no receipt within {POST_LIMIT:?}")),
        };
        match finished {
            Ok(response) => receipt("response", invocation, &response),
            Err(cause) => {
                // not the end: whether the Runtime API is gone is seen at the next event
                let request_id = invocation.request_id();
                tracing::error!(
                    requestId = request_id,
                    tenantId = invocation.tenant_id(),
                    "the caller has a part of the answer at most: {cause}"
                );
                Ok(())
            }
        }
    }

    /// Posts an answer or an error, again if the connection breaks: Lambda takes the first that comes whole.
    async fn post(&mut self, path: &str, headers: &[Header<'_>], body: Bytes) -> Result<Response, Refused> {
        let request = Request { method: "POST", path, headers, body };
        let mut attempt = 1;
        loop {
            self.limit.as_mut().reset(Instant::now() + POST_LIMIT);
            let refused = tokio::select! {
                biased;
                response = self.connection.request(&request, false) => match response {
                    Ok(response) => return Ok(response),
                    Err(error) => Refused(error.to_string()),
                },
                () = self.limit.as_mut() => Refused(format!("no receipt within {POST_LIMIT:?}")),
            };
            if attempt == ATTEMPTS {
                return Err(refused);
            }
            tracing::warn!("posting to {path} failed: {refused}; trying again");
            sleep(PAUSE * attempt).await;
            attempt += 1;
        }
    }

    /// Posts why there will be no event, where the Runtime API can be reached. `phase` is `init` or `restore`.
    async fn fail_phase(&mut self, phase: &str, error_type: &str, failure: &Failure) {
        let path = format!("/2018-06-01/runtime/{phase}/error");
        let cause = cause::of(failure, &self.task_root);
        let posted = self.post(&path, &error_headers(error_type, &cause), failure.to_json().into()).await;
        if let Err(refused) = posted {
            tracing::error!("the {phase} error could not be posted: {refused}");
        }
    }

    /// Waits until Lambda has restored the environment from its snapshot, in which no connection is carried through.
    async fn restored(&mut self) -> Result<(), Refused> {
        let request = Request {
            method: "GET",
            path: "/2018-06-01/runtime/restore/next",
            headers: &[],
            body: Bytes::new(),
        };
        let response = self.connection.request(&request, false).await;
        self.connection.close();
        match response {
            Ok(response) if response.status.is_success() => Ok(()),
            Ok(response) => Err(Refused(format!("it answered {}", response.status))),
            Err(error) => Err(Refused(error.to_string())),
        }
    }
}

/// What the Runtime API says of an answer or an error.
fn receipt(kind: &'static str, invocation: &Invocation, response: &Response) -> Result<(), ApiError> {
    let (request_id, tenant_id) = (invocation.request_id(), invocation.tenant_id());
    if response.status.is_success() {
        return Ok(());
    }
    let answer = shown(response);
    if response.status.is_server_error() {
        return Err(ApiError::Unrecoverable { kind, request_id: request_id.to_owned(), answer });
    }
    if response.status == ::http::StatusCode::GONE {
        tracing::warn!(
            requestId = request_id,
            tenantId = tenant_id,
            "the {kind} came too late and was not taken: {answer}"
        );
    } else {
        tracing::error!(
            requestId = request_id,
            tenantId = tenant_id,
            "the Runtime API refused the {kind}: {answer}"
        );
    }
    Ok(())
}

/// Status and body of a response, for people.
fn shown(response: &Response) -> String {
    format!("{} {}", response.status, String::from_utf8_lossy(&response.body))
}

fn error_headers<'a>(error_type: &'a str, cause: &'a str) -> [Header<'a>; 3] {
    [(ERROR_TYPE, error_type.as_bytes()), (CAUSE, cause.as_bytes()), ("content-type", b"application/json")]
}
