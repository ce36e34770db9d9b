//! How streamed answers end where not well: before their first byte as any error, after it in the trailers. The next
//! event is answered right.

use std::time::Duration;

use super::{both, late_error};
use crate::support::{
    Event,
    api::Reception,
    processes::{self, SIGKILL},
    until,
};

#[test]
fn an_error_before_the_first_byte_is_an_error() {
    for (kind, function) in both("[[ $1 == fine ]] || exit 3; echo fine") {
        let error = function.error("{}");
        assert_eq!(error.kind, "Function.ExitStatus", "{kind}");
        assert_eq!(function.text("fine"), "fine\n");
    }
}

#[test]
fn an_error_after_it_stands_in_the_trailers() {
    for (kind, function) in both("echo part; [[ $1 == fine ]] || exit 3") {
        for _ in 0..2 {
            let post = function.post(Event::new("{}"));
            assert_eq!(post.body, b"part\n", "{kind}");
            assert_eq!(
                post.headers["trailer"],
                "lambda-runtime-function-error-type, lambda-runtime-function-error-body"
            );
            let (error_type, message) = late_error(&post);
            assert_eq!(error_type, "Function.ExitStatus");
            assert!(message.contains("status 3"), "{kind}: {message}");
            assert_eq!(function.text("fine"), "part\n");
        }
    }
}

#[test]
fn a_deadline_in_mid_stream_stands_in_the_trailers() {
    for (kind, function) in
        both("echo part; trap 'echo late; exit' TERM; [[ $1 == fine ]] || { sleep 60 & wait; }")
    {
        let post = function.post(Event::new("{}").deadline_in(Duration::from_secs(1)));
        assert_eq!(post.body, b"part\n", "{kind}");
        assert_eq!(late_error(&post).0, "Runtime.DeadlineExceeded", "{kind}");
        assert_eq!(function.text("fine"), "part\n");
    }
}

#[test]
fn a_killed_handler_or_worker_in_mid_stream_stands_in_the_trailers() {
    for (kind, function) in
        both("echo part; [[ $1 == fine ]] || { until [[ -e never ]]; do sleep 0.1; done; }")
    {
        let id = function.api.send(Event::new("{}"));
        function.api.wait_for_chunk(1);
        for pid in function.children() {
            processes::kill(pid, SIGKILL);
        }
        let post = function.api.wait(&id);
        assert_eq!(post.body, b"part\n", "{kind}");
        let expected = if kind == "function" { "Runtime.WorkerExited" } else { "Function.Signal" };
        assert_eq!(late_error(&post).0, expected);
        assert_eq!(function.text("fine"), "part\n");
    }
}

#[test]
fn an_answer_over_the_limit_is_cut_there_and_says_so() {
    const LIMIT: usize = 200 << 20;
    for (kind, function) in both("head -c $1 /dev/zero") {
        let post = function.post(Event::new((LIMIT + 1).to_string()));
        assert_eq!(post.body.len(), LIMIT, "{kind}");
        let (error_type, message) = late_error(&post);
        assert_eq!(error_type, "Function.ResponseSizeTooLarge");
        assert!(message.contains("209715201 bytes") && message.contains("209715200"), "{kind}: {message}");
        assert_eq!(function.answer("7").len(), 7);
    }
}

#[test]
fn a_runtime_api_that_refuses_in_mid_stream_costs_this_answer_alone() {
    for (kind, function) in both("echo part; until [[ -e go ]]; do sleep 0.01; done; echo rest") {
        for status in ["413 Payload Too Large", "410 Gone"] {
            let _ = std::fs::remove_file(function.task_root.path().join("go"));
            function.api.receive_with([Reception::Status(status)]);
            let id = function.api.send(Event::new("{}"));
            assert_eq!(function.api.wait(&id).body, b"part\n", "{kind}");
            std::fs::write(function.task_root.path().join("go"), "").unwrap();
            assert_eq!(function.text("next"), "part\nrest\n", "{kind}");
            function.wait_for_log(&match status {
                "410 Gone" => format!("WARN the response came too late and was not taken: {status}"),
                _ => format!("ERROR the Runtime API refused the response: {status}"),
            });
        }
    }
}

#[test]
fn a_connection_that_breaks_in_mid_stream_costs_this_answer_alone() {
    for (kind, function) in both("echo part; until [[ -e go ]]; do sleep 0.01; done; echo rest") {
        function.api.receive_with([Reception::Reset]);
        function.api.send(Event::new("{}"));
        function.api.wait_for_chunk(1);
        std::fs::write(function.task_root.path().join("go"), "").unwrap();
        assert_eq!(function.text("next"), "part\nrest\n", "{kind}");
        function.wait_for_log("the caller has a part of the answer at most");
    }
}

#[test]
fn what_a_child_in_the_background_writes_is_in_no_later_answer() {
    let code = "echo $1; [[ $1 != one ]] || { trap '' PIPE; until [[ -e go ]]; do sleep 0.01; done; echo late || :; echo >gone; } &";
    for (kind, function) in both(code) {
        assert_eq!(function.text("one"), "one\n", "{kind}");
        let id = function.api.send(Event::new("two"));
        std::fs::write(function.task_root.path().join("go"), "").unwrap();
        assert_eq!(function.api.wait(&id).body, b"two\n", "{kind}");
        until("the child's end", || function.task_root.path().join("gone").exists());
        assert_eq!(function.text("three"), "three\n", "{kind}");
    }
}
