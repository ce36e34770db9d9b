//! An HTTP event as a CGI request: meta-variables (RFC 3875, section 4.1) and the body.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::uri::Authority;
use serde_json::{Map, Value};

use super::{Unusable, sender::Sender};
use crate::{
    event::invocation::Request,
    http::fields::{at, pairs, strings, text},
};

const SOFTWARE: &str = concat!("lambda-script-runtime/", env!("CARGO_PKG_VERSION"));

type Headers = BTreeMap<String, Vec<String>>;

struct Event<'a> {
    sender: Sender,
    fields: &'a Map<String, Value>,
    headers: Headers,
}

/// Reads the request from an event. `script` is the handler's file, if it is one.
pub(super) fn read(fields: &Map<String, Value>, sender: Sender, script: Option<&str>) -> Result<Request, Unusable> {
    let event = Event::new(fields, sender);
    let body = event.body()?;
    let variables = event.variables(&body, script)?;
    for (name, value) in &variables {
        match value.iter().find(|byte| [b'\n', 0].contains(byte)) {
            Some(&byte) if matches!(name.as_str(), "PATH_INFO" | "SCRIPT_NAME") => {
                return Err(Unusable::Path(sender, byte));
            }
            Some(byte) => {
                let reason = format!("`{name}` would have the character {byte}, which no header may have");
                return Err(Unusable::Event(reason));
            }
            None => {}
        }
    }
    Ok(Request { variables: variables.into_iter().collect(), body })
}

impl<'a> Event<'a> {
    fn new(fields: &'a Map<String, Value>, sender: Sender) -> Self {
        let mut headers = Headers::new();
        for (name, value) in pairs(fields, "multiValueHeaders", "headers") {
            headers.entry(name.to_ascii_lowercase()).or_default().push(value.to_owned());
        }
        Self { sender, fields, headers }
    }

    fn text(&self, path: &[&str]) -> Option<&'a str> {
        text(self.fields, path)
    }

    fn method(&self) -> Option<&'a str> {
        self.text(&["requestContext", "http", "method"]).or(self.text(&["httpMethod"]))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.first().map(String::as_str)
    }

    fn body(&self) -> Result<Bytes, Unusable> {
        let body = at(self.fields, &["body"]).and_then(Value::as_str).unwrap_or_default();
        if at(self.fields, &["isBase64Encoded"]).and_then(Value::as_bool) == Some(true) {
            let decoded = STANDARD.decode(body).map(Bytes::from);
            return decoded.map_err(|error| Unusable::Event(format!("its body is no base64 ({error})")));
        }
        Ok(Bytes::copy_from_slice(body.as_bytes()))
    }

    fn variables(&self, body: &Bytes, script: Option<&str>) -> Result<BTreeMap<String, Vec<u8>>, Unusable> {
        let method = self.method().ok_or_else(|| Unusable::Event("it has no method".to_owned()))?;
        let (path, query) = (self.sender.path(self.fields), self.sender.query(self.fields));
        let uri = if query.is_empty() { path.uri.clone() } else { format!("{}?{query}", path.uri) };
        let host = self.header("host").or(self.text(&["requestContext", "domainName"])).unwrap_or("localhost");
        let authority = host.parse::<Authority>();
        let is_https = self.header("x-forwarded-proto") != Some("http");
        let port = self.header("x-forwarded-port").unwrap_or(if is_https { "443" } else { "80" });
        let protocol = self.text(&["requestContext", "http", "protocol"]);
        let protocol = protocol.or(self.text(&["requestContext", "protocol"])).unwrap_or("HTTP/1.1");
        let (kind, user) = self.user().unzip();
        let has_length =
            self.header("content-length").is_some() || !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
        let length = body.len().to_string();
        let mut variables = BTreeMap::new();
        let mut set = |name: &str, value: &[u8]| drop(variables.insert(name.to_owned(), value.to_vec()));
        for (name, value) in [
            ("GATEWAY_INTERFACE", Some("CGI/1.1")),
            ("SERVER_SOFTWARE", Some(SOFTWARE)),
            ("REQUEST_METHOD", Some(method)),
            ("SCRIPT_NAME", Some(&path.script)),
            ("SCRIPT_FILENAME", script),
            ("QUERY_STRING", Some(&query)),
            ("REQUEST_URI", Some(&uri)),
            ("SERVER_NAME", Some(authority.as_ref().map_or(host, Authority::host))),
            ("SERVER_PORT", Some(port)),
            ("SERVER_PROTOCOL", Some(protocol)),
            ("REMOTE_ADDR", Some(self.caller().unwrap_or_default())),
            ("HTTPS", is_https.then_some("on")),
            ("AUTH_TYPE", kind),
            ("REMOTE_USER", user),
            ("CONTENT_TYPE", self.header("content-type")),
            ("CONTENT_LENGTH", has_length.then_some(&length)),
        ] {
            if let Some(value) = value {
                set(name, value.as_bytes());
            }
        }
        set("PATH_INFO", &path.info);
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

    fn caller(&self) -> Option<&str> {
        let of_context = self.text(&["requestContext", "http", "sourceIp"]);
        let of_context = of_context.or(self.text(&["requestContext", "identity", "sourceIp"]));
        // the load balancer itself has added the last address
        of_context.or_else(|| self.header("x-forwarded-for")?.rsplit(',').next().map(str::trim))
    }

    /// The kind of authentication by the gateway, and the user.
    fn user(&self) -> Option<(&'static str, &str)> {
        let of = |path: &[&str]| self.text(&[&["requestContext", "authorizer"], path].concat());
        let iam = of(&["iam", "userArn"]).or(self.text(&["requestContext", "identity", "userArn"]));
        let claims = |name| of(&["jwt", "claims", name]).or(of(&["claims", name]));
        // not `username`: some identity providers let users choose it
        let token = claims("sub");
        let custom = of(&["lambda", "principalId"]).or(of(&["principalId"]));
        // not `x-amzn-oidc-identity` of a load balancer: if its rule has no authentication, any caller can send that
        // header
        let kinds = [("AWS_IAM", iam), ("JWT", token), ("CUSTOM", custom)];
        kinds.into_iter().find_map(|(kind, user)| Some((kind, user?)))
    }
}

/// The variable of a header; `None` for headers that a program must not get, or gets as another variable. `Proxy` would
/// become `HTTP_PROXY`, which many programs use (httpoxy). A name with `_` could imitate another one with `-`.
fn variable_of(name: &str) -> Option<String> {
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_kept_back = matches!(
        name,
        "proxy" | "authorization" | "proxy-authorization" | "content-type" | "content-length" | "transfer-encoding"
    );
    (is_plain && !name.is_empty() && !is_kept_back)
        .then(|| format!("HTTP_{}", name.to_ascii_uppercase().replace('-', "_")))
}
