//! Turns the answer of a handler into the HTTP response of a function URL.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use crate::http::{fields::at, prelude::Prelude};

/// Hop-by-hop headers, and headers that the server sets itself.
const NOT_PASSED_ON: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The reason why an answer is no response.
#[derive(Debug, thiserror::Error)]
pub enum InvalidAnswer {
    #[error("`{0}` is {1} but {2}")]
    Field(&'static str, &'static str, Value),
    #[error("`{0}` is no name of a header")]
    Name(String),
    #[error("the header `{0}` is no string but {1}")]
    Type(String, Value),
    #[error("the header `{0}` cannot be {1:?}")]
    Value(String, String),
    #[error("`body` is no string: write the JSON of an object into one")]
    Body,
    #[error("`body` is no base64: {0}")]
    Base64(#[from] base64::DecodeError),
}

pub fn of(answer: &Bytes) -> Result<Response<Bytes>, InvalidAnswer> {
    match serde_json::from_slice::<Map<String, Value>>(answer) {
        Ok(fields) if fields.contains_key("statusCode") => taken_apart(&fields),
        // any other JSON, and any text
        _ => Ok(response(Prelude::default(), answer.clone())),
    }
}

/// A response with this head; the default content type is JSON.
pub fn response<B>(head: Prelude, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    let all = response.headers_mut();
    *all = head.headers;
    for name in NOT_PASSED_ON {
        all.remove(name);
    }
    all.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    response
}

fn taken_apart(fields: &Map<String, Value>) -> Result<Response<Bytes>, InvalidAnswer> {
    let status = status(&fields["statusCode"])?;
    let mut headers = HeaderMap::new();
    if let Some(given) = at(fields, &["headers"]) {
        let none = || InvalidAnswer::Field("headers", "no object", given.clone());
        for (name, value) in given.as_object().ok_or_else(none)? {
            let (name, value) = header(name, value)?;
            headers.append(name, value);
        }
    }
    if let Some(given) = at(fields, &["cookies"]) {
        let none = |_| InvalidAnswer::Field("cookies", "no array of strings", given.clone());
        let cookies: Vec<String> = serde_json::from_value(given.clone()).map_err(none)?;
        let values = cookies.into_iter().filter_map(|cookie| HeaderValue::try_from(cookie).ok());
        headers.extend(values.map(|value| (header::SET_COOKIE, value)));
    }
    Ok(response(Prelude { status, headers }, body(fields)?))
}

fn status(value: &Value) -> Result<StatusCode, InvalidAnswer> {
    let number = match value {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let status = number.filter(|number| (200..600).contains(number)).map(StatusCode::from_u16);
    let none = || InvalidAnswer::Field("statusCode", "no number from 200 to 599", value.clone());
    status.and_then(Result::ok).ok_or_else(none)
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), InvalidAnswer> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(InvalidAnswer::Type(name.to_owned(), value.clone())),
    };
    let own = name.parse().map_err(|_| InvalidAnswer::Name(name.to_owned()))?;
    let value = HeaderValue::from_bytes(text.as_bytes());
    Ok((own, value.map_err(|_| InvalidAnswer::Value(name.to_owned(), text))?))
}

fn body(fields: &Map<String, Value>) -> Result<Bytes, InvalidAnswer> {
    let Some(body) = at(fields, &["body"]) else { return Ok(Bytes::new()) };
    let text = body.as_str().ok_or(InvalidAnswer::Body)?;
    match at(fields, &["isBase64Encoded"]) {
        Some(Value::Bool(true)) => Ok(STANDARD.decode(text)?.into()),
        None | Some(Value::Bool(false)) => Ok(text.to_owned().into()),
        Some(other) => Err(InvalidAnswer::Field("isBase64Encoded", "neither true nor false", other.clone())),
    }
}
