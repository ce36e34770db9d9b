//! Workers that are killed: each event ends in its own answer or its own error, and the next one is answered.

use std::{fs, path::PathBuf, thread, time::Duration};

use super::recovers;
use crate::support::{
    CallerError, Event, Function, Post, Running,
    language::{BASH, LANGUAGES, LISP, Language, POWERSHELL},
    needs::{found, has},
    processes::{self, SIGKILL},
    storm::{Random, storm},
    until,
};

const SEGV: i32 = 11;

/// The error of this code; the event after it is answered.
fn error(language: &Language, function: &Running, code: &str) -> CallerError {
    let error = function.error(code);
    recovers(language, function, code);
    error
}

#[test]
fn a_worker_that_is_killed_in_its_handler_is_an_error_that_names_the_signal() {
    for language in LANGUAGES {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        let killed = error(language, &function, &language.killed_by(SIGKILL));
        assert_eq!(killed.kind, "Runtime.WorkerExited");
        assert_eq!(killed.message, "the worker ended (signal: 9 (SIGKILL)) before it answered");
    }
}

#[test]
fn a_crash_is_an_error() {
    for (language, code) in [
        (&BASH, BASH.killed_by(SEGV)),
        (&LISP, "(setf (sb-sys:sap-ref-8 (sb-sys:int-sap 8) 0) 1)".to_owned()),
        // .NET lives on after a SIGSEGV that is sent to it
        (&POWERSHELL, "[Runtime.InteropServices.Marshal]::WriteByte([IntPtr] 123456789012, 1)".to_owned()),
    ] {
        let Some(function) = language.evaluator() else { continue };
        assert_eq!(error(language, &function.start(), &code).kind, "Runtime.WorkerExited");
    }
}

#[test]
fn a_worker_that_was_killed_between_events_is_missed_by_no_event() {
    for language in LANGUAGES {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        for _ in 0..10 {
            recovers(language, &function, "a kill between events");
            let worker = function.children()[0];
            processes::kill(worker, SIGKILL);
            until("its end", || processes::has_ended(worker));
        }
        recovers(language, &function, "all");
    }
}

/// Kills the worker, if there is one, and gives the one that comes in its place.
fn worker_after(function: &Running, killed: Option<u32>) -> u32 {
    if let Some(worker) = killed {
        processes::kill(worker, SIGKILL);
    }
    let mut next = None;
    until("a new worker", || {
        // not what the last one has left behind
        next = function.children().into_iter().find(|&pid| Some(pid) != killed && processes::leads_group(pid));
        next.is_some()
    });
    next.unwrap()
}

/// The post about an event while this many workers are killed during their load, after one without an event.
fn post_despite_kills(language: &Language, function: &Running, kills: usize) -> Post {
    let wait = function.task_root.path().join("wait");
    fs::write(&wait, "").unwrap();
    let worker = worker_after(function, None);
    let mut worker = worker_after(function, Some(worker));
    let id = function.api.send(Event::new(language.fine));
    for _ in 0..kills {
        worker = worker_after(function, Some(worker));
    }
    fs::remove_file(wait).unwrap();
    function.api.wait(&id)
}

#[test]
fn an_event_whose_worker_is_killed_in_its_load_goes_to_another_once() {
    for (language, file, load) in [
        (&BASH, "function.sh", "while [[ -e wait ]]; do sleep 0.01; done"),
        (&LISP, "main.lisp", "(loop while (probe-file \"wait\") do (sleep 0.01))"),
        (&POWERSHELL, "m.psm1", "while (Test-Path wait) { Start-Sleep -Milliseconds 10 }"),
    ] {
        let Some(function) = language.evaluator() else { continue };
        let code = fs::read_to_string(function.path(file)).unwrap();
        let function = function.file(file, format!("{code}\n{load}\n")).start();
        recovers(language, &function, "init");
        // the first of the kills hits what is loaded ahead of the event
        for (kills, kind) in [(1, "response"), (2, "response"), (3, "error")] {
            let post = post_despite_kills(language, &function, kills);
            let body = String::from_utf8_lossy(&post.body).into_owned();
            assert_eq!(post.kind, kind, "{}, {kills} kills: {body}", language.name);
            if kind == "error" {
                assert!(body.contains("Runtime.HandlerLoadFailed") && body.contains("SIGKILL"), "{body}");
            }
        }
        recovers(language, &function, "kills in its load");
    }
}

/// Sends large events to an echo and kills its worker while it takes them or answers.
fn echoes_or_fails(language: &Language, seed: u64) {
    let Some(function) = language.echo() else { return };
    let function = function.start();
    let event = format!("{}x", "0123456789abcde\n".repeat((6 << 20) / 16 - 1));
    let mut random = Random(seed);
    let mut failed = 0;
    function.api.wait_until_asked(1);
    for _ in 0..20 {
        let id = function.api.send(Event::new(&event));
        thread::sleep(Duration::from_micros(random.below(30_000) as u64));
        if let Some(&worker) = function.children().first() {
            processes::kill(worker, SIGKILL);
        }
        let post = function.api.wait(&id);
        if post.kind == "response" {
            assert!(post.body.trim_ascii_end() == event.as_bytes());
        } else {
            failed += 1;
            let body = String::from_utf8_lossy(&post.body).into_owned();
            assert!(body.contains("Runtime.WorkerExited"), "{body}");
        }
        assert_eq!(function.text("next").trim_end(), "next");
    }
    println!("{}: {failed} of 20 were too late for their worker", language.name);
}

