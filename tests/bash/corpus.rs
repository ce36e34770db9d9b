//! Small files, each run by Bash alone and by the runtime: the same answer, log and status, twice.
//!
//! `corpus.txt` holds the files, each behind a line `#: NAME`. They are combined with what files set at their head.

use std::{fs, path::Path, process::Command, thread};

use crate::support::{Event, Function, Running, until};

/// Bash alone does the same as the runtime: it loads the file, and calls the function in a subshell.
const PLAIN: &str = r#"
__lambda_event=$1
set --
set -euo pipefail
source "$0"
(handler "$__lambda_event") <event >answer 2>log
"#;

/// Lines that stand before a file.
const HEADS: [&str; 7] = [
    "",
    "set +e",
    "set -E",
    "set -T",
    "set +u +o pipefail -ET",
    "set +euo pipefail",
    "shopt -s inherit_errexit 2>/dev/null || :",
];

const EVENT: &str = "an \"event\"\nof two lines";

/// The outcome of one event.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// Nothing where it failed.
    answer: String,
    log: String,
    status: i32,
}

/// The files that are tried.
fn files() -> Vec<(String, String)> {
    let bodies: Vec<_> = include_str!("corpus.txt").split("#: ").skip(1).collect();
    let mut files = Vec::new();
    for (index, body) in bodies.iter().enumerate() {
        let (name, body) = body.split_once('\n').unwrap();
        let others = [1 + index % 6, 1 + (index / 2 + 3) % 6];
        let heads = [0, others[0], others[1]];
        for head in &heads[..if others[0] == others[1] { 2 } else { 3 }] {
            let head = HEADS[*head];
            files.push((format!("{name}, `{head}`"), format!("{head}\n{body}")));
        }
    }
    files
}

/// The lines to compare: names that are ours may be seen, process ids differ, and the error is logged behind it.
fn comparable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text = text.split("ERROR Function.").next().unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| !["__lambda_", ": ended by signal ", " Killed "].iter().any(|ours| line.contains(ours)));
    lines.collect::<Vec<_>>().join("\n").trim_end_matches('\n').to_owned()
}

fn of_bash(text: &str, folder: &Path) -> Outcome {
    fs::write(folder.join("event"), format!("{EVENT}\n")).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", PLAIN]).arg(folder.join("function.sh")).arg(EVENT).current_dir(folder);
    command.env_clear().envs(["PATH", "HOME"].map(|name| (name, std::env::var(name).unwrap())));
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let read = |name: &str| comparable(&fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{text}: {error}")));
    let status = output.status.code().unwrap();
    let answer = if status == 0 { read("answer") } else { String::new() };
    let outcome = Outcome { answer, log: read("log"), status };
    for name in ["event", "answer", "log", "d", "lib.sh"] {
        let _ = fs::remove_file(folder.join(name)).or_else(|_| fs::remove_dir_all(folder.join(name)));
    }
    outcome
}

fn of_runtime(function: &Running) -> Outcome {
    let before = function.log_bytes().len();
    let post = function.post(Event::new(EVENT));
    let log = function.log_bytes().split_off(before);
    let body = String::from_utf8_lossy(&post.body).into_owned();
    let (answer, status) = match post.kind.as_str() {
        "response" => (comparable(body.as_bytes()), 0),
        _ => (String::new(), status(&body).unwrap_or_else(|| panic!("{body}"))),
    };
    Outcome { answer, log: comparable(&log), status }
}

/// The status that an error tells, as a shell has it.
fn status(body: &str) -> Option<i32> {
    let number = |rest: &str| {
        let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<i32>().ok()
    };
    let exited = body.split_once("the handler ended with status ").and_then(|(_, rest)| number(rest));
    let signal = || body.split_once("the handler was ended by signal: ").and_then(|(_, rest)| number(rest));
    exited.or_else(|| signal().map(|signal| 128 + signal))
}

fn compare(name: &str, text: &str) -> Result<(), String> {
    let function = Function::bash(text);
    let expected = of_bash(text, &function.path(""));
    let function = function.start();
    until("the end of the init", || function.api.asked() > 0);
    for _ in 0..2 {
        let found = of_runtime(&function);
        if found != expected {
            return Err(format!("{name}:\n{text}  Bash: {expected:?}\n  here: {found:?}\n"));
        }
    }
    Ok(())
}

#[test]
fn files_do_what_they_do_in_bash_alone() {
    let files = files();
    assert!(files.len() >= 300, "{}", files.len());
    let part = files.len().div_ceil(4);
    let wrong: Vec<String> = thread::scope(|scope| {
        let threads: Vec<_> = files
            .chunks(part)
            .map(|part| {
                scope.spawn(|| part.iter().filter_map(|(name, text)| compare(name, text).err()).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), files.len(), wrong.join("\n"));
}
