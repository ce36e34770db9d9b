//! The layer around `lambda_runtime`: an event goes to a worker, its answer or error back to Lambda.
//!
//! `lambda_runtime` asks for the next event and gives its raw bytes and headers. Answers are posted here, so
//! that they are byte for byte what the handler gave, and errors carry more than a type and a message.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::try_join_all;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Collected};
use hyper_util::client::legacy::connect::HttpConnector;
use lambda_runtime::{Error as BoxError, LambdaEvent, LambdaInvocation, Runtime, service_fn};
use lambda_runtime_api_client::{PooledClient, body::Body, build_request};
use serde_json::Value;
use tokio::task::{JoinError, JoinSet};
use tower::{Layer, Service};

use crate::{
    config::Config,
    failure::Failure,
    invocation::{INVOCATION_ID, Invocation},
    languages,
    process::Children,
    snapstart::{self, Unready},
    supervisor::{Outcome, Slot},
};

/// How often an answer is sent before the Runtime API is taken for gone, and how long is waited in between.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(50);

/// The header that repeats the `errorType`.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";

/// Why the runtime ends. It never does of itself.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The init, or the restore, failed; Lambda has been told.
    #[error("{0}")]
    Unready(Failure),
    /// The next event could not be had.
    #[error("the runtime ends: {0}")]
    Next(String),
}

/// Starts the workers and answers events until the Runtime API goes away.
pub async fn run(config: &Config, api: &str, children: &Children) -> RuntimeError {
    let client = Arc::new(client(api, config.max_concurrency));
    let slots = match start(config, &client, children).await {
        Ok(slots) => slots,
        Err(unready) => return RuntimeError::Unready(report(&client, unready).await),
    };
    let runtimes = slots.into_iter().map(|slot| {
        let answering = Answering { slot, client: Arc::clone(&client) };
        // the innermost service is never called: the layer answers
        let unused = service_fn(|_: LambdaEvent<Value>| async { Ok::<Value, BoxError>(Value::Null) });
        unless_told_to_end(Runtime::new(unused).layer(answering).run(), children.clone())
    });
    // tasks: a wake-up of the event loop's own future costs a look at the kernel's events, that of a task does not
    let mut running: JoinSet<_> = runtimes.collect();
    // `lambda_runtime` takes whatever comes, a refusal too, for an event; a header that is missing makes it panic
    match running.join_next().await.expect("BUG: there is a slot").map_err(JoinError::into_panic) {
        Ok(Ok(())) => RuntimeError::Next("no more events".to_owned()),
        Ok(Err(error)) => RuntimeError::Next(causes(error.as_ref())),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|&text| text.to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let text = text.unwrap_or_else(|| "it could not be read".to_owned());
            RuntimeError::Next(format!("what the Runtime API gave is no event: {text}"))
        }
    }
}

/// Goes no further once all have been told to end: nothing more is asked for or posted.
async fn unless_told_to_end<T>(running: impl Future<Output = T>, children: Children) -> T {
    // it is not dropped: the workers have their time to end
    tokio::pin!(running);
    tokio::select! {
        biased;
        () = children.told_to_end() => std::future::pending().await,
        result = &mut running => result,
    }
}

async fn start(config: &Config, client: &PooledClient, children: &Children) -> Result<Vec<Slot>, Unready> {
    let launch = languages::launch(config).map_err(Unready::Init)?;
    let slots = (0..config.max_concurrency).map(|_| Slot::start(&launch, config, children));
    let slots = try_join_all(slots).await.map_err(Unready::Init)?;
    if config.snapstart {
        snapstart::run(client, &slots).await?;
    }
    Ok(slots)
}

/// Posts an error of the init, where the Runtime API can be reached.
pub async fn report_init_error(api: &str, failure: Failure) {
    report(&client(api, 1), Unready::Init(failure)).await;
}

async fn report(client: &PooledClient, unready: Unready) -> Failure {
    let (phase, failure) = match unready {
        Unready::Init(failure) => ("init", failure),
        Unready::Restore(failure) => ("restore", failure),
    };
    let path = format!("/2018-06-01/runtime/{phase}/error");
    if let Err(error) = post(client, &path, None, &Err(failure.clone())).await {
        tracing::error!("the {phase} error could not be posted: {}", causes(error.as_ref()));
    }
    failure
}

