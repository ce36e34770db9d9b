//! The Runtime API: headers, refusals, connections that break, concurrency, the end.

use std::{collections::HashSet, fs, time::Duration};

use crate::support::{
    Event, Function, Reception,
    processes::{self, SIGKILL},
    until,
};

const ECHO: &str = "handler() { [[ $1 != fail ]] || exit 3; printf %s \"$1\"; }";

#[test]
fn asks_for_the_next_event_when_the_handler_is_ready() {
    let code = "until [[ -e go ]]; do sleep 0.01; done\nhandler() { echo ready; }";
    let function = Function::bash(code).start();
    until("the worker", || !function.children().is_empty());
    assert_eq!(function.api.asked(), 0);
    fs::write(function.task_root.path().join("go"), "").unwrap();
    assert_eq!(function.text("{}"), "ready");
}

#[test]
fn echoes_the_invocation_id_on_answers_and_errors() {
    let function = Function::bash(ECHO).start();
    for body in ["fine", "fail"] {
        let post = function.post(Event::new(body).header("lambda-runtime-invocation-id", "inv-1"));
        assert_eq!(post.headers["lambda-runtime-invocation-id"], "inv-1");
        let post = function.post(Event::new(body));
        assert!(!post.headers.contains_key("lambda-runtime-invocation-id"));
    }
}

#[test]
fn survives_refusals_of_an_answer_or_an_error() {
    let function = Function::bash(ECHO).start();
    for status in ["410 Gone", "413 Payload Too Large", "400 Bad Request", "403 Forbidden"] {
        for body in ["refused", "fail"] {
            function.api.receive_with([Reception::Status(status)]);
            let kind = function.post(Event::new(body)).kind;
            function.wait_for_log(&match status {
                "410 Gone" => format!("WARN the {kind} came too late and was not taken: {status}"),
                _ => format!("ERROR the Runtime API refused the {kind}: {status}"),
            });
            assert_eq!(function.text("next"), "next");
        }
    }
}

#[test]
fn ends_when_lambda_says_that_it_cannot_recover() {
    for body in ["refused", "fail"] {
        let mut function = Function::bash(ECHO).start();
        function.api.receive_with([Reception::Status("500 Internal Server Error")]);
        let post = function.post(Event::new(body));
        assert_eq!(function.wait().code(), Some(1));
        function.wait_for_log(&format!("bootstrap: the runtime ends: the Runtime API refused the {}", post.kind));
        assert_eq!(function.api.asked(), 1);
    }
}

#[test]
fn posts_again_when_the_connection_breaks() {
    let function = Function::bash(ECHO).start();
    function.api.receive_with([Reception::Reset, Reception::Reset]);
    let event = "x".repeat(1 << 20);
    assert_eq!(function.text(&event), event);
    assert!(function.log().contains("trying again"), "{}", function.log());
    assert_eq!(function.text("next"), "next");
}

#[test]
fn a_worker_that_ends_before_its_answer_is_taken_is_replaced_once() {
    let handler = format!("{ECHO}\nif [[ -e broken ]]; then exit 3; fi");
    let function = Function::bash(&handler).start();
    function.api.receive_with([Reception::Held]);
    assert_eq!(function.text("held"), "held");
    fs::write(function.task_root.path().join("broken"), "").unwrap();
    processes::kill(function.children()[0], SIGKILL);
    function.wait_for_log("a worker ended between events");
    function.api.release();
    function.wait_for_log("a new worker could not be started");
    function.api.wait_until_asked(2);
    assert_eq!(function.log().matches("a new worker could not be started").count(), 1, "{}", function.log());
    assert_eq!(function.error("next").kind, "Runtime.HandlerLoadFailed");
}

#[test]
fn ends_with_a_clear_line_when_the_runtime_api_goes_away() {
    let mut function = Function::bash(ECHO).start();
    function.api.receive_with(vec![Reception::Reset; 3]);
    let id = function.api.send(Event::new("x".repeat(1 << 20)));
    assert_eq!(function.wait().code(), Some(1));
    function.wait_for_log(&format!("the Runtime API did not take the response of request {id}"));
    assert!(function.api.posts(&id).is_empty());
}

