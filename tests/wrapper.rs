//! `AWS_LAMBDA_EXEC_WRAPPER`, by which layers start a runtime.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::Function;

/// A handler that tells its environment and arguments, and a wrapper as agents bring it.
fn wrapped(wrapper: &str) -> Function {
    let function =
        Function::bash("handler() { echo \"$AGENT|$AWS_LAMBDA_EXEC_WRAPPER\"; env | grep -c WRAPPED || :; }");
    let function = function.file("wrapper", wrapper);
    let path = function.path("wrapper");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    function.env("AWS_LAMBDA_EXEC_WRAPPER", path.to_str().unwrap())
}

const AGENT: &str =
    "#!/bin/bash\necho \"wrapper $# ${1##*/} ${2-}\" >>\"${0%/*}/calls\"\nexport AGENT=on\nexec \"$@\"\n";

#[test]
fn starts_the_runtime_once_and_adds_to_its_environment() {
    let function = wrapped(AGENT).start();
    for _ in 0..2 {
        let path = function.task_root.path().join("wrapper");
        assert_eq!(function.text("{}"), format!("on|{}\n0", path.display()));
    }
    let calls = fs::read_to_string(function.task_root.path().join("calls")).unwrap();
    assert_eq!(calls, "wrapper 1 bootstrap \n");
}

#[test]
fn passes_the_arguments_of_a_local_run() {
    let function = wrapped(AGENT);
    let output = function.once("{}", b"");
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"on|"), "{output:?}");
    assert_eq!(fs::read_to_string(function.path("calls")).unwrap(), "wrapper 3 bootstrap function.handler\n");
}

#[test]
fn one_that_cannot_be_run_is_an_init_error() {
    let function = Function::bash("handler() { :; }").env("AWS_LAMBDA_EXEC_WRAPPER", "/opt/none");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.InvalidConfiguration");
    assert_eq!(
        error.message,
        "`AWS_LAMBDA_EXEC_WRAPPER` is `/opt/none`, which cannot be run (No such file or directory (os error 2)): \
         copy what the layer brings into the image's `/opt`, or unset it"
    );
    let empty = Function::bash("handler() { echo fine; }").env("AWS_LAMBDA_EXEC_WRAPPER", "").start();
    assert_eq!([empty.text("{}"), empty.text("{}")], ["fine", "fine"]);
}

#[test]
fn one_that_fails_ends_the_runtime_with_its_status() {
    let mut function = wrapped("#!/bin/sh\necho 'agent: no key' >&2\nexit 7\n").start();
    assert_eq!(function.wait().code(), Some(7));
    assert_eq!(function.log(), "agent: no key\n");
}
