//! Shell scripts of this machine's own packages, run by hand and as handlers with the same input: the same answer and
//! status.

use std::{
    fs,
    io::{Seek, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::support::{Event, Function, needs::found};

/// Scripts that only say something when they are asked for help, their version, or nonsense.
#[rustfmt::skip]
const SCRIPTS: [&str; 57] = [
    "bzdiff", "bzexe", "bzgrep", "bzmore", "c89-gcc", "c99-gcc", "dpkg-maintscript-helper",
    "dpkg-realpath", "egrep", "fgrep", "gcore", "gdb-add-index", "gettext.sh", "gettextize", "gunzip",
    "gzexe", "ldd", "lesspipe", "memusage", "ncurses6-config", "ncursesw6-config", "neqn", "nroff", "pg_config",
    "red", "rgrep", "savelog", "sotruss", "strace-log-merge", "ucf", "ucfr", "uncompress",
    "which.debianutils", "xdg-user-dir", "xml2-config", "xslt-config", "xzdiff", "xzgrep", "xzless", "xzmore", "zcat",
    "zcmp", "zdiff", "zegrep", "zfgrep", "zforce", "zgrep", "zipgrep", "zless", "zmore", "znew", "zstdgrep",
    "git-mergetool", "git-quiltimport", "git-request-pull", "git-submodule", "git-subtree",
];

const PLACES: [&str; 3] = ["/usr/bin", "/bin", "/usr/lib/git-core"];

/// The events: what the scripts have as their only argument, and on standard input.
const EVENTS: [&str; 4] = ["--help", "--version", "--no-such-option", "no such file"];

fn scripts() -> Vec<PathBuf> {
    let places = SCRIPTS
        .iter()
        .filter_map(|name| PLACES.iter().map(|place| Path::new(place).join(name)).find(|file| file.is_file()));
    let is_of_a_shell = |file: &PathBuf| {
        let text = fs::read(file).unwrap_or_default();
        let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
        line.starts_with(b"#!") && line.windows(2).any(|word| word == b"sh")
    };
    places.filter(is_of_a_shell).collect()
}

/// Output and status of a script that is run as in a terminal, in a directory with it alone.
fn by_hand(directory: &Path, name: &str, event: &str) -> (String, Option<i32>) {
    let mut input = tempfile::tempfile().unwrap();
    writeln!(input, "{event}").unwrap();
    input.rewind().unwrap();
    let mut command = Command::new(directory.join(name));
    command.arg(event).current_dir(directory).env_clear().stdin(input);
    command.envs([("PATH", std::env::var("PATH").unwrap()), ("HOME", directory.display().to_string())]);
    let output = command.stderr(Stdio::null()).output().unwrap();
    (String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned(), output.status.code())
}

#[test]
fn answer_as_they_do_by_hand() {
    let scripts = scripts();
    let Some(scripts) = found("shell-scripts", (scripts.len() >= 30).then_some(scripts)) else { return };
    for script in scripts {
        let name = script.file_name().unwrap().to_str().unwrap();
        let directory = TempDir::new().unwrap();
        fs::copy(&script, directory.path().join(name)).unwrap();
        let function = Function::with(&[]).handler(name);
        fs::copy(&script, function.path(name)).unwrap();
        let root = function.path("");
        let function = function.env("HOME", root.to_str().unwrap().trim_end_matches('/')).start();
        for event in EVENTS {
            let (output, status) = by_hand(directory.path(), name, event);
            let post = function.post(Event::new(event));
            let body = String::from_utf8_lossy(&post.body).into_owned();
            // a script's own path differs between the two runs
            let here = function.task_root.path().display().to_string();
            let there = directory.path().display().to_string();
            if status == Some(0) {
                assert_eq!(post.kind, "response", "{name} {event}: {body}");
                assert_eq!(body.replace(&here, &there), output, "{name} {event}");
            } else {
                let said = format!("ended with status {}", status.unwrap());
                assert!(post.kind == "error" && body.contains(&said), "{name} {event}: {status:?}, {body}");
            }
        }
    }
}
