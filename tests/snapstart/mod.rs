//! SnapStart: the steps around a snapshot, and their order. No snapshot is taken: the process that asks for
//! the restore is the copy.

mod bash;
mod lisp;
mod powershell;

use std::process::Command;

use crate::{
    lisp::lisp,
    powershell::files,
    support::{Function, needs::has, until},
};

/// A function with this text, and the path of its file, in the language of this program.
fn function(language: &str, text: &str) -> (Function, String) {
    let (function, file) = match language {
        "bash" => (Function::bash(text), "function.sh"),
        "sbcl" => (lisp(text), "main.lisp"),
        _ => (files(&[("m.psm1", text)], "m.f"), "m.psm1"),
    };
    let path = function.path(file).display().to_string();
    (function, path)
}

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

#[test]
fn random_numbers_do_not_go_on_where_a_seed_before_the_snapshot_led() {
    const BASH: &str = "RANDOM=42\nafter_restore() { drawn=\"$RANDOM $RANDOM $RANDOM\"; }\n\
        handler() { printf %s \"$drawn $RANDOM $RANDOM $RANDOM\"; }";
    const LISP: &str = r#"(setf *random-state* (sb-ext:seed-random-state 42))
        (defun draw () (loop repeat 4 collect (random 1000000)))
        (defvar *drawn* nil)
        (push (lambda () (setf *drawn* (draw))) aws-lambda-runtime:*after-restore-hooks*)
        (defun handler (d h) d h (format nil "~A" (or (shiftf *drawn* nil) (draw))))"#;
    const POWERSHELL: &str = "$null = Get-Random -SetSeed 42\n\
        function f { (1..4 | ForEach-Object { Get-Random -Maximum 1000000 }) -join ' ' }";
    let by_bash = || {
        let code = "RANDOM=42; printf %s \"$RANDOM $RANDOM $RANDOM\"";
        String::from_utf8(Command::new("bash").args(["-c", code]).output().unwrap().stdout).unwrap()
    };
    for (language, code) in [("bash", BASH), ("sbcl", LISP), ("pwsh", POWERSHELL)] {
        if !has(language) {
            continue;
        }
        let function = || function(language, code).0;
        let seeded = || if language == "bash" { by_bash() } else { function().start().text("{}") };
        let draws = seeded();
        assert_eq!(draws, seeded(), "{language}: a seed is a seed");
        let copies = [(); 2].map(|()| {
            let copy = function().snapstart().start().restored();
            [copy.text("{}"), copy.text("{}")]
        });
        for copy in copies.iter().flatten() {
            assert!(!copy.contains(&draws), "{language}: {copy} has {draws}");
        }
        assert_ne!(copies[0], copies[1], "{language}");
    }
}

/// A hook that fails: its language's program, its name, and the text of its file, which has `HOOK` for the name; then the
/// error's type, its message, and the first lines of its stack, with `FILE` for the path of the file.
type FailingHook = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const FAILING_LISP: &str = "(defun inner (x) (error \"no database ~A\" x))\n\
    (push (lambda () (inner 1)) aws-lambda-runtime:HOOK)\n(defun handler (d h) d h)";

const FAILING_POWERSHELL: &str = "function Open-It {\n  throw 'no database'\n}\nHOOK { Open-It }\nfunction f { }";

const FAILING_HOOKS: [FailingHook; 6] = [
    (
        "bash",
        "before_checkpoint",
        "close() {\n  echo 'no database' >&2\n  return 4\n}\nHOOK() {\n  close\n}\nhandler() { :; }",
        "Function.ExitStatus",
        "a hook before the checkpoint ended with status 4: no database",
        &["at before_checkpoint, FILE: line 6"],
    ),
    (
        "bash",
        "after_restore",
        "HOOK() {\n  exit 5\n}\nhandler() { :; }",
        "Function.ExitStatus",
        "a hook after the restore ended with status 5",
        &[],
    ),
    ("sbcl", "*before-checkpoint-hooks*", FAILING_LISP, "SIMPLE-ERROR", "no database 1", LISP_STACK),
    ("sbcl", "*after-restore-hooks*", FAILING_LISP, "SIMPLE-ERROR", "no database 1", LISP_STACK),
    ("pwsh", "Register-BeforeCheckpoint", FAILING_POWERSHELL, "RuntimeException", "no database", POWERSHELL_STACK),
    ("pwsh", "Register-AfterRestore", FAILING_POWERSHELL, "RuntimeException", "no database", POWERSHELL_STACK),
];

const LISP_STACK: &[&str] = &["(INNER 1), main.lisp: line 1"];
const POWERSHELL_STACK: &[&str] = &["at Open-It, FILE: line 2", "at <ScriptBlock>, FILE: line 4"];

#[test]
fn a_hook_that_fails_is_an_error_of_the_init_or_of_the_restore() {
    for (language, hook, text, kind, message, stack) in FAILING_HOOKS {
        if !has(language) {
            continue;
        }
        let (function, path) = function(language, &text.replace("HOOK", hook));
        let running = function.snapstart().start();
        let api = running.api.clone();
        let error = if hook.to_lowercase().contains("before") {
            let error = running.init_error();
            assert_eq!(api.asked_for_restore(), 0, "{hook}");
            error
        } else {
            running.restored().restore_error()
        };
        assert_eq!((error.kind.as_str(), error.message.as_str(), api.asked()), (kind, message, 0));
        let expected: Vec<_> = stack.iter().map(|line| line.replace("FILE", &path)).collect();
        assert!(error.stack.starts_with(&expected), "{hook}: {:?}", error.stack);
        // SBCL has frames of its own behind these
        assert!(language == "sbcl" || error.stack.len() == expected.len(), "{hook}: {:?}", error.stack);
    }
}
