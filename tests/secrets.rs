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

/// Whether a text shows a part of a credential that is long enough to know it by.
fn shows_a_part(text: &str) -> bool {
    let parts = |value: &'static str| value.as_bytes().windows(12);
    CREDENTIALS
        .iter()
        .flat_map(|(_, value)| parts(value))
        .any(|part| text.as_bytes().windows(12).any(|shown| shown == part))
}

#[test]
fn an_error_shows_no_spelling_of_a_credential() {
    needs!(jq);
    let function = with_credentials(Function::bash("handler() { eval \"$1\" >&2; exit 3; }"), LOGS[0]).start();
    for (code, said) in [
        ("jq -nr 'env.AWS_SECRET_ACCESS_KEY | @uri'", "status 3: ***"),
        ("jq -nr 'env.AWS_SECRET_ACCESS_KEY | @uri | @uri'", "status 3: ***"),
        ("echo \"{\\\"key\\\":\\\"${AWS_SECRET_ACCESS_KEY//\\//\\\\/}\\\"}\"", "status 3: {\"key\":\"***\"}"),
        ("echo \"${AWS_SECRET_ACCESS_KEY//\\//\\\\u002f}\"", "status 3: ***"),
        ("echo \"${AWS_SECRET_ACCESS_KEY//\\//=2F}\"", "status 3: ***"),
        (r#"k=${AWS_SECRET_ACCESS_KEY//+/\\053}; echo "${k//\//\\x2f}""#, "status 3: ***"),
        (r"sed 's|+|\&#43;|; s|/|\&#x2F;|' <<<$AWS_SECRET_ACCESS_KEY", "status 3: ***"),
        ("printf %s \"$AWS_SECRET_ACCESS_KEY\" | od -An -v -tx1 | tr -d '\\n' | tr ' ' %", "status 3: ***"),
        (r"od -An -v -tx1 <<<$AWS_SECRET_ACCESS_KEY | tr -d '\n' | sed 's/ /\\u00/g'", "status 3: ***"),
        (r"printf '%s\r\n      %s' ${AWS_SECRET_ACCESS_KEY:0:7} ${AWS_SECRET_ACCESS_KEY:7}", "status 3: ***"),
        (r"printf '%s\\n%s' ${AWS_SECRET_ACCESS_KEY:0:20} ${AWS_SECRET_ACCESS_KEY:20}", "status 3: ***"),
        (r"echo '100 % a\ \u %2 &#x; &#99999999999; \u00e9 =' ${AWS_SECRET_ACCESS_KEY:0:11}", "\\u00e9 = MARKERsecre"),
        ("printf %q \"$AWS_SECRET_ACCESS_KEY\"", "status 3: ***"),
        ("jq -nr 'env.AWS_SECRET_ACCESS_KEY | @html | @json | @json'", "***"),
        ("printf %s \"$AWS_SECRET_ACCESS_KEY\" | base64", "***"),
        ("printf 'user:%s' \"$AWS_SECRET_ACCESS_KEY\" | base64", "***"),
        ("printf 'ab%s, and more' \"$AWS_SESSION_TOKEN\" | base64 -w 30", "***"),
        ("printf 'a%s, and more' \"$AWS_SESSION_TOKEN\" | base64 -w 0 | tr +/ -_", "***"),
        ("printf %s \"$AWS_SESSION_TOKEN\" | od -An -v -tx1 | tr -d ' \\n'", "***"),
        ("fold -w 17 <<<\"$AWS_SESSION_TOKEN\"", "status 3: ***"),
        ("fold -w 9 <<<\"$AWS_SECRET_ACCESS_KEY\" | sed 's/^/    /'", "***"),
        ("echo \"${AWS_SESSION_TOKEN:13}\"; echo \"${AWS_SESSION_TOKEN:0:20}...\"", "status 3: ***\n***..."),
    ] {
        for _ in 0..2 {
            let error = function.error(code);
            let encoded = ["TUFSS0VS", "TUFSS0VSdG9rZW4", "4d41524b45527"];
            assert!(encoded.iter().all(|encoded| !error.message.contains(encoded)), "{code}: {}", error.message);
            assert!(!shows_a_part(&error.message.replace('\\', "")), "{code}: {}", error.message);
            assert!(error.message.contains(said), "{code}: {}", error.message);
        }
    }
}

#[test]
fn a_credential_that_is_cut_is_masked() {
    let code =
        "handler() { printf '%*s\\n' 100 '' >&2; printf '%s%*s\\n' \"$AWS_SESSION_TOKEN\" \"$1\" '' >&2; exit 3; }";
    let function = with_credentials(Function::bash(&code.replace("\\\\", "\\")), LOGS[0]).start();
    for filler in (16 * 1024 - 120..16 * 1024 + 10).step_by(13) {
        let error = function.error(filler.to_string());
        assert!(!shows_a_part(&error.message), "{filler}: {}", error.message);
    }
}

#[test]
fn a_thread_of_lisp_shows_none() {
    needs!(sbcl);
    let code = "(defun handler (name h) (declare (ignore h))\n\
        (ignore-errors (sb-thread:join-thread (sb-thread:make-thread (lambda () (error \"no ~A\" (sb-ext:posix-getenv name))))))\n\
        \"done\")";
    let token = "MARKERcontainer+token/0123456789abcdef";
    let names = ["AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_LAMBDA_METADATA_TOKEN", CREDENTIALS[0].0, CREDENTIALS[2].0];
    let function = with_credentials(lisp(code), LOGS[0]).env(names[0], token).env(names[1], token).start();
    for name in names {
        assert_eq!(function.text(name), "done");
    }
    let log = function.log();
    assert_eq!(log.matches("no ***").count(), names.len(), "{log}");
    assert!(!log.contains(&token[..16]), "{log}");
    assert_none("the log", &log);
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
        shows_none(lisp("(defun g (x) (error \"no ~A\" x))\n(g (sb-ext:posix-getenv \"AWS_SECRET_ACCESS_KEY\"))"));
    }
    if has("pwsh") {
        shows_none(files(&[("m.psm1", "Get-Item $env:AWS_SESSION_TOKEN; function f { }")], "m.f"));
    }
    let hook = "after_restore() { \"$AWS_SECRET_ACCESS_KEY\"; }\nhandler() { :; }";
    let function = with_credentials(Function::bash(hook), LOGS[0]).snapstart().start().restored();
    let post = function.api.wait_for_restore_error();
    assert_none("the error", &text_of(&post));
}
