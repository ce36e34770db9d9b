//! The programs and rights that some tests need: finds them, and reports missing ones.

use std::{
    fs::OpenOptions,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use super::{BOOTSTRAP, find_on_path, language::core_holds, repository};

/// The first line of a test that needs programs: the test ends if one of them is missing.
macro_rules! needs {
    ($($requirement:tt),+) => {
        $(if !$crate::support::needs::has(stringify!($requirement).trim_matches('"')) {
            return;
        })+
    };
}

/// Whether a requirement is met; a missing one is reported. For tests that skip some of their cases.
pub fn has(requirement: &str) -> bool {
    found(requirement, find(requirement)).is_some()
}

/// The path of a required program; a missing one is reported.
pub fn path_of(requirement: &str) -> Option<PathBuf> {
    found(requirement, find(requirement))
}

/// Finds a requirement. One without a file has an empty path.
fn find(requirement: &str) -> Option<PathBuf> {
    let met = |holds: bool| holds.then(PathBuf::new);
    match requirement {
        "pwsh" => std::env::var_os("SCRIPT_RUNTIME_PWSH").map(PathBuf::from).or_else(|| find_on_path("pwsh")),
        // a module of official builds of PowerShell
        "Start-ThreadJob" => {
            let pwsh = find("pwsh")?.display().to_string();
            let command = "$null = Get-Command Start-ThreadJob -ErrorAction Stop";
            met(works(&[&pwsh, "-NoProfile", "-NonInteractive", "-Command", command]))
        }
        "yason" => met(find_on_path("sbcl").is_some() && core_holds("yason")),
        "emulator" => find_on_path(std::env::var_os("AWS_LAMBDA_RIE").unwrap_or("aws-lambda-rie".into())),
        "echo-example" => file(PathBuf::from(BOOTSTRAP).with_file_name("examples/echo")),
        // `.ci/setup portable` installs it
        "cargo-zigbuild" => file(repository().join("target/tools/portable/bin/cargo-zigbuild")),
        "buildx" => met(works(&["docker", "buildx", "version"])),
        "git-http-backend" => {
            let output = Command::new("git").arg("--exec-path").output().ok()?;
            file(PathBuf::from(String::from_utf8(output.stdout).unwrap().trim()).join("git-http-backend"))
        }
        // `.ci/setup aws` installs it
        "boto3" => {
            let python = repository().join("target/tools/aws/bin/python3");
            works(&[&python.display().to_string(), "-c", "import boto3"]).then_some(python)
        }
        // `.ci/setup durable` installs it, with the conformance suite
        "durable-runner" => file(repository().join("target/tools/durable/bin/dex-local-runner")),
        "CGI.pm" => met(works(&["perl", "-MCGI", "-e", "1"])),
        "cgitb" => met(works(&["python3", "-c", "import cgitb"])),
        "mounts" => met(works(&["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /var"])),
        "root" => met(works(&["test", "-O", "/"])),
        "namespaces" => met(works(&["unshare", "--pid", "--net", "--fork", "--mount-proc", "true"])),
        "terraform-plugins" => {
            let plugins = std::env::var_os("SCRIPT_RUNTIME_TEST_TERRAFORM_PLUGINS").map(PathBuf::from);
            plugins.filter(|plugins| plugins.is_dir())
        }
        program => find_on_path(program),
    }
}

fn file(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

/// Whether this command ends with status 0.
fn works(command: &[&str]) -> bool {
    let mut program = Command::new(command[0]);
    program.args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    program.status().is_ok_and(|status| status.success())
}

/// Returns a requirement of a test. If it is missing, the test is reported as skipped, or fails if `REQUIRE` names the
/// requirement (a list with commas, or `all`).
pub fn found<T>(requirement: &str, thing: Option<T>) -> Option<T> {
    if thing.is_none() {
        let required = std::env::var("REQUIRE").unwrap_or_default();
        let required = required.split(',').any(|name| name == requirement || name == "all");
        assert!(!required, "REQUIRE names `{requirement}`, and it is not here");
        report_skipped(thread::current().name().unwrap_or_default(), requirement);
    }
    thing
}

/// Prints a line about a skipped test, and adds it to the file that `SKIPPED` names. `make test` counts those lines.
fn report_skipped(test: &str, requirement: &str) {
    let line = format!("{test}: skipped: no {requirement}\n");
    // the test harness shows the text of `eprintln!` only for failed tests
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(list) = std::env::var_os("SKIPPED") {
        let mut list = OpenOptions::new().create(true).append(true).open(list).unwrap();
        list.write_all(line.as_bytes()).unwrap();
    }
}