#[test]
fn a_client_context_of_any_shape_reaches_the_handler() {
    for (header, variable) in [
        ("lambda-runtime-client-context", "AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT"),
        ("lambda-runtime-cognito-identity", "AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY"),
    ] {
        let function = Function::bash(&format!("handler() {{ printf %s \"${{{variable}-unset}}\"; }}")).start();
        for value in [
            r#"{"custom":{"retries":3}}"#,
            r#"{"custom":{"order":{"id":7}}}"#,
            r#"{"client":{"app_title":"Shop"}}"#,
            r#"{"client":null,"custom":null,"env":null}"#,
            r#""text""#,
            "[1]",
            "7",
            "null",
            "{oops",
            "not JSON at all",
            "ä \u{1f600} \u{7f}",
            "$(exit 7) `exit 7` 'x' \\ *",
        ] {
            let answer = function.answer_to(Event::new("{}").header(header, value));
            assert_eq!(String::from_utf8(answer).unwrap(), value, "{header}");
            assert_eq!(function.text("{}"), "unset", "after {value}");
        }
        assert_eq!(function.log(), "");
    }
}

#[test]
fn an_event_needs_no_header_but_its_id() {
    let function = Function::bash("handler() { echo \"${AWS_LAMBDA_RUNTIME_DEADLINE_MS-none}\"; }").start();
    let event = ["deadline-ms", "invoked-function-arn", "trace-id"]
        .iter()
        .fold(Event::new("{}"), |event, name| event.header(&format!("lambda-runtime-{name}"), ""));
    assert_eq!(function.answer_to(event.clone()), b"none");
    assert_eq!(function.answer_to(event.header("content-type", "")), b"none");
}

#[test]
fn an_event_over_a_limit_is_answered_by_an_error_and_the_next_one_runs() {
    let function = Function::bash(ECHO).start();
    let large_head = Event::new("{}").header("lambda-runtime-client-context", &"x".repeat(3 << 19));
    let error = function.error_to(large_head);
    assert_eq!(error.kind, "Runtime.EventTooLarge");
    assert_eq!(error.message, "the event's headers have more than 1048576 bytes, and no handler has seen it");
    assert_eq!(function.text("next"), "next");
    let error = function.error("x".repeat((64 << 20) + 1));
    assert_eq!(error.kind, "Runtime.EventTooLarge");
    assert_eq!(error.message, "the event's body has more than 67108864 bytes, and no handler has seen it");
    assert_eq!(function.text("next"), "next");
}

#[test]
fn posts_each_event_exactly_once() {
    let function = Function::bash(ECHO).start();
    let ids: Vec<_> = (0..200).map(|number| function.api.send(Event::new(format!("event {number}")))).collect();
    for (number, id) in ids.iter().enumerate() {
        let post = function.api.wait(id);
        assert_eq!(post.body, format!("event {number}").into_bytes());
    }
    for id in &ids {
        assert_eq!(function.api.posts(id).len(), 1);
    }
}

#[test]
fn runs_as_many_workers_as_the_concurrency_says() {
    let code = "handler() { echo $$ >>pids; until (( $(sort -u pids | wc -l) == 3 )); do sleep 0.01; done; printf %s \"$1 $_X_AMZN_TRACE_ID\"; }";
    let function = Function::bash(code).env("AWS_LAMBDA_MAX_CONCURRENCY", "3").start();
    function.api.wait_until_asked(3);
    let ids: Vec<_> = (0..60)
        .map(|number| {
            let event = Event::new(number.to_string()).header("lambda-runtime-trace-id", &format!("Root={number}"));
            function.api.send(event)
        })
        .collect();
    for (number, id) in ids.iter().enumerate() {
        let body = String::from_utf8(function.api.wait(id).body).unwrap();
        assert_eq!(body, format!("{number} Root={number}"));
    }
    let pids = std::fs::read_to_string(function.task_root.path().join("pids")).unwrap();
    assert_eq!(pids.lines().collect::<HashSet<_>>().len(), 3);
    assert_eq!(function.log(), "");
}

#[test]
fn ends_with_status_0_on_sigterm() {
    let code = "trap 'echo bye >>farewell; exit' TERM\nhandler() { trap 'echo handler >>farewell; exit' TERM; touch runs; \
                while :; do sleep 0.01; done; }";
    let mut function = Function::bash(code).start();
    let root = function.task_root.path().to_owned();
    function.api.send(Event::new("{}"));
    until("the handler", || root.join("runs").exists());
    function.terminate();
    assert_eq!(function.wait().code(), Some(0));
    let farewell = std::fs::read_to_string(root.join("farewell")).unwrap();
    assert_eq!(farewell, "handler\nbye\n");
}

#[test]
fn kills_on_sigterm_what_does_not_end() {
    let code = "trap '' TERM\nhandler() { :; }";
    let mut function = Function::bash(code).start();
    function.answer("{}");
    let worker = function.children()[0];
    let before = std::time::Instant::now();
    function.terminate();
    assert_eq!(function.wait().code(), Some(0));
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert!(!std::path::Path::new(&format!("/proc/{worker}")).exists());
}
