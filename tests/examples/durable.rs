//! The durable examples: each project's own test passes in each language, and fails where the handler is wrong.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{BOOTSTRAP, language::lisp_core, needs::has, repository};

/// The handlers of each project, and the programs that they need.
const HANDLERS: [(&str, &[&str]); 3] = [
    ("function.sh.handler", &["jq"]),
    ("Function.Invoke-Handler", &["pwsh", "jq"]),
    ("function.lisp.handler", &["sbcl", "yason", "jq"]),
];

/// Runs the test of a project, with this in place of that in all its handlers. Gives whether it passes, and what it says.
fn run(project: &str, handler: &str, change: Option<(&str, &str)>) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    for entry in fs::read_dir(repository().join("examples/durable").join(project)).unwrap() {
        let path = entry.unwrap().path();
        let copy = folder.path().join(path.file_name().unwrap());
        fs::copy(&path, &copy).unwrap();
        if let Some((right, wrong)) = change.filter(|_| !path.ends_with("test.sh")) {
            let text = fs::read_to_string(&copy).unwrap();
            fs::write(&copy, text.replace(right, wrong)).unwrap();
        }
    }
    let bootstrap = Path::new(BOOTSTRAP).parent().unwrap().display();
    let mut command = Command::new("./test.sh");
    command.arg(handler).current_dir(folder.path()).env_remove("AWS_LAMBDA_RUNTIME_API");
    command.env("PATH", format!("{bootstrap}:{}", std::env::var("PATH").unwrap()));
    if handler.contains(".lisp.") {
        command.env("SCRIPT_RUNTIME_LISP_CORE", lisp_core());
    }
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// The test passes in each language, and fails with this in place of that.
fn check(project: &str, changes: [(&str, &str); 3]) {
    for ((handler, programs), change) in HANDLERS.into_iter().zip(changes) {
        if !programs.iter().all(|program| has(program)) {
            continue;
        }
        let (passes, said) = run(project, handler, None);
        assert!(passes && !said.contains("failed:"), "{handler}: {said}");
        let (passes, said) = run(project, handler, Some(change));
        assert!(!passes && said.contains("failed:"), "{handler}: {change:?}: {said}");
    }
}

#[test]
fn a_snapshot_is_waited_for() {
    let changes = [
        ("durable step create --retry 5 -- create", "create"),
        ("Invoke-DurableStep create -Retry 5 { New-Snapshot $snapshot $Data.database }", ""),
        ("((string= status \"creating\") nil)", ""),
    ];
    check("snapshot", changes);
}

#[test]
fn an_approval_is_waited_for() {
    let changes = [("== yes", "!= yes"), ("-eq 'yes'", "-ne 'yes'"), ("\"yes\")\n", "\"no\")\n")];
    check("approval", changes);
}

#[test]
fn a_fan_out_waits_for_each() {
    let changes = [
        ("context \"$instance\" --", "context same --"),
        ("'Success' { $true }", "'Success' { throw 'no' }"),
        ("context instance", "context \"same\""),
    ];
    check("fan-out", changes);
}
