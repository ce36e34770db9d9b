//! An HTTP event as a CGI request: meta-variables (RFC 3875, section 4.1) and the body.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

use super::Gateway;
use crate::event::invocation::Request;

/// What stands for other characters in the path of a URL.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

const SOFTWARE: &str = concat!("lambda-script-runtime/", env!("CARGO_PKG_VERSION"));

/// Headers, with their values in their order.
type Headers = BTreeMap<String, Vec<String>>;

/// An event of any sender.
struct Event<'a> {
    gateway: Gateway,
    fields: &'a Map<String, Value>,
    headers: Headers,
}

/// Reads an event. An error says why it is none of an HTTP request.
pub(super) fn read(event: &[u8], script: Option<&str>) -> Result<(Gateway, Request), String> {
    let fields: Map<String, Value> =
        serde_json::from_slice(event).map_err(|error| format!("it is no JSON object ({error})"))?;
    let event = Event::new(&fields)?;
    let body = event.body()?;
    let mut variables = event.variables()?;
    if !body.is_empty() {
        variables.insert("CONTENT_LENGTH".to_owned(), body.len().to_string().into());
    }
    if let Some(script) = script {
        variables.insert("SCRIPT_FILENAME".to_owned(), script.into());
    }
    for (name, value) in &variables {
        if let Some(&byte) = value.iter().find(|byte| [b'\n', 0].contains(byte)) {
            return Err(format!(
                "`{name}` would have the character {byte}, which no header and no path may have"
            ));
        }
    }
    Ok((event.gateway, Request { variables: variables.into_iter().collect(), body }))
}

impl<'a> Event<'a> {
    fn new(fields: &'a Map<String, Value>) -> Result<Self, String> {
        let of = |path: &[&str]| at(fields, path).is_some();
        let gateway = if of(&["requestContext", "http", "method"]) {
            Gateway::FunctionUrl
        } else if of(&["requestContext", "elb"]) {
            Gateway::LoadBalancer { several_values: of(&["multiValueHeaders"]) }
        } else if of(&["httpMethod"]) && of(&["requestContext"]) {
            Gateway::RestApi
        } else {
            return Err("it is none of a function URL, of API Gateway or of a load balancer".to_owned());
        };
        let several = at(fields, &["multiValueHeaders"]).and_then(Value::as_object);
        let single = at(fields, &["headers"]).and_then(Value::as_object);
        let mut headers = Headers::new();
        for (name, value) in several.or(single).into_iter().flatten() {
            let values = headers.entry(name.to_ascii_lowercase()).or_default();
            values.extend(strings(value).map(str::to_owned));
        }
        Ok(Self { gateway, fields, headers })
    }

