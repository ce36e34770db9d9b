//! The tests that a user would write: they pass, and fail where the handler is wrong.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{BOOTSTRAP, language::lisp_core, needs::has, repository};

/// Runs a test of an example, whose handler has this in place of that, if anything. Gives whether it passes, and what
/// it says.
fn run(language: &str, handler: &str, command: &[&str], change: Option<(&str, &str)>) -> (bool, String) {
    let folder = TempDir::new().unwrap();
    let source = repository().join("examples/testing").join(language);
    for entry in fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let handler = folder.path().join(handler);
    if let Some((right, wrong)) = change {
        let text = fs::read_to_string(&handler).unwrap();
        assert!(text.contains(right), "{text}");
        fs::write(&handler, text.replace(right, wrong)).unwrap();
    }
    let bootstrap = Path::new(BOOTSTRAP).parent().unwrap().display();
    let mut command_line = Command::new(command[0]);
    command_line.args(&command[1..]).current_dir(folder.path());
    command_line.env("PATH", format!("{bootstrap}:{}", std::env::var("PATH").unwrap()));
    if language == "lisp" {
        command_line.env("SCRIPT_RUNTIME_LISP_CORE", lisp_core());
    }
    let output = command_line.env_remove("AWS_LAMBDA_RUNTIME_API").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// The test passes, and fails where the handler adds in place of multiplying, or takes any price.
fn check(language: &str, handler: &str, command: &[&str], sum: (&str, &str), sign: (&str, &str)) {
    let (passes, said) = run(language, handler, command, None);
    assert!(passes && said.starts_with("ok: adds up\n") && !said.contains("failed"), "{said}");
    for (change, what) in [(sum, "failed: adds up"), (sign, "failed: refuses a price below zero")] {
        let (passes, said) = run(language, handler, command, Some(change));
        assert!(!passes && said.contains(what), "{change:?}: {said}");
    }
}

#[test]
fn the_test_in_bash_finds_what_is_wrong() {
    if has("jq") {
        check("bash", "prices.sh", &["./test.sh"], (".price * ", ".price + "), (".price < 0", ".price < -9"));
    }
}

#[test]
fn the_test_in_powershell_finds_what_is_wrong() {
    if has("pwsh") {
        let command = ["pwsh", "-NoProfile", "-File", "test.ps1"];
        check("powershell", "Prices.psm1", &command, ("price * ", "price + "), ("-lt 0", "-lt -9"));
    }
}

#[test]
fn the_test_in_lisp_finds_what_is_wrong() {
    if has("sbcl") && has("yason") {
        let command = ["sbcl", "--script", "test.lisp"];
        check("lisp", "prices.lisp", &command, ("(* price", "(+ price"), ("(minusp price)", "(minusp (+ 9 price))"));
    }
}
