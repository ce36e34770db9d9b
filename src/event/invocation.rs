//! One invocation: the event's bytes and headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::{
    event::headers::Headers,
    event::stream::{self, Parts, Sink},
    event::suspension::Suspension,
    failure::Failure,
};

pub const REQUEST_ID: &str = "lambda-runtime-aws-request-id";
/// The header that the answer must repeat.
pub const INVOCATION_ID: &str = "lambda-runtime-invocation-id";
/// The header with the deadline in milliseconds since 1970.
pub const DEADLINE: &str = "lambda-runtime-deadline-ms";
/// The header with the ARN by which the function was called.
pub const FUNCTION_ARN: &str = "lambda-runtime-invoked-function-arn";
pub const TRACE_ID: &str = "lambda-runtime-trace-id";
/// The header with the caller's client context, a JSON object.
pub const CLIENT_CONTEXT: &str = "lambda-runtime-client-context";
pub const TENANT_ID: &str = "lambda-runtime-aws-tenant-id";

/// The variable with the request's id, which marks all processes of an event.
pub const REQUEST_ID_VARIABLE: &str = "AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID";

/// The environment variables that each event sets, and the headers they come from.
pub const ENVIRONMENT: [(&str, &str); 7] = [
    ("_X_AMZN_TRACE_ID", TRACE_ID),
    (REQUEST_ID_VARIABLE, REQUEST_ID),
    ("AWS_LAMBDA_RUNTIME_DEADLINE_MS", DEADLINE),
    ("AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN", FUNCTION_ARN),
    ("AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT", CLIENT_CONTEXT),
    ("AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY", "lambda-runtime-cognito-identity"),
    ("AWS_LAMBDA_RUNTIME_TENANT_ID", TENANT_ID),
];

/// The variables of a durable event's handler, and of the commands that it starts.
pub const DURABLE_VARIABLES: [&str; 6] =
    [DURABLE_SOCKET, "DURABLE_CONTEXT", "DURABLE_STEP", "DURABLE_ATTEMPT", "DURABLE_STATE", "DURABLE_CALLBACK_ID"];

/// The variable with the path by which a durable handler reaches the bootstrap.
pub const DURABLE_SOCKET: &str = "DURABLE_SOCKET";

/// The end of an event: its answer, or the rest of a streamed answer.
pub type Outcome = Result<Bytes, Failure>;

#[derive(Debug)]
pub struct Request {
    /// The meta-variables.
    pub variables: Vec<(String, Vec<u8>)>,
    pub body: Bytes,
}

/// The variables that a CGI request may set, beside its headers. They are removed from the inherited environment.
pub const REQUEST_VARIABLES: [&str; 17] = [
    "AUTH_TYPE",
    "CONTENT_LENGTH",
    "CONTENT_TYPE",
    "GATEWAY_INTERFACE",
    "HTTPS",
    "PATH_INFO",
    "PATH_TRANSLATED",
    "QUERY_STRING",
    "REMOTE_ADDR",
    "REMOTE_USER",
    "REQUEST_METHOD",
    "REQUEST_URI",
    "SCRIPT_NAME",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SERVER_SOFTWARE",
];

#[derive(Debug)]
pub struct Invocation {
    pub event: Bytes,
    /// Takes a streamed answer; `None` if the answer is returned as a whole.
    pub sink: Option<Sink>,
    /// The event as a CGI program gets it.
    pub request: Option<Request>,
    /// For the event of a durable function.
    pub suspension: Option<Suspension>,
    headers: Headers,
}

impl Invocation {
    pub fn new(headers: Headers, event: Bytes) -> Self {
        Self { event, sink: None, request: None, suspension: None, headers }
    }

    /// Sets the event's deadline to this time from now.
    pub fn begin(&mut self, timeout: Duration) {
        let deadline = SystemTime::now() + timeout;
        let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        self.headers.append(DEADLINE, deadline.to_string());
    }

    /// Streams the answer. Returns its parts.
    pub fn stream(&mut self) -> Parts {
        let (sink, parts) = stream::channel();
        self.sink = Some(sink);
        parts
    }

    /// The request's id; empty if there is none.
    pub fn request_id(&self) -> &str {
        self.headers.text(REQUEST_ID).unwrap_or_default()
    }

    /// The tenant of the event.
    pub fn tenant_id(&self) -> Option<&str> {
        self.headers.text(TENANT_ID)
    }

    pub fn invocation_id(&self) -> Option<&[u8]> {
        self.headers.get(INVOCATION_ID)
    }

    /// The environment variables that every event sets, or unsets if there is no value.
    fn usual_variables(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        ENVIRONMENT.into_iter().map(|(variable, header)| (variable, self.headers.get(header)))
    }

    /// The additional variables of a CGI program or a durable handler.
    pub fn meta_variables(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let variables = self.request.iter().flat_map(|request| &request.variables);
        let variables = variables.map(|(name, value)| (name.as_str(), &value[..]));
        let socket = self.suspension.iter().map(|suspension| (DURABLE_SOCKET, suspension.socket().as_bytes()));
        variables.chain(socket)
    }

    pub fn variables(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let usual = self.usual_variables().filter_map(|(name, value)| Some((name, value?)));
        usual.chain(self.meta_variables())
    }

    /// The handler's standard input.
    pub fn input(&self) -> &Bytes {
        self.request.as_ref().map_or(&self.event, |request| &request.body)
    }

    /// Whether a newline must be added to the event on standard input.
    pub fn lacks_newline(&self) -> bool {
        self.request.is_none() && self.event.last().is_some_and(|&byte| byte != b'\n')
    }

    /// The time left at `now`; `None` without a deadline.
    pub fn time_left(&self, now: SystemTime) -> Option<Duration> {
        let milliseconds = self.headers.text(DEADLINE)?.parse().ok()?;
        let deadline = UNIX_EPOCH + Duration::from_millis(milliseconds);
        Some(deadline.duration_since(now).unwrap_or_default())
    }

    /// The context of a request by descriptor (see `worker::transport::frame`); `argument` follows its first word.
    pub fn environment(&self, argument: &str) -> Vec<u8> {
        let mut text = format!("{}{argument}\n", self.variables().count()).into_bytes();
        for (variable, value) in self.variables() {
            line(&mut text, variable, "=", value);
        }
        text
    }

    /// The context for a streamed request, as `frame` describes it. `last` are the meta-variables of the previous
    /// event.
    pub fn context(&self, last: &[String]) -> Vec<u8> {
        let mut text = Vec::with_capacity(1024);
        for name in last {
            line(&mut text, name, "", b"");
        }
        let meta_variables = self.meta_variables().map(|(name, value)| (name, Some(value)));
        for (variable, value) in self.usual_variables().chain(meta_variables) {
            match value {
                Some(value) => line(&mut text, variable, "=", value),
                None => line(&mut text, variable, "", b""),
            }
        }
        text.push(b'\n');
        for (name, value) in self.headers.iter() {
            line(&mut text, name, ": ", value);
        }
        text
    }
}

fn line(text: &mut Vec<u8>, name: &str, separator: &str, value: &[u8]) {
    for part in [name.as_bytes(), separator.as_bytes(), value, b"\n"] {
        text.extend_from_slice(part);
    }
}
