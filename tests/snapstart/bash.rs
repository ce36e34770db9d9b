//! Bash: hooks are functions of the sourced file and run in the shell that events are forked from.

use std::process::Command;

use crate::support::{CallerError, Function};

/// The error of a hook that fails, and its file.
fn failing(code: &str) -> (Function, String) {
    let function = Function::bash(code).snapstart();
    let file = function.path("function.sh").display().to_string();
    (function, file)
}

fn of_restore(function: Function) -> CallerError {
    function.start().restored().restore_error()
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
    let code =
        "handler() { printf '%s ' \"$AWS_LAMBDA_INITIALIZATION_TYPE\"; env | grep -c SNAPSTART || :; }";
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
fn random_numbers_do_not_go_on_where_a_seed_before_the_snapshot_led() {
    let code = "RANDOM=42\nafter_restore() { drawn=\"$RANDOM $RANDOM $RANDOM\"; }\n\
                handler() { printf %s \"$drawn $RANDOM $RANDOM $RANDOM\"; }";
    let seeded = "RANDOM=42; printf %s \"$RANDOM $RANDOM $RANDOM\"";
    let seeded = Command::new("bash").args(["-c", seeded]).output().unwrap().stdout;
    let seeded = String::from_utf8(seeded).unwrap();
    let copies = [(); 2].map(|()| Function::bash(code).snapstart().start().restored().text("{}"));
    for copy in &copies {
        assert!(!copy.contains(&seeded), "{copy} has {seeded}");
    }
    assert_ne!(copies[0], copies[1]);
}

#[test]
fn a_hook_that_fails_before_the_checkpoint_is_an_error_of_the_init() {
    let (function, file) = failing(
        "close() {\n  echo 'no database' >&2\n  return 4\n}\nbefore_checkpoint() {\n  close\n}\nhandler() { :; }",
    );
    let running = function.start();
    let api = running.api.clone();
    let error = running.init_error();
    assert_eq!(error.kind, "Function.ExitStatus");
    assert_eq!(error.message, "a hook before the checkpoint ended with status 4: no database");
    assert_eq!(error.stack, [format!("at before_checkpoint, {file}: line 6")]);
    assert_eq!((api.asked_for_restore(), api.asked()), (0, 0));
}

#[test]
fn a_hook_that_fails_after_the_restore_is_an_error_of_the_restore() {
    let (function, _) = failing("after_restore() {\n  exit 5\n}\nhandler() { :; }");
    let running = function.start().restored();
    let api = running.api.clone();
    let error = running.restore_error();
    assert_eq!(error.kind, "Function.ExitStatus");
    assert_eq!(error.message, "a hook after the restore ended with status 5");
    assert_eq!(error.stack, Vec::<String>::new());
    assert_eq!(api.asked(), 0);
}

#[test]
fn a_hook_fails_by_its_status_where_errexit_is_off_too() {
    let (function, _) = failing("set +e\nafter_restore() { false; return 7; }\nhandler() { :; }");
    assert_eq!(of_restore(function).message, "a hook after the restore ended with status 7");
    let (function, _) = failing("set +e\nafter_restore() { false; return 0; }\nhandler() { echo fine; }");
    assert_eq!(function.start().restored().text("{}"), "fine");
}

#[test]
fn a_hook_that_kills_its_worker_is_an_error() {
    let (function, _) = failing("after_restore() { kill -9 $$; }\nhandler() { :; }");
    let error = of_restore(function);
    assert_eq!(error.kind, "Runtime.WorkerExited");
    assert_eq!(error.message, "the worker ended (signal: 9 (SIGKILL)) after the restore");
}

#[test]
fn a_hook_that_outlasts_lambdas_limit_is_an_error_while_it_can_be_heard() {
    let (function, _) = failing("after_restore() { sleep 60; }\nhandler() { :; }");
    let error = of_restore(function);
    assert_eq!(error.kind, "Runtime.DeadlineExceeded");
    assert_eq!(error.message, "the hooks after the restore had not ended after 9500 ms");
}
