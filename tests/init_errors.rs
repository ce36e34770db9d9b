//! A fault before the first event: one clear error to `/init/error`, exit status 1.

use std::{
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    process::Command,
};

use tempfile::TempDir;

use crate::support::{BOOTSTRAP, CallerError, Function, repository};

fn of(files: &[(&str, &str)], handler: &str) -> CallerError {
    Function::with(files).handler(handler).init_error()
}

#[test]
fn a_handler_that_fits_no_file_lists_every_place() {
    let error = of(&[("other.sh", "")], "function.handler");
    assert_eq!(error.kind, "Runtime.HandlerNotFound");
    for place in ["`function.sh`", "`function.lisp`", "`function.psm1`", "`modules/function`"] {
        assert!(error.message.contains(place), "{}", error.message);
    }
}

#[test]
fn a_handler_that_fits_no_file_says_which_was_meant() {
    let files = [("report.sh", "#!/bin/bash\necho fine\n"), ("lib/orders.sh", "list() { :; }\n")];
    for (handler, meant) in [
        ("rport.sh", "`report.sh`"),
        ("Report.sh", "`report.sh`"),
        ("orders.list", "`lib/orders.sh` or `lib/orders.list`"),
        ("lib/order.list", "`lib/orders.sh` or `lib/orders.list`"),
    ] {
        let error = of(&files, handler);
        let said =
            format!("did you mean {meant}: the task root has `report.sh`, `lib/orders.sh`; looked for `{handler}`");
        assert!(error.message.contains(&said), "{}", error.message);
    }
}

#[test]
fn a_function_of_a_plain_script_says_how_to_run_the_file() {
    for (code, kind) in [
        ("#!/bin/bash\necho fine\n", "Runtime.HandlerNotFound"),
        ("echo fine\nexit 0\n", "Runtime.HandlerLoadFailed"),
        ("exit 3\n", "Runtime.HandlerLoadFailed"),
    ] {
        let error = of(&[("report.sh", code)], "report.handler");
        assert_eq!(error.kind, kind);
        assert!(error.message.contains("; to run the file itself, write `report.sh`"), "{}", error.message);
    }
    let error = of(&[("report.sh", "main() { :; }\n")], "report.handler");
    assert!(!error.message.contains("to run the file itself"), "{}", error.message);
}

#[test]
fn a_handler_that_fits_two_languages_says_what_to_write() {
    let error = of(&[("function.sh", ""), ("function.lisp", "")], "function.handler");
    assert_eq!(error.kind, "Runtime.InvalidHandler");
    assert!(error.message.ends_with("write `function.sh.handler` or `function.lisp.handler`"), "{}", error.message);
}

#[test]
fn a_handler_that_is_no_function_lists_those_there_are() {
    let error = of(&[("function.sh", "main() { :; }\nhelp() { :; }\nhandler=1")], "function.handler");
    assert_eq!(error.kind, "Runtime.HandlerNotFound");
    assert_eq!(
        error.message,
        "handler `function.handler`: its file defines `help`, `main`, but not the function that the handler names"
    );
}

#[test]
fn a_syntax_error_says_file_and_line() {
    let error = of(&[("function.sh", "handler() {\n  if true; then\n}\n")], "function.handler");
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(
        error.message.contains("/function.sh: line 3: syntax error near unexpected token `}'"),
        "{}",
        error.message
    );
}

#[test]
fn a_file_that_fails_while_it_loads_says_where() {
    let function = Function::bash("setup() {\n  echo 'no database' >&2\n  return 4\n}\nsetup\nhandler() { :; }");
    let file = function.path("function.sh").display().to_string();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    let said = format!("could not be loaded at line 5 of {file}: `return 4` (exit status: 4): no database");
    assert_eq!(error.message, format!("`function.handler` {said}"));
    assert_eq!(error.stack, [format!("at source, {file}: line 5")]);
}

#[test]
fn a_file_that_ends_the_process_without_a_word_is_named() {
    assert_eq!(
        of(&[("function.sh", "handler() { :; }\nexit 0\n")], "function.handler").message,
        "`function.handler` could not be loaded: its file ends the process, for example by `exit` (exit status: 0)"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = of(&[("function.sh/inside", "")], "function.handler");
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.contains("`function.sh` cannot be read: Is a directory"), "{}", error.message);
}

#[test]
fn paths_may_not_leave_the_task_root() {
    for handler in ["/etc/function.handler", "../function.handler", "a/../../b.handler"] {
        assert_eq!(of(&[], handler).kind, "Runtime.InvalidHandler", "{handler}");
    }
    let function = Function::with(&[("real.sh", "handler() { :; }")]);
    symlink("/etc/hostname", function.path("function.sh")).unwrap();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.InvalidHandler");
    assert!(error.message.contains("`function.sh` is a link to `/etc/hostname`"), "{}", error.message);
}

