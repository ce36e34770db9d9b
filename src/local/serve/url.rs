//! `--http`: requests and responses of a function URL.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};

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

/// The response body if the function or its answer is at fault. The log has details.
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
        let message =
            format!("the request makes an event of more than {PAYLOAD_LIMIT} bytes, the most that Lambda takes");
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
            let untyped = || Prelude::typed(StatusCode::OK, "application/octet-stream");
            response::response(head.unwrap_or_else(untyped), body)
        }
    }
}

fn plain(status: StatusCode, message: impl Into<Bytes>) -> Response<Body> {
    response::response(Prelude::typed(status, "text/plain; charset=utf-8"), whole(message))
}
