//! `bootstrap --serve`: how it begins, what it does when files change, how it ends.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
};

use crate::support::{BOOTSTRAP, Function, served::Served, until};

/// A handler that answers with this word.
fn says(word: &str) -> String {
    format!("handler() {{ echo {word}; }}")
}

/// A file that is not Bash.
const BROKEN: &str = "handler() {\n  if true; then\n}\n";

impl Served {
    /// Writes a file as editors do: a new one is renamed to its name.
    fn save(&self, name: &str, text: &str) {
        let root = self.running.task_root.path();
        fs::write(root.join(".new"), text).unwrap();
        fs::rename(root.join(".new"), root.join(name)).unwrap();
    }
}

#[test]
fn without_a_watch_files_are_loaded_once() {
    let served = Function::bash(&says("old")).serve(&[]);
    assert_eq!(served.text("{}"), "old");
    served.save("function.sh", &says("new"));
    assert_eq!(served.text("{}"), "old");
}

#[test]
fn the_event_after_a_save_runs_the_new_file() {
    let served = Function::bash(&says("one")).serve(&["--watch", "--concurrency", "2"]);
    assert_eq!(served.text("{}"), "one");
    served.save("function.sh", &says("two"));
    assert_eq!(served.text("{}"), "two");
    fs::write(served.running.task_root.path().join("function.sh"), says("three")).unwrap();
    assert_eq!(served.text("{}"), "three");
    until("one worker for each of two places", || served.running.children().len() == 2);
    let log = served.running.log();
    assert!(log.contains("INFO `function.sh` has changed: the handler is loaded again\n"), "{log}");
    // each worker tells its init once
    assert_eq!(log.matches("Init Duration: ").count(), 3, "{log}");
}

#[test]
fn a_save_restarts_the_workers_before_an_event_comes() {
    let code = "source lib/words.sh; echo \"loaded $word\" >&2; handler() { echo \"$word\"; }";
    let function = Function::bash(code).file("lib/words.sh", "word=old");
    let served = function.serve(&["--watch", "--concurrency", "2"]);
    until("two workers", || served.running.log().matches("loaded old\n").count() == 2);
    served.save("lib/words.sh", "word=new");
    until("two others", || served.running.log().matches("loaded new\n").count() == 2);
    until("the end of the old ones", || served.running.children().len() == 2);
    assert!(served.running.log().contains("`lib/words.sh` has changed"));
    assert_eq!(served.text("{}"), "new");
}

#[test]
fn a_broken_file_is_an_error_until_it_is_mended() {
    let served = Function::bash(&says("old")).serve(&["--watch"]);
    assert_eq!(served.text("{}"), "old");
    served.save("function.sh", BROKEN);
    for _ in 0..2 {
        let (kind, message) = served.call("{}").error();
        assert_eq!(kind, "Runtime.HandlerLoadFailed");
        assert!(message.contains("function.sh: line 3: syntax error near unexpected token `}'"), "{message}");
    }
    served.save("function.sh", &says("mended"));
    assert_eq!(served.text("{}"), "mended");
    let log = served.running.log();
    assert_eq!(log.matches("the handler cannot be loaded; waiting for a change").count(), 1, "{log}");
}

#[test]
fn with_a_watch_the_init_may_fail_at_first() {
    let served = Function::with(&[]).serve(&["--watch"]);
    assert_eq!(served.call("{}").error().0, "Runtime.HandlerNotFound");
    served.save("function.sh", &says("here"));
    assert_eq!(served.text("{}"), "here");
}

#[test]
fn a_change_during_an_event_takes_effect_after_it() {
    // a log is not watched
    let code = "handler() { : >begun.log; until [[ -e go ]]; do sleep 0.01; done; echo old; }";
    let served = Function::bash(code).serve(&["--watch", "--timeout", "60"]);
    let root = served.running.task_root.path();
    let (running, waiting) = (served.call("a"), served.call("b"));
    until("the event", || root.join("begun.log").exists());
    served.save("function.sh", &says("new"));
    served.running.wait_for_log("`function.sh` has changed");
    fs::write(root.join("go"), "").unwrap();
    let mut answers = [running.text(), waiting.text()];
    answers.sort();
    assert_eq!(answers, ["new", "old"]);
}

#[test]
fn a_change_is_a_file_of_the_users_that_is_new_other_or_gone() {
    let served = Function::bash(&says("one")).serve(&["--watch"]);
    let path = |name: &str| served.running.task_root.path().join(name);
    let changes = || served.running.log().matches("has changed").count();
    fs::create_dir(path(".git")).unwrap();
    fs::create_dir(path("lib")).unwrap();
    // hidden directories, logs, and files of editors
    for name in [".git/index", "a.log", "function.sh~", ".function.sh.swp", ".#function.sh"] {
        fs::write(path(name), says("two")).unwrap();
    }
    assert_eq!((served.text("{}").as_str(), changes()), ("one", 0));
    for name in [".env", "lib/b.sh"] {
        fs::write(path(name), "").unwrap();
        // files are looked at before each event
        assert_eq!(served.text("{}"), "one");
    }
    fs::remove_file(path("lib/b.sh")).unwrap();
    assert_eq!(served.text("{}"), "one");
    until("three changes", || changes() == 3);
    // a file of the same size and time takes the place of another
    let time = fs::metadata(path("function.sh")).unwrap().modified().unwrap();
    fs::File::options().write(true).open(path("function.sh~")).unwrap().set_modified(time).unwrap();
    fs::rename(path("function.sh~"), path("function.sh")).unwrap();
    assert_eq!(served.text("{}"), "two");
    until("four changes", || changes() == 4);
}

