//! Events, headers, names and handlers that mean harm.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    time::Duration,
};

use super::recovers;
use crate::support::{
    Event, Function,
    language::{BASH, LANGUAGES, LISP, Language, POWERSHELL, lisp_core},
    needs::has,
};

/// Events that look like what goes between the bootstrap and its shims.
const FRAMES: [&str; 8] = [
    "answer 5\nhello",
    "event 3\nabc",
    "context 0\nevent 0\n",
    "failure 2\n{}",
    "ended 3\n1 0",
    "exited 3\n1 0ready 0\n",
    "7 12 x\n\n_X_AMZN_TRACE_ID=no\n",
    "\n\n\n.",
];

#[test]
fn events_that_look_like_frames_are_events() {
    for language in LANGUAGES {
        let Some(function) = language.echo() else { continue };
        let function = function.start();
        for event in FRAMES {
            assert_eq!(function.text(event).trim_end(), event.trim_end(), "{}", language.name);
        }
    }
}

#[test]
fn headers_of_any_text_and_64_kib_reach_the_environment() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(64 * 1024));
    let odd = "a\tb  \"c\" 'd' $(id) `id` \\ % = ; * ~";
    for (language, tenant, client) in [
        (&BASH, "printf %s \"$AWS_LAMBDA_RUNTIME_TENANT_ID\"", "printf %s \"$AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT\""),
        (
            &LISP,
            "(sb-posix:getenv \"AWS_LAMBDA_RUNTIME_TENANT_ID\")",
            "(sb-posix:getenv \"AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT\")",
        ),
        (&POWERSHELL, "$env:AWS_LAMBDA_RUNTIME_TENANT_ID", "$env:AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT"),
    ] {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        for (code, header, value) in [
            (tenant, "lambda-runtime-aws-tenant-id", odd),
            (tenant, "lambda-runtime-aws-tenant-id", "Grüße, 東京"),
            (client, "lambda-runtime-client-context", &long),
        ] {
            let answer = function.answer_to(Event::new(code).header(header, value));
            assert_eq!(String::from_utf8_lossy(&answer).trim_end(), value, "{}", language.name);
            recovers(language, &function, header);
        }
    }
}

#[test]
fn a_handlers_files_may_have_any_name() {
    for stem in ["a b", "it's \"it\"", "new\nline", "$HOME `id` ;&|", "[a]*?{b}", "Grüße", "-n"] {
        let bash = Function::with(&[]).file(format!("{stem}.sh"), "handler() { echo fine; }");
        assert_eq!(bash.handler(format!("{stem}.handler")).start().text("{}"), "fine", "{stem:?}");
        if has("sbcl") {
            let lisp = Function::with(&[]).file(format!("{stem}.lisp"), "(defun f (d h) d h \"fine\")");
            let lisp = lisp.env("SCRIPT_RUNTIME_LISP_CORE", lisp_core().to_str().unwrap());
            assert_eq!(lisp.handler(format!("{stem}.f")).start().text("{}"), "fine", "{stem:?}");
        }
        if has("pwsh") {
            let script = Function::with(&[]).file(format!("{stem}.ps1"), "'fine'");
            assert_eq!(script.handler(format!("{stem}.ps1")).start().text("{}"), "fine\n", "{stem:?}");
        }
    }
}

#[test]
fn the_task_root_may_have_any_name() {
    for (language, file, code, handler, is_here) in [
        (&BASH, "f.sh", "handler() { echo fine; }", "f.handler", true),
        (&LISP, "f.lisp", "(defun f (d h) d h \"fine\")", "f.f", has("sbcl")),
        (&POWERSHELL, "f.psm1", "function f { 'fine' }", "f.f", has("pwsh")),
    ] {
        for name in [&b"a b"[..], b"it's \"it\"", b"new\nline", b"$(id);", b"[a]*?{b}", b"\xff\xfe"] {
            if !is_here {
                continue;
            }
            let function = Function::with(&[]).handler(handler);
            let root = function.path(OsStr::from_bytes(name));
            fs::create_dir(&root).unwrap();
            fs::write(root.join(file), code).unwrap();
            let mut command = function.command();
            command.env("LAMBDA_TASK_ROOT", &root).current_dir("/");
            let function = function.start_as(command);
            if name.contains(&0xff) && language.name != "Bash" {
                // SBCL and .NET take a path for UTF-8
                function.api.wait_for_init_error();
                continue;
            }
            for _ in 0..2 {
                assert_eq!(function.text("{}").trim_end(), "fine", "{}: {}", language.name, name.escape_ascii());
            }
        }
    }
}

