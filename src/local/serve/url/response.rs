//! The answer of a handler as the HTTP response that a function URL makes of it.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::super::{Body, answer::whole};

/// Headers that are between two neighbours, or that the server sets itself.
const NOT_PASSED_ON: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The response; an error says what in the answer is not valid.
pub(super) fn of(answer: &Bytes) -> Result<Response<Body>, String> {
    match serde_json::from_slice::<Map<String, Value>>(answer) {
        Ok(fields) if fields.contains_key("statusCode") => taken_apart(&fields),
        // any other JSON, and any text
        _ => {
            let mut response = Response::new(whole(answer.clone()));
            set_headers(response.headers_mut(), HeaderMap::new(), &[]);
            Ok(response)
        }
    }
}

/// Sets the headers of a response, with JSON for its content type if they have none.
pub(super) fn set_headers(all: &mut HeaderMap, headers: HeaderMap, cookies: &[String]) {
    *all = headers;
    for name in NOT_PASSED_ON {
        all.remove(name);
    }
    for cookie in cookies.iter().filter_map(|cookie| HeaderValue::from_str(cookie).ok()) {
        all.append(header::SET_COOKIE, cookie);
    }
    all.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
}

fn taken_apart(fields: &Map<String, Value>) -> Result<Response<Body>, String> {
    let status = status(&fields["statusCode"])?;
    let mut headers = HeaderMap::new();
    match fields.get("headers") {
        None | Some(Value::Null) => {}
        Some(Value::Object(given)) => {
            for (name, value) in given {
                let (name, value) = header(name, value)?;
                headers.append(name, value);
            }
        }
        Some(other) => return Err(format!("`headers` is no object but {other}")),
    }
    let cookies = match fields.get("cookies") {
        None | Some(Value::Null) => Vec::new(),
        Some(cookies) => serde_json::from_value(cookies.clone())
            .map_err(|_| format!("`cookies` is no array of strings but {cookies}"))?,
    };
    let mut response = Response::new(whole(body(fields)?));
    *response.status_mut() = status;
    set_headers(response.headers_mut(), headers, &cookies);
    Ok(response)
}

fn status(value: &Value) -> Result<StatusCode, String> {
    let number = match value {
        Value::String(digits) => digits.parse().ok(),
        other => other.as_u64().and_then(|number| u16::try_from(number).ok()),
    };
    let status = number.filter(|number| (200..600).contains(number)).map(StatusCode::from_u16);
    status
        .and_then(Result::ok)
        .ok_or_else(|| format!("`statusCode` is no number from 200 to 599 but {value}"))
}

fn header(name: &str, value: &Value) -> Result<(HeaderName, HeaderValue), String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(format!("the header `{name}` is no string but {value}")),
    };
    let value =
        HeaderValue::from_str(&text).map_err(|_| format!("the header `{name}` cannot be {text:?}"))?;
    Ok((name.parse().map_err(|_| format!("`{name}` is no name of a header"))?, value))
}

fn body(fields: &Map<String, Value>) -> Result<Bytes, String> {
    let text = match fields.get("body") {
        None | Some(Value::Null) => return Ok(Bytes::new()),
        Some(Value::String(text)) => text,
        Some(_) => return Err("`body` is no string: write the JSON of an object into one".to_owned()),
    };
    match fields.get("isBase64Encoded") {
        Some(Value::Bool(true)) => {
            let bytes = STANDARD.decode(text).map_err(|error| format!("`body` is no base64: {error}"))?;
            Ok(bytes.into())
        }
        None | Some(Value::Bool(false) | Value::Null) => Ok(text.clone().into()),
        Some(other) => Err(format!("`isBase64Encoded` is neither true nor false but {other}")),
    }
}
