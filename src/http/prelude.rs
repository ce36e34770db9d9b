//! Status and headers: the head of an HTTP response, and the prelude of a streamed one.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// The head of an HTTP response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prelude {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

impl Prelude {
    /// A head with only this content type.
    pub fn typed(status: StatusCode, content_type: &'static str) -> Self {
        let mut head = Self { status, ..Self::default() };
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        head
    }

    /// The headers: each name once, its values converted by `form`.
    pub fn headers_as(&self, form: impl Fn(Vec<String>) -> Value) -> Map<String, Value> {
        self.headers.keys().map(|name| (name.to_string(), form(values(&self.headers, name)))).collect()
    }

    /// Headers and cookies as function URLs take them: the values of a header are joined, except for `Set-Cookie`.
    pub fn headers_and_cookies(&self) -> (Value, Vec<String>) {
        let mut headers = self.headers_as(|values| values.join(", ").into());
        headers.remove(header::SET_COOKIE.as_str());
        (headers.into(), values(&self.headers, &header::SET_COOKIE))
    }

    /// The prelude of a streamed response, as JSON.
    pub fn to_json(&self) -> Value {
        let (headers, cookies) = self.headers_and_cookies();
        json!({ "statusCode": self.status.as_u16(), "headers": headers, "cookies": cookies })
    }

    /// Whether the content type is text, so that JSON can contain the body unencoded.
    pub fn is_text(&self) -> bool {
        let content_type = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        content_type.is_some_and(is_text) && !self.headers.contains_key(header::CONTENT_ENCODING)
    }
}

/// The values of a header, as text.
pub(super) fn values(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.get_all(name).iter().map(text).collect()
}

/// A part of an answer.
#[derive(Debug)]
pub enum Part {
    /// Status and headers of an HTTP response: the first part, if at all.
    Head(Prelude),
    Body(Bytes),
}

impl Part {
    /// The part in Lambda's format for the body of a streamed response: eight NUL bytes follow a head.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Body(bytes) => bytes,
            Self::Head(head) => (head.to_json().to_string() + &"\0".repeat(8)).into(),
        }
    }
}

/// Whether this content type is text: `text/html; charset=utf-8`, `application/problem+json`. A form is not, because
/// API Gateway and function URLs send it in base64, too.
pub fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(essence.as_str(), "application/json" | "application/xml" | "application/javascript")
}
