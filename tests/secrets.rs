//! No credential is shown that a handler's own code did not print: not in an answer or an error, not in the log at
//! any level, not in a process title.

use std::{fmt::Write, fs, time::Duration};

use crate::{
    lisp::lisp,
    powershell::files,
    support::{Event, Function, Post, Running, needs::has, processes},
};

const CREDENTIALS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", "ASIAMARKERACCESSKEY1"),
    ("AWS_SECRET_ACCESS_KEY", "MARKERsecret+Access/Key0123456789abcdefg"),
    ("AWS_SESSION_TOKEN", "MARKERtoken+IQoJb3JpZ2luX2VjEJr/session0123456789abcdefghijklmnopqrstuvwxyz=="),
];

/// How the log may look, and what it may hold.
const LOGS: [(&str, &str); 2] = [("TRACE", "Text"), ("DEBUG", "JSON")];

fn with_credentials(function: Function, (level, format): (&str, &str)) -> Function {
    let function = function.env("AWS_LAMBDA_LOG_LEVEL", level).env("AWS_LAMBDA_LOG_FORMAT", format);
    CREDENTIALS.iter().fold(function, |function, (name, value)| function.env(name, value))
}

fn assert_none(what: &str, text: &str) {
    for (name, value) in CREDENTIALS {
        // an interpreter may have shortened it
        assert!(!text.contains(&value[..16]), "{what} shows {name}: {text}");
    }
}

fn text_of(post: &Post) -> String {
    let mut text = String::from_utf8_lossy(&post.body).into_owned();
    for (name, value) in &post.headers {
        write!(text, "\n{name}: {value}").unwrap();
    }
    text
}

/// Runs these events, each to its error, or its answer, and looks at all that is seen of them; and that the handler
/// has the credentials, by its answer to `own`.
fn shows_none(function: Function, log: (&str, &str), own: &str, cases: &[&str]) -> Running {
    let function = with_credentials(function, log).start();
    for case in cases {
        let event = Event::new(case).deadline_in(Duration::from_secs(3));
        let post = function.post(event);
        assert_none(case, &text_of(&post));
        for pid in [vec![function.pid()], processes::below(function.pid())].concat() {
            let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            assert_none("a process title", &String::from_utf8_lossy(&title));
        }
    }
    assert_eq!(function.text(own).trim_end(), CREDENTIALS[1].1);
    assert_none("the log", &function.log());
    function
}

#[test]
fn bash_shows_none() {
    let code = "handler() {\n  sign() { : \"$@\"; eval \"$code\"; }\n  code=$1\n  sign \"$AWS_SECRET_ACCESS_KEY\" \"$AWS_SESSION_TOKEN\"\n}";
    for log in LOGS {
        let cases = [
            "exit 3",
            "return 4",
            "false",
            "echo $missing",
            "no-such-command",
            "cat /missing",
            "kill -9 $BASHPID",
            "kill -9 $$; sleep 5",
            "sleep 60",
            "head -c 7000000 /dev/zero | tr '\\0' x",
            "set -u; declare -n loop=loop; echo $loop",
            "((1 / 0))",
            "exec no-such-program",
        ];
        shows_none(Function::bash(code), log, "printf %s $AWS_SECRET_ACCESS_KEY", &cases);
    }
}

#[test]
fn an_error_of_bash_quotes_its_log_without_them() {
    let code = "handler() { \"$AWS_SECRET_ACCESS_KEY\"; }";
    let function = with_credentials(Function::bash(code), LOGS[0]).start();
    let error = function.error("{}");
    assert!(error.message.ends_with("line 1: ***: No such file or directory"), "{}", error.message);
    assert_eq!(error.message, function.error("{}").message);
}

#[test]
fn lisp_shows_none() {
    needs!(sbcl);
    let code = "(defun key () (sb-ext:posix-getenv \"AWS_SECRET_ACCESS_KEY\"))\n\
        (declaim (optimize (debug 2)))\n\
        (defun sign (key token code) (prog1 (eval code) (values key token)))\n\
        (defun handler (data h) (declare (ignore h))\n\
        (princ-to-string (sign (key) (sb-ext:posix-getenv \"AWS_SESSION_TOKEN\") (read-from-string data))))";
    for log in LOGS {
        let cases = [
            "(error \"no\")",
            "(car 5)",
            "(missing)",
            "(intern (key) (key))",
            "(parse-integer (key))",
            "(error (key))",
            "(open (key))",
            "(break)",
            "(sb-ext:exit :code 3 :abort t)",
            "(sb-ext:exit :code 3)",
            "(sleep 60)",
            "(labels ((deep (x) (1+ (deep x)))) (deep (key)))",
            "(sb-thread:join-thread (sb-thread:make-thread (lambda (key) (error \"no ~A\" key)) :arguments (list (key))))",
        ];
        let function = shows_none(lisp(code), log, "(key)", &cases);
        assert!(function.log().contains("no ***"), "the thread's error is in the log: {}", function.log());
    }
}

#[test]
fn powershell_shows_none() {
    needs!(pwsh);
    let code = "function Invoke-Sign { param($Key, $Token, $Code) & ([scriptblock]::Create($Code)) }\n\
        function f { param($d) Invoke-Sign $env:AWS_SECRET_ACCESS_KEY $env:AWS_SESSION_TOKEN $d }";
    for log in LOGS {
        let cases = [
            "throw 'no'",
            "Get-Item $env:AWS_SECRET_ACCESS_KEY",
            "& $env:AWS_SECRET_ACCESS_KEY",
            "[int] $env:AWS_SESSION_TOKEN",
            "Invoke-Missing $env:AWS_SESSION_TOKEN",
            "throw [System.ArgumentException]::new('no', $env:AWS_SECRET_ACCESS_KEY)",
            "Write-Error -TargetObject $env:AWS_SECRET_ACCESS_KEY -Message no",
            "1 / 0",
            "exit 3",
            "[Environment]::Exit(3)",
            "Start-Sleep 60",
            "$x = @{}; $x.x = $x; $x.key = $env:AWS_SECRET_ACCESS_KEY; $x",
        ];
        for debug in ["true", "false"] {
            let function = files(&[("m.psm1", code)], "m.f");
            shows_none(function.env("Debug", debug), log, "$env:AWS_SECRET_ACCESS_KEY", &cases);
        }
    }
}

#[test]
fn init_and_restore_errors_show_none() {
    let shows_none = |function: Function| {
        let function = with_credentials(function, LOGS[0]).start();
        let post = function.api.wait_for_init_error();
        assert_none("the error", &text_of(&post));
        assert!(text_of(&post).contains("***"), "{}", text_of(&post));
    };
    shows_none(Function::bash("\"$AWS_SECRET_ACCESS_KEY\""));
    if has("sbcl") {
        shows_none(lisp(
            "(defun g (x) (error \"no ~A\" x))\n(g (sb-ext:posix-getenv \"AWS_SECRET_ACCESS_KEY\"))",
        ));
    }
    if has("pwsh") {
        shows_none(files(&[("m.psm1", "Get-Item $env:AWS_SESSION_TOKEN; function f { }")], "m.f"));
    }
    let hook = "after_restore() { \"$AWS_SECRET_ACCESS_KEY\"; }\nhandler() { :; }";
    let function = with_credentials(Function::bash(hook), LOGS[0]).snapstart().start().restored();
    let post = function.api.wait_for_restore_error();
    assert_none("the error", &text_of(&post));
}
