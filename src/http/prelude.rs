//! Status, headers and cookies: the head of an HTTP response, and the prelude of a streamed one.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// The head of an HTTP response. `Set-Cookie` stands in `cookies`, not in `headers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prelude {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub cookies: Vec<HeaderValue>,
}

impl Prelude {
    /// The headers with each name once, and its values in this form.
    pub fn headers_as(&self, form: impl Fn(Vec<String>) -> Value) -> Value {
        let values = |name| self.headers.get_all(name).iter().map(text).collect();
        self.headers.keys().map(|name| (name.to_string(), form(values(name)))).collect()
    }

    /// The headers as function URLs take them, without lists: several values are joined.
    pub fn joined_headers(&self) -> Value {
        self.headers_as(|values| values.join(", ").into())
    }

    pub fn cookie_values(&self) -> Vec<String> {
        self.cookies.iter().map(text).collect()
    }

    /// The prelude of a streamed response, as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "statusCode": self.status.as_u16(),
            "headers": self.joined_headers(),
            "cookies": self.cookie_values(),
        })
    }

    /// Whether the body can stand in JSON as it is, by its content type.
    pub fn is_text(&self) -> bool {
        let content_type = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        content_type.is_some_and(super::media_type::is_text)
            && !self.headers.contains_key(header::CONTENT_ENCODING)
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

/// A part of an answer.
#[derive(Debug)]
pub enum Part {
    /// Status and headers of an HTTP response: the first part, if at all.
    Head(Prelude),
    Body(Bytes),
}

impl Part {
    /// The part as Lambda has it in the body of a streamed response: eight NUL bytes follow a head.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Body(bytes) => bytes,
            Self::Head(head) => (head.to_json().to_string() + &"\0".repeat(8)).into(),
        }
    }
}
