//! SnapStart: what happens around a snapshot, and in which order. No snapshot is taken: the process that asks for
//! the restore is the copy.

mod bash;
mod lisp;
mod powershell;

use std::process::Command;

use crate::support::{Function, until};

#[test]
fn asks_for_the_restore_once_all_workers_are_ready_and_then_for_events() {
    let code = "until [[ -e go ]]; do sleep 0.01; done\necho load >>order\n\
                before_checkpoint() { echo before >>order; }\nafter_restore() { echo after >>order; }\n\
                handler() { printf '%s ' $(<order); }";
    let function = Function::bash(code).env("AWS_LAMBDA_MAX_CONCURRENCY", "2").snapstart().start();
    until("both workers", || function.children().len() == 2);
    assert_eq!(function.api.asked_for_restore(), 0);
    std::fs::write(function.task_root.path().join("go"), "").unwrap();
    function.api.wait_for_checkpoint();
    let order = || std::fs::read_to_string(function.task_root.path().join("order")).unwrap();
    let mut steps: Vec<_> = order().lines().map(str::to_owned).collect();
    steps.sort();
    assert_eq!(steps, ["before", "before", "load", "load"]);
    assert_eq!(function.api.asked(), 0);
    function.api.restore("200 OK");
    function.api.wait_until_asked(2);
    assert_eq!(order().lines().skip(4).collect::<Vec<_>>(), ["after", "after"]);
    assert!(function.text("{}").ends_with("after after "));
    assert_eq!(function.api.asked_for_restore(), 1);
    assert_eq!(function.log(), "");
}

#[test]
fn without_snapstart_no_hook_runs_and_no_restore_is_asked_for() {
    let code = "before_checkpoint() { exit 1; }\nafter_restore() { exit 1; }\n\
                handler() { printf %s \"$AWS_LAMBDA_INITIALIZATION_TYPE\"; }";
    let function = Function::bash(code).env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand").start();
    assert_eq!(function.text("{}"), "on-demand");
    assert_eq!(function.api.asked_for_restore(), 0);
}

#[test]
fn a_refused_restore_is_an_error_of_the_init() {
    let code = "after_restore() { echo restored; }\nhandler() { :; }";
    let function = Function::bash(code).snapstart().start();
    function.api.wait_for_checkpoint();
    function.api.restore("500 Internal Server Error");
    let api = function.api.clone();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.RestoreFailed");
    assert_eq!(
        error.message,
        "the Runtime API did not say that the environment was restored: it answered 500 Internal Server Error"
    );
    assert_eq!((api.asked_for_restore(), api.asked()), (1, 0));
}

#[test]
fn a_worker_killed_before_the_restore_is_replaced_in_the_copy() {
    let code = "loaded=$BASHPID\nbefore_checkpoint() { loaded+=' before'; }\nafter_restore() { loaded+=' after'; }\n\
                handler() { printf %s \"$loaded\"; }";
    let function = Function::bash(code).env("AWS_LAMBDA_MAX_CONCURRENCY", "2").snapstart().start();
    function.api.wait_for_checkpoint();
    let workers = function.children();
    assert!(Command::new("kill").args(["-9", &workers[0].to_string()]).status().unwrap().success());
    function.wait_for_log("a worker ended between events (signal: 9 (SIGKILL))");
    let function = function.restored();
    function.api.wait_until_asked(2);
    let new = function.children().into_iter().find(|pid| !workers.contains(pid)).unwrap();
    let ids: Vec<_> = (0..8).map(|_| function.api.send(crate::support::Event::new("{}"))).collect();
    for id in ids {
        let answer = String::from_utf8(function.api.wait(&id).body).unwrap();
        assert!([format!("{new}"), format!("{} before after", workers[1])].contains(&answer), "{answer}");
    }
}

#[test]
fn a_worker_that_cannot_be_replaced_is_an_error_of_the_restore() {
    let code = "[[ ! -e broken ]] || { echo 'no database' >&2; exit 3; }\nhandler() { :; }";
    let function = Function::bash(code).snapstart().start();
    function.api.wait_for_checkpoint();
    std::fs::write(function.task_root.path().join("broken"), "").unwrap();
    let worker = function.children()[0];
    assert!(Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
    function.wait_for_log("a worker ended between events");
    let error = function.restored().restore_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert_eq!(error.message, "`function.handler` could not be loaded (exit status: 3): no database");
}
