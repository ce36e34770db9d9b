//! `--http`: requests and responses as at a function URL of Lambda.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header, request::Parts};

use super::{
    answer::{Body, Reply, whole},
    pool::Pool,
};
use crate::{
    event::headers::Headers,
    event::invocation::TRACE_ID,
    http::{
        prelude::Prelude,
        url::{event, response},
    },
    limits::PAYLOAD_LIMIT,
};

/// The response body where the function or its answer is at fault. The log says more.
const FAULT: &str = "Internal Server Error";

/// Answers a request. `body` is `None` if it is over the limit.
pub(super) async fn respond(
    pool: &Pool,
    port: u16,
    caller: SocketAddr,
    head: &Parts,
    body: Option<Bytes>,
) -> Response<Body> {
    let event = body.map(|body| event::of(head, &body, caller, port));
    let Some(event) = event.filter(|event| event.json.len() <= PAYLOAD_LIMIT) else {
        let message = format!(
            "the request makes an event of more than {PAYLOAD_LIMIT} bytes, the most that Lambda takes"
        );
        return plain(StatusCode::PAYLOAD_TOO_LARGE, message);
    };
    let mut headers = Headers::default();
    headers.append(TRACE_ID, event.trace_id);
    match pool.answer(headers, event.json.into()).await {
        Reply::Whole(Ok(answer)) => match response::of(&answer) {
            Ok(response) => response.map(whole),
            Err(error) => {
                tracing::error!("the answer is no valid response to an HTTP request: {error}");
                plain(StatusCode::BAD_GATEWAY, FAULT)
            }
        },
        Reply::Whole(Err(_)) => plain(StatusCode::BAD_GATEWAY, FAULT),
        Reply::Streamed(head, body) => {
            response::response(head.unwrap_or_else(|| typed("application/octet-stream")), body)
        }
    }
}

fn plain(status: StatusCode, message: impl Into<Bytes>) -> Response<Body> {
    let head = Prelude { status, ..typed("text/plain; charset=utf-8") };
    response::response(head, whole(message))
}

fn typed(content_type: &'static str) -> Prelude {
    let mut head = Prelude::default();
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    head
}
