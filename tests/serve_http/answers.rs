//! Answers as a function URL takes them: responses, JSON and text, and what is neither.

use std::{io::Write, net::TcpStream};

use serde_json::json;

use super::{curl, serve};
use crate::support::{Function, until};

/// Answers the body of its request.
const BODY: &str = "handler() { jq -j 'if .isBase64Encoded then .body | @base64d else .body end'; }";

#[test]
fn an_answer_with_a_status_is_taken_apart() {
    let served = serve(BODY);
    let json = [("content-type", "application/json")];
    let answer = json!({
        "statusCode": 201,
        "headers": { "Content-Type": "text/html", "X-Number": 7, "Connection": "close", "Content-Length": "1" },
        "cookies": ["a=1; Secure", "b=2"],
        "body": "<p>\u{e4}</p>",
    });
    let options = ["-i", "-H", "content-type: application/json", "-d", &answer.to_string()];
    let Some(output) = curl(&served, "/", &options) else { return };
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 201 Created\r\n"), "{head}");
    for line in
        ["content-type: text/html", "x-number: 7", "set-cookie: a=1; Secure", "set-cookie: b=2", "content-length: 9"]
    {
        assert_eq!(head.matches(line).count(), 1, "{line}: {head}");
    }
    assert!(!head.contains("connection"), "{head}");
    assert_eq!(body, "<p>\u{e4}</p>");
    let binary = json!({ "statusCode": "200", "body": "AP8K", "isBase64Encoded": true }).to_string();
    let response = served.send("POST /", &json, binary).response();
    assert_eq!((response.status, &response.body[..]), (200, &b"\0\xff\n"[..]));
    assert_eq!(response.headers["content-type"], "application/json");
    let empty = served.send("POST /", &json, r#"{"statusCode":204}"#).response();
    assert_eq!((empty.status, empty.body.len()), (204, 0));
}

#[test]
fn an_answer_without_a_status_is_the_body() {
    let served = serve(BODY);
    for answer in [r#"{"a":1}"#, "[1]", "\"text\"", "7", "null", "plain text", "<p>", r#"{"status":404}"#] {
        let response = served.send("POST /", &[("content-type", "text/plain")], answer).response();
        assert_eq!(response.status, 200);
        assert_eq!(response.headers["content-type"], "application/json", "{answer}");
        assert_eq!(String::from_utf8(response.body).unwrap(), answer);
    }
}

#[test]
fn an_answer_that_is_no_valid_response_is_a_502_and_the_log_says_why() {
    let served = serve(BODY);
    for (answer, reason) in [
        (json!({ "statusCode": "ok" }), "`statusCode` is no number from 200 to 599 but \"ok\""),
        (json!({ "statusCode": 99 }), "`statusCode` is no number from 200 to 599 but 99"),
        (json!({ "statusCode": 200, "headers": [1] }), "`headers` is no object but [1]"),
        (json!({ "statusCode": 200, "headers": { "a b": "c" } }), "`a b` is no name of a header"),
        (json!({ "statusCode": 200, "headers": { "a": "b\nc" } }), "the header `a` cannot be \"b\\nc\""),
        (json!({ "statusCode": 200, "headers": { "a": {} } }), "the header `a` is no string but {}"),
        (json!({ "statusCode": 200, "cookies": "a" }), "`cookies` is no array of strings but \"a\""),
        (json!({ "statusCode": 200, "body": { "a": 1 } }), "`body` is no string"),
        (json!({ "statusCode": 200, "body": "?", "isBase64Encoded": true }), "`body` is no base64"),
        (json!({ "statusCode": 200, "body": "", "isBase64Encoded": 1 }), "`isBase64Encoded` is neither true nor false"),
    ] {
        let response = served.send("POST /", &[("content-type", "text/plain")], answer.to_string()).response();
        assert_eq!((response.status, &response.body[..]), (502, &b"Internal Server Error"[..]), "{answer}");
        served.running.wait_for_log(&format!("no valid response to an HTTP request: {reason}"));
        assert_eq!(served.send("POST /", &[("content-type", "text/plain")], "fine").response().status, 200);
    }
}

#[test]
fn an_error_is_a_502_and_tells_its_caller_nothing() {
    let served = serve("handler() { [[ $1 != *fail* ]] || { echo reason >&2; exit 3; }; echo '{\"ok\":true}'; }");
    let response = served.send("GET /fail", &[], "").response();
    assert_eq!((response.status, &response.body[..]), (502, &b"Internal Server Error"[..]));
    served.running.wait_for_log("Function.ExitStatus: the handler ended with status 3");
    assert_eq!(served.send("GET /", &[], "").response().body, br#"{"ok":true}"#);
}

#[test]
fn a_head_request_has_the_headers_alone() {
    let served = serve(r#"handler() { echo '{"statusCode":200,"headers":{"x-a":"b"},"body":"12345"}'; }"#);
    let Some(output) = curl(&served, "/", &["--head"]) else { return };
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("x-a: b\r\n") && text.contains("content-length: 5\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "{text}");
    assert_eq!(served.send("GET /", &[], "").response().body, b"12345");
}

#[test]
fn large_bodies_pass_byte_for_byte_both_ways() {
    let served = Function::bash("handler() { jq -c '{statusCode: 200, body, isBase64Encoded}'; }").serve(&[
        "--http",
        "--timeout",
        "60",
    ]);
    let body: Vec<u8> = (0..4_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for _ in 0..2 {
        let response = served.send("POST /", &[("content-type", "image/png")], &body).response();
        assert!(response.status == 200 && response.body == body);
    }
}

#[test]
fn clients_that_go_away_cost_nothing_but_their_answer() {
    let served = serve("handler() { echo begun >>log; until [[ -e go ]]; do sleep 0.01; done; echo ended >>log; }");
    let root = served.running.task_root.path();
    let log = || std::fs::read_to_string(root.join("log")).unwrap_or_default();
    let mut connection = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    connection.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nhalf").unwrap();
    drop(connection);
    drop(served.send("GET /", &[], ""));
    until("the event", || log().contains("begun"));
    std::fs::write(root.join("go"), "").unwrap();
    assert_eq!(served.send("GET /", &[], "").response().status, 200);
    assert_eq!(log(), "begun\nended\nbegun\nended\n");
}

#[test]
fn changed_files_are_seen_with_a_watch() {
    let served = Function::bash("handler() { echo one; }").serve(&["--http", "--watch"]);
    assert_eq!(served.send("GET /", &[], "").response().body, b"one");
    std::fs::write(served.running.task_root.path().join("function.sh"), "handler() { echo two; }").unwrap();
    until("the change", || served.send("GET /", &[], "").response().body == b"two");
}
