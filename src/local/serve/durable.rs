//! `--serve --durable`: an event is the input of an execution. Other calls read executions and answer callbacks.

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderValue, Response, StatusCode, header, request::Parts};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{Body, Reply, whole},
    api::{Call, InvocationType, Refusal},
    pool::Pool,
};
use crate::{
    event::{headers::Headers, invocation::TENANT_ID},
    failure::{ErrorType, Failure},
    local::durable::{
        schedule::{Invoke, Invoked},
        served::{Executions, StartError},
    },
};

/// The header with the name of an execution, and the longest one.
const NAME: &str = "x-amz-durable-execution-name";
const NAME_LIMIT: usize = 64;

/// Runs the handler in the server's slots, and other functions in their own.
pub(super) struct Runner<'a> {
    pub(super) pool: &'a Pool,
    pub(super) executions: &'a Executions,
}

impl Invoke for Runner<'_> {
    fn invoke<'a>(&'a self, function: Option<&'a str>, headers: Headers, event: Bytes) -> BoxFuture<'a, Invoked> {
        match function {
            Some(function) => self.executions.functions().invoke(function, headers, event).boxed(),
            None => async move {
                let (request_id, outcome) = self.pool.run_envelope(headers, event).await;
                Invoked { request_id, outcome, is_final: false }
            }
            .boxed(),
        }
    }
}

/// Answers a call of the API for executions and callbacks.
pub(super) fn respond(executions: &Executions, head: &Parts, body: &[u8]) -> Response<Body> {
    let query = head.uri.query().unwrap_or_default();
    match executions.call(&head.method, head.uri.path(), query, body) {
        Ok(answer) => {
            let mut response = Response::new(whole(answer.to_string()));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err(error) => {
            let (status, error_type) = error.kind();
            Refusal::new(status, error_type, error.to_string()).response()
        }
    }
}

/// Begins an execution, and waits for its end if the caller does.
pub(super) async fn invoke(
    executions: &Executions,
    call: Call,
    head: &Parts,
    event: Bytes,
    shutdown: &CancellationToken,
) -> Response<Body> {
    if call.invocation_type == InvocationType::DryRun {
        return call.acknowledge();
    }
    let arn = match start(executions, &call, head, event) {
        Ok(arn) => arn,
        Err(refusal) => return refusal.response(),
    };
    let mut response = match call.invocation_type {
        InvocationType::RequestResponse => {
            let ended = shutdown.run_until_cancelled(executions.ended(&arn)).await;
            let outcome = ended.unwrap_or_else(|| {
                let message = "the server is shutting down";
                Err(Failure::new(ErrorType::ResourceExhausted, message))
            });
            call.respond_with(Reply::Whole(outcome.map(Bytes::from)))
        }
        InvocationType::Event | InvocationType::DryRun => call.acknowledge(),
    };
    let arn = HeaderValue::try_from(arn).expect("BUG: an ARN has no control characters");
    response.headers_mut().insert("x-amz-durable-execution-arn", arn);
    response
}

fn start(executions: &Executions, call: &Call, head: &Parts, event: Bytes) -> Result<String, Refusal> {
    let invalid = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message);
    if call.is_streamed {
        return Err(invalid("the answer of a durable function is not streamed: use Invoke".to_owned()));
    }
    let name = head.headers.get(NAME).map(|name| {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let fits = (1..=NAME_LIMIT).contains(&name.len()) && name.as_bytes().iter().all(is_word);
        let name = name.to_str().ok().filter(|_| fits);
        name.ok_or_else(|| {
            invalid(format!("X-Amz-Durable-Execution-Name has 1 to {NAME_LIMIT} letters, digits, `-` and `_`"))
        })
    });
    let input = String::from_utf8(event.into())
        .map_err(|_| invalid("the event of a durable function is UTF-8 text".to_owned()))?;
    let tenant = call.headers.text(TENANT_ID).map(str::to_owned);
    executions.start(name.transpose()?, input, tenant).map_err(|error| match &error {
        StartError::Name(_) => {
            Refusal::new(StatusCode::CONFLICT, "DurableExecutionAlreadyStartedException", error.to_string())
        }
        StartError::File(_) => Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", error.to_string()),
    })
}
