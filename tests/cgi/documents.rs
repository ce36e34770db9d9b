//! CGI documents: heads of any form, and programs that end with an error.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{answer, answers::taken_apart, cgi, decoded, request};
use crate::support::{Event, Function, Running, needs::has};

const MODES: [&str; 2] = ["buffered", "streaming"];

/// A request with these bytes, to be answered as they are.
fn with_bytes(bytes: &[u8]) -> Value {
    request("POST", "/", "", json!({ "body": STANDARD.encode(bytes), "isBase64Encoded": true }))
}

/// Status, headers, cookies and body of a document, in either mode.
fn document(running: &Running, mode: &str, event: &Value) -> (Value, Vec<u8>) {
    if mode == "streaming" {
        let post = running.post(Event::new(event.to_string()));
        assert!(post.trailers.is_empty(), "{:?}", post.trailers);
        return taken_apart(&post);
    }
    let mut head = answer(running, event);
    let body = decoded(&head);
    let fields = head.as_object_mut().unwrap();
    fields.remove("body");
    fields.remove("isBase64Encoded");
    fields.entry("cookies").or_insert(json!([]));
    (head, body)
}

#[test]
fn headers_are_the_same_text_in_both_modes() {
    for mode in MODES {
        let function = cgi(Function::bash("handler() { cat; }")).env("SCRIPT_RUNTIME_RESPONSE_MODE", mode);
        let running = function.start();
        for (lines, headers, cookies) in [
            (&b"A: caf\xc3\xa9.txt"[..], json!({ "a": "café.txt" }), json!([])),
            (b"A: caf\xe9\xff", json!({ "a": "café\u{ff}" }), json!([])),
            (b"A: \x80\nA: \xc3\xa9", json!({ "a": "\u{80}, é" }), json!([])),
            (b"Vary: a\nvary: b\nVARY: c", json!({ "vary": "a, b, c" }), json!([])),
            (b"Link: <x>; rel=a, <y>\nLink: ", json!({ "link": "<x>; rel=a, <y>, " }), json!([])),
            (b"Set-Cookie: a=\xc3\xa9\nSet-Cookie: b=\xe9\nA: 1", json!({ "a": "1" }), json!(["a=é", "b=é"])),
            (b"A:\t1\t\nX-Empty:", json!({ "a": "1", "x-empty": "" }), json!([])),
        ] {
            let bytes = [lines, b"\n\n\xff\n"].concat();
            for _ in 0..2 {
                let (head, body) = document(&running, mode, &with_bytes(&bytes));
                let expected = json!({ "statusCode": 200, "headers": headers, "cookies": cookies });
                assert_eq!((head, &body[..]), (expected, &b"\xff\n"[..]), "{mode}: {}", lines.escape_ascii());
            }
        }
    }
}

#[test]
fn a_status_is_found_in_any_of_its_forms() {
    for mode in MODES {
        let function = cgi(Function::bash("handler() { cat; }")).env("SCRIPT_RUNTIME_RESPONSE_MODE", mode);
        let running = function.start();
        for (lines, status) in [
            ("Status: 404 Not Found", 404),
            ("HTTP/1.1 201 Created\r\nA: b\r", 201),
            ("HTTP/1.0 404", 404),
            ("HTTP/2 204 ", 204),
            ("HTTP/1.1 200 OK\nStatus: 403", 403),
            ("Location: //host/x", 302),
            ("Location: https://host/x", 302),
            ("HTTP/1.1 301 Moved\nLocation: /x", 301),
        ] {
            let head = document(&running, mode, &with_bytes(format!("{lines}\n\n").as_bytes())).0;
            assert_eq!(head["statusCode"], status, "{mode}: {lines}");
        }
        for (lines, reason) in [
            ("HTTP/1.1 OK", "its status is `HTTP/1.1 OK`"),
            ("A: b\nHTTP/1.1 200 OK", "has the line `HTTP/1.1 200 OK`"),
            ("Location: /x", "asks for a local redirect"),
        ] {
            let error = running.error(with_bytes(format!("{lines}\n\n").as_bytes()).to_string());
            assert_eq!(error.kind, "Function.InvalidResponse");
            assert!(error.message.contains(reason), "{mode}: {}", error.message);
        }
    }
}

#[test]
fn a_large_head_is_the_same_in_one_write_or_two() {
    let code = r#"handler() {
        printf -v line '%*s' "$QUERY_STRING" ''
        first="A: ${line// /x}"
        second=$'\nB: 1\n\nbody'
        if [[ $PATH_INFO == /one ]]; then printf %s "$first$second"; else printf %s "$first"; sleep 0.1; printf %s "$second"; fi
    }"#;
    for mode in MODES {
        let running = cgi(Function::bash(code)).env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).start();
        for path in ["/one", "/two", "/one", "/two"] {
            let error = running.error(request("GET", path, "70000", json!({})).to_string());
            assert_eq!(error.kind, "Function.InvalidResponse");
            assert_eq!(error.message, "the answer is no CGI response: its head has more than 65536 bytes");
            let (head, body) = document(&running, mode, &request("GET", path, "60000", json!({})));
            assert_eq!((&head["headers"]["b"], &body[..]), (&json!("1"), &b"body"[..]), "{mode}: {path}");
        }
    }
}