#[test]
fn a_handler_of_no_utf_8_is_an_error_of_the_init() {
    let error = Function::bash("").handler(OsStr::from_bytes(b"\xff.handler")).init_error();
    assert_eq!(error.kind, "Runtime.InvalidConfiguration");
    assert!(error.message.starts_with("`_HANDLER` is "), "{}", error.message);
}

#[test]
fn links_do_not_lead_out_of_the_task_root() {
    for (file, handler) in [
        ("f.sh", "f.handler"),
        ("r.sh", "r.sh"),
        ("f.lisp", "f.f"),
        ("f.fasl", "f.f"),
        ("s.ros", "s.ros"),
        ("f.psm1", "f.f"),
        ("s.ps1", "s.ps1"),
        ("s.ps1", "s.ps1::f"),
    ] {
        let outside = tempfile::tempdir().unwrap();
        let target = outside.path().join(file);
        fs::write(&target, "").unwrap();
        let by_file = Function::with(&[]).handler(handler);
        symlink(&target, by_file.path(file)).unwrap();
        let by_directory = Function::with(&[]).handler(format!("dir/{handler}"));
        symlink(outside.path(), by_directory.path("dir")).unwrap();
        for function in [by_file, by_directory] {
            let error = function.init_error();
            assert_eq!(error.kind, "Runtime.InvalidHandler", "{handler}");
            assert!(error.message.contains("leads out of the task root"), "{}", error.message);
        }
    }
    let inside = Function::with(&[("real/f.sh", "handler() { echo fine; }")]).handler("link/f.handler");
    symlink("real", inside.path("link")).unwrap();
    assert_eq!(inside.start().text("{}"), "fine");
}

/// Code that writes to every descriptor from 3 to 255, or closes it, and then answers `fine`.
const DESCRIPTORS: [(&Language, &str, &str); 3] = [
    (
        &BASH,
        "trap '' PIPE; for ((i = 3; i < 256; i++)); do { printf junk >&$i; } 2>/dev/null || :; done; echo fine",
        "for ((i = 3; i < 256; i++)); do eval \"exec $i>&-\"; done; echo fine",
    ),
    (
        &LISP,
        "(loop for i from 3 below 256 do (sb-unix:unix-write i (map '(vector (unsigned-byte 8)) #'char-code \"junk\") 0 4) \
         finally (return \"fine\"))",
        "(loop for i from 3 below 256 do (sb-unix:unix-close i) finally (return \"fine\"))",
    ),
    (
        &POWERSHELL,
        "sh -c 'for i in 3 4 5 6 7 8 9; do eval \"printf junk >&$i\"; done' 2>$null; 'fine'",
        "foreach ($i in 3..255) { [Microsoft.Win32.SafeHandles.SafeFileHandle]::new($i, $true).Dispose() }; 'fine'",
    ),
];

#[test]
fn a_handler_that_writes_to_or_closes_every_descriptor_harms_itself_alone() {
    for (language, write, close) in DESCRIPTORS {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        for code in [write, close] {
            recovers(language, &function, "all before");
            let post = function.post(Event::new(code).deadline_in(Duration::from_secs(8)));
            let body = String::from_utf8_lossy(&post.body);
            let ended = ["Runtime.WorkerExited", "Runtime.DeadlineExceeded"].iter().any(|kind| body.contains(kind));
            // a handler of Bash has nothing of the runtime's to write to, at most what the tests were started with
            assert!(body.trim_end() == "fine" || (ended && language.name != "Bash"), "{}: {body}", language.name);
            for _ in 0..2 {
                recovers(language, &function, code);
            }
        }
    }
}

#[test]
fn a_handler_that_writes_to_the_bootstraps_own_pipes_is_replaced() {
    let function = BASH.evaluator().unwrap().start();
    let code = "for pipe in /proc/$(ps -o ppid= $$ | tr -d ' ')/fd/*; do\n\
                [[ -p $pipe ]] && timeout 0.1 bash -c 'printf junk >\"$0\"' $pipe; done 2>/dev/null; echo fine";
    for _ in 0..2 {
        let post = function.post(Event::new(code).deadline_in(Duration::from_secs(5)));
        assert!(["response", "error"].contains(&post.kind.as_str()));
        recovers(&BASH, &function, code);
        recovers(&BASH, &function, code);
    }
}