#[test]
fn an_empty_task_root_says_how_files_get_there() {
    let error = of(&[], "function.handler");
    assert_eq!(error.kind, "Runtime.HandlerNotFound");
    for part in ["`function.sh`", "is empty", "`COPY . ${LAMBDA_TASK_ROOT}`", "`docker run --volume \"$PWD\":/"] {
        assert!(error.message.contains(part), "{part}: {}", error.message);
    }
    assert!(!of(&[("other.txt", "")], "function.handler").message.contains("is empty"));
    let output = Function::with(&[]).once("{}", b"");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("is empty: start `bootstrap` in the folder of your files, or name that in `LAMBDA_TASK_ROOT`"),
        "{said}"
    );
    assert!(!said.contains("COPY") && !said.contains("docker"), "{said}");
}

#[test]
fn a_file_of_another_user_says_what_to_do() {
    needs!(root);
    let own = TempDir::new().unwrap();
    fs::set_permissions(own.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let bootstrap = own.path().join("bootstrap");
    fs::copy(BOOTSTRAP, &bootstrap).unwrap();
    for (handler, mode, said) in [
        (
            "f.handler",
            0o600,
            "`f.sh` cannot be read: Permission denied (os error 13): its mode is 600, its owner user 0, and this is user 65534: run `chmod a+r f.sh` before it is copied",
        ),
        (
            "f.sh",
            0o200,
            "`f.sh` cannot be read: Permission denied (os error 13): run `chmod a+r f.sh` before it is copied",
        ),
        ("f.sh", 0o600, ": run `chmod a+r f.sh` before it is copied"),
        ("m.f", 0o600, "m.psm1"),
        ("l.f", 0o600, "l.lisp"),
        (
            "tool",
            0o700,
            "`tool` cannot be read: Permission denied (os error 13): its mode is 700, its owner user 0, and this is user 65534: run `chmod a+rx tool` before it is copied",
        ),
        ("sub/f.handler", 0o644, "sub` may not be entered: "),
    ] {
        let function = Function::with(&[("f.sh", "f() { :; }"), ("sub/f.sh", ""), ("m.psm1", ""), ("l.lisp", "")])
            .handler(handler);
        fs::copy("/bin/true", function.path("tool")).unwrap();
        fs::set_permissions(function.path("sub"), fs::Permissions::from_mode(0o700)).unwrap();
        for file in ["f.sh", "m.psm1", "l.lisp", "tool"] {
            fs::set_permissions(function.path(file), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::set_permissions(function.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(&bootstrap);
        command.args([handler, "{}"]).current_dir(function.path("")).env_remove("AWS_LAMBDA_RUNTIME_API");
        let output = command.uid(65534).gid(65534).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(said), "{handler}: {error}");
    }
}

#[test]
fn a_link_inside_the_task_root_is_followed() {
    let function = Function::with(&[("real.sh", "handler() { echo linked; }")]);
    symlink("real.sh", function.path("function.sh")).unwrap();
    assert_eq!(function.start().text("{}"), "linked");
}

#[test]
fn a_missing_interpreter_is_named() {
    let function = Function::bash("").without_env("SCRIPT_RUNTIME_BASH").env("PATH", "/nonexistent");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert!(error.message.starts_with("`bash` is not on the PATH (`/nonexistent`)"), "{}", error.message);
}

#[test]
fn a_setting_that_is_missing_or_does_not_parse_names_its_variable() {
    for (name, value, takes) in [
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much", "a number of MB"),
        ("AWS_LAMBDA_LOG_FORMAT", "xml", "`Text` or `JSON`"),
        ("AWS_LAMBDA_LOG_LEVEL", "loud", "TRACE, DEBUG, INFO, WARN, ERROR or FATAL"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "0", "a number from 1 on"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "-1", "a number from 1 on"),
        ("SCRIPT_RUNTIME_DEADLINE_MARGIN_MS", "1s", "a number of milliseconds, 0 for never"),
    ] {
        let error = Function::bash("").env(name, value).init_error();
        assert_eq!(error.kind, "Runtime.InvalidConfiguration");
        assert_eq!(error.message, format!("`{name}` is `{value}`: it takes {takes}"));
    }
    for name in ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "_HANDLER"] {
        let error = Function::bash("").without_env(name).init_error();
        assert!(error.message.starts_with(&format!("`{name}` is not set: ")), "{}", error.message);
    }
}

#[test]
fn a_worker_has_a_path_where_the_environment_has_none() {
    let code = "handler() { env | grep ^PATH=; }";
    for function in [Function::bash(code).without_env("PATH"), Function::bash(code).env("PATH", "")] {
        let path = function.start().text("{}");
        assert!(path.starts_with("PATH=/usr/local/bin:/usr/bin:/bin:/opt/bin"), "{path}");
    }
}

#[test]
fn no_runtime_api_is_one_line_and_status_1() {
    let function = Function::bash("").without_env("AWS_LAMBDA_RUNTIME_API");
    let output = function.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "bootstrap: `AWS_LAMBDA_RUNTIME_API` is not set: Lambda sets it; \
         to answer events here, run `bootstrap HANDLER EVENT` or `bootstrap --serve PORT HANDLER`\n"
    );
}

#[test]
fn a_runtime_api_that_nobody_serves_is_a_clear_line() {
    // port 1 of this machine: nobody listens
    let function = Function::bash("handler() { :; }").env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1");
    let output = function.command().output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.starts_with("bootstrap: the runtime ends: ") && log.contains("Connection refused"), "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
}

#[test]
fn the_first_argument_is_the_handler_where_the_variable_is_not_set() {
    let function = Function::bash("other() { echo other; }").without_env("_HANDLER");
    let mut command = function.command();
    command.arg("function.other");
    assert_eq!(function.start_as(command).text("{}"), "other");
}

#[test]
fn arguments_that_are_no_handler_say_what_to_write() {
    for (arguments, message) in [
        (
            &["/bin/sh", "-c", "function.handler"][..],
            "these arguments are of Docker's shell form, in which a shell is to run `function.handler`: write \
             `CMD [\"function.handler\"]`, with brackets; `bootstrap --help` shows what there is",
        ),
        (
            &["function.handler", "{}", "more"],
            "`more` is one argument too many: an image's command is its handler alone, `CMD [\"function.handler\"]`; \
             `bootstrap --help` shows what there is",
        ),
    ] {
        let function = Function::bash("handler() { :; }").without_env("_HANDLER");
        let mut command = function.command();
        command.args(arguments);
        let error = function.start_as(command).init_error();
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("Runtime.InvalidConfiguration", message));
    }
}

