//! `--http`: the handler at this address is what it would be at a function URL of Lambda.

mod event;
mod response;

use std::net::SocketAddr;

use bytes::Bytes;
use http::{Response, StatusCode, header, request::Parts};

use super::{
    Body, Server,
    answer::{Answer, whole},
};
use crate::{event::headers::Headers, event::invocation::TRACE_ID, limits::PAYLOAD_LIMIT};

/// What a caller gets where the function, or its answer, is at fault. The log says more.
const FAULT: &str = "Internal Server Error";

/// Answers a request whose body has been read; there is none where it was over the limit.
pub(super) async fn respond(
    server: &Server,
    caller: SocketAddr,
    head: &Parts,
    body: Option<Bytes>,
) -> Response<Body> {
    let event = body.map(|body| event::of(head, &body, caller, server.port));
    let Some(event) = event.filter(|event| event.json.len() <= PAYLOAD_LIMIT) else {
        let message = format!(
            "the request makes an event of more than {PAYLOAD_LIMIT} bytes, the most that Lambda takes"
        );
        return plain(StatusCode::PAYLOAD_TOO_LARGE, message);
    };
    let mut headers = Headers::default();
    headers.append(TRACE_ID, event.trace_id);
    match server.pool.answer(headers, event.json.into()).await {
        Answer::Whole(Ok(answer)) => response::of(&answer).unwrap_or_else(|reason| {
            tracing::error!("the answer is no valid response to an HTTP request: {reason}");
            plain(StatusCode::BAD_GATEWAY, FAULT)
        }),
        Answer::Whole(Err(_)) => plain(StatusCode::BAD_GATEWAY, FAULT),
        Answer::Streamed(mut streamed) => {
            let head = streamed.take_head();
            let mut response = Response::new(streamed.into_body());
            if let Some(head) = head {
                *response.status_mut() = head.status_code;
                response::set_headers(response.headers_mut(), head.headers, &head.cookies);
            } else {
                let octets = header::HeaderValue::from_static("application/octet-stream");
                response.headers_mut().insert(header::CONTENT_TYPE, octets);
            }
            response
        }
    }
}

fn plain(status: StatusCode, message: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(message));
    *response.status_mut() = status;
    let text = header::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
