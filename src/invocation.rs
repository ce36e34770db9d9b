//! One invocation: the event's bytes and what came with them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use lambda_runtime::LambdaInvocation;

/// The header with the request's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
/// The header to be echoed on the answer, where there is one.
pub const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
/// The header with the deadline in milliseconds since 1970.
pub const DEADLINE: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
/// The header with the function's name as it was called.
pub const FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
/// The header with the X-Ray trace.
pub const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
/// The header with the caller's client context, a JSON object.
pub const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
/// The header with the tenant's id.
pub const TENANT_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-tenant-id");

/// The variable with the request's id, which marks all processes of an event.
pub const REQUEST_ID_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID";

/// The environment variables that each event sets, and the headers they come from.
pub const ENVIRONMENT: [(&str, HeaderName); 7] = [
    ("_X_AMZN_TRACE_ID", TRACE_ID),
    (REQUEST_ID_VARIABLE, REQUEST_ID),
    ("AWS_LAMBDA_RUNTIME_DEADLINE_MS", DEADLINE),
    ("AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN", FUNCTION_ARN),
    ("AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT", CLIENT_CONTEXT),
    ("AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY", HeaderName::from_static("lambda-runtime-cognito-identity")),
    ("AWS_LAMBDA_RUNTIME_TENANT_ID", TENANT_ID),
];

/// One event with its headers.
#[derive(Debug)]
pub struct Invocation {
    /// The event, byte for byte.
    pub event: Bytes,
    headers: HeaderMap,
}

impl Invocation {
    /// An invocation with these headers.
    #[must_use]
    pub fn new(headers: HeaderMap, event: Bytes) -> Self {
        Self { event, headers }
    }

    /// The request's id; empty if there is none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        self.headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What the answer has to echo.
    #[must_use]
    pub fn invocation_id(&self) -> Option<&HeaderValue> {
        self.headers.get(INVOCATION_ID)
    }

    /// The time left at `now`; `None` where no deadline was given.
    #[must_use]
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        let milliseconds = self.headers.get(DEADLINE)?.to_str().ok()?.parse().ok()?;
        let deadline = UNIX_EPOCH + Duration::from_millis(milliseconds);
        Some(deadline.duration_since(now).unwrap_or_default())
    }

    /// The context for a request by descriptor, as `frame` describes it, with this behind its first word.
    #[must_use]
    pub fn environment(&self, argument: &str) -> Vec<u8> {
        let set = ENVIRONMENT.into_iter().filter(|(_, header)| self.headers.contains_key(header));
        let mut text = format!("{}{argument}\n", set.clone().count()).into_bytes();
        for (variable, header) in set {
            line(&mut text, variable, "=", self.headers[header].as_bytes());
        }
        text
    }

    /// The context for a streamed request, as `frame` describes it.
    #[must_use]
    pub fn context(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(1024);
        for (variable, header) in ENVIRONMENT {
            match self.headers.get(header) {
                Some(value) => line(&mut text, variable, "=", value.as_bytes()),
                None => line(&mut text, variable, "", b""),
            }
        }
        text.push(b'\n');
        for (name, value) in &self.headers {
            line(&mut text, name.as_str(), ": ", value.as_bytes());
        }
        text
    }
}

fn line(text: &mut Vec<u8>, name: &str, separator: &str, value: &[u8]) {
    for part in [name.as_bytes(), separator.as_bytes(), value, b"\n"] {
        text.extend_from_slice(part);
    }
}

impl From<LambdaInvocation> for Invocation {
    fn from(invocation: LambdaInvocation) -> Self {
        Self::new(invocation.parts.headers, invocation.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_sets_and_unsets_variables_and_lists_the_headers() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("id-1"));
        headers.insert(TRACE_ID, HeaderValue::from_static("Root=1;Sampled=0"));
        let invocation = Invocation::new(headers, Bytes::new());
        assert_eq!(
            String::from_utf8(invocation.environment(" 7 x")).unwrap(),
            "2 7 x\n\
             _X_AMZN_TRACE_ID=Root=1;Sampled=0\n\
             AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID=id-1\n"
        );
        let context = invocation.context();
        assert_eq!(
            String::from_utf8(context).unwrap(),
            "_X_AMZN_TRACE_ID=Root=1;Sampled=0\n\
             AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID=id-1\n\
             AWS_LAMBDA_RUNTIME_DEADLINE_MS\n\
             AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN\n\
             AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT\n\
             AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY\n\
             AWS_LAMBDA_RUNTIME_TENANT_ID\n\
             \n\
             lambda-runtime-aws-request-id: id-1\n\
             lambda-runtime-trace-id: Root=1;Sampled=0\n"
        );
    }

    #[test]
    fn a_deadline_in_the_past_leaves_no_time() {
        let mut headers = HeaderMap::new();
        assert_eq!(Invocation::new(headers.clone(), Bytes::new()).time_left(UNIX_EPOCH), None);
        headers.insert(DEADLINE, HeaderValue::from_static("2500"));
        let invocation = Invocation::new(headers, Bytes::new());
        let at = |milliseconds| UNIX_EPOCH + Duration::from_millis(milliseconds);
        assert_eq!(invocation.time_left(at(500)), Some(Duration::from_secs(2)));
        assert_eq!(invocation.time_left(at(9000)), Some(Duration::ZERO));
    }
}
