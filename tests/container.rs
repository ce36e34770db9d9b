//! A container without Lambda: as its main process, `bootstrap` serves. Here a container is a namespace of processes and of
//! the network.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::support::{BOOTSTRAP, find_on_path, needs::has};

/// A directory with a function, and a shell that is called like an init.
fn container() -> Option<(TempDir, PathBuf)> {
    if !["namespaces", "ip", "curl"].into_iter().all(has) {
        return None;
    }
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("function.sh"), "handler() { echo \"got $1\"; }").unwrap();
    let init = directory.path().join("tini");
    fs::copy(find_on_path("bash").unwrap(), &init).unwrap();
    Some((directory, init))
}

/// Runs a script as process 1, with the network of the container up.
fn run(directory: &TempDir, init: &PathBuf, script: &str) -> Output {
    let script = format!("ip link set lo up\n{script}");
    let mut command = Command::new("unshare");
    command.args(["--pid", "--net", "--fork", "--mount-proc"]).arg(init).args(["-c", &script]);
    command.env_remove("AWS_LAMBDA_RUNTIME_API").env("BOOTSTRAP", BOOTSTRAP);
    command.current_dir(directory.path()).output().unwrap()
}

const CALL: &str = "curl -s --retry 50 --retry-connrefused --retry-delay 0 --max-time 20 -d";
const URL: &str = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations";

#[test]
fn the_child_of_an_init_serves_and_says_how_to_reach_it() {
    let Some((directory, init)) = container() else { return };
    let script = format!(
        "\"$BOOTSTRAP\" function.handler 2>log & pid=$!\n{CALL} 1 {URL}; echo; {CALL} 2 {URL}; echo; kill $pid; wait $pid; cat log >&2"
    );
    let output = run(&directory, &init, &script);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "got 1\ngot 2\n", "{output:?}");
    let log = String::from_utf8(output.stderr).unwrap();
    let begin = "serving http://0.0.0.0:8080/2015-03-31/functions/function/invocations\nfrom outside, with `docker run \
                 -p 9000:8080`: curl -d '{}' http://localhost:9000/2015-03-31/functions/function/invocations\n";
    assert!(log.starts_with(begin), "{log}");
}

#[test]
fn process_1_serves_with_the_timeout_that_is_said() {
    let Some((directory, init)) = container() else { return };
    fs::write(directory.path().join("function.sh"), "handler() { [[ $1 == fine ]] || sleep 60; echo fine; }").unwrap();
    // the rest of the script goes on in the background, as a child of the bootstrap
    let script = format!(
        "export AWS_LAMBDA_FUNCTION_TIMEOUT=1\n({CALL} slow {URL}; echo; {CALL} fine {URL}; echo; kill 1) &\n\
         exec \"$BOOTSTRAP\" function.handler"
    );
    let output = run(&directory, &init, &script);
    let text = String::from_utf8_lossy(&output.stdout);
    let (slow, fine) = text.split_once('\n').unwrap();
    assert!(slow.contains("Runtime.DeadlineExceeded"), "{output:?}");
    assert_eq!(fine, "fine\n");
    let output = run(&directory, &init, "AWS_LAMBDA_FUNCTION_TIMEOUT=soon exec \"$BOOTSTRAP\" function.handler");
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(line.contains("`AWS_LAMBDA_FUNCTION_TIMEOUT` is `soon`: it takes a number of seconds"), "{line}");
}

#[test]
fn one_event_is_one_run_and_an_event_in_the_place_of_the_handler_is_named() {
    let Some((directory, init)) = container() else { return };
    let output = run(&directory, &init, "exec \"$BOOTSTRAP\" function.handler 7");
    assert_eq!(output.stdout, b"got 7\n", "{output:?}");
    let output = run(&directory, &init, "exec \"$BOOTSTRAP\" '{\"a\":1}'");
    let line = String::from_utf8_lossy(&output.stderr);
    assert!(
        line.contains("is an event: name the handler before it, as in `docker run IMAGE function.handler"),
        "{line}"
    );
    let script = "\"$BOOTSTRAP\" --serve 9000 function.handler 2>log & pid=$!\nuntil [[ $(wc -l <log) -ge 2 ]]; do :; done; \
                  kill $pid; wait $pid; cat log";
    let text = String::from_utf8(run(&directory, &init, script).stdout).unwrap();
    let hint = "nobody outside of this container can reach it: `--serve 0.0.0.0:9000` lets others in";
    assert!(text.lines().nth(1) == Some(hint), "{text}");
}
