//! SIGTERM, at every stage of an environment's life and in every language: workers are asked to end, what is left
//! after 300 ms is killed, and the exit status is 0.

use std::{
    fs::{self, Permissions},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::tempdir;

use crate::{
    lisp::lisp,
    powershell::files,
    support::{Event, Function, Reception, Running, needs::has, processes, repository, until},
};

const SIGINT: i32 = 2;

/// The documented 500 ms, and what a loaded machine may add.
const LIMIT: Duration = Duration::from_secs(2);

/// A handler whose file, and whose events, end when there is a file `go`; `loading` and `running` say that they began.
fn waiting(language: &str) -> Option<Function> {
    match language {
        "bash" => Some(Function::bash(
            "wait_for() { touch \"$1\"; until [[ -e go ]]; do sleep 0.01; done; }\nwait_for loading\n\
             handler() { rm go; wait_for running; }",
        )),
        "lisp" => has("sbcl").then(|| {
            lisp(
                "(defun await-go (name) (with-open-file (s name :direction :output :if-exists :append \
                 :if-does-not-exist :create) s) (loop until (probe-file \"go\") do (sleep 0.01)))\n\
                 (await-go \"loading\")\n\
                 (defun handler (d h) d h (delete-file \"go\") (await-go \"running\") \"\")",
            )
        }),
        _ => has("pwsh").then(|| files(
            &[(
                "m.psm1",
                "function Wait-For($Name) { $null = New-Item $Name; while (-not (Test-Path go)) { Start-Sleep -Milliseconds 10 } }\n\
                 Wait-For loading\nfunction f { Remove-Item go; Wait-For running }",
            )],
            "m.f",
        )),
    }
}

fn in_each_language(test: impl Fn(Function)) {
    for language in ["bash", "lisp", "powershell"] {
        if let Some(function) = waiting(language) {
            test(function);
        }
    }
}

/// Starts it and waits until its file loads.
fn loading(function: Function) -> Running {
    let running = function.start();
    until("the file's load", || running.task_root.path().join("loading").exists());
    running
}

fn go(running: &Running) {
    fs::write(running.task_root.path().join("go"), "").unwrap();
}

/// Ends it by SIGTERM; nothing that it started is left. Gives its log.
fn ends(mut running: Running) -> String {
    let below = processes::below(running.pid());
    let began = Instant::now();
    running.terminate();
    assert_eq!(running.wait().code(), Some(0), "{}", running.log());
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    for pid in below {
        // the kernel may take its time for one that was killed
        until("the end of all", || !Path::new(&format!("/proc/{pid}")).exists());
    }
    running.log()
}

#[test]
fn while_the_file_loads() {
    in_each_language(|function| {
        let running = loading(function);
        let api = running.api.clone();
        ends(running);
        assert_eq!(api.asked(), 0);
        assert!(!api.has_init_error());
    });
}

#[test]
fn between_events() {
    in_each_language(|function| {
        let running = loading(function);
        go(&running);
        running.api.wait_until_asked(1);
        ends(running);
    });
}

#[test]
fn in_an_event() {
    in_each_language(|function| {
        let running = loading(function);
        go(&running);
        let id = running.api.send(Event::new("{}"));
        until("the handler", || running.task_root.path().join("running").exists());
        let api = running.api.clone();
        assert_eq!(ends(running), "");
        assert!(api.posts(&id).is_empty());
    });
}

#[test]
fn while_a_worker_is_replaced() {
    in_each_language(|function| {
        let running = loading(function);
        go(&running);
        let id = running.api.send(Event::new("{}"));
        let root = running.task_root.path().to_owned();
        until("the handler", || root.join("running").exists());
        fs::remove_file(root.join("loading")).unwrap();
        let worker = running.children()[0];
        assert!(Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
        assert_eq!(running.api.wait(&id).kind, "error");
        until("the new worker", || root.join("loading").exists());
        ends(running);
    });
}

#[test]
fn while_an_answer_is_posted() {
    let running = Function::bash("handler() { printf %s \"$1\"; }").start();
    running.api.receive_with([Reception::Never]);
    running.api.send(Event::new("x".repeat(1 << 20)));
    running.api.wait_for_stalled();
    ends(running);
}

#[test]
fn between_checkpoint_and_restore() {
    in_each_language(|function| {
        let running = loading(function.snapstart());
        go(&running);
        running.api.wait_for_checkpoint();
        ends(running);
    });
}

#[test]
fn in_a_hook() {
    let code = "handler() { :; }\nbefore_checkpoint() { trap 'echo bye >&2; exit' TERM; touch loading; \
                while :; do sleep 0.01; done; }";
    let running = loading(Function::bash(code).snapstart());
    assert!(ends(running).ends_with("bye\n"));
}

#[test]
fn traps_and_exit_hooks_run() {
    let running =
        Function::bash("handler() { trap 'echo bye >&2; exit' TERM; touch running; while :; do sleep 0.01; done; }")
            .start();
    running.api.send(Event::new("{}"));
    until("the handler", || running.task_root.path().join("running").exists());
    assert!(ends(running).ends_with("bye\n"));
    needs!(sbcl);
    let code = "(push (lambda () (format *error-output* \"bye~%\")) sb-ext:*exit-hooks*)\n(defun handler (d h) h d)";
    let running = lisp(code).start();
    running.answer("{}");
    assert!(ends(running).contains("bye\n"));
}

#[test]
fn what_has_left_the_group_is_asked_to_end_too() {
    let code = "handler() { setsid bash -c 'trap \"echo bye >&2; exit\" TERM; touch running; while :; do sleep 0.01; done' \
                </dev/null >/dev/null & until [[ -e running ]]; do sleep 0.01; done; }";
    let running = Function::bash(code).start();
    running.answer("{}");
    assert!(ends(running).ends_with("bye\n"));
}

#[test]
fn what_has_left_the_group_and_ignores_it_is_killed() {
    for (language, code) in [
        (
            "bash",
            "handler() { setsid bash -c 'trap \"\" TERM; touch running; exec sleep 1000' </dev/null >/dev/null 2>&1 & until [[ -e running ]]; do sleep 0.01; done; }",
        ),
        (
            "lisp",
            "(defun handler (d h) d h (sb-ext:run-program \"/bin/sh\" '(\"-c\" \"trap '' TERM; touch running; exec setsid sleep 1000\") :wait nil) (loop until (probe-file \"running\") do (sleep 0.01)) \"\")",
        ),
        (
            "powershell",
            "function f { Start-Process setsid -ArgumentList sh, -c, '\"trap '''' TERM; touch running; exec sleep 1000\"'; while (-not (Test-Path running)) { Start-Sleep -Milliseconds 10 } }",
        ),
    ] {
        let function = match language {
            "bash" => Some(Function::bash(code)),
            "lisp" => has("sbcl").then(|| lisp(code)),
            _ => has("pwsh").then(|| files(&[("m.psm1", code)], "m.f")),
        };
        let Some(function) = function else { continue };
        let running = function.start();
        running.answer("{}");
        // `setsid` may fork, and its child is for a moment below nobody who was listed
        until(language, || processes::below(running.pid()).len() > 1);
        ends(running);
    }
}

#[test]
fn what_a_wrapper_script_has_started_is_left_alone() {
    let function = Function::bash("handler() { :; }");
    let mut command = Command::new("sh");
    let start = format!("sleep 1000 & echo $! >companion; exec {}", crate::support::BOOTSTRAP);
    let bootstrap = function.command();
    command.args(["-c", &start]).env_clear().current_dir(function.path(""));
    command.envs(bootstrap.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut running = function.start_as(command);
    running.answer("{}");
    let companion = fs::read_to_string(running.task_root.path().join("companion")).unwrap();
    running.terminate();
    assert_eq!(running.wait().code(), Some(0));
    assert!(Command::new("kill").arg(companion.trim()).status().unwrap().success(), "it is gone");
}

/// Starts a local run, waits until it is at this point, and interrupts it; nothing that it started is left.
fn is_interrupted(function: &Function, mut command: Command, at: impl Fn(u32) -> bool) {
    command.current_dir(function.path("")).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    until("the point", || at(child.id()));
    let below = processes::below(child.id());
    let began = Instant::now();
    processes::kill(child.id(), SIGINT);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(began.elapsed() < LIMIT, "{:?}", began.elapsed());
    for pid in below {
        until("the end of all", || processes::has_ended(pid));
    }
}

#[test]
fn an_interrupt_is_heard_while_the_event_is_read() {
    let function = Function::bash("handler() { :; }");
    assert!(Command::new("mkfifo").arg(function.path("fifo")).status().unwrap().success());
    for event in ["-", "@fifo"] {
        // the thread that reads is there
        let reads = |pid| fs::read_dir(format!("/proc/{pid}/task")).unwrap().count() > 1;
        is_interrupted(&function, function.local_command(event), reads);
    }
}

#[test]
fn an_interrupt_is_heard_while_the_host_is_compiled() {
    needs!(pwsh);
    let cache = tempdir().unwrap();
    let function = Function::with(&[("m.psm1", "function f { }")]).handler("m.f");
    let function = function.env("XDG_CACHE_HOME", cache.path().to_str().unwrap());
    let is_pwsh = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "pwsh\n");
    let compiles = |pid| processes::below(pid).iter().any(is_pwsh);
    is_interrupted(&function, function.local_command("{}"), compiles);
    let kept = cache.path().join("lambda-script-runtime");
    assert_eq!(fs::read_dir(kept).unwrap().count(), 0, "a part of a host is left");
}

#[test]
fn an_interrupt_of_make_run_local_is_no_error() {
    needs!(make);
    let folder = tempdir().unwrap();
    let (docker, started) = (folder.path().join("docker"), folder.path().join("started"));
    // answers for an engine; a container ends at the interrupt as `docker run` does
    fs::write(&docker, "#!/bin/sh\n[ \"$1\" = run ] || exit 0\n>\"$STARTED\"\nexec sleep 1000\n").unwrap();
    fs::set_permissions(&docker, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut make = Command::new("make");
    make.arg("run-local").current_dir(repository()).env("PATH", path).env("STARTED", &started);
    let make = make.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("the container", || started.exists());
    // as Ctrl-C does: to all of the terminal's foreground group
    let group = format!("-{}", make.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    let output = make.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!text.contains("make:"), "{text}");
}
