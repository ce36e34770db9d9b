//! Several events at the same time: each has its own worker, its own environment and its own answer.

use super::recovers;
use crate::support::{
    Event, Function,
    language::{BASH, LANGUAGES, Language},
    processes, until,
};

const WORKERS: usize = 3;

fn concurrent(language: &Language) -> Option<Function> {
    Some(language.evaluator()?.env("AWS_LAMBDA_MAX_CONCURRENCY", &WORKERS.to_string()))
}

#[test]
fn of_a_thousand_events_at_once_each_gets_its_own_answer() {
    for language in LANGUAGES {
        let Some(function) = concurrent(language) else { continue };
        let function = function.start();
        let ids: Vec<_> = (0..1000).map(|_| function.api.send(Event::new(language.own_id))).collect();
        for id in &ids {
            let post = function.api.wait(id);
            assert_eq!(String::from_utf8_lossy(&post.body).trim_end(), id, "{}", language.name);
            assert_eq!(function.api.posts(id).len(), 1);
        }
        assert_eq!(function.children().len(), WORKERS, "{}", language.name);
    }
}

#[test]
fn a_worker_that_dies_leaves_the_others_alone() {
    let function = concurrent(&BASH).unwrap().start();
    let wait = "touch $$; until [[ -e go ]]; do sleep 0.01; done; echo $$";
    let root = function.task_root.path().to_owned();
    let begun = || function.children().iter().filter(|pid| root.join(pid.to_string()).exists()).count();
    let waiting: Vec<_> = (1..WORKERS).map(|_| function.api.send(Event::new(wait))).collect();
    until("the events that wait", || begun() == WORKERS - 1);
    let before = function.children();
    for signal in [6, 9, 15] {
        assert_eq!(function.error(BASH.killed_by(signal)).kind, "Runtime.WorkerExited");
        recovers(&BASH, &function, "a kill");
    }
    std::fs::write(root.join("go"), "").unwrap();
    for id in waiting {
        let post = function.api.wait(&id);
        let worker: u32 = String::from_utf8_lossy(&post.body).trim_end().parse().unwrap();
        assert!(before.contains(&worker) && !processes::has_ended(worker));
    }
}

#[test]
fn a_new_worker_knows_nothing_of_earlier_events() {
    let code = "echo \"loaded with ${_X_AMZN_TRACE_ID-none} ${AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID-none}\" >&2\n\
                handler() { eval \"$1\"; }";
    let function = Function::bash(code).start();
    let traced = Event::new("kill -9 $$; sleep 1000").header("lambda-runtime-trace-id", "Root=of-the-first");
    assert_eq!(function.error_to(traced).kind, "Runtime.WorkerExited");
    let untraced = Event::new("echo ${_X_AMZN_TRACE_ID-none}").header("lambda-runtime-trace-id", "");
    assert_eq!(function.answer_to(untraced), b"none");
    assert_eq!(function.log().matches("loaded with none none\n").count(), 2, "{}", function.log());
}

/// Workers take numbers, and those that are not to start yet wait for `go`.
fn numbered(rest: &str) -> String {
    format!(
        "number=1\nuntil mkdir worker-$number 2>/dev/null; do ((number += 1)); done\n{rest}\nhandler() {{ eval \"$1\"; }}"
    )
}

#[test]
fn the_first_worker_that_is_ready_answers_while_the_others_start() {
    let code = numbered("if ((number > 1)); then until [[ -e go ]]; do sleep 0.01; done; fi");
    let function = Function::bash(&code).env("AWS_LAMBDA_MAX_CONCURRENCY", "3").start();
    for _ in 0..2 {
        assert_eq!(function.text("echo $number"), "1");
    }
    until("the first worker", || function.api.asked() >= 3);
    assert_eq!(function.api.asked(), 3, "nobody else has asked");
    std::fs::write(function.task_root.path().join("go"), "").unwrap();
    until("the others", || function.api.asked() >= 5);
    let wait = "touch seen-$number; until [[ -e end ]]; do sleep 0.01; done; echo $number";
    let ids: Vec<_> = (0..3).map(|_| function.api.send(Event::new(wait))).collect();
    until("all three", || (1..=3).all(|number| function.task_root.path().join(format!("seen-{number}")).exists()));
    std::fs::write(function.task_root.path().join("end"), "").unwrap();
    let mut numbers: Vec<_> = ids.iter().map(|id| function.api.wait(id).body).collect();
    numbers.sort();
    assert_eq!(numbers, [b"1", b"2", b"3"]);
}

#[test]
fn a_worker_that_cannot_start_leaves_the_others() {
    let code = numbered("if ((number == 2)); then echo no licence >&2; exit 4; fi");
    let function = Function::bash(&code).env("AWS_LAMBDA_MAX_CONCURRENCY", "2").start();
    function.wait_for_log("a worker could not be started; the others continue");
    for _ in 0..3 {
        assert_eq!(function.text("echo fine"), "fine");
    }
    let error = Function::bash("exit 4").env("AWS_LAMBDA_MAX_CONCURRENCY", "2").init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
}

#[test]
fn on_managed_instances_a_deadline_holds_also_without_a_margin() {
    let function = Function::bash("handler() { eval \"$1\"; }").env("SCRIPT_RUNTIME_DEADLINE_MARGIN_MS", "0");
    let function = function.env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances");
    let function = function.env("AWS_LAMBDA_MAX_CONCURRENCY", "2").start();
    let slow = Event::new("sleep 60").deadline_in(std::time::Duration::from_millis(500));
    assert_eq!(function.error_to(slow).kind, "Runtime.DeadlineExceeded");
    let traced = |root: &str| Event::new("echo $_X_AMZN_TRACE_ID").header("lambda-runtime-trace-id", root);
    assert_eq!(function.answer_to(traced("Root=1")), b"Root=1");
    assert_eq!(function.answer_to(traced("Root=2")), b"Root=2");
}
