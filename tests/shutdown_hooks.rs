//! Hooks for the end of the environment: an internal extension is registered for them, so that Lambda sends SIGTERM, and
//! they run then, and only then.

use std::time::{Duration, Instant};

use crate::support::{Event, Function, Running, needs::has, until};

const BASH: &str = "trap 'echo bye >&2; exit' TERM\nhandler() { [[ $1 != fail ]] || exit 3; echo \"got $1\"; }";
const FUNCTION: &str = "on_shutdown() { echo bye >&2; }\nhandler() { [[ $1 != fail ]] || exit 3; echo \"got $1\"; }";
const POWERSHELL: &str = "Register-OnShutdown { [Console]::Error.WriteLine('bye') }\n\
                          function f { param($d) if ($d -eq 'fail') { throw 'no' }; \"got $d\" }";
const LISP: &str = "(push (lambda () (format *error-output* \"bye~%\")) aws-lambda-runtime:*shutdown-hooks*)\n\
                    (defun handler (d) (if (string= d \"fail\") (error \"no\") (format nil \"got ~A\" d)))";

/// A function with a hook in each language.
fn hooked() -> Vec<(&'static str, Function)> {
    let mut functions = vec![("trap", Function::bash(BASH)), ("function", Function::bash(FUNCTION))];
    if has("pwsh") {
        functions.push(("PowerShell", Function::with(&[("M.psm1", POWERSHELL)]).handler("M.f")));
    }
    if has("sbcl") {
        functions.push(("Lisp", Function::with(&[("main.lisp", LISP)]).handler("main.handler")));
    }
    functions
}

fn byes(log: &str) -> usize {
    log.lines().filter(|line| *line == "bye").count()
}

fn text(running: &Running, event: &str) -> String {
    running.answer_to(Event::new(event).header("content-type", "text/plain")).escape_ascii().to_string()
}

#[test]
fn a_hook_runs_once_at_the_end_and_at_no_other_time() {
    for (kind, function) in hooked() {
        let mut running = function.start();
        assert!(text(&running, "1").starts_with("got 1"), "{kind}");
        let id = running.api.send(Event::new("fail").header("content-type", "text/plain"));
        assert_eq!(running.api.wait(&id).kind, "error", "{kind}");
        assert!(text(&running, "2").starts_with("got 2"), "{kind}");
        until("the extension", || running.api.extensions() == (1, 1));
        assert_eq!(byes(&running.log()), 0, "{kind}: {}", running.log());
        let asked = Instant::now();
        running.terminate();
        assert_eq!(running.wait().code(), Some(0), "{kind}");
        assert_eq!(byes(&running.log()), 1, "{kind}: {}", running.log());
        assert!(asked.elapsed() < Duration::from_secs(2), "{kind}");
    }
}

#[test]
fn without_a_hook_nothing_is_registered() {
    for code in [
        "handler() { :; }",
        "trap '' TERM\nhandler() { :; }",
        "handler() { trap 'echo no' TERM; }",
        "# trap at TERM\nhandler() { :; }",
        "trap 'echo bye' TERM; trap - TERM\nhandler() { :; }",
    ] {
        let mut running = Function::bash(code).start();
        for _ in 0..2 {
            running.answer("{}");
        }
        assert_eq!(running.api.extensions(), (0, 0), "{code}");
        running.terminate();
        assert_eq!(running.wait().code(), Some(0), "{code}");
    }
}

#[test]
fn events_are_answered_where_nobody_answers_the_registration() {
    let wait = "until [[ -e go ]]; do sleep 0.01; done\n";
    let mut running = Function::bash(&format!("{wait}{BASH}")).start();
    running.api.ignore_extensions();
    std::fs::write(running.task_root.path().join("go"), "").unwrap();
    for number in ["1", "2"] {
        assert_eq!(text(&running, number), format!("got {number}"));
    }
    running.wait_for_log("the hooks for the shutdown may not run");
    running.terminate();
    assert_eq!(running.wait().code(), Some(0));
}

#[test]
fn a_deadline_runs_no_hook() {
    for (kind, function) in hooked().into_iter().take(2) {
        let slow = "sleep_long() { sleep 60; }\nhandler() { [[ $1 != slow ]] || sleep_long; echo fine; }";
        let code =
            if kind == "trap" { "trap 'echo bye >&2; exit' TERM\n" } else { "on_shutdown() { echo bye >&2; }\n" };
        let mut running = function.file("function.sh", format!("{code}{slow}")).start();
        let error = running.error_to(Event::new("slow").deadline_in(Duration::from_millis(600)));
        assert_eq!(error.kind, "Runtime.DeadlineExceeded", "{kind}");
        assert_eq!(running.text("{}"), "fine");
        assert_eq!(byes(&running.log()), 0, "{kind}: {}", running.log());
        running.terminate();
        assert_eq!(running.wait().code(), Some(0));
        assert_eq!(byes(&running.log()), 1, "{kind}: {}", running.log());
    }
}

#[test]
fn a_hook_that_takes_too_long_is_given_up() {
    let mut functions = vec![Function::bash("on_shutdown() { sleep 60; }\nhandler() { :; }")];
    if has("sbcl") {
        let code = "(push (lambda () (sleep 60)) aws-lambda-runtime:*shutdown-hooks*)\n(defun handler () \"\")";
        functions.push(Function::with(&[("main.lisp", code)]).handler("main.handler"));
    }
    for function in functions {
        let mut running = function.start();
        running.answer("{}");
        let asked = Instant::now();
        running.terminate();
        assert_eq!(running.wait().code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    }
}

#[test]
fn local_runs_end_with_the_hooks_too() {
    for (kind, function) in hooked() {
        let output = function.once("1", b"");
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(byes(&log), 1, "{kind}: {log}");
        let served = function.serve(&["--timeout", "60"]);
        assert_eq!(served.call("\"x\"").response().status, 200);
        assert_eq!(byes(&served.running.log()), 0, "{kind}");
        served.running.terminate();
        until("the hook", || byes(&served.running.log()) == 1);
    }
}

#[test]
fn a_trap_is_heard_at_any_moment() {
    // the signal comes while the shell makes processes, one after the other
    let trap = "trap 'echo \"it'\\''s\" >&2\necho bye >&2\nexit' TERM\nhandler() { :; }";
    for round in 0..60 {
        let mut running = Function::bash(trap).start();
        running.text("1");
        let ids = running.api.send_row((0..100).map(|_| Event::new("2")));
        running.api.wait(&ids[round]);
        running.terminate();
        running.wait();
        assert_eq!(byes(&running.log()), 1, "{round}: {}", running.log());
    }
}
