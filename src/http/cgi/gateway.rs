//! The services that send HTTP events: how each of them wants its answer.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header};
use lambda_runtime::MetadataPrelude;
use serde_json::{Map, Value, json};

use crate::http::media_type;

/// Who has sent an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gateway {
    /// A function URL, or an HTTP API of API Gateway: payload version 2.0.
    FunctionUrl,
    /// A REST API of API Gateway, or an HTTP API with payload version 1.0.
    RestApi,
    /// A load balancer, which takes several values of a header, or the last of them alone.
    LoadBalancer { several_values: bool },
}

impl Gateway {
    /// The answer with this head and body.
    pub(super) fn response(self, head: &MetadataPrelude, body: &[u8]) -> String {
        let (body, is_base64) = match std::str::from_utf8(body) {
            Ok(text) if is_text(&head.headers) => (text.to_owned(), false),
            _ => (STANDARD.encode(body), true),
        };
        let mut answer = json!({
            "statusCode": head.status_code.as_u16(),
            "body": body,
            "isBase64Encoded": is_base64,
        });
        let fields = answer.as_object_mut().expect("BUG: it is written as an object");
        if let Self::LoadBalancer { .. } = self {
            let reason = head.status_code.canonical_reason().unwrap_or("Unknown");
            let description = format!("{} {reason}", head.status_code.as_u16());
            fields.insert("statusDescription".to_owned(), description.into());
        }
        match self {
            Self::FunctionUrl => {
                fields.insert("headers".to_owned(), single(&head.headers, |values| values.join(",")));
                if !head.cookies.is_empty() {
                    fields.insert("cookies".to_owned(), json!(head.cookies));
                }
            }
            Self::LoadBalancer { several_values: false } => {
                let last = |values: &[String]| values.last().cloned().unwrap_or_default();
                fields.insert("headers".to_owned(), single(&with_cookies(head), last));
            }
            Self::RestApi | Self::LoadBalancer { several_values: true } => {
                fields.insert("multiValueHeaders".to_owned(), several(&with_cookies(head)));
            }
        }
        answer.to_string()
    }
}

/// Whether a body can stand in JSON as it is.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(media_type::is_text) && !headers.contains_key(header::CONTENT_ENCODING)
}

fn with_cookies(head: &MetadataPrelude) -> HeaderMap {
    let mut headers = head.headers.clone();
    for cookie in head.cookies.iter().filter_map(|cookie| cookie.parse().ok()) {
        headers.append(header::SET_COOKIE, cookie);
    }
    headers
}

fn single(headers: &HeaderMap, one: impl Fn(&[String]) -> String) -> Value {
    let fields = headers.keys().map(|name| (name.to_string(), one(&values(headers, name)).into()));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn several(headers: &HeaderMap) -> Value {
    let fields = headers.keys().map(|name| (name.to_string(), json!(values(headers, name))));
    Value::Object(fields.collect::<Map<_, _>>())
}

fn values(headers: &HeaderMap, name: &header::HeaderName) -> Vec<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.get_all(name).iter().map(text).collect()
}
