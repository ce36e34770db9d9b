//! Error answers of the service, and their consequences.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;

use crate::durable::service::ServiceError;

/// The header with an error's type.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The most bytes that a message quotes of an answer that is no JSON.
const EXCERPT: usize = 300;

/// Temporary errors with status 400 or 403: the SDKs try these again, too.
const PASSING: [&str; 9] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "SlowDown",
    "RequestTimeout",
];

/// An answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub(super) struct Refusal {
    status: StatusCode,
    error_type: String,
    message: String,
}

/// The body of an error. A stand-in may name the type in it; the service itself has `User` or `Service` there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(alias = "Message")]
    message: Option<String>,
    #[serde(rename = "__type", alias = "code", alias = "Type")]
    error_type: Option<String>,
}

impl Refusal {
    pub(super) fn of(response: &Response<Bytes>) -> Self {
        let body: Option<Body> = serde_json::from_slice(response.body()).ok();
        let excerpt = || {
            let bytes = response.body();
            String::from_utf8_lossy(&bytes[..bytes.len().min(EXCERPT)]).trim().to_owned()
        };
        let status = response.status();
        let Body { message, error_type } = body.unwrap_or_else(|| Body { message: Some(excerpt()), error_type: None });
        let header = response.headers().get(ERROR_TYPE).and_then(|value| value.to_str().ok());
        let error_type = header.map(str::to_owned).or(error_type).as_deref().map(bare_type);
        let error_type = error_type.filter(|name| !["", "User", "Service"].contains(&name.as_str()));
        Self {
            status,
            error_type: error_type.unwrap_or_else(|| format!("Http{}", status.as_u16())),
            message: message.unwrap_or_else(|| status.to_string()),
        }
    }

    /// Whether another attempt may succeed.
    pub(super) fn is_passing(&self) -> bool {
        let is_busy = self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS;
        !self.is_of_a_key() && (is_busy || PASSING.contains(&self.error_type.as_str()))
    }

    /// The function's key cannot be used. The status is 502, as if the service were at fault.
    fn is_of_a_key(&self) -> bool {
        self.error_type.starts_with("KMS")
    }

    /// The token is not the last one: another invocation continues the execution, or it has ended.
    fn is_stale_token(&self) -> bool {
        self.message.to_lowercase().contains("invalid checkpoint token")
    }

    /// A payload that is too large has no separate error type: only the message shows it.
    fn is_too_large(&self) -> bool {
        let message = self.message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        self.status == StatusCode::PAYLOAD_TOO_LARGE
            || self.error_type == "RequestTooLargeException"
            || (has(&["payload", "error object"])
                && has(&["size", "length", "large"])
                && has(&["less than", "exceed", "larger", "too large", "maximum"]))
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        // the next invocation may run in an environment with other credentials
        let has_expired = refusal.error_type.starts_with("ExpiredToken");
        if refusal.is_too_large() {
            Self::TooLarge(refusal.message)
        } else if refusal.is_passing() || refusal.is_stale_token() || has_expired {
            Self::Invocation(format!("the service refused the call: {refusal}"))
        } else {
            Self::Execution { error_type: refusal.error_type, message: refusal.message }
        }
    }
}

/// A type without its namespace and the URL after it: `com.amazonaws#Type:http://…`.
fn bare_type(text: &str) -> String {
    let text = text.split(':').next().unwrap_or_default();
    text.rsplit('#').next().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, error_type: Option<&str>, body: &str) -> Refusal {
        let mut response = Response::builder().status(status);
        if let Some(error_type) = error_type {
            response = response.header(ERROR_TYPE, error_type);
        }
        Refusal::of(&response.body(Bytes::from(body.to_owned())).unwrap())
    }

    #[test]
    fn the_type_and_the_message_are_found_wherever_they_stand() {
        for (header, body, shown) in [
            (Some("AException:http://x/"), r#"{"Type":"User","message":"m"}"#, "AException: m"),
            (Some("a.b#AException"), r#"{"Message":"m"}"#, "AException: m"),
            (None, r#"{"Type":"AException","message":"m"}"#, "AException: m"),
            (None, r#"{"__type":"a.b#AException","message":"m"}"#, "AException: m"),
            (None, r#"{"Type":"User","message":null}"#, "Http404: 404 Not Found"),
            (None, "<html>\n", "Http404: <html>"),
            (None, "[1]", "Http404: [1]"),
        ] {
            assert_eq!(refusal(404, header, body).to_string(), shown, "{body}");
        }
    }

    /// The consequence of each answer, and whether the call is tried again before.
    #[test]
    fn each_refusal_has_its_consequence() {
        for (status, error_type, message, consequence, again) in [
            (429, "TooManyRequestsException", "Rate Exceeded.", "invocation", true),
            (400, "ThrottlingException", "Rate exceeded", "invocation", true),
            (500, "ServiceException", "An error occurred", "invocation", true),
            (502, "EC2ThrottledException", "", "invocation", true),
            (503, "Http503", "Service Unavailable", "invocation", true),
            (400, "InvalidParameterValueException", "Invalid checkpoint token", "invocation", false),
            (400, "InvalidParameterValueException", "Invalid Checkpoint Token: x", "invocation", false),
            (403, "ExpiredTokenException", "The security token is expired", "invocation", false),
            (502, "KMSAccessDeniedException", "", "KMSAccessDeniedException", false),
            (502, "KMSDisabledException", "", "KMSDisabledException", false),
            (502, "KMSInvalidStateException", "", "KMSInvalidStateException", false),
            (502, "KMSNotFoundException", "", "KMSNotFoundException", false),
            (403, "AccessDeniedException", "is not authorized", "AccessDeniedException", false),
            (404, "ResourceNotFoundException", "no such execution", "ResourceNotFoundException", false),
            (400, "InvalidParameterValueException", "Invalid wait", "InvalidParameterValueException", false),
            (301, "Http301", "", "Http301", false),
            (413, "RequestEntityTooLargeException", "", "too large", false),
            (413, "Http413", "", "too large", false),
            (400, "RequestTooLargeException", "", "too large", false),
            (
                400,
                "InvalidParameterValueException",
                "STEP output payload size must be less than or equal to 262144 bytes.",
                "too large",
                false,
            ),
            (
                400,
                "InvalidParameterValueException",
                "Error object size must be less than 32768 bytes.",
                "too large",
                false,
            ),
            (
                400,
                "ValidationException",
                "Value at 'updates.1.member.payload' failed to satisfy constraint: Member must have length less \
                 than or equal to 6291456",
                "too large",
                false,
            ),
        ] {
            let body = serde_json::json!({ "message": message }).to_string();
            let refusal = refusal(status, Some(error_type), &body);
            assert_eq!(refusal.is_passing(), again, "{refusal}");
            let shown = match ServiceError::from(refusal.clone()) {
                ServiceError::Invocation(_) => "invocation".to_owned(),
                ServiceError::Execution { error_type, .. } => error_type,
                ServiceError::TooLarge(_) => "too large".to_owned(),
            };
            assert_eq!(shown, consequence, "{refusal}");
        }
    }
}