    fn text(&self, path: &[&str]) -> Option<&'a str> {
        at(self.fields, path)?.as_str().filter(|text| !text.is_empty())
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }

    fn body(&self) -> Result<Bytes, String> {
        let body = at(self.fields, &["body"]).and_then(Value::as_str).unwrap_or_default();
        if at(self.fields, &["isBase64Encoded"]).and_then(Value::as_bool) == Some(true) {
            return STANDARD
                .decode(body)
                .map(Bytes::from)
                .map_err(|error| format!("its body is no base64 ({error})"));
        }
        Ok(Bytes::copy_from_slice(body.as_bytes()))
    }

    fn variables(&self) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let method = self.text(&["requestContext", "http", "method"]).or(self.text(&["httpMethod"]));
        let method = method.ok_or_else(|| "it has no method".to_owned())?;
        let path = self.path();
        let query = self.query();
        let uri = if query.is_empty() { path.uri.clone() } else { format!("{}?{query}", path.uri) };
        let host =
            self.header("host").or(self.text(&["requestContext", "domainName"])).unwrap_or("localhost");
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let is_https = self.header("x-forwarded-proto") != Some("http");
        let port = self.header("x-forwarded-port").unwrap_or(if is_https { "443" } else { "80" });
        let protocol = self.text(&["requestContext", "http", "protocol"]);
        let protocol = protocol.or(self.text(&["requestContext", "protocol"])).unwrap_or("HTTP/1.1");
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &[u8]| drop(variables.insert(name.to_owned(), value.to_vec()));
        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_SOFTWARE", SOFTWARE),
            ("REQUEST_METHOD", method),
            ("SCRIPT_NAME", &path.script),
            ("QUERY_STRING", &query),
            ("REQUEST_URI", &uri),
            ("SERVER_NAME", name),
            ("SERVER_PORT", port),
            ("SERVER_PROTOCOL", protocol),
            ("REMOTE_ADDR", self.caller().unwrap_or_default()),
        ] {
            set(name, value.as_bytes());
        }
        set("PATH_INFO", &path.info);
        if is_https {
            set("HTTPS", b"on");
        }
        if let Some((kind, user)) = self.user() {
            set("AUTH_TYPE", kind.as_bytes());
            set("REMOTE_USER", user.as_bytes());
        }
        if let Some(content_type) = self.header("content-type") {
            set("CONTENT_TYPE", content_type.as_bytes());
        }
        for (name, values) in &self.headers {
            if let Some(variable) = variable_of(name) {
                set(&variable, values.join(if name == "cookie" { "; " } else { ", " }).as_bytes());
            }
        }
        if let Some(cookies) = at(self.fields, &["cookies"]) {
            set("HTTP_COOKIE", strings(cookies).collect::<Vec<_>>().join("; ").as_bytes());
        }
        Ok(variables)
    }

    fn path(&self) -> Path {
        let stage = self.text(&["requestContext", "stage"]).filter(|stage| *stage != "$default");
        match self.gateway {
            Gateway::FunctionUrl => {
                let raw = self.text(&["rawPath"]).unwrap_or("/");
                let script = stage.map(|stage| format!("/{stage}")).unwrap_or_default();
                let rest = raw.strip_prefix(&script).filter(|rest| rest.is_empty() || rest.starts_with('/'));
                let (script, info) = rest.map_or((String::new(), raw), |rest| (script, rest));
                Path { script, info: percent_decode_str(info).collect(), uri: raw.to_owned() }
            }
            Gateway::RestApi => {
                // decoded; the path of the context has the stage, or the base path of a domain, in front
                let info = self.text(&["path"]).unwrap_or("/");
                let whole = self.text(&["requestContext", "path"]).unwrap_or(info);
                let script = whole.strip_suffix(info).unwrap_or_default().to_owned();
                let uri = utf8_percent_encode(&format!("{script}{info}"), PATH).to_string();
                Path { script, info: info.into(), uri }
            }
            Gateway::LoadBalancer { .. } => {
                let raw = self.text(&["path"]).unwrap_or("/");
                Path { script: String::new(), info: percent_decode_str(raw).collect(), uri: raw.to_owned() }
            }
        }
    }

    fn query(&self) -> String {
        if self.gateway == Gateway::FunctionUrl {
            return self.text(&["rawQueryString"]).unwrap_or_default().to_owned();
        }
        let several = at(self.fields, &["multiValueQueryStringParameters"]).and_then(Value::as_object);
        let single = at(self.fields, &["queryStringParameters"]).and_then(Value::as_object);
        let pairs = several.or(single).into_iter().flatten();
        let pairs = pairs.flat_map(|(name, value)| strings(value).map(move |value| (name, value)));
        if self.gateway == Gateway::RestApi {
            return form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        }
        // a load balancer leaves them encoded
        pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    fn caller(&self) -> Option<&str> {
        let of_context = self.text(&["requestContext", "http", "sourceIp"]);
        let of_context = of_context.or(self.text(&["requestContext", "identity", "sourceIp"]));
        // the last is what the load balancer has seen itself
        of_context.or_else(|| self.header("x-forwarded-for")?.rsplit(',').next().map(str::trim))
    }

    /// Who the caller is, by the gateway's own word, and how it knows.
    fn user(&self) -> Option<(&'static str, &str)> {
        let of = |path: &[&str]| self.text(&[&["requestContext", "authorizer"], path].concat());
        let iam = of(&["iam", "userArn"]).or(self.text(&["requestContext", "identity", "userArn"]));
        let claims = |name| of(&["jwt", "claims", name]).or(of(&["claims", name]));
        // not `username`, which users of some identity providers may choose
        let token = claims("sub");
        let custom = of(&["lambda", "principalId"]).or(of(&["principalId"]));
        // not by `x-amzn-oidc-identity` of a load balancer: behind a rule without authentication any caller can send it
        let kinds = [("AWS_IAM", iam), ("JWT", token), ("CUSTOM", custom)];
        kinds.into_iter().find_map(|(kind, user)| Some((kind, user?)))
    }
}

struct Path {
    script: String,
    info: Vec<u8>,
    uri: String,
}

/// The variable of a header; none for those that a program must not have, or has otherwise. `Proxy` would become
/// `HTTP_PROXY`, which many programs obey (httpoxy); a name with `_` could pass for another with `-`.
fn variable_of(name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_kept_back = matches!(
        name,
        "proxy"
            | "authorization"
            | "proxy-authorization"
            | "content-type"
            | "content-length"
            | "transfer-encoding"
    );
    (is_plain && !name.is_empty() && !is_kept_back)
        .then(|| format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")))
}

fn at<'a>(fields: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(fields.get(*first)?, |value, name| value.get(name))?;
    (!value.is_null()).then_some(value)
}

/// A string, or those of an array.
fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(several)
}
