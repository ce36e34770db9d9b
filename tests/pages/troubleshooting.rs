//! The runtime's own messages on the page for troubleshooting: each comes out of a real run.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use crate::support::{Event, Function, repository};

/// The messages that begin the items of the page's last section.
fn messages() -> Vec<String> {
    let page = fs::read_to_string(repository().join("docs/troubleshooting.md")).unwrap();
    let (_, section) = page.split_once("\n## What this runtime says\n").unwrap();
    let items = section.split("\n* ").skip(1).map(|item| item.replace("\n  ", " "));
    let heads = items.map(|item| item.split("`: ").next().unwrap().to_owned() + "`");
    heads.flat_map(|head| head.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether a text has the parts of a message, between which anything may stand, in one line.
fn has(text: &str, message: &str) -> bool {
    text.lines().any(|line| {
        let mut rest = line;
        message.split('…').map(str::trim).filter(|part| !part.is_empty()).all(|part| {
            let found = rest.find(part);
            rest = found.map_or("", |at| &rest[at + part.len()..]);
            found.is_some()
        })
    })
}

/// The text of the sources, with each string of several lines on one.
fn sources(directory: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(path).unwrap();
            text += &source.split("\\\n").map(str::trim_start).collect::<Vec<_>>().join("");
        }
    }
    text
}

/// The error of the init of a function with this file.
fn init(file: &str, text: &str, handler: &str) -> String {
    Function::with(&[(file, text)]).handler(handler).init_error().message
}

/// The post about this event, and the log.
fn event(function: Function, event: &str) -> String {
    said(function, Event::new(event))
}

fn said(function: Function, event: Event) -> String {
    let function = function.start();
    let post = function.post(event);
    String::from_utf8(post.body).unwrap() + "\n" + &function.log()
}

/// The messages about a program of this machine that was changed in this way.
fn of_a_binary(change: impl Fn(&mut Vec<u8>)) -> String {
    let mut bytes = fs::read("/bin/true").unwrap();
    change(&mut bytes);
    let function = Function::with(&[]).file("tool", bytes).handler("tool");
    fs::set_permissions(function.path("tool"), fs::Permissions::from_mode(0o755)).unwrap();
    function.init_error().message
}

#[test]
fn each_message_of_ours_is_one() {
    let bash = |code: &str| Function::bash(&format!("handler() {{ {code}; }}"));
    let no_api = bash(":").without_env("AWS_LAMBDA_RUNTIME_API").command().output().unwrap();
    let shell = bash(":").command().args(["/bin/sh", "-c", "function.handler"]).output().unwrap();
    let both = Function::with(&[("f.sh", ""), ("f.lisp", "")]).handler("f.handler").init_error().message;
    let no_pwsh = Function::with(&[("m.psm1", "function f { 1 }")]).handler("m.f");
    let no_pwsh = no_pwsh.without_env("SCRIPT_RUNTIME_PWSH").env("PATH", "/nowhere").init_error().message;
    let program = |text: &str| Function::with(&[("orders.sh", text)]).handler("orders.sh");
    let all = [
        String::from_utf8(no_api.stderr).unwrap(),
        String::from_utf8(shell.stderr).unwrap(),
        both,
        no_pwsh,
        init("function.sh", "", "orders.handler"),
        init("order.sh", "", "orders.handler"),
        init("report.sh", "true\n", "report.handler"),
        init("function.sh", "main() { :; }\n", "function.handler"),
        init("function.sh", "", r#"{"a": 1}"#),
        init("function.sh", "\u{feff}handler() { :; }\n", "function.handler"),
        init("function.sh", "handler() {\r\n:\r\n}\r\n", "function.handler"),
        init("report.py", "print(1)\n", "report.py"),
        init("report.rb", "#!/usr/bin/env no-such-ruby\n", "report.rb"),
        init("tool", "\x7fELF", "tool"),
        of_a_binary(|bytes| bytes[18..20].copy_from_slice(&[22, 0])),
        of_a_binary(|bytes| bytes.truncate(5000)),
        of_a_binary(|bytes| {
            let loader = bytes.windows(4).position(|window| window == b"/ld-").unwrap();
            bytes[loader + 4..loader + 7].copy_from_slice(b"not");
        }),
        of_a_binary(|bytes| *bytes = b"MZ".to_vec()),
        init("function.sh/inside", "", "function.handler"),
        init("function.sh", "handler() {\n  if\n}\n", "function.handler"),
        event(bash(":").env("SCRIPT_RUNTIME_DEADLINE_MARGIN", "3"), "{}"),
        event(bash("grep -q x <<<y"), "{}"),
        event(bash("kill -9 $BASHPID"), "{}"),
        event(bash("kill -9 $$; sleep 60"), "{}"),
        event(bash("head -c 7000000 /dev/zero | tr '\\0' a"), "{}"),
        event(program("list() {\n:\n}\n"), "{}"),
        event(program("cat >/dev/null\n"), &"a".repeat(200_000)),
        said(bash("sleep 60"), Event::new("{}").deadline_in(Duration::from_millis(600))),
        sources(&repository().join("src/local")),
        sources(&repository().join("src/durable")),
    ]
    .join("\n");
    let messages = messages();
    assert!(messages.len() > 20, "{messages:?}");
    for message in messages {
        assert!(has(&all, &message), "{message}");
    }
}
