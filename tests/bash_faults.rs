//! Bash handlers that fail, and workers that end: a precise error, and the next event is answered.

use std::{process::Command, time::Duration};

use crate::support::{CallerError, Event, Function, Running, until};

const CASES: &str = r#"
inner() {
    case $1 in
        status) echo "before the end" >&2; exit 3 ;;
        status-137) exit 137 ;;
        command) false ;;
        missing) no-such-command ;;
        unset) echo "$no_such_variable" ;;
        substitution) x=$(false); echo "$x" ;;
        pipe) false | true ;;
        subshell) (exit 4) ;;
        return) return 5 ;;
        kill) kill -9 $BASHPID ;;
        term) kill -TERM $BASHPID ;;
        segv) kill -SEGV $BASHPID ;;
        child-killed) sh -c 'kill -9 $$' ;;
        partial) echo half; exit 1 ;;
        escapes) printf 'a "quoted" \\ back\tslash\001 \377\n' >&2; exit 1 ;;
        trap) trap 'echo cleaned >&2' EXIT; exit 6 ;;
        exec) exec sh -c 'exit 7' ;;
    esac
    echo "fine $1"
}
handler() {
    inner "$1"
}
"#;

fn cases() -> Running {
    Function::bash(CASES).start()
}

/// The error of one case; the event after it is answered.
fn error(function: &Running, case: &str) -> CallerError {
    let error = function.error(case);
    assert_eq!(function.text("next"), "fine next", "after {case}");
    error
}

/// The stack of a failure on this line of `inner`.
fn stack(function: &Running, line: Option<usize>) -> Vec<String> {
    let file = function.task_root.path().join("function.sh").display().to_string();
    let line = line.map(|line| format!(": line {line}")).unwrap_or_default();
    let call = CASES.lines().position(|text| text == "    inner \"$1\"").unwrap() + 1;
    vec![format!("at inner, {file}{line}"), format!("at handler, {file}: line {call}")]
}

/// The line of a case in the file.
fn line(case: &str) -> Option<usize> {
    CASES.lines().position(|text| text.trim_start().starts_with(&format!("{case})"))).map(|index| index + 1)
}

#[test]
fn says_the_status_and_the_last_log_lines_of_a_handler_that_exited() {
    let function = cases();
    let error = error(&function, "status");
    assert_eq!(error.kind, "Function.ExitStatus");
    assert_eq!(error.message, "the handler ended with status 3: before the end");
    assert_eq!(error.stack, Vec::<String>::new());
    assert!(function.log().contains("before the end\n"));
}

#[test]
fn names_the_failing_command_and_its_callers() {
    let function = cases();
    for (case, status) in
        [("command", 1), ("missing", 127), ("substitution", 1), ("pipe", 1), ("subshell", 4), ("child-killed", 137)]
    {
        let error = error(&function, case);
        assert_eq!(error.kind, "Function.ExitStatus", "{case}");
        assert!(error.message.starts_with(&format!("the handler ended with status {status}")), "{}", error.message);
        assert_eq!(error.stack, stack(&function, line(case)), "{case}");
    }
    let error = error(&function, "return");
    assert_eq!(error.stack, stack(&function, None)[1..], "the function that returned is gone");
}

#[test]
fn an_unset_variable_is_an_error_that_names_it() {
    let function = cases();
    let error = error(&function, "unset");
    assert_eq!(error.kind, "Function.ExitStatus");
    assert!(error.message.ends_with("line 8: no_such_variable: unbound variable"), "{}", error.message);
    assert_eq!(error.stack, Vec::<String>::new());
}

#[test]
fn tells_signals_from_statuses() {
    let function = cases();
    for (case, signal) in [("kill", "9 (SIGKILL)"), ("term", "15 (SIGTERM)"), ("segv", "11 (SIGSEGV)")] {
        let error = error(&function, case);
        assert_eq!(error.kind, "Function.Signal", "{case}");
        assert_eq!(error.message, format!("the handler was ended by signal: {signal}"));
    }
    let error = error(&function, "status-137");
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("Function.ExitStatus", "the handler ended with status 137")
    );
}

#[test]
fn replaces_a_worker_that_died_between_events_once_until_the_next_event() {
    let function = Function::bash("echo LOADS >&2\nhandler() { echo $$; }").start();
    let loads = || function.log().lines().filter(|line| *line == "LOADS").count();
    let kill = |pid: &str| assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
    let first = function.text("{}");
    kill(&first);
    // the subshell of the first one, too, is reaped by the bootstrap
    until("a new worker alone", || loads() == 2 && function.children().len() == 1);
    kill(&function.children()[0].to_string());
    until("the end of all workers", || function.children().is_empty());
    assert_eq!(loads(), 2);
    assert_ne!(function.text("{}"), first);
    assert_eq!(loads(), 3);
}

#[test]
fn drops_the_partial_answer_of_a_handler_that_failed() {
    let function = cases();
    let error = error(&function, "partial");
    assert_eq!(error.message, "the handler ended with status 1");
    assert!(!error.json.to_string().contains("half"));
}

#[test]
fn escapes_whatever_a_handler_prints() {
    let error = error(&cases(), "escapes");
    assert_eq!(error.message, "the handler ended with status 1: a \"quoted\" \\ back\tslash\u{1} \u{fffd}");
}

#[test]
fn a_handlers_own_exit_trap_and_exec_work() {
    let function = cases();
    assert_eq!(error(&function, "trap").message, "the handler ended with status 6: cleaned");
    assert_eq!(error(&function, "exec").message, "the handler ended with status 7");
}

#[test]
fn a_stack_of_an_earlier_event_does_not_reach_a_later_one() {
    let code = "handler() {\n  case $1 in\n    leave) (until [[ -e go ]]; do sleep 0.01; done; touch went; false) & ;;\n    \
                fail) touch go; until [[ -e went ]]; do sleep 0.01; done; sleep 0.05; return 1 ;;\n  esac\n}";
    let function = Function::bash(code).start();
    function.answer("leave");
    assert_eq!(function.error("fail").stack, Vec::<String>::new());
    assert_eq!(function.text("fine"), "");
}

#[test]
fn ends_a_handler_shortly_before_its_deadline() {
    let code = "handler() { echo started >&2; [[ $1 == next ]] || sleep 60 & wait; echo answer; }";
    let function = Function::bash(code).start();
    let error = function.error_to(Event::new("{}").deadline_in(Duration::from_millis(700)));
    assert_eq!(error.kind, "Runtime.DeadlineExceeded");
    assert_eq!(error.message, "the handler had not answered 0.2 s before its timeout of 0.7 s");
    assert_eq!(function.text("next"), "answer");
    until("the end of what the handler started", || function.children().len() == 1);
    assert_eq!(function.log().matches("started").count(), 2);
}

#[test]
fn without_a_margin_the_deadline_is_lambdas_own_matter() {
    let code = "handler() { sleep 0.4; echo answer; }";
    let function = Function::bash(code).env("SCRIPT_RUNTIME_DEADLINE_MARGIN_MS", "0").start();
    assert_eq!(function.answer_to(Event::new("{}").deadline_in(Duration::from_millis(300))), b"answer");
}