#[test]
fn its_own_log_in_the_task_root_is_no_change() {
    let function = Function::bash("handler() { echo line >&2; echo \"$1\"; }");
    let log = function.path("serve.txt");
    let mut command = Command::new(BOOTSTRAP);
    command.args(["--serve", "0", "--watch", "function.handler"]).current_dir(function.path(""));
    let error = fs::File::create(&log).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(error).spawn().unwrap();
    let text = || fs::read_to_string(&log).unwrap();
    until("the URL", || text().contains('\n'));
    let url = text().lines().next().unwrap().strip_prefix("serving ").unwrap().to_owned();
    let port = url.split(&[':', '/'][..]).nth(4).unwrap().parse().unwrap();
    for event in ["a", "b"] {
        // files are looked at before each event
        assert_eq!(crate::support::served::call(port, event).text(), event);
    }
    let text = text();
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(text.matches("line\n").count(), 2, "{text}");
    assert!(!text.contains("has changed"), "{text}");
}

#[test]
fn an_init_error_ends_the_server() {
    let mut running = Function::bash("x() { :; }").serve_at("0", &[]);
    assert_eq!(running.wait().code(), Some(1));
    let log = running.log();
    let last = "bootstrap: Runtime.HandlerNotFound: handler `function.handler`: its file defines `x`, \
                but not the function that the handler names\n";
    assert!(log.starts_with("serving http://127.0.0.1:") && log.ends_with(last), "{log}");
}

#[test]
fn who_waits_for_the_init_gets_its_error() {
    let code = "until [[ -e go ]]; do sleep 0.01; done; echo 'no database' >&2; return 4";
    let mut served = Function::bash(code).serve(&["--concurrency", "2"]);
    let callers = [served.call("{}"), served.call("{}"), served.call("{}")];
    let root = served.running.task_root.path();
    // a dry run is answered once those before it have been read
    let dry_run = served.call_with(&[("X-Amz-Invocation-Type", "DryRun")], "{}").response();
    assert_eq!(dry_run.status, 204);
    fs::write(root.join("go"), "").unwrap();
    for caller in callers {
        let (kind, message) = caller.error();
        assert_eq!(kind, "Runtime.HandlerLoadFailed");
        assert!(message.ends_with("(exit status: 4): no database"), "{message}");
    }
    assert_eq!(served.running.wait().code(), Some(1));
}

#[test]
fn sigterm_ends_it_and_leaves_no_process() {
    let code = "handler() { [[ $1 != hang ]] || { sleep 1000 & echo $! >pid.new; mv pid.new pid; wait; }; }";
    let mut served = Function::bash(code).serve(&["--concurrency", "2", "--timeout", "60"]);
    served.text("warm");
    let caller = served.call("hang");
    let pid = served.running.task_root.path().join("pid");
    until("the event", || pid.exists());
    let mut processes = served.running.children();
    assert_eq!(processes.len(), 2);
    processes.push(fs::read_to_string(pid).unwrap().trim().parse().unwrap());

    served.running.terminate();
    assert_eq!(caller.error().0, "Runtime.WorkerExited");
    assert_eq!(served.running.wait().code(), Some(0), "{}", served.running.log());
    for process in processes {
        assert!(!fs::exists(format!("/proc/{process}")).unwrap(), "{process} lives");
    }
    assert!(TcpStream::connect(("127.0.0.1", served.port)).is_err());
}

#[test]
fn who_waits_for_a_handler_that_ignores_sigterm_gets_an_error() {
    let code = "trap '' TERM; handler() { : >begun; sleep 1000; }";
    let mut served = Function::bash(code).serve(&["--timeout", "60"]);
    let (running, waiting) = (served.call("a"), served.call("b"));
    let begun = served.running.task_root.path().join("begun");
    until("the event", || begun.exists());
    served.running.terminate();
    let mut kinds = [running.error().0, waiting.error().0];
    kinds.sort();
    // the second finds no worker, and none is started any more
    assert_eq!(kinds, ["Runtime.ResourceExhausted", "Runtime.WorkerExited"]);
    assert_eq!(served.running.wait().code(), Some(0), "{}", served.running.log());
}

#[test]
fn an_interrupt_ends_it_with_status_130() {
    let mut served = Function::bash(&says("x")).serve(&["--watch"]);
    assert_eq!(served.text("{}"), "x");
    let pid = served.running.pid().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(served.running.wait().code(), Some(130));
}

#[test]
fn a_port_that_is_taken_is_a_clear_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut running = Function::bash(&says("x")).serve_at(&address.port().to_string(), &[]);
    assert_eq!(running.wait().code(), Some(1));
    assert_eq!(
        running.log(),
        format!(
            "bootstrap: cannot listen on `{address}`: Address already in use (os error 98); \
             give `--serve` another port, or 0 for a free one\n"
        )
    );
}

#[test]
fn it_is_not_for_runs_with_a_runtime_api() {
    let function = Function::bash(&says("x")).env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1");
    let mut running = function.serve_at("0", &[]);
    assert_eq!(running.wait().code(), Some(1));
    let log = running.log();
    let last = "bootstrap: `AWS_LAMBDA_RUNTIME_API` is `127.0.0.1:1`: an event on the command line and \
                `--serve` are for runs without it; unset it or drop them\n";
    assert!(log.ends_with(last), "{log}");
}
