//! The stack of a failing command is reported by an ERR trap of ours, which is there only where the file cannot notice it:
//! by what its text, and that of the files that it sources, asks Bash for.

use crate::support::Function;

/// Whether a handler that fails has a stack beside this code, which is never run.
fn function_has_stack(code: &str) -> bool {
    let libraries = ["lib.sh", "my", "a.sh", "lib/a.sh"].map(|file| (file, ":\n"));
    let text = format!("never() {{\n{code}\n}}\nhandler() {{ false; }}\n");
    let function = Function::with(&libraries).file("function.sh", text.as_bytes());
    !function.start().error("{}").stack.is_empty()
}

/// The same of a program with this first line.
fn program_has_stack(first: &str, code: &str) -> bool {
    let text = format!("{first}\nnever() {{\n{code}\n}}\nset -e\nfalse\n");
    let function = Function::with(&[("job.sh", &text)]).handler("job.sh");
    !function.start().error("{}").stack.is_empty()
}

#[test]
fn a_file_that_can_notice_an_err_trap_has_none_of_ours() {
    for code in [
        "trap x ERR",
        "set -E; trap 'a\nb' err",
        "builtin trap -- - ERR INT",
        "trap x DEBUG",
        "trap",
        "x=$(trap)",
        "trap -p EXIT",
        "shopt -o",
        "shopt -po",
        "echo $-",
        "[[ ${-} == *e* ]]",
        "cd \"$_\"",
        "echo ${_}",
        "set -o | grep x",
        "set +o",
        "f() { set; }",
        "echo $SHELLOPTS",
    ] {
        assert!(!function_has_stack(code), "{code}");
    }
    for code in [
        ":",
        "trap x EXIT",
        "echo ERR",
        "trap x EXIT # ERROR",
        "case $1 in\n  trap) trap x EXIT ;;\nesac",
        "trap() { echo taken; }\nf() { return 7; }",
        "enable -n trap",
        "echo $_x ${_x}",
        "set -euo pipefail",
        "set -o errexit",
        "# prints what is set\n:",
        "echo 'it is not set'",
        "[[ -n ${DEBUG-} ]] && set -x",
        "shopt -s nullglob",
    ] {
        assert!(function_has_stack(code), "{code}");
    }
}

#[test]
fn a_program_that_traces_its_commands_has_none_of_ours() {
    for (first, code, has_stack) in [
        ("", "set -x", false),
        ("", "set -eux", false),
        ("", "  set -e -x; true", false),
        ("", "set +x", false),
        ("", "set -o xtrace", false),
        ("", "set -v", false),
        ("#!/bin/bash -x", ":", false),
        ("", "set -euo pipefail\ncurl -x proxy", true),
        ("", "echo offset - x", true),
        ("#!/bin/bash -e", "[[ -x a ]]", true),
        ("", "set -- -x", true),
    ] {
        assert_eq!(program_has_stack(first, code), has_stack, "{first} {code}");
    }
}

#[test]
fn a_file_that_sources_what_is_not_known_before_has_none_of_ours() {
    for (code, is_known) in [
        ("source lib.sh", true),
        ("[[ -f a ]] && . './my' || true", true),
        ("if true; then\n  . /opt/lib.sh; fi", true),
        (r#"source "$(dirname "${BASH_SOURCE[0]}")/lib/a.sh""#, true),
        (r#". "$LAMBDA_TASK_ROOT/a.sh""#, true),
        (r#"source "${BASH_SOURCE%/*}/a.sh""#, true),
        (r#"source "${BASH_SOURCE%/*}/missing.sh""#, false),
        (r#"source "$file""#, false),
        ("source <(curl x)", false),
        ("for f in a; do . \"$dir/$f\"; done", false),
        ("# source lib.sh\n:", true),
        ("echo a. b; echo source x; resource x", true),
    ] {
        assert_eq!(function_has_stack(code), is_known, "{code}");
    }
    let files = [("function.sh", ". ./lib.sh\nhandler() { false; }"), ("lib.sh", "f() { trap x ERR; }")];
    assert!(Function::with(&files).start().error("{}").stack.is_empty());
}
