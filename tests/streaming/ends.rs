//! How streamed answers end where not well: before their first byte as any error, after it in the trailers. The next
//! event is answered right.

use std::time::Duration;

use super::{all, both, late_error};
use crate::support::{
    Event, Running,
    api::Reception,
    processes::{self, SIGKILL},
    until,
};

/// Code that runs its event as code of its own language, after it has written `part`.
fn evaluators() -> Vec<(&'static str, Running)> {
    all(
        "echo part; eval \"$1\"",
        "(write-line \"part\") (eval (read-from-string event))",
        "'part'; Invoke-Expression $d",
    )
}

/// The event for this code: PowerShell takes it as a JSON string.
fn event(kind: &str, code: &str) -> Event {
    Event::new(if kind == "PowerShell" { serde_json::json!(code).to_string() } else { code.to_owned() })
}

/// Code that answers `part`, and no more.
fn fine(kind: &str) -> Event {
    event(
        kind,
        if kind == "Lisp" {
            "nil"
        } else if kind == "PowerShell" {
            "$null"
        } else {
            ":"
        },
    )
}

/// Code that takes a minute.
fn long(kind: &str) -> Event {
    event(
        kind,
        match kind {
            "Lisp" => "(sleep 60)",
            "PowerShell" => "Start-Sleep 60",
            _ => "trap 'echo late; exit' TERM; sleep 60 & wait",
        },
    )
}

#[test]
fn an_error_before_the_first_byte_is_an_error() {
    for (kind, function) in all(
        "[[ $1 == 1 ]] || exit 3; echo fine",
        "(if (string= event \"1\") (write-line \"fine\") (uiop:quit 3))",
        "if ($d -ne 1) { exit 3 }; 'fine'",
    ) {
        let error = function.error("0");
        assert_eq!(error.kind, "Function.ExitStatus", "{kind}");
        assert_eq!(function.text("1"), "fine\n", "{kind}");
    }
}

#[test]
fn an_error_after_it_stands_in_the_trailers() {
    const CASES: [(&[&str], &str, &str, &str); 9] = [
        (&["function", "program"], "exit 3", "Function.ExitStatus", "status 3"),
        (&["function", "program"], "false", "Function.ExitStatus", "status 1"),
        (&["Lisp"], "(error \"no more\")", "SIMPLE-ERROR", "no more"),
        (&["Lisp"], "(uiop:quit 3)", "Function.ExitStatus", "status 3"),
        (&["Lisp"], "(progn (finish-output) (sb-ext:exit :code 4 :abort t))", "Runtime.WorkerExited", "exit status: 4"),
        (&["PowerShell"], "throw 'no more'", "RuntimeException", "no more"),
        (&["PowerShell"], "exit 3", "Function.ExitStatus", "status 3"),
        (&["PowerShell"], "[Environment]::Exit(4)", "Runtime.WorkerExited", "exit status: 4"),
        (&["PowerShell"], "Stop-Process -Id $PID -Force", "Runtime.WorkerExited", "SIGKILL"),
    ];
    for (kind, function) in evaluators() {
        for (_, code, error_type, message) in CASES.into_iter().filter(|case| case.0.contains(&kind)) {
            for _ in 0..2 {
                let post = function.post(event(kind, code));
                assert_eq!(post.body, b"part\n", "{kind}: {code}");
                assert_eq!(
                    post.headers["trailer"],
                    "lambda-runtime-function-error-type, lambda-runtime-function-error-body"
                );
                let error = late_error(&post);
                assert_eq!(error.0, error_type, "{kind}: {code}");
                assert!(error.1.contains(message), "{kind}: {error:?}");
                assert_eq!(function.answer_to(fine(kind)), b"part\n", "{kind}: {code}");
            }
        }
    }
}

#[test]
fn a_deadline_in_mid_stream_stands_in_the_trailers() {
    for (kind, function) in evaluators() {
        // the first event of an interpreter takes longer
        assert_eq!(function.answer_to(fine(kind)), b"part\n", "{kind}");
        let post = function.post(long(kind).deadline_in(Duration::from_secs(2)));
        assert_eq!(post.body, b"part\n", "{kind}");
        assert_eq!(late_error(&post).0, "Runtime.DeadlineExceeded", "{kind}");
        assert_eq!(function.answer_to(fine(kind)), b"part\n", "{kind}");
    }
}

#[test]
fn a_killed_handler_or_worker_in_mid_stream_stands_in_the_trailers() {
    for (kind, function) in evaluators() {
        let id = function.api.send(long(kind));
        function.api.wait_for_chunk(1);
        for pid in function.children() {
            processes::kill(pid, SIGKILL);
        }
        let post = function.api.wait(&id);
        assert_eq!(post.body, b"part\n", "{kind}");
        let expected = if kind == "program" { "Function.Signal" } else { "Runtime.WorkerExited" };
        assert_eq!(late_error(&post).0, expected, "{kind}");
        assert_eq!(function.answer_to(fine(kind)), b"part\n", "{kind}");
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
