//! Handlers that are not done when their deadline comes near: they end with all that they have started.

use std::time::Duration;

use super::recovers;
use crate::support::{
    Event, Running,
    language::{BASH, LANGUAGES, LISP, Language, POWERSHELL},
    processes, until,
};

const IN_BASH: [&str; 18] = [
    "while :; do :; done",
    "sleep 1000",
    "trap '' TERM INT HUP; while :; do :; done",
    "trap '' TERM; sleep 1000 & wait",
    "set -m; (while :; do sleep 0.1; done) & wait",
    "set -m; ( (while :; do sleep 0.1; done) & ); sleep 1000",
    "setsid sleep 1000 & wait",
    "setsid bash -c 'trap \"\" TERM; while :; do :; done' & wait",
    "env -i setsid sleep 1000 & wait",
    "cp \"$(type -P sleep)\" 'a) R 1 1 (b'; env -i setsid './a) R 1 1 (b' 1000 & wait",
    "kill -STOP $BASHPID",
    "sleep 1000 & kill -STOP $!; wait",
    "kill -STOP $$; sleep 1000",
    "yes",
    "yes >&2",
    "yes & yes & yes & wait",
    "(yes & yes & yes & wait) >&2",
    "while :; do echo flood >&2; done",
];

const IN_LISP: [&str; 9] = [
    "(loop)",
    "(sleep 1000)",
    "(sb-sys:without-interrupts (loop))",
    "(progn (sb-sys:enable-interrupt sb-unix:sigterm :ignore) (sleep 1000))",
    "(uiop:run-program \"sleep 1000\")",
    "(progn (uiop:launch-program \"setsid sleep 1000\") (sleep 1000))",
    "(progn (when (zerop (sb-posix:fork)) (sb-posix:setsid)) (sleep 1000))",
    "(progn (sb-posix:kill (sb-posix:getpid) sb-posix:sigstop) (sleep 1000))",
    "(loop (write-line \"flood\"))",
];

const IN_POWERSHELL: [&str; 8] = [
    "while ($true) { }",
    "Start-Sleep 1000",
    "Start-Process sleep 1000 -Wait",
    "Start-Process setsid 'sleep 1000'; Start-Sleep 1000",
    "sh -c 'trap \"\" TERM; while :; do :; done'",
    "Start-Job { Start-Sleep 1000 } | Wait-Job",
    "/bin/kill -STOP $PID; Start-Sleep 1000",
    "while ($true) { Write-Host flood }",
];

/// Each of these is ended by its deadline, nothing of it is left, and the next event is answered.
fn ends_all(language: &Language, deeds: &[&str]) {
    if let Some(function) = language.evaluator() {
        ends_all_in(language, &function.start(), deeds);
    }
}

fn ends_all_in(language: &Language, function: &Running, deeds: &[&str]) {
    recovers(language, function, "init");
    for deed in deeds {
        let id = function.api.send(Event::new(deed).deadline_in(Duration::from_millis(700)));
        let post = function.api.wait(&id);
        let body = String::from_utf8_lossy(&post.body).into_owned();
        assert!(body.contains("\"Runtime.DeadlineExceeded\""), "{deed}: {body}");
        assert_eq!(processes::of_request(&id), [0; 0], "{deed}");
        recovers(language, function, deed);
        only_the_worker_is_left(function, deed);
    }
}

fn only_the_worker_is_left(function: &Running, after: &str) {
    // Bash has the next event's subshell ready
    let workers = || function.children().len();
    until(&format!("the end of what `{after}` has started"), || workers() == 1);
}

#[test]
fn ends_whatever_a_bash_handler_does() {
    ends_all(&BASH, &IN_BASH);
}

#[test]
fn ends_whatever_a_lisp_handler_does() {
    ends_all(&LISP, &IN_LISP);
}

#[test]
fn ends_whatever_a_powershell_handler_does() {
    ends_all(&POWERSHELL, &IN_POWERSHELL);
}

#[test]
fn ends_what_writes_lines_faster_than_they_become_json() {
    for (language, flood) in [(&BASH, "yes >&2"), (&LISP, "(loop (write-line \"\"))"), (&POWERSHELL, "yes | Out-Host")]
    {
        let Some(function) = language.evaluator() else { continue };
        ends_all_in(language, &function.env("AWS_LAMBDA_LOG_FORMAT", "JSON").start(), &[flood]);
    }
}

#[test]
fn a_worker_that_was_stopped_goes_on() {
    for language in LANGUAGES {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        recovers(language, &function, "init");
        for stops in 1..=3 {
            processes::kill(function.children()[0], 19);
            recovers(language, &function, "a stop");
            // an answer may come without it, and the signal that continues would undo the next stop
            until("the stop is seen", || function.log().matches("a worker was stopped").count() == stops);
        }
    }
}
