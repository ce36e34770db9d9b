//! The meta-variables that each kind of event becomes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{answer, cgi, decoded, request};
use crate::support::{Function, Running, needs::has};

/// Answers its environment, in each language that can be a CGI program.
fn environments() -> Vec<(&'static str, Running)> {
    let lisp = r#"(defun main () (format t "~%~{~A~%~}" (sb-ext:posix-environ)))"#;
    let mut functions = vec![
        ("function", Function::bash("handler() { echo; env; }")),
        ("program", Function::with(&[("app.sh", "echo; env")]).handler("app.sh")),
    ];
    if has("sbcl") {
        functions.push(("Lisp", Function::with(&[("app.lisp", lisp)]).handler("app.lisp")));
    }
    if has("python3") {
        let python =
            "#!/usr/bin/env python3\nimport os\nprint()\nfor pair in os.environ.items(): print('='.join(pair))";
        functions.push(("Python", Function::with(&[("app.py", python)]).handler("app.py")));
    }
    functions.into_iter().map(|(kind, function)| (kind, cgi(function).start())).collect()
}

/// The meta-variables of an event.
pub fn variables(running: &Running, event: &Value) -> BTreeMap<String, String> {
    let body = String::from_utf8(decoded(&answer(running, event))).unwrap();
    let pairs = body.lines().filter_map(|line| line.split_once('='));
    let own = [
        "AUTH_TYPE",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "GATEWAY_INTERFACE",
        "HTTPS",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_USER",
        "REQUEST_METHOD",
        "REQUEST_URI",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
    ];
    pairs
        .filter(|(name, _)| own.contains(name) || name.starts_with("HTTP_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn check(running: &Running, kind: &str, event: &Value, expected: &[(&str, &str)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    assert_eq!(variables(running, event), expected, "{kind}: {event}");
}

#[test]
fn each_kind_of_event_becomes_the_same_request() {
    let body = json!({ "body": "YQA=", "isBase64Encoded": true });
    let mut function_url = request(
        "POST",
        "/shop/a%20b",
        "q=1%202&q=%26",
        json!({
            "headers": { "content-type": "image/png", "x-one": "1,2" },
            "cookies": ["a=1", "b=2"],
        }),
    );
    let mut rest = json!({
        "version": "1.0",
        "httpMethod": "POST",
        "path": "/shop/a b",
        "multiValueHeaders": {
            "Host": ["example.org"], "Content-Type": ["image/png"], "X-One": ["1", "2"], "Cookie": ["a=1; b=2"],
            "X-Forwarded-Proto": ["https"], "X-Forwarded-Port": ["443"],
        },
        "multiValueQueryStringParameters": { "q": ["1 2", "&"] },
        "requestContext": {
            "path": "/shop/a b", "protocol": "HTTP/1.1", "stage": "prod", "identity": { "sourceIp": "192.0.2.1" },
        },
    });
    let mut several = json!({
        "requestContext": { "elb": { "targetGroupArn": "arn" } },
        "httpMethod": "POST",
        "path": "/shop/a%20b",
        "multiValueQueryStringParameters": { "q": ["1%202", "%26"] },
        "multiValueHeaders": {
            "host": ["example.org"], "content-type": ["image/png"], "x-one": ["1", "2"], "cookie": ["a=1; b=2"],
            "x-forwarded-for": ["198.51.100.7, 192.0.2.1"], "x-forwarded-proto": ["https"], "x-forwarded-port": ["443"],
        },
    });
    for event in [&mut function_url, &mut rest, &mut several] {
        super::merge(event, body.clone());
    }
    for (kind, running) in environments() {
        for event in [&function_url, &rest, &several] {
            let mut expected = vec![
                ("CONTENT_LENGTH", "2"),
                ("CONTENT_TYPE", "image/png"),
                ("GATEWAY_INTERFACE", "CGI/1.1"),
                ("HTTPS", "on"),
                ("HTTP_COOKIE", "a=1; b=2"),
                ("HTTP_HOST", "example.org"),
                ("HTTP_X_FORWARDED_PORT", "443"),
                ("HTTP_X_FORWARDED_PROTO", "https"),
                ("HTTP_X_ONE", if event == &function_url { "1,2" } else { "1, 2" }),
                ("PATH_INFO", "/shop/a b"),
                ("QUERY_STRING", if event == &rest { "q=1+2&q=%26" } else { "q=1%202&q=%26" }),
                ("REMOTE_ADDR", "192.0.2.1"),
                ("REQUEST_METHOD", "POST"),
                ("REQUEST_URI", if event == &rest { "/shop/a%20b?q=1+2&q=%26" } else { "/shop/a%20b?q=1%202&q=%26" }),
                ("SCRIPT_NAME", ""),
                ("SERVER_NAME", "example.org"),
                ("SERVER_PORT", "443"),
                ("SERVER_PROTOCOL", "HTTP/1.1"),
            ];
            if event == &several {
                expected.push(("HTTP_X_FORWARDED_FOR", "198.51.100.7, 192.0.2.1"));
            }
            check(&running, kind, event, &expected);
        }
    }
}

#[test]
fn what_a_program_must_not_have_it_does_not_have_and_nothing_stays_from_the_last_event() {
    let bad = request(
        "GET",
        "/",
        "",
        json!({ "headers": {
        "Proxy": "http://evil", "authorization": "Bearer secret", "x_forwarded_for": "forged", "a.b": "c", "x-once": "1",
        "content-length": "99",
    } }),
    );
    let plain =
        request("GET", "/", "", json!({ "headers": { "x-forwarded-proto": "http", "x-forwarded-port": "9000" } }));
    for (kind, running) in environments() {
        let seen = variables(&running, &bad);
        let names: Vec<_> = seen.keys().filter(|name| name.starts_with("HTTP_")).map(String::as_str).collect();
        assert_eq!(names, ["HTTP_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PROTO", "HTTP_X_ONCE"], "{kind}");
        let seen = variables(&running, &plain);
        assert_eq!(seen.get("SERVER_PORT").map(String::as_str), Some("9000"));
        for absent in ["HTTP_X_ONCE", "HTTPS", "CONTENT_LENGTH", "CONTENT_TYPE", "REMOTE_USER", "HTTP_PROXY"] {
            assert!(!seen.contains_key(absent), "{kind}: {absent}");
        }
    }
}

#[test]
fn who_the_caller_is_comes_from_the_authorizer() {
    let running = cgi(Function::bash("handler() { echo; env; }")).start();
    for (authorizer, kind, user) in [
        (json!({ "iam": { "userArn": "arn:aws:iam::1:user/u" } }), "AWS_IAM", "arn:aws:iam::1:user/u"),
        (json!({ "jwt": { "claims": { "sub": "s-1", "username": "ann" } } }), "JWT", "s-1"),
        (json!({ "claims": { "sub": "s-1" } }), "JWT", "s-1"),
        (json!({ "lambda": { "principalId": "p" } }), "CUSTOM", "p"),
        (json!({ "principalId": "p" }), "CUSTOM", "p"),
    ] {
        let event = request("GET", "/", "", json!({ "requestContext": { "authorizer": authorizer } }));
        let seen = variables(&running, &event);
        assert_eq!((seen["AUTH_TYPE"].as_str(), seen["REMOTE_USER"].as_str()), (kind, user));
    }
}

#[test]
fn the_stage_is_the_scripts_name() {
    let running = cgi(Function::bash("handler() { echo; env; }")).start();
    let http_api = request("GET", "/prod/a/b", "", json!({ "requestContext": { "stage": "prod" } }));
    let rest_api = json!({
        "httpMethod": "GET", "path": "/a/b", "headers": { "Host": "h" },
        "requestContext": { "path": "/prod/a/b", "stage": "prod" },
    });
    for event in [http_api, rest_api] {
        let seen = variables(&running, &event);
        let path = |name: &str| seen[name].clone();
        assert_eq!([path("SCRIPT_NAME"), path("PATH_INFO"), path("REQUEST_URI")], ["/prod", "/a/b", "/prod/a/b"]);
    }
}
