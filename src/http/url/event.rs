//! Turns an HTTP request into the event of a function URL: payload version 2.0.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, header, request::Parts, uri::Authority};
use serde_json::{Value, json};

use crate::http::prelude::{is_text, values};

/// Lambda's values for no account, and for no stage and no route.
const ANONYMOUS: &str = "anonymous";
const DEFAULT: &str = "$default";

#[derive(Debug)]
pub struct Event {
    pub json: String,
    /// The X-Ray trace of the request, or a new one.
    pub trace_id: String,
}

/// The event of a request to the server at this port.
pub fn of(head: &Parts, body: &[u8], caller: SocketAddr, port: u16) -> Event {
    // a target without a path, as in `CONNECT`, is empty
    let path = Some(head.uri.path()).filter(|path| !path.is_empty()).unwrap_or("/");
    let query = head.uri.query().unwrap_or_default();
    let mut headers = headers_of(&head.headers);
    let trace_id = headers.entry("x-amzn-trace-id".to_owned()).or_insert_with(new_trace).clone();
    for (name, value) in [
        ("x-forwarded-for", caller.ip().to_string()),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-forwarded-port", port.to_string()),
    ] {
        headers.insert(name.to_owned(), value);
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": DEFAULT,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": context(head, path, caller, &headers),
        "isBase64Encoded": false,
    });
    // fields that the request lacks are left out
    if let Some(cookies) = headers.get("cookie") {
        let cookies = cookies.split(';').map(str::trim).filter(|cookie| !cookie.is_empty());
        event["cookies"] = cookies.collect();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = parameters(query);
    }
    if !body.is_empty() {
        let content_type = head.headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
        let is_text = content_type.is_none_or(|own| std::str::from_utf8(own).is_ok_and(is_text));
        let text = std::str::from_utf8(body).ok().filter(|_| is_text);
        event["body"] = text.map_or_else(|| STANDARD.encode(body).into(), Value::from);
        event["isBase64Encoded"] = text.is_none().into();
    }
    Event { json: event.to_string(), trace_id }
}

fn context(head: &Parts, path: &str, caller: SocketAddr, headers: &BTreeMap<String, String>) -> Value {
    let now = SystemTime::now();
    let host = headers.get("host").map_or("localhost", String::as_str);
    let authority = host.parse::<Authority>();
    let domain = authority.as_ref().map_or(host, Authority::host);
    let prefix = domain.split('.').next().unwrap_or_default();
    json!({
        "accountId": ANONYMOUS,
        "apiId": prefix,
        "domainName": domain,
        "domainPrefix": prefix,
        "http": {
            "method": head.method.as_str(),
            "path": path,
            "protocol": format!("{:?}", head.version),
            "sourceIp": caller.ip().to_string(),
            "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
        },
        "requestId": uuid::Uuid::new_v4().to_string(),
        "routeKey": DEFAULT,
        "stage": DEFAULT,
        "time": log_time(now),
        "timeEpoch": now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis(),
    })
}

/// Each header once, with its values in their order. A cookie may contain a comma.
fn headers_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    let joined = |name| values(headers, name).join(if name == header::COOKIE { "; " } else { "," });
    headers.keys().map(|name| (name.to_string(), joined(name))).collect()
}

fn parameters(query: &str) -> Value {
    let mut parameters = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name).or_default().push(value);
    }
    parameters.into_iter().map(|(name, values)| (name, values.join(","))).collect()
}

/// A time as web servers log it, as in `12/Mar/2020:19:03:58 +0000`.
fn log_time(time: SystemTime) -> String {
    // `Thu, 12 Mar 2020 19:03:58 GMT`
    let date = httpdate::fmt_http_date(time);
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().unwrap_or_default();
    format!("{}/{}/{}:{} +0000", word(), word(), word(), word())
}

fn new_trace() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("Root=1-{:08x}-{}", since_epoch.as_secs(), &id[..24])
}