fn client(api: &str, connections: usize) -> PooledClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let uri = api.parse().expect("BUG: the configuration was read from a valid address");
    PooledClient::builder().with_connector(connector).with_endpoint(uri).with_pool_size(connections).build()
}

/// The layer and the service: whatever `lambda_runtime` would do with an event is replaced.
#[derive(Clone)]
struct Answering {
    slot: Slot,
    client: Arc<PooledClient>,
}

impl<S> Layer<S> for Answering {
    type Service = Self;

    fn layer(&self, _: S) -> Self {
        self.clone()
    }
}

impl Service<LambdaInvocation> for Answering {
    type Response = ();
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        let Self { slot, client } = self.clone();
        Box::pin(async move {
            let invocation = Invocation::from(invocation);
            let request_id = invocation.request_id().to_owned();
            let echoed = invocation.invocation_id().cloned();
            let (outcome, in_flight) = slot.invoke(invocation).await;
            if let Err(failure) = &outcome {
                log(&request_id, failure);
            }
            let answered = answer(&client, &request_id, echoed.as_ref(), outcome).await;
            drop(in_flight);
            answered
        })
    }
}

/// The line that an error leaves in the log.
pub fn log(request_id: &str, failure: &Failure) {
    if failure.stack_trace.is_empty() {
        tracing::error!(requestId = request_id, "{failure}");
    } else {
        tracing::error!(requestId = request_id, "{failure}\n{}", failure.stack_trace.join("\n"));
    }
}

async fn answer(
    client: &PooledClient,
    request_id: &str,
    echoed: Option<&http::HeaderValue>,
    outcome: Outcome,
) -> Result<(), BoxError> {
    let kind = if outcome.is_ok() { "response" } else { "error" };
    let path = format!("/2018-06-01/runtime/invocation/{request_id}/{kind}");
    let response = post(client, &path, echoed, &outcome).await.map_err(|error| {
        let cause = causes(error.as_ref());
        format!("the Runtime API did not take the {kind} of request {request_id}: {cause}")
    })?;
    let status = response.status();
    let body = response.into_body().collect().await.map(Collected::to_bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&body);
    if status.is_server_error() {
        // "Non-recoverable state. Runtime should exit promptly", says the Runtime API's documentation
        return Err(
            format!("the Runtime API refused the {kind} of request {request_id}: {status} {body}").into()
        );
    }
    if status == StatusCode::GONE {
        tracing::warn!(requestId = request_id, "the {kind} came too late and was not taken: {status} {body}");
    } else {
        tracing::error!(requestId = request_id, "the Runtime API refused the {kind}: {status} {body}");
    }
    Ok(())
}

type Response = http::Response<hyper::body::Incoming>;

/// Posts an answer or an error, again if the connection breaks: Lambda takes the first that comes whole.
async fn post(
    client: &PooledClient,
    path: &str,
    echoed: Option<&http::HeaderValue>,
    outcome: &Outcome,
) -> Result<Response, BoxError> {
    let mut attempt = 1;
    loop {
        let error = match client.call(request(path, echoed, outcome)?).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        if attempt == ATTEMPTS {
            return Err(error);
        }
        tracing::warn!("posting to {path} failed: {}; trying again", causes(error.as_ref()));
        tokio::time::sleep(PAUSE * attempt).await;
        attempt += 1;
    }
}

fn request(
    path: &str,
    echoed: Option<&http::HeaderValue>,
    outcome: &Outcome,
) -> Result<Request<Body>, http::Error> {
    let mut request = build_request().method(Method::POST).uri(path);
    if let Some(value) = echoed {
        request = request.header(INVOCATION_ID, value);
    }
    match outcome {
        Ok(answer) => request.body(Body::from(answer.clone())),
        Err(failure) => request
            .header(ERROR_TYPE, header_text(&failure.error_type))
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Body::from(failure.to_json())),
    }
}

/// What of a text a header can hold: a language's own error type may have any characters.
fn header_text(text: &str) -> String {
    text.chars().map(|character| if matches!(character, ' '..='~') { character } else { '?' }).collect()
}

/// An error and what is behind it, in one line.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
