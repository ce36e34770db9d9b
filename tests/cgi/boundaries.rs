//! The limits of CGI: values that must not get in or out, and programs that must not hold up an end.

use std::time::Duration;

use serde_json::json;

use super::{answer, cgi, decoded, request};
use crate::support::{Event, Function, api::Reception};

#[test]
fn a_variable_that_a_request_does_not_set_is_not_the_functions_own() {
    let code = "handler() { printf '\\n%s' \"${REMOTE_USER-none} ${CONTENT_LENGTH-none} $HTTP_PROXY\"; }";
    let function = Function::bash(code).env("REMOTE_USER", "root").env("CONTENT_LENGTH", "7");
    let running = cgi(function.env("HTTP_PROXY", "http://own")).start();
    for _ in 0..2 {
        let answered = answer(&running, &request("GET", "/", "", json!({})));
        // a variable that no request sets keeps its value
        assert_eq!(decoded(&answered), b"none none http://own");
    }
}

#[test]
fn no_header_says_who_the_caller_is() {
    let code = "handler() { printf '\\n%s' \"${REMOTE_USER-none} ${AUTH_TYPE-none}\"; }";
    let running = cgi(Function::bash(code)).start();
    let headers = json!({ "x-amzn-oidc-identity": "root", "remote-user": "root" });
    let balancer = json!({ "httpMethod": "GET", "path": "/", "requestContext": { "elb": {} }, "headers": headers });
    for event in [balancer, request("GET", "/", "", json!({ "headers": headers }))] {
        assert_eq!(decoded(&answer(&running, &event)), b"none none");
    }
}

#[test]
fn credentials_and_the_form_of_the_body_as_it_came_are_no_variables() {
    let running = cgi(Function::bash("handler() { echo; env | grep -E '^HTTP_(AUTH|PROXY|TRANSFER|X_A)'; }")).start();
    let headers =
        json!({ "authorization": "a", "proxy-authorization": "b", "transfer-encoding": "chunked", "x-a": "1" });
    let answered = answer(&running, &request("GET", "/", "", json!({ "headers": headers })));
    assert_eq!(String::from_utf8(decoded(&answered)).unwrap(), "HTTP_X_A=1\n");
}

#[test]
fn the_begin_of_an_answer_that_an_error_shows_is_masked() {
    let secret = "MARKERsecret+Access/Key0123456789abcdefg";
    let code = "handler() { [[ $PATH_INFO == / ]] && echo || echo \"key $AWS_SECRET_ACCESS_KEY\"; }";
    let running = cgi(Function::bash(code).env("AWS_SECRET_ACCESS_KEY", secret)).start();
    let error = running.error(request("GET", "/x", "", json!({})).to_string());
    assert_eq!(error.kind, "Function.InvalidResponse");
    assert!(error.message.contains("key ") && !error.message.contains("MARKER"), "{}", error.message);
    assert!(!running.log().contains("MARKER"), "{}", running.log());
    assert_eq!(answer(&running, &request("GET", "/", "", json!({})))["statusCode"], 200);
}

#[test]
fn a_header_beyond_ascii_passes() {
    let head = "X-A: gr\u{fc}n\nContent-Disposition: attachment; filename=\"\u{e4}.txt\"";
    let running = cgi(Function::bash(&format!("handler() {{ printf '%s\\n\\n' '{head}'; }}"))).start();
    let expected = "attachment; filename=\"\u{e4}.txt\"";
    let answered = answer(&running, &request("GET", "/", "", json!({})));
    assert_eq!(answered["headers"]["content-disposition"], expected);
    assert_eq!(answered["headers"]["x-a"], "gr\u{fc}n");
    let rest_api = json!({ "httpMethod": "GET", "path": "/", "requestContext": {} });
    assert_eq!(answer(&running, &rest_api)["multiValueHeaders"]["content-disposition"], json!([expected]));
}

#[test]
fn a_caller_that_does_not_read_holds_up_no_deadline() {
    let code = "handler() { printf 'Content-Type: a/b\\n\\n'; [[ $PATH_INFO == / ]] || cat /dev/zero; }";
    let running = cgi(Function::bash(code)).env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming").start();
    running.api.receive_with([Reception::Slow]);
    let event = Event::new(request("GET", "/endless", "", json!({})).to_string());
    let id = running.api.send(event.deadline_in(Duration::from_secs(1)));
    // while nothing is read
    running.wait_for_log("Runtime.DeadlineExceeded");
    running.api.release();
    let post = running.api.wait(&id);
    assert_eq!(crate::streaming::late_error(&post).0, "Runtime.DeadlineExceeded");
    let post = running.post(Event::new(request("GET", "/", "", json!({})).to_string()));
    assert!(post.trailers.is_empty() && post.body.ends_with(&[0; 8]), "{post:?}");
}
