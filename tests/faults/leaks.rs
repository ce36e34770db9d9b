//! Resources that may run out: no event leaves any in use, and a lack is an error of its event alone.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use super::recovers;
use crate::support::{
    Function, Running,
    language::{BASH, LANGUAGES, LISP, Language, POWERSHELL},
    needs::found,
    processes, until,
};

/// Runs a program as a user that nothing else on the machine runs as: the limit of processes counts all of a user's.
const AS_USER: [&str; 4] = ["setpriv", "--reuid", "54321", "--clear-groups"];

/// Changes this machine's file system to one as Lambda's may be: everything is read-only but `/tmp`, which is full, and
/// there is no `/dev/shm`. The task root is at `/mnt`.
const POOR_FILE_SYSTEM: &str = r#"
set -eu
# these may lie below what is about to be hidden
core=${SCRIPT_RUNTIME_LISP_CORE:-/dev/null}
exec 8<"$core" 9<"$0"
mount --bind "$LAMBDA_TASK_ROOT" /mnt
mount -t tmpfs -o size=64k tmpfs /tmp
mkdir /tmp/dev
cp -a /dev/null /dev/zero /dev/random /dev/urandom /tmp/dev
mount --bind /tmp/dev /dev
case $core in
/tmp/*)
    mkdir -p "${core%/*}"
    : >"$core"
    mount --no-canonicalize --bind /proc/self/fd/8 "$core"
    ;;
esac
mount -o remount,bind,ro /
mount -o remount,bind,ro /mnt
export LAMBDA_TASK_ROOT=/mnt
cd /mnt
head -c 1000000 /dev/zero >/tmp/full || :
exec /proc/self/fd/9 8<&-
"#;

/// Code that runs a command of the shell and fails if it does.
fn shell(language: &Language, command: &str) -> String {
    match language.name {
        "Bash" => command.to_owned(),
        "PowerShell" => format!("sh -c '{command}'; if ($LASTEXITCODE) {{ throw 'it failed' }}"),
        _ => format!("(uiop:run-program \"{command}\")"),
    }
}

/// Whether this command can be run here.
fn works(command: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(command);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Starts a function behind a command that takes the bootstrap as its last argument.
fn start_behind(function: Function, program: &str, arguments: &[&str]) -> Running {
    let plain = function.command();
    let mut command = Command::new(program);
    command.args(arguments).arg(plain.get_program()).env_clear();
    command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(function.path(""));
    function.start_as(command)
}

/// Changes a limit of the bootstrap alone, by a command before which `prefix` goes.
fn limit(function: &Running, prefix: &[&str], resource: &str, limit: &str) {
    let (pid, option) = (function.pid().to_string(), format!("--{resource}={limit}:"));
    let command = [prefix, &["prlimit", "--pid", &pid, &option]].concat();
    assert!(works(command[0], &command[1..]), "{command:?}");
}

/// Without its worker, and with nothing to start another one from, the function answers with an error; then again.
fn needs(language: &Language, function: &Running, prefix: &[&str], resource: &str, least: &str) {
    recovers(language, function, "init");
    limit(function, prefix, resource, least);
    let worker = function.children()[0];
    processes::kill(worker, 9);
    until("its end", || processes::has_ended(worker));
    for _ in 0..2 {
        let error = function.error(language.fine);
        assert_eq!(error.kind, "Runtime.ResourceExhausted", "{}: {}", language.name, error.message);
    }
    limit(function, prefix, resource, "4096");
    for _ in 0..3 {
        recovers(language, function, resource);
    }
}

#[test]
fn events_with_children_in_the_background_leave_nothing_behind() {
    for (language, events) in [(&BASH, 500), (&LISP, 300), (&POWERSHELL, 50)] {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        let run = |events| (0..events).for_each(|_| drop(function.answer(language.leave_child)));
        run(20);
        let (memory, descriptors) = (processes::resident(function.pid()), processes::descriptors(function.pid()));
        run(events);
        until("the end of all children", || processes::below(function.pid()).len() == language.processes);
        until("the descriptors of before", || processes::descriptors(function.pid()) <= descriptors + 1);
        let grown = processes::resident(function.pid()).saturating_sub(memory);
        assert!(grown < 1024, "{}: {grown} KiB", language.name);
    }
}

#[test]
fn runs_on_a_file_system_that_takes_nothing() {
    needs!(mounts);
    for language in LANGUAGES {
        let Some(function) = language.evaluator() else { continue };
        let function = start_behind(function, "unshare", &["--mount", "sh", "-c", POOR_FILE_SYSTEM]);
        recovers(language, &function, "init");
        for command in ["head -c 100000 /dev/zero >/tmp/file", "touch /mnt/file", "touch /dev/shm/file"] {
            function.error(shell(language, command));
            recovers(language, &function, command);
        }
        function.answer(shell(language, "rm /tmp/full && head -c 10000 /dev/zero >/tmp/file"));
    }
}

#[test]
fn without_descriptors_an_event_is_an_error_until_there_are_some() {
    needs!(prlimit);
    for language in LANGUAGES {
        let Some(function) = language.evaluator() else { continue };
        let function = function.start();
        needs(language, &function, &[], "nofile", "8");
    }
}

#[test]
fn runs_with_64_descriptors() {
    needs!(prlimit);
    for (language, code) in [
        (&BASH, "for i in {1..99}; do exec {fd}</dev/null; done"),
        (&LISP, "(loop repeat 99 collect (open \"/dev/null\"))"),
    ] {
        let Some(function) = language.evaluator() else { continue };
        let function = start_behind(function, "prlimit", &["--nofile=64:64"]);
        for _ in 0..3 {
            let error = function.error(code);
            assert!(error.message.contains("Too many open files"), "{error:?}");
            recovers(language, &function, code);
        }
    }
}

#[test]
fn without_processes_an_event_is_an_error_until_there_are_some() {
    let works = works(AS_USER[0], &[&AS_USER[1..], &["prlimit"]].concat());
    let Some(()) = found("setpriv", works.then_some(())) else { return };
    for language in LANGUAGES {
        let Some(function) = language.evaluator() else { continue };
        fs::set_permissions(function.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let function = start_behind(function, AS_USER[0], &AS_USER[1..]);
        needs(language, &function, &AS_USER, "nproc", "1");
    }
}
