//! The images, built and run by a real Docker engine.
//!
//! Build contexts replace the Dockerfile's downloads and compilations: this build's bootstrap, and the programs that are
//! installed here. The base images must be there; where they cannot be pulled, stand-ins will do.

mod building;
mod contexts;
mod downloads;
mod emulator;
mod matrix;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
    sync::OnceLock,
};

use tempfile::TempDir;

use self::contexts::build;
use crate::support::{needs::found, on_path, repository, until};

const IMAGE: &str = "lambda-script-runtime-test";
const BASE: &str = "public.ecr.aws/lambda/provided:al2";
const INVOCATIONS: &str = "http://127.0.0.1:8080/2015-03-31/functions/function/invocations";

fn docker(arguments: &[&str]) -> Output {
    Command::new("docker").args(arguments).current_dir(repository()).output().unwrap()
}

/// The standard output of a `docker` that must succeed.
fn docker_text(arguments: &[&str]) -> String {
    let output = docker(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// The tag of a target of `docker-bake.hcl`, built once; `None` where there is no engine or no base image.
fn image(target: &str) -> Option<String> {
    static BUILT: OnceLock<Option<Vec<&str>>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let base = on_path("docker") && docker(&["image", "inspect", BASE]).status.success();
        base.then(build)
    });
    let targets = found("docker", built.as_ref())?;
    let part = match target.split('-').next().unwrap() {
        "rie" => "emulator",
        "lisp" => "sbcl",
        "powershell" | "all" => "pwsh",
        _ => "docker",
    };
    found(part, targets.contains(&target).then(|| format!("{IMAGE}:{target}")))
}

/// A container that goes when this does.
struct Container(String);

impl Container {
    fn start(arguments: &[&str]) -> Self {
        Self(docker_text(&[&["run", "--detach"], arguments].concat()))
    }

    /// The answer of what serves inside, without any network.
    fn invoke(&self, event: &str) -> String {
        let mut answer = String::new();
        until("an answer", || {
            let output = docker(&["exec", &self.0, "curl", "--silent", "--data", event, INVOCATIONS]);
            answer = String::from_utf8(output.stdout).unwrap();
            output.status.success()
        });
        answer
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        docker(&["rm", "--force", &self.0]);
    }
}

/// One event in a new container: standard output, standard error, exit status.
fn once(arguments: &[&str]) -> (String, String, i32) {
    let container = Container::start(&[&["--network", "none"], arguments].concat());
    let status = docker_text(&["wait", &container.0]).parse().unwrap();
    // not what `docker run` shows: of a container that ends at once that may be nothing
    let output = docker(&["logs", &container.0]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), status)
}

fn task_root(files: &[(&str, &str)]) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let mount = format!("{}:/var/task:ro", directory.path().display());
    (directory, mount)
}

/// The options of a container that has our samples as its task root.
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/function:/var/task:ro");

const CONFINED: [&str; 5] = ["--read-only", "--tmpfs", "/tmp", "--user", "12345:12345"];