#[test]
fn a_worker_that_is_killed_in_a_large_event_ends_that_event_alone() {
    for language in LANGUAGES {
        echoes_or_fails(language, 0x6d69_6201);
    }
}

#[test]
fn a_handler_that_kills_its_worker_half_way_leaves_no_half_answer() {
    let function = BASH.evaluator().unwrap().start();
    for code in [
        "head -c 3000000 /dev/zero | tr '\\0' x; kill -9 $$; sleep 1000",
        "head -c 100000 >/dev/null; kill -9 $$; sleep 1000",
    ] {
        let code = format!("{code} #{}", "x".repeat(6 << 20));
        assert_eq!(error(&BASH, &function, &code).kind, "Runtime.WorkerExited");
    }
}

#[test]
fn a_bash_handler_that_runs_into_a_limit_of_memory_is_an_error() {
    let function = BASH.evaluator().unwrap().start();
    let error = error(&BASH, &function, "ulimit -v 100000; x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}");
    assert_eq!(error.kind, "Function.ExitStatus", "{}", error.message);
    assert!(error.message.to_lowercase().contains("cannot allocate"), "{}", error.message);
}

/// A control group with little memory, where the machine lets us make one.
struct MemoryLimit(PathBuf);

impl MemoryLimit {
    fn new(bytes: usize) -> Option<Self> {
        let name = format!("script-runtime-{}", std::process::id());
        let made = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
            .into_iter()
            .find_map(|(root, limit)| {
                let group = Self(PathBuf::from(root).join(&name));
                fs::create_dir(&group.0).ok()?;
                fs::write(group.0.join(limit), bytes.to_string()).ok()?;
                Some(group)
            });
        found("cgroup", made)
    }

    fn take(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_worker_that_the_kernel_kills_for_its_memory_is_replaced() {
    let Some(limit) = MemoryLimit::new(64 << 20) else { return };
    for (language, code) in [
        (&BASH, "x=$(head -c 300000000 /dev/zero | tr '\\0' x); echo ${#x}"),
        (&LISP, "(count 1 (make-array 200000000 :element-type '(unsigned-byte 8) :initial-element 1))"),
        (&POWERSHELL, "$a = [byte[]]::new(300MB); [Random]::new().NextBytes($a); $a.Length"),
    ] {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        recovers(language, &function, "init");
        limit.take(function.children()[0]);
        // the next event of Bash has its process already
        recovers(language, &function, "the limit");
        let error = error(language, &function, code);
        assert!(["Function.Signal", "Runtime.WorkerExited"].contains(&error.kind.as_str()), "{error:?}");
        assert!(error.message.contains("SIGKILL"), "{error:?}");
    }
}

#[test]
fn of_events_under_random_kills_none_is_lost_or_crossed() {
    for (language, events) in [(&BASH, 1000), (&LISP, 500), (&POWERSHELL, 60)] {
        let Some(tally) = storm(language, 20_260_101, |sent| sent >= events) else { continue };
        assert!(tally.is_clean(), "{tally}");
        println!("{tally}");
    }
}

/// A handler of each kind that starts a program and is busy from then on; `running` says so.
fn busy() -> Vec<(&'static str, Function)> {
    let bash = "sleep 1000 & touch running; while :; do :; done";
    let mut functions = vec![
        ("Bash", Function::bash(&format!("handler() {{ {bash}; }}"))),
        ("program", Function::with(&[("app.sh", bash)]).handler("app.sh")),
    ];
    if has("sbcl") {
        let code = "(defun handler (d) (uiop:launch-program \"sleep 1000\") (open \"running\" :direction :output \
                    :if-does-not-exist :create) (loop (setf d 1)))";
        functions.push(("Common Lisp", Function::with(&[("main.lisp", code)]).handler("main.handler")));
    }
    if has("pwsh") {
        let code = "function f { Start-Process sleep 1000; $null = New-Item running; while ($true) { } }";
        functions.push(("PowerShell", Function::with(&[("m.psm1", code)]).handler("m.f")));
    }
    functions
}

/// Kills a bootstrap whose handler is busy; all that it has started ends.
fn takes_all_along(kind: &str, running: &Running) {
    until("the handler", || running.task_root.path().join("running").exists());
    let below = processes::below(running.pid());
    assert!(below.len() > 1, "{kind}: {below:?}");
    processes::kill(running.pid(), SIGKILL);
    for pid in below {
        until(&format!("{kind}: the end of {pid}"), || processes::has_ended(pid));
    }
}

#[test]
fn a_local_run_that_is_killed_takes_its_busy_handler_along() {
    for (kind, function) in busy() {
        let command = function.local_command("{}");
        takes_all_along(kind, &function.start_as(command));
    }
    for (kind, function) in busy() {
        let served = function.serve(&["--concurrency", "2"]);
        let _caller = served.call("{}");
        takes_all_along(kind, &served.running);
    }
}
