//! CGI responses as the answers that the senders of events take.

use serde_json::{Value, json};

use super::{answer, cgi, decoded, request};
use crate::support::{Event, Function, Running};

/// A function and a program that answer the body of their request.
fn echoes() -> [(&'static str, Function); 2] {
    [
        ("function", cgi(Function::bash("handler() { cat; }"))),
        ("program", cgi(Function::with(&[("app.sh", "cat")]).handler("app.sh"))),
    ]
}

pub fn with_body(body: &str) -> Value {
    request("POST", "/", "", json!({ "body": body }))
}

#[test]
fn each_sender_gets_the_answer_in_its_own_form() {
    let response = "Status: 404 Not Found\r\nContent-Type: text/plain\r\nX-A: 1\r\nX-A: 2\r\nSet-Cookie: a=1\r\n\
                    Set-Cookie: b=2\r\n\r\nno \"such\" thing\n\n";
    let rest = json!({ "httpMethod": "POST", "path": "/", "requestContext": {}, "body": response });
    let balancer = |headers: &str| json!({ "httpMethod": "POST", "path": "/", "requestContext": { "elb": {} }, "body": response, headers: {} });
    for (kind, function) in echoes() {
        let running = function.start();
        let common = json!({ "statusCode": 404, "body": "no \"such\" thing\n\n", "isBase64Encoded": false });
        let several = json!({
            "content-type": ["text/plain"], "x-a": ["1", "2"], "set-cookie": ["a=1", "b=2"],
        });
        for (event, more) in [
            (
                with_body(response),
                json!({ "headers": { "content-type": "text/plain", "x-a": "1, 2" }, "cookies": ["a=1", "b=2"] }),
            ),
            (rest.clone(), json!({ "multiValueHeaders": several })),
            (
                balancer("multiValueHeaders"),
                json!({ "multiValueHeaders": several, "statusDescription": "404 Not Found" }),
            ),
            (
                balancer("headers"),
                json!({
                    "headers": { "content-type": "text/plain", "x-a": "2", "set-cookie": "b=2" },
                    "statusDescription": "404 Not Found",
                }),
            ),
        ] {
            let mut expected = common.clone();
            super::merge(&mut expected, more);
            assert_eq!(answer(&running, &event), expected, "{kind}");
        }
    }
}

#[test]
fn what_is_no_text_goes_out_in_base64_byte_for_byte() {
    let code = r"handler() { printf 'Content-Type: %s\n\n\0\377\r\n\n' image/png; }";
    let running = cgi(Function::bash(code)).start();
    for _ in 0..2 {
        let answered = answer(&running, &with_body(""));
        assert_eq!(decoded(&answered), b"\0\xff\r\n\n");
    }
    let running = cgi(Function::bash("handler() { cat; }")).start();
    for (response, is_base64) in [
        ("Content-Type: text/html\n\nx", false),
        ("Content-Type: application/json\n\n{}", false),
        ("Content-Type: text/html\nContent-Encoding: gzip\n\nx", true),
        ("Content-Type: application/octet-stream\n\nx", true),
        ("\nx", true),
    ] {
        assert_eq!(answer(&running, &with_body(response))["isBase64Encoded"], is_base64, "{response}");
    }
}

#[test]
fn an_answer_that_is_no_response_is_an_error_of_its_event() {
    for mode in ["buffered", "streaming"] {
        for (kind, function) in echoes() {
            let running = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).start();
            for (response, reason) in [
                ("", "it is empty, and has to begin with header lines"),
                ("{\"a\": 1}", "there is no empty line behind its head `{\\\"a\\\": 1}`"),
                ("hello\nworld", "has the line `hello`"),
                ("Status: lost\n\n", "its status is `lost`"),
                ("Location: /other\n\n", "a local redirect, which is not supported: add `Status: 302`"),
            ] {
                let error = running.error(with_body(response).to_string());
                assert_eq!(error.kind, "Function.InvalidResponse", "{kind}");
                assert!(error.message.contains(reason), "{mode}, {kind}: {}", error.message);
                assert_eq!(running.post(Event::new(with_body("\nfine").to_string())).kind, "response");
            }
        }
    }
}

#[test]
fn base64_counts_in_the_limit() {
    let code = r#"handler() { printf 'Content-Type: image/png\n\n'; head -c "$QUERY_STRING" /dev/zero; }"#;
    let running = cgi(Function::bash(code)).start();
    let sized = |size: usize| request("GET", "/", &size.to_string(), json!({}));
    assert_eq!(decoded(&answer(&running, &sized(4_700_000))).len(), 4_700_000);
    for size in [4_720_000, 7_000_000] {
        let error = running.error(sized(size).to_string());
        assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
        assert_eq!(decoded(&answer(&running, &sized(1))).len(), 1);
    }
}

/// The prelude of a streamed answer, and its body.
pub fn taken_apart(post: &crate::support::Post) -> (Value, Vec<u8>) {
    assert_eq!(post.kind, "response", "{}", String::from_utf8_lossy(&post.body));
    assert_eq!(post.headers["content-type"], "application/vnd.awslambda.http-integration-response");
    let end = post.body.windows(8).position(|window| window == [0; 8]).unwrap();
    (serde_json::from_slice(&post.body[..end]).unwrap(), post.body[end + 8..].to_vec())
}

#[test]
fn streamed_the_head_becomes_the_prelude_and_the_body_follows_as_it_comes() {
    let code = "printf 'Status: 201\\nContent-Type: text/plain\\nSet-Cookie: a=1\\n\\nfirst'; \
                until [[ -e go ]]; do sleep 0.01; done; rm go; printf last";
    let function = Function::bash(&format!("handler() {{ {code}; }}"));
    let program = Function::with(&[("app.sh", code)]).handler("app.sh");
    for (kind, function) in [("function", function), ("program", program)] {
        let running: Running = cgi(function).env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming").start();
        for number in 0..2 {
            let id = running.api.send(Event::new(with_body("").to_string()));
            let first = running.api.wait_for_chunk(3 * number + 2);
            assert_eq!(first.bytes, b"first", "{kind}");
            std::fs::write(running.task_root.path().join("go"), "").unwrap();
            let (prelude, body) = taken_apart(&running.api.wait(&id));
            let expected =
                json!({ "statusCode": 201, "headers": { "content-type": "text/plain" }, "cookies": ["a=1"] });
            assert_eq!((prelude, body), (expected, b"firstlast".to_vec()), "{kind}");
        }
    }
}
