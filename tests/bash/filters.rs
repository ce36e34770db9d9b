//! Process substitutions that an answer runs through: they belong to it, in functions and in programs.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::{Event, Function, Running, until};

/// The same commands as a function and as a program.
fn both(code: &str) -> [Running; 2] {
    let function = Function::bash(&format!("set +eu\nhandler() {{\n{code}\n}}\n"));
    let program = Function::with(&[("job.sh", code)]).handler("job.sh");
    [function.start(), program.start()]
}

fn answers(code: &str, answer: &str) {
    for function in both(code) {
        for _ in 0..5 {
            assert_eq!(function.text("{}"), answer, "{code}");
        }
        assert_eq!(function.log(), "", "{code}");
    }
}

#[test]
fn what_they_write_is_the_answer() {
    answers("exec > >(tee -a answers.txt)\necho '{\"ok\":true}'", "{\"ok\":true}");
    answers("{ echo a; echo b; } > >(sleep 0.2; cat)", "a\nb");
    answers("echo first; echo second > >(sleep 0.1; tr a-z A-Z)\necho third", "first\nthird\nSECOND");
    answers("exec > >(sed s/a/b/ | (sleep 0.1; sed s/b/c/))\necho a", "c");
    answers("exec > >(tr a b > >(sleep 0.05; tr b c))\necho a", "c");
    answers("( exec > >(sleep 0.1; cat); echo nested )", "nested");
    let fifo = "f=$(mktemp -u); mkfifo \"$f\"\n(sleep 0.1; tr a b) <\"$f\" &\nexec >\"$f\"\nrm \"$f\"\necho a";
    answers(fifo, "b");
}

#[test]
fn large_answers_run_through_them_whole() {
    for function in both("exec > >(cat | cat)\nhead -c 5000000 /dev/zero | tr '\\0' x") {
        for _ in 0..2 {
            assert_eq!(function.answer("{}").len(), 5_000_000);
        }
    }
}

#[test]
fn those_that_write_elsewhere_are_not_waited_for() {
    for function in both("exec 3> >(exec >/dev/null; sleep 1; cat)\nsleep 0.2; echo now") {
        let began = Instant::now();
        assert_eq!(function.text("{}"), "now");
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    }
}

#[test]
fn a_child_in_the_background_is_not_waited_for_beside_them() {
    for function in both("sleep 2 &\nexec > >(cat)\necho filtered") {
        let began = Instant::now();
        assert_eq!(function.text("{}"), "filtered");
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    }
    // it can still write to the filter, which has read all and sleeps
    for function in both("exec > >(cat)\nsleep 0.3; sleep 2 &\necho filtered") {
        let began = Instant::now();
        assert_eq!(function.text("{}"), "filtered");
        assert!(began.elapsed() < Duration::from_millis(1500), "{:?}", began.elapsed());
    }
}

#[test]
fn a_filter_without_an_end_is_ended_by_the_deadline() {
    for function in both("[[ $1 == hang ]] || { echo fine; exit; }\nexec > >(sleep 1000)\necho lost") {
        for _ in 0..2 {
            let error = function.error_to(Event::new("hang").deadline_in(Duration::from_millis(800)));
            assert_eq!(error.kind, "Runtime.DeadlineExceeded");
            assert_eq!(function.text("next"), "fine");
        }
    }
}

#[test]
fn a_failure_waits_for_none() {
    for function in both("[[ $1 == fail ]] || { echo fine; exit; }\nexec > >(sleep 1; cat)\necho lost\nexit 4") {
        let began = Instant::now();
        assert_eq!(function.error("fail").message, "the handler ended with status 4");
        assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
        assert_eq!(function.text("next"), "fine");
    }
}

#[test]
fn a_copy_on_the_way_is_whole_when_the_answer_is_posted() {
    let code = "exec > >(tee copy.txt)\necho \"$1\"";
    for function in both(code) {
        let root = function.task_root.path().to_owned();
        for event in ["one", "two"] {
            assert_eq!(function.text(event), event);
            assert_eq!(fs::read_to_string(root.join("copy.txt")).unwrap(), format!("{event}\n"));
        }
        until("the end of all filters", || function.children().len() <= 1);
    }
}
