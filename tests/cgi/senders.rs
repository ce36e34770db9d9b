//! One request by each of the services that send HTTP events: the client has asked for `/shop/a%2541%20b`, behind the
//! stage `prod` where the service has stages. The events are in `tests/events`.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::{answer, cgi, events::variables, merge};
use crate::support::{Function, Running, repository, served::Served};

fn event(sender: &str) -> Value {
    let file = repository().join(format!("tests/events/{sender}.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn environment() -> Running {
    cgi(Function::bash("handler() { echo; env; }")).start()
}

const SENDERS: [&str; 6] =
    ["function-url", "http-api", "http-api-1", "rest-api", "load-balancer", "load-balancer-multi-value"];

#[test]
fn path_query_headers_cookies_and_stage_of_each_sender() {
    let running = environment();
    for (sender, [script, info, uri, query, header, user]) in SENDERS.into_iter().zip([
        ["", "/shop/a%41 b", "/shop/a%2541%20b", "q=1%202&q=%26&empty", "1,2", "arn:aws:iam::123456789012:user/ann"],
        ["/prod", "/shop/a%41 b", "/prod/shop/a%2541%20b", "q=1%202&q=%26&empty", "1,2", "ann"],
        ["/prod", "/shop/a%41 b", "/prod/shop/a%2541%20b", "empty=&q=1+2&q=%26", "1, 2", "ann"],
        ["/prod", "/shop/a%41 b", "/prod/shop/a%2541%20b", "empty=&q=1+2&q=%26", "1, 2", "ann"],
        ["", "/shop/a%41 b", "/shop/a%2541%20b", "empty=&q=%26", "2", ""],
        ["", "/shop/a%41 b", "/shop/a%2541%20b", "empty=&q=1%202&q=%26", "1, 2", ""],
    ]) {
        for _ in 0..2 {
            let seen = variables(&running, &event(sender));
            let of = |name: &str| seen.get(name).map_or("", String::as_str);
            let uri = format!("{uri}?{query}");
            for (name, expected) in [
                ("SCRIPT_NAME", script),
                ("PATH_INFO", info),
                ("REQUEST_URI", &uri),
                ("QUERY_STRING", query),
                ("HTTP_X_ONE", header),
                ("HTTP_COOKIE", "a=1,2; b=\"x, y\""),
                ("REMOTE_USER", user),
                ("REMOTE_ADDR", "192.0.2.1"),
                ("REQUEST_METHOD", "POST"),
                ("CONTENT_LENGTH", "2"),
                ("CONTENT_TYPE", "image/png"),
                ("SERVER_PORT", "443"),
                ("HTTPS", "on"),
            ] {
                assert_eq!(of(name), expected, "{sender}: {name}");
            }
        }
    }
}

#[test]
fn a_path_is_decoded_exactly_once() {
    let running = environment();
    let http_api = |domain: &str| json!({ "requestContext": { "domainName": domain, "stage": "$default" } });
    for (sender, path, more, expected) in [
        ("function-url", "/a%252Fb", json!({}), ["", "/a%2Fb", "/a%252Fb"]),
        ("http-api", "/a%2Fb", http_api("api.example.org"), ["", "/a%2Fb", "/a%252Fb"]),
        ("http-api", "/\u{e4}/{x}", http_api("api.example.org"), ["", "/\u{e4}/{x}", "/%C3%A4/%7Bx%7D"]),
        ("http-api", "/prod", json!({}), ["/prod", "", "/prod"]),
        ("http-api", "/products", json!({}), ["", "/products", "/products"]),
        ("http-api-1", "/prod/a%b", json!({}), ["/prod", "/a%b", "/prod/a%25b"]),
        ("http-api-1", "/a b", json!({ "requestContext": { "stage": "$default" } }), ["", "/a b", "/a%20b"]),
        (
            "rest-api",
            "/a%20b",
            json!({ "requestContext": { "path": "/prod/a%20b" } }),
            ["/prod", "/a b", "/prod/a%20b"],
        ),
        (
            "rest-api",
            "/a%2Fb",
            json!({ "requestContext": { "path": "/base/v1/a%2Fb" } }),
            ["/base/v1", "/a/b", "/base/v1/a%2Fb"],
        ),
        ("rest-api", "/a%20b", json!({ "requestContext": { "path": "/a%20b" } }), ["", "/a b", "/a%20b"]),
        ("rest-api", "/", json!({ "requestContext": { "path": "/prod" } }), ["/prod", "/", "/prod/"]),
        ("load-balancer", "/a%252F%20b", json!({}), ["", "/a%2F b", "/a%252F%20b"]),
    ] {
        let field = if ["function-url", "http-api"].contains(&sender) { "rawPath" } else { "path" };
        let mut event = event(sender);
        merge(&mut event, more);
        event[field] = path.into();
        for _ in 0..2 {
            let seen = variables(&running, &event);
            let query = format!("?{}", seen["QUERY_STRING"]);
            let uri = seen["REQUEST_URI"].strip_suffix(&query).unwrap();
            assert_eq!([&seen["SCRIPT_NAME"][..], &seen["PATH_INFO"], uri], expected, "{sender}: {path}");
        }
    }
}

#[test]
fn a_name_of_a_server_has_no_port_and_an_empty_body_a_length() {
    let running = environment();
    for (host, name) in [("[::1]", "[::1]"), ("[::1]:80", "[::1]"), ("a.org:80", "a.org"), ("a.org", "a.org")] {
        let mut event = event("load-balancer");
        merge(&mut event, json!({ "headers": { "host": host, "content-length": "0" }, "body": "" }));
        for _ in 0..2 {
            let seen = variables(&running, &event);
            assert_eq!((&seen["SERVER_NAME"][..], &seen["CONTENT_LENGTH"][..]), (name, "0"));
        }
    }
}

/// The response of a local server, as it comes.
fn get(served: &Served, path: &str, host: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    write!(connection, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    connection.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn a_path_that_no_variable_can_have_is_an_error_of_the_caller() {
    for mode in ["buffered", "streaming"] {
        let function = cgi(Function::bash("handler() { printf 'Content-Type: a/b\\n\\n%s' \"$PATH_INFO\"; }"));
        let running = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).start();
        for sender in SENDERS {
            let bad = if sender.starts_with("http-api") { ["/a\nb", "/\0"] } else { ["/a%0ab", "/%00"] };
            for path in bad {
                let mut event = event(sender);
                let field = if ["function-url", "http-api"].contains(&sender) { "rawPath" } else { "path" };
                event[field] = path.into();
                let text = running.text(event.to_string());
                assert!(text.contains("\"statusCode\":400") && text.contains("a line end or NUL"), "{text}");
                event[field] = "/fine".into();
                let text = running.text(event.to_string());
                assert!(text.contains("\"statusCode\":200"), "{mode}, {sender}: {text}");
            }
        }
        assert_eq!(running.log().matches("WARN a request was answered with status 400").count(), 12);
        let function = cgi(Function::bash("handler() { echo ran >&2; printf '\\n%s' \"$PATH_INFO\"; }"));
        let served: Served = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).serve(&["--http"]);
        for path in ["/%0a", "/%00", "/%0A/x"] {
            assert!(get(&served, path, "h").starts_with("HTTP/1.1 400 "), "{path}");
            assert!(get(&served, "/fine%2541", "h").starts_with("HTTP/1.1 200 "));
        }
        assert_eq!(served.running.log().matches("ran\n").count(), 3, "{}", served.running.log());
        let served = cgi(Function::bash("handler() { echo \"$PATH_INFO\" >&2; echo; }"))
            .env("SCRIPT_RUNTIME_RESPONSE_MODE", mode)
            .serve(&[]);
        for _ in 0..2 {
            let headers = [("X-Amz-Invocation-Type", "Event")];
            served.call_with(&headers, event("function-url").to_string()).response();
            served.running.wait_for_log("/shop/a%41 b\n");
        }
    }
}

#[test]
fn a_request_to_the_local_server_has_its_path_encoded() {
    let function = cgi(Function::bash("handler() { printf '\\n%s' \"$PATH_INFO $REQUEST_URI $SERVER_NAME\"; }"));
    let served = function.serve(&["--http"]);
    for host in ["[::1]", "example.org:80", "api.execute-api.eu-west-1.amazonaws.com"] {
        let response = get(&served, "/a%2541?x", host);
        let name = host.strip_suffix(":80").unwrap_or(host);
        assert!(response.ends_with(&format!("\r\n\r\n/a%41 /a%2541?x {name}")), "{response}");
    }
}

#[test]
fn each_sender_has_several_values_of_a_header_in_its_own_form() {
    let running = cgi(Function::bash("handler() { printf 'A: 1\\nA: 2\\n\\n'; }")).start();
    for (sender, field, value) in [
        ("function-url", "headers", json!("1, 2")),
        ("http-api", "headers", json!("1, 2")),
        ("http-api-1", "multiValueHeaders", json!(["1", "2"])),
        ("rest-api", "multiValueHeaders", json!(["1", "2"])),
        ("load-balancer", "headers", json!("2")),
        ("load-balancer-multi-value", "multiValueHeaders", json!(["1", "2"])),
    ] {
        assert_eq!(answer(&running, &event(sender))[field]["a"], value, "{sender}");
    }
}