#[test]
fn an_unknown_variable_of_ours_is_one_warning() {
    for (name, nearest) in [
        ("SCRIPT_RUNTIME_LISP_CONVENTIN", "SCRIPT_RUNTIME_LISP_CONVENTION"),
        ("SCRIPT_RUNTIME_MARGIN_MS", "SCRIPT_RUNTIME_DEADLINE_MARGIN_MS"),
    ] {
        let function = Function::bash("handler() { echo fine; }").env(name, "x").env("SCRIPT_RUNTIME_TEST_X", "1");
        let function = function.start();
        assert_eq!(function.text("{}"), "fine");
        assert_eq!(function.log(), format!(" WARN `{name}` is no setting: do you mean `{nearest}`?\n"));
    }
}

#[test]
fn the_bash_of_functions_can_be_chosen() {
    let code = "handler() { echo \"${CHOSEN-}\"; }";
    let wrapper = "#!/bin/sh\nCHOSEN=yes exec bash \"$@\"\n";
    let function = Function::bash(code).file("own/bash", wrapper);
    fs::set_permissions(function.path("own/bash"), fs::Permissions::from_mode(0o755)).unwrap();
    let running = function.env("SCRIPT_RUNTIME_BASH", "own/bash").start();
    for _ in 0..2 {
        assert_eq!(running.text("{}"), "yes");
    }
    let error = Function::bash(code).env("SCRIPT_RUNTIME_BASH", "/nowhere/bash").init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert_eq!(error.message, "`SCRIPT_RUNTIME_BASH` is `/nowhere/bash`, which is no file");
    let error = Function::bash(code).env("SCRIPT_RUNTIME_BASH", "function.sh").init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert!(error.message.contains("function.sh`, which may not be executed: run `chmod +x "), "{}", error.message);
}

#[test]
fn make_try_names_no_handler_that_nobody_has_typed() {
    for (files, said) in
        [(&["orders.py"][..], "as in `HANDLER=report.sh`; it has orders.py\n"), (&[], "`, which is empty\n")]
    {
        let directory = TempDir::new().unwrap();
        for file in files {
            fs::write(directory.path().join(file), "").unwrap();
        }
        let mut command = Command::new(repository().join("manage/local.sh"));
        let output = command.arg("try").env("DIR", directory.path()).env_remove("HANDLER").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.ends_with(said) && !text.contains("function.handler"), "{text}");
    }
}
