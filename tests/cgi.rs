//! `SCRIPT_RUNTIME_INTERFACE=cgi`: HTTP events for programs that have answered a web server.

mod answers;
mod boundaries;
mod documents;
mod events;
mod programs;
mod senders;

use serde_json::{Value, json};

use crate::support::{Event, Function, Running, needs::has};

/// The function with this interface.
pub fn cgi(function: Function) -> Function {
    function.env("SCRIPT_RUNTIME_INTERFACE", "cgi")
}

/// An event of a function URL: a request with this method, path and query, and these fields in addition.
pub fn request(method: &str, path: &str, query: &str, more: Value) -> Value {
    let mut event = json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": { "host": "example.org", "x-forwarded-proto": "https", "x-forwarded-port": "443" },
        "requestContext": { "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" } },
        "isBase64Encoded": false,
    });
    merge(&mut event, more);
    event
}

pub fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// The answer to an event, as JSON.
pub fn answer(running: &Running, event: &Value) -> Value {
    serde_json::from_slice(&running.answer(event.to_string())).unwrap()
}

#[test]
fn handlers_without_standard_streams_of_their_own_are_refused() {
    let mut refused = vec![("M.f", "M.psm1", "function f { 1 }")];
    if has("sbcl") {
        refused.push(("app.handler", "app.lisp", "(defun handler (d) d)"));
    }
    if !has("pwsh") {
        refused.remove(0);
    }
    for (handler, file, text) in refused {
        let error = cgi(Function::with(&[(file, text)]).handler(handler)).init_error();
        assert_eq!(error.kind, "Runtime.InvalidConfiguration");
        assert_eq!(
            error.message,
            format!(
                "`SCRIPT_RUNTIME_INTERFACE` is `cgi`, which is for programs, Bash functions and Lisp scripts: \
                 `{handler}` is none of them"
            )
        );
    }
    let error = Function::bash("handler() { :; }").env("SCRIPT_RUNTIME_INTERFACE", "http").init_error();
    assert_eq!(error.message, "`SCRIPT_RUNTIME_INTERFACE` is `http`: it takes `event` or `cgi`");
}

#[test]
fn an_event_of_nothing_known_is_an_error_of_that_event() {
    let running = cgi(Function::bash("handler() { printf '\\n%s' ok; }")).start();
    for (event, reason) in [
        ("", "it is no JSON object"),
        ("[]", "it is no JSON object"),
        ("{\"Records\": []}", "it is none of a function URL, of API Gateway or of a load balancer"),
        (
            &request("POST", "/", "", json!({ "body": "?", "isBase64Encoded": true })).to_string(),
            "its body is no base64",
        ),
        (
            &request("GET", "/", "", json!({ "headers": { "x": "a\nb" } })).to_string(),
            "`HTTP_X` would have the character 10",
        ),
    ] {
        let error = running.error(event);
        assert_eq!(error.kind, "Runtime.InvalidEvent");
        assert!(error.message.contains(reason), "{event}: {}", error.message);
        assert_eq!(answer(&running, &request("GET", "/", "", json!({})))["body"], "b2s=");
    }
}

#[test]
fn an_event_is_still_the_argument_of_a_function_and_no_program_has_any() {
    let print = "printf '\\n%s|%s|' \"$#\" \"$1\"; cat";
    let function = cgi(Function::bash(&format!("handler() {{ {print}; }}"))).start();
    for size in [1, 100_000] {
        let event = request("POST", "/", "", json!({ "body": "b".repeat(size) }));
        let answered = answer(&function, &event);
        assert_eq!(decoded(&answered), format!("1|{event}|{}", "b".repeat(size)).into_bytes());
    }
    let program = Function::with(&[("app.sh", "printf '\\n%s|%s|' \"$#\" \"${1-none}\"; cat")]).handler("app.sh");
    let program = cgi(program).start();
    for body in ["b", ""] {
        let answered = answer(&program, &request("POST", "/", "", json!({ "body": body })));
        assert_eq!(decoded(&answered), format!("0|none|{body}").into_bytes());
    }
}

/// The body of an answer.
pub fn decoded(answer: &Value) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let body = answer["body"].as_str().unwrap();
    if answer["isBase64Encoded"] == true { STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() }
}

#[test]
fn one_shot_and_the_headers_of_lambda_are_there_as_ever() {
    let function = cgi(Function::bash("handler() { printf '\\n%s' \"${AWS_LAMBDA_RUNTIME_TENANT_ID-}\"; }"));
    let output = function.once(&request("GET", "/", "", json!({})).to_string(), b"");
    assert!(output.status.success(), "{output:?}");
    let running = function.start();
    let event = Event::new(request("GET", "/", "", json!({})).to_string());
    let post = running.post(event.header("lambda-runtime-aws-tenant-id", "blue"));
    let answered: Value = serde_json::from_slice(&post.body).unwrap();
    assert_eq!(decoded(&answered), b"blue");
}