/// Handlers that answer the body of their request and end with the status of its query.
fn ending() -> Vec<(&'static str, Function)> {
    let lisp = r#"(defun main ()
        (loop for byte = (read-byte *standard-input* nil) while byte do (write-byte byte *standard-output*))
        (uiop:quit (parse-integer (uiop:getenv "QUERY_STRING"))))"#;
    let code = "cat; exit $QUERY_STRING";
    let mut handlers = vec![
        ("function", Function::bash(&format!("handler() {{ {code}; }}"))),
        ("program", Function::with(&[("app.sh", code)]).handler("app.sh")),
    ];
    if has("sbcl") {
        handlers.push(("Lisp", Function::with(&[("app.lisp", lisp)]).handler("app.lisp")));
    }
    handlers.into_iter().map(|(kind, function)| (kind, cgi(function))).collect()
}

fn with_status(status: &str, document: &str) -> Value {
    request("POST", "/", status, json!({ "body": document }))
}

#[test]
fn a_whole_document_is_the_answer_whatever_the_status() {
    let large = format!("\n\n{}", "x".repeat(500_000));
    for mode in MODES {
        for (kind, function) in ending() {
            let running = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).start();
            for (status, end) in
                [("1", "\n\nbody"), ("3", &large[..]), ("1", "\nContent-Length: 4\n\nbody"), ("7", "\n\n")]
            {
                let before = running.log().len();
                let event = with_status(status, &format!("Status: 500\nContent-Type: text/html{end}"));
                let (head, body) = document(&running, mode, &event);
                assert_eq!(head["statusCode"], 500, "{mode}, {kind}");
                assert_eq!(body, end.split_once("\n\n").unwrap().1.as_bytes());
                let log = running.log()[before..].to_owned();
                let warnings: Vec<_> = log.lines().filter(|line| line.contains(" WARN ")).collect();
                assert_eq!(warnings.len(), 1, "{mode}, {kind}: {log}");
                assert!(
                    warnings[0].contains("has the whole document") && warnings[0].contains(&format!("status {status}")),
                    "{log}"
                );
                assert!(!log.contains("ERROR"), "{log}");
                let before = running.log().len();
                assert_eq!(document(&running, mode, &with_status("0", "\nfine")).1, b"fine");
                assert_eq!(running.log().len(), before, "{}", running.log());
            }
        }
    }
}

#[test]
fn the_page_of_a_python_script_that_fails_is_its_answer() {
    needs!(cgitb);
    // `cgitb` begins with a line that is a header for servers and a comment for browsers
    for (kind, first) in [("before", ""), ("behind", "print('Content-Type: text/html\\n')")] {
        let code = format!("#!/usr/bin/env python3\nimport cgitb\ncgitb.enable()\n{first}\nprint(1 / 0)\n");
        for mode in MODES {
            let function = cgi(Function::with(&[("app.py", &code)]).handler("app.py"));
            let running = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).start();
            for _ in 0..2 {
                let (head, body) = document(&running, mode, &request("GET", "/", "", json!({})));
                assert_eq!(head["headers"], json!({ "content-type": "text/html" }), "{mode}, {kind} a head");
                assert!(String::from_utf8_lossy(&body).contains("ZeroDivisionError"), "{mode}, {kind}");
            }
        }
    }
}

#[test]
fn without_a_head_or_the_promised_body_the_status_is_the_error() {
    for mode in MODES {
        for (kind, function) in ending() {
            let running = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).start();
            for begin in ["", "A: b", "A: b\n", "no head\n"] {
                let error = running.error(with_status("3", begin).to_string());
                assert_eq!(error.kind, "Function.ExitStatus", "{mode}, {kind}: {begin:?}");
                assert_eq!(document(&running, mode, &with_status("0", "\nfine")).1, b"fine");
            }
            let post = running.post(Event::new(with_status("3", "Content-Length: 9\n\nhalf").to_string()));
            let kept = post.trailers.get("lambda-runtime-function-error-type");
            let error_type = kept.or(post.headers.get("lambda-runtime-function-error-type")).unwrap();
            assert_eq!(error_type, "Function.ExitStatus", "{mode}, {kind}");
            // the answer to a HEAD request has the length that its body would have
            let mut head = with_status("3", "Content-Length: 9\n\n");
            head["requestContext"]["http"]["method"] = "HEAD".into();
            assert_eq!(document(&running, mode, &head).0["headers"]["content-length"], "9");
        }
    }
}

#[test]
fn an_error_that_is_no_status_ends_a_document() {
    let code = "printf '\\nfirst'; [[ $PATH_INFO == /fine ]] || kill -9 $BASHPID";
    let function = Function::bash(&format!("handler() {{ {code}; }}"));
    let program = Function::with(&[("app.sh", code)]).handler("app.sh");
    for function in [function, program].map(cgi) {
        let running = function.env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming").start();
        for _ in 0..2 {
            let post = running.post(Event::new(request("GET", "/", "", json!({})).to_string()));
            assert_eq!(taken_apart(&post).1, b"first");
            assert_eq!(post.trailers["lambda-runtime-function-error-type"], "Function.Signal");
            let event = request("GET", "/fine", "", json!({}));
            assert_eq!(document(&running, "streaming", &event).1, b"first");
        }
    }
}