#[test]
fn an_image_runs_one_event_and_ends() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let (answer, log, status) = once(&["--volume", SAMPLES, &image, "function.handler", r#"{"some": "request"}"#]);
    assert!(answer.starts_with(r#"{"statusCode":200,"body":"Hello from Bash, request "#), "{answer} {log}");
    assert!(log.starts_with("got 19 characters\nREPORT Init Duration: "), "{log}");
    assert_eq!(status, 0);
}

#[test]
fn a_variant_is_bare_and_says_how_files_get_into_it() {
    for target in ["bash-al2-amd64", "lisp-al2-amd64", "powershell-runtime-al2-amd64", "all-al2-amd64"] {
        let Some(image) = image(target) else { continue };
        // with the command of the image alone, as where a `CMD` was forgotten
        let (answer, log, status) = once(&[&image]);
        assert_eq!((answer.as_str(), status), ("", 1), "{target}: {log}");
        for part in [
            "handler `function.handler` fits no file",
            "`function.sh`",
            "the task root `/var/task` is empty",
            "`COPY . ${LAMBDA_TASK_ROOT}`",
            "`docker run --volume \"$PWD\":/var/task`",
        ] {
            assert!(log.contains(part), "{target}: {part}: {log}");
        }
    }
}

#[test]
fn functions_get_the_bash_of_the_image_and_programs_that_of_the_base() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let code = "#!/bin/bash\nhandler() { run; }\nrun() { readlink /proc/$BASHPID/exe; bash -c 'readlink /proc/$$/exe; :'; }\n\
                [[ $0 != *program.sh ]] || run";
    let (_directory, mount) = task_root(&[("function.sh", code), ("program.sh", code)]);
    let base = "/usr/bin/bash";
    for (handler, expected) in [("function.handler", ["/var/lang/bin/bash", base]), ("program.sh", [base, base])] {
        let (answer, log, _) = once(&["--volume", &mount, &image, handler, "{}"]);
        assert_eq!(answer, format!("{}\n", expected.join("\n")), "{handler}: {log}");
    }
}

#[test]
fn the_bash_of_the_image_finds_users_hosts_and_locales() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let code = "handler() {\n\
                    echo ~nobody ~nobody-of-this-name\n\
                    LC_ALL=C.UTF-8; word=äöü; echo \"${#word} ${word^^}\"\n\
                    { : </dev/tcp/localhost/9 || :; } 2>&1 | grep -m 1 -o refused\n\
                }";
    let (_directory, mount) = task_root(&[("function.sh", code)]);
    for options in [&CONFINED[..], &[]] {
        let (answer, log, _) = once(&[options, &["--volume", &mount, &image, "function.handler", "{}"]].concat());
        assert_eq!(answer, "/nonexistent ~nobody-of-this-name\n3 ÄÖÜ\nrefused\n", "{log}");
    }
}

#[test]
fn the_lisp_image_runs_confined() {
    let Some(image) = image("lisp-al2-amd64") else { return };
    let called = "a simple handler was called with: {\"a\": 1}\n";
    for (handler, answer) in [("simple_handler.simple-handler", called), ("echo.ros", "{\"a\": 1}\n")] {
        let command = ["--volume", SAMPLES, &image, handler, "{\"a\": 1}"];
        let (out, log, _) = once(&[&CONFINED[..], &command].concat());
        assert_eq!(out, answer, "{handler}: {log}");
    }
}

#[test]
fn the_powershell_image_runs_confined() {
    let Some(image) = image("powershell-runtime-al2-amd64") else { return };
    let command = ["--volume", SAMPLES, &image, "example.Test-Lambda", r#"{"name": "you"}"#];
    let (out, log, _) = once(&[&CONFINED[..], &command].concat());
    assert_eq!(out, "Hello, you\n\n", "{log}");
}

#[test]
fn a_mounted_directory_runs_without_a_build() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let code = "handler() { jq -r .some; }";
    let (_directory, mount) = task_root(&[("function.sh", code)]);
    let (answer, log, _) = once(&["--volume", &mount, &image, "function.handler", r#"{"some": "request"}"#]);
    assert_eq!(answer, "request\n", "{log}");
}

#[test]
fn the_handler_is_the_command_or_the_variable() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let (_directory, mount) = task_root(&[("app.sh", "one() { echo one; }\ntwo() { echo two; }")]);
    assert_eq!(once(&["--volume", &mount, &image, "app.one", "{}"]).0, "one\n");
    assert_eq!(once(&["--volume", &mount, "--env", "_HANDLER=app.two", &image, "app.one", "{}"]).0, "two\n");
    let (answer, log, status) = once(&["--volume", &mount, &image, "app.three", "{}"]);
    assert_eq!((answer.as_str(), status), ("", 1));
    assert!(log.contains(r#""errorType":"Runtime.HandlerNotFound""#), "{log}");
}

#[test]
fn runs_read_only_as_a_user_without_home_or_name() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let code = "handler() { touch /tmp/x && ! touch /var/x 2>/dev/null && echo \"$(id -u) $HOME\"; }";
    let (_directory, mount) = task_root(&[("function.sh", code)]);
    let command = ["--volume", &mount, &image, "function.handler", "{}"];
    let (answer, log, _) = once(&[&CONFINED[..], &command].concat());
    assert_eq!(answer, "12345 /tmp\n", "{log}");
}
