//! Bash: hooks are functions of the sourced file and run in the shell that events are forked from.

use crate::support::{CallerError, Function};

/// The error of a hook after the restore, in a file with this text.
fn restore_error(code: &str) -> CallerError {
    Function::bash(code).snapstart().start().restored().restore_error()
}

#[test]
fn what_hooks_set_is_there_for_every_event() {
    let code = "state=loaded\nbefore_checkpoint() { state+=' before'; connection=closed; }\n\
                after_restore() { state+=\" after ${1-nothing}\"; connection=open; export TOKEN=new; cd /; }\n\
                handler() { printf %s \"$state $connection $(printenv TOKEN) $PWD $-\"; }";
    let function = Function::bash(code).snapstart().start().restored();
    for _ in 0..2 {
        let answer = function.text("{}");
        assert!(answer.starts_with("loaded before after nothing open new / "), "{answer}");
        assert!(answer.rsplit(' ').next().unwrap().contains('e'), "{answer}");
    }
}

#[test]
fn the_environment_still_says_snap_start() {
    let code = "handler() { printf '%s ' \"$AWS_LAMBDA_INITIALIZATION_TYPE\"; env | grep -c SNAPSTART || :; }";
    assert_eq!(Function::bash(code).snapstart().start().restored().text("{}"), "snap-start 0");
}

#[test]
fn hooks_log_and_their_output_is_no_answer() {
    let code = "before_checkpoint() { echo to-output; echo to-log >&2; }\nafter_restore() { echo restored; }\n\
                handler() { echo answer; }";
    let function = Function::bash(code).snapstart().start();
    function.api.wait_for_checkpoint();
    assert_eq!(function.log(), "to-output\nto-log\n");
    let function = function.restored();
    assert_eq!(function.text("{}"), "answer");
    assert_eq!(function.log(), "to-output\nto-log\nrestored\n");
}

#[test]
fn a_hook_fails_by_its_status_where_errexit_is_off_too() {
    let error = restore_error("set +e\nafter_restore() { false; return 7; }\nhandler() { :; }");
    assert_eq!(error.message, "a hook after the restore ended with status 7");
    let function = Function::bash("set +e\nafter_restore() { false; return 0; }\nhandler() { echo fine; }").snapstart();
    assert_eq!(function.start().restored().text("{}"), "fine");
}

#[test]
fn a_hook_that_kills_its_worker_is_an_error() {
    let error = restore_error("after_restore() { kill -9 $$; }\nhandler() { :; }");
    assert_eq!(error.kind, "Runtime.WorkerExited");
    assert_eq!(error.message, "the worker ended (signal: 9 (SIGKILL)) after the restore");
}

#[test]
fn a_hook_that_outlasts_lambdas_limit_is_an_error_while_it_can_be_heard() {
    let error = restore_error("after_restore() { sleep 60; }\nhandler() { :; }");
    assert_eq!(error.kind, "Runtime.DeadlineExceeded");
    assert_eq!(error.message, "the hooks after the restore had not ended after 9500 ms");
}
