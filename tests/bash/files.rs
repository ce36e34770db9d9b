//! Lines of people's files behave as in a terminal, for two events each.

use crate::support::Function;

/// Answers these events, in a row.
fn answers(code: &str, events: &[(&str, &str)]) {
    let function = Function::bash(code).start();
    for (event, answer) in events.iter().chain(events) {
        assert_eq!(function.text(event), *answer, "{code}");
    }
}

#[test]
fn errexit_that_the_file_turns_off_stays_off() {
    answers("set +e\nshopt -s nocasematch\nhandler() { false; echo done; }", &[("{}", "done")]);
    answers("set +e\nset -E\nshopt -s nocasematch\nhandler() { false; echo $-; }", &[("{}", "huBEc")]);
}

#[test]
fn a_file_that_exports_all_starts_children_with_large_events() {
    let code = "set -a\nhandler() { /usr/bin/env | grep ^__lambda || wc -c <<<\"${#1}\"; }";
    let function = Function::bash(code).start();
    for _ in 0..2 {
        assert_eq!(function.text("x".repeat(300_000)), "7");
    }
}

#[test]
fn a_locale_that_is_missing_is_said_once() {
    let code = "handler() { [[ $1 != fail ]] || grep -q x; echo \"${#1}\"; }";
    let function = Function::bash(code).env("LC_ALL", "xx_YY.UTF-8").start();
    for _ in 0..5 {
        assert_eq!(function.text("y".repeat(200_000)), "200000");
        let error = function.error("fail");
        assert_eq!(error.message, "the handler ended with status 1 at line 1: `grep -q x`");
    }
    let warnings = function.log().matches("setlocale").count();
    assert!(warnings <= 1, "{}", function.log());
}

#[test]
fn standard_input_of_a_function_ends_in_a_newline() {
    let code = "handler() { read -r line; echo \"$line|$1\"; }";
    answers(code, &[("{\"n\":1}", "{\"n\":1}|{\"n\":1}"), ("a\n", "a|a")]);
    let bytes = Function::bash("handler() { wc -c; }").start();
    for (event, count) in [("", "0"), ("a", "2"), ("a\n", "2"), ("\n", "1"), ("a\n\n", "3")] {
        assert_eq!(bytes.text(event), count, "{event:?}");
    }
    assert_eq!(bytes.text("z".repeat(300_000)), "300001");
}

#[test]
fn an_error_names_the_command_and_its_line() {
    let code = "helper() {\n  echo one | {\n    cat\n  }\n  grep -q \"$1\" /dev/null\n}\nmain() {\n  helper x\n}\n\
                handler() { [[ $1 == fine ]] || main; }";
    let function = Function::bash(code).start();
    let file = function.task_root.path().join("function.sh").display().to_string();
    for _ in 0..2 {
        let error = function.error("{}");
        assert_eq!(error.message, "the handler ended with status 1 at line 5: `grep -q \"$1\" /dev/null`");
        let stack = ["helper", "main", "handler"].iter().zip([5, 8, 10]);
        let stack: Vec<_> = stack.map(|(name, line)| format!("at {name}, {file}: line {line}")).collect();
        assert_eq!(error.stack, stack);
        assert_eq!(function.text("fine"), "");
    }
}

#[test]
fn a_handler_called_main_has_its_stack() {
    let function = Function::with(&[("h.sh", "fetch() {\n  cat /no/such\n}\nmain() {\n  [[ $1 == ok ]] || fetch\n}")]);
    let file = function.path("h.sh").display().to_string();
    let function = function.handler("h.main").start();
    assert_eq!(function.error("{}").stack, [format!("at fetch, {file}: line 2"), format!("at main, {file}: line 5")]);
    assert_eq!(function.text("ok"), "");
}

#[test]
fn an_err_trap_of_the_file_fires_where_bash_alone_would_fire_it() {
    let functions = "helper() { false; true; }\nhandler() { helper; echo '{\"ok\":1}'; }";
    let file = |set: &str| format!("{set}\ntrap 'echo USER-ERR' ERR\n{functions}");
    answers(&file("set +e"), &[("{}", "{\"ok\":1}")]);
    answers(&file("set +e -E"), &[("{}", "USER-ERR\n{\"ok\":1}")]);
    answers(
        &format!("set +e\n{functions}\nload() {{ helper; }}\ntrap 'echo loading' ERR\nload"),
        &[("{}", "{\"ok\":1}")],
    );
    answers(
        "set +e\nhelper() { false; true; }\nhandler() { trap 'echo E' ERR; helper; false; echo 1; }",
        &[("{}", "E\n1")],
    );
}

#[test]
fn marks_and_line_ends_of_windows_are_init_errors_that_say_what_to_do() {
    let error = Function::bash("\u{feff}handler() { :; }\n").init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.starts_with("`function.sh` begins with a byte order mark"), "{}", error.message);
    let error = Function::bash("#!/bin/bash\r\nhandler() {\r\n  echo fine\r\n}\r\n").init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    let message = error.message;
    assert!(message.contains("`function.sh` has Windows line ends") && message.contains("dos2unix"), "{message}");
    let late = Function::bash("\nhandler() {\r\n  :\r\n}\r\n").init_error().message;
    assert!(late.contains("first in line 2"), "{late}");
    answers("handler() {\n  cat <<E\na\r\nE\n}\n:\n", &[("{}", "a\r")]);
}

#[test]
fn names_that_the_shim_used_are_the_files_own() {
    let names = "context=prod lines=1 status=0 lane=1 words=x trace=t depth=1 line_end=e unknown=u";
    let code = format!("readonly {names}\nhandler() {{ [[ $1 != fail ]] || false; echo \"$1 $context\"; }}");
    let function = Function::bash(&code).start();
    for _ in 0..2 {
        assert_eq!(function.text("a\nb"), "a\nb prod");
        assert_eq!(function.error("fail").message, "the handler ended with status 1 at line 2: `false`");
    }
    assert!(!function.log().contains("readonly"), "{}", function.log());
    let variables = Function::bash("handler() { set; }").start().text("{}");
    assert!(!variables.contains("BASH_EXECUTION_STRING"), "{variables}");
}
