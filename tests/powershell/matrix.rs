//! Whatever a file sets reaches no step of the runtime's: each line of `settings.ps1`, in every form of a handler and
//! in the handler itself, with strict mode on and off.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::files;
use crate::support::Event;

const SETTINGS: &str = include_str!("settings.ps1");

/// How many workers run at the same time.
const THREADS: usize = 2;

const SMALL: &str = r#"["é",1,{"a":[]}]"#;
const FAILING: &str = r#"["fail"]"#;

/// The code of every handler: an echo, which fails if it is told to.
const ECHO: &str = "if ($d[0] -is [string] -and $d[0] -ceq 'fail') { throw 'it failed' }\n, $d";

/// The same behind a line that may remove every variable.
fn echo_behind(line: &str) -> String {
    format!("[AppDomain]::CurrentDomain.SetData('d', $d)\n{line}\n$d = [AppDomain]::CurrentDomain.GetData('d')\n{ECHO}")
}

/// A function with a line, and what comes of its events.
fn check(file: &str, handler: &str, line: &str, text: &str) {
    let running = files(&[(file, text)], handler).env("NO_COLOR", "1").start();
    let large = format!(r#"["{}",1,{{"a":[true,null,1.5]}}]"#, "é".repeat(300_000));
    for event in [SMALL, &large] {
        assert!(running.answer(event) == event.as_bytes(), "another answer: {}", running.log());
    }
    let post = running.post(Event::new(FAILING));
    let answer = String::from_utf8_lossy(&post.body);
    // PowerShell itself may end it otherwise: by a preference, or by a variable that it cannot set
    let is_free = line.ends_with("#~") && (post.kind == "error" || answer == FAILING);
    assert!(is_free || answer.contains(r#""errorMessage":"it failed""#), "{answer}");
    assert_eq!(running.text(SMALL), SMALL);
    let log = running.log();
    assert!(!["LambdaScriptRuntime", "-Lambda", "$args["].iter().any(|own| log.contains(own)), "{log}");
    assert_eq!(running.children().len(), 1, "{log}");
}

/// All lines in one form, or one of a number; `text` makes the file of the head, which may set strict mode, and the line.
fn matrix(file: &str, handler: &str, (parity, step): (usize, usize), text: fn(&str, &str) -> String) {
    let lines = SETTINGS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<_> = lines.step_by(step).collect();
    assert!(lines.len() * step >= 150, "{} lines", lines.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
            let is_strict = lines.iter().position(|other| other == line).unwrap() % 2 == parity;
            let head = if is_strict { "Set-StrictMode -Version Latest\n" } else { "" };
            let result = catch_unwind(AssertUnwindSafe(|| check(file, handler, line, &text(head, line))));
            if let Err(panic) = result {
                failed.push(format!("{head}{line}: {:?}", panic.downcast_ref::<String>()));
            }
        }
        failed
    };
    let failed: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), lines.len(), failed.join("\n"));
}

#[test]
fn a_module_keeps_each_setting_to_itself() {
    needs!(pwsh);
    matrix("m.psm1", "m.f", (0, 1), |head, line| format!("{head}{line}\nfunction f {{ param($d, $c)\n{ECHO} }}"));
}

#[test]
fn a_function_of_a_module_keeps_each_setting_to_itself() {
    needs!(pwsh);
    // the script has all lines in the handler itself
    matrix("m.psm1", "m.f", (1, 3), |head, line| {
        format!("{head}function f {{ param($d, $c)\n{} }}", echo_behind(line))
    });
}

#[test]
fn a_script_keeps_each_setting_to_itself() {
    needs!(pwsh);
    matrix("s.ps1", "s.ps1", (0, 1), |head, line| format!("param($d, $c)\n{head}{}", echo_behind(line)));
}

#[test]
fn a_dot_sourced_file_keeps_each_setting_to_itself() {
    needs!(pwsh);
    matrix("s.ps1", "s.ps1::f", (1, 1), |head, line| format!("{head}{line}\nfunction f {{ param($d, $c)\n{ECHO} }}"));
}
