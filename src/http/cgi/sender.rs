//! The services that send HTTP events: the form of path and query, and the form of the answer.

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::http::{
    fields::{at, pairs, text},
    prelude::Prelude,
};

/// The characters that a URL's path cannot have (RFC 3986, section 3.3), without the percent sign.
const NOT_IN_ENCODED_PATH: &AsciiSet = &controls_and(b" \"#<>?[\\]^`{|}");

/// The same, for a path that was decoded.
const NOT_IN_PATH: &AsciiSet = &NOT_IN_ENCODED_PATH.add(b'%');

const fn controls_and(characters: &[u8]) -> AsciiSet {
    match characters {
        [first, rest @ ..] => controls_and(rest).add(*first),
        [] => CONTROLS.union(AsciiSet::EMPTY),
    }
}

/// The stage of an API whose URL has no stage.
const DEFAULT_STAGE: &str = "$default";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A function URL: payload version 2.0 with the path as the client sent it.
    FunctionUrl,
    /// An HTTP API of API Gateway with payload version 2.0: its path is decoded.
    HttpApi,
    /// An HTTP API with payload version 1.0: its path is decoded.
    HttpApi1,
    /// A REST API: its path is as the client sent it; only the path of the context has the stage.
    RestApi,
    /// A load balancer, which takes several values of a header, or only the last one.
    LoadBalancer { several_values: bool },
}

/// The path of a request in CGI.
pub(super) struct Path {
    /// `SCRIPT_NAME`
    pub(super) script: String,

    pub(super) info: Vec<u8>,
    /// `REQUEST_URI` without the query.
    pub(super) uri: String,
}

impl Sender {
    /// The sender of an event; `None` if the event is no HTTP request of these services.
    pub(super) fn of(event: &Map<String, Value>) -> Option<Self> {
        let has = |path: &[&str]| at(event, path).is_some();
        if has(&["requestContext", "http", "method"]) {
            Some(if is_http_api(event) { Self::HttpApi } else { Self::FunctionUrl })
        } else if has(&["requestContext", "elb"]) {
            Some(Self::LoadBalancer { several_values: has(&["multiValueHeaders"]) })
        } else if has(&["httpMethod"]) && has(&["requestContext"]) {
            Some(if is_rest_api(event) { Self::RestApi } else { Self::HttpApi1 })
        } else {
            None
        }
    }

    pub(super) fn path(self, event: &Map<String, Value>) -> Path {
        let field = if self.has_raw_fields() { "rawPath" } else { "path" };
        let path = text(event, &[field]).unwrap_or("/");
        let stage = text(event, &["requestContext", "stage"]).filter(|stage| *stage != DEFAULT_STAGE);
        let stage = stage.map(|stage| format!("/{stage}")).unwrap_or_default();
        let after_stage = |path| after(path, &stage);
        match self {
            Self::HttpApi | Self::HttpApi1 => {
                let uri = utf8_percent_encode(path, NOT_IN_PATH).to_string();
                let (script, info) = after_stage(path).map_or(("", path), |info| (&stage[..], info));
                Path { script: script.to_owned(), info: info.into(), uri }
            }
            Self::RestApi => {
                // the stage, or the base path of a domain
                let whole = text(event, &["requestContext", "path"]).unwrap_or(path);
                let in_front = whole.strip_suffix(path).or(after_stage(whole).map(|_| &stage[..]));
                Path::encoded(in_front.unwrap_or_default(), path)
            }
            Self::FunctionUrl | Self::LoadBalancer { .. } => Path::encoded("", path),
        }
    }

    /// The query as the client sent it, as far as the event has it.
    pub(super) fn query(self, event: &Map<String, Value>) -> String {
        if self.has_raw_fields() {
            return text(event, &["rawQueryString"]).unwrap_or_default().to_owned();
        }
        let pairs = pairs(event, "multiValueQueryStringParameters", "queryStringParameters");
        if let Self::LoadBalancer { .. } = self {
            // a load balancer does not decode them
            return pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        }
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// Whether this is payload version 2.0.
    fn has_raw_fields(self) -> bool {
        matches!(self, Self::FunctionUrl | Self::HttpApi)
    }

    pub(in crate::http) fn response(self, head: &Prelude, body: &[u8]) -> String {
        let (body, is_base64) = match std::str::from_utf8(body) {
            Ok(text) if head.is_text() => (text.to_owned(), false),
            _ => (STANDARD.encode(body), true),
        };
        let mut answer = json!({ "statusCode": head.status.as_u16(), "body": body, "isBase64Encoded": is_base64 });
        if let Self::LoadBalancer { .. } = self {
            let reason = head.status.canonical_reason().unwrap_or("Unknown");
            answer["statusDescription"] = format!("{} {reason}", head.status.as_u16()).into();
        }
        match self {
            Self::FunctionUrl | Self::HttpApi => {
                let (headers, cookies) = head.headers_and_cookies();
                answer["headers"] = headers;
                if !cookies.is_empty() {
                    answer["cookies"] = cookies.into();
                }
            }
            Self::LoadBalancer { several_values: false } => {
                answer["headers"] = head.headers_as(|mut values| values.pop().into()).into();
            }
            Self::HttpApi1 | Self::RestApi | Self::LoadBalancer { several_values: true } => {
                answer["multiValueHeaders"] = head.headers_as(Value::from).into();
            }
        }
        answer.to_string()
    }
}

impl Path {
    /// The path below `script`, as the client sent it.
    fn encoded(script: &str, path: &str) -> Self {
        let uri = utf8_percent_encode(&format!("{script}{path}"), NOT_IN_ENCODED_PATH).to_string();
        Self { script: script.to_owned(), info: percent_decode_str(path).collect(), uri }
    }
}

/// Whether payload version 2.0 comes from an HTTP API. Function URLs have their own domain and no stage; in events of
/// `bootstrap --serve`, the account is `anonymous`.
fn is_http_api(event: &Map<String, Value>) -> bool {
    let context = |name| text(event, &["requestContext", name]);
    let has_domain = context("domainName").is_some_and(|domain| !domain.contains("lambda-url"));
    context("stage").is_some_and(|stage| stage != DEFAULT_STAGE)
        || has_domain && context("accountId") != Some("anonymous")
}

/// Whether payload version 1.0 comes from a REST API: it has no version, and only the path of the context has the
/// stage.
fn is_rest_api(event: &Map<String, Value>) -> bool {
    let has = |path: &[&str]| text(event, path).is_some();
    let path = text(event, &["path"]).unwrap_or_default();
    let in_front = text(event, &["requestContext", "path"]).and_then(|whole| whole.strip_suffix(path));
    let has_more = in_front.is_some_and(|in_front| !in_front.is_empty());
    !has(&["version"]) || has(&["resource"]) && (has_more || has(&["requestContext", "resourceId"]))
}

/// The rest of a path below another; `None` if it is not below it, or if there is no other.
fn after<'a>(path: &'a str, other: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(other).filter(|_| !other.is_empty())?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
