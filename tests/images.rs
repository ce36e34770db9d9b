//! The images, built and run by a real Docker engine.
//!
//! What the Dockerfile downloads or compiles is brought along instead: this build's bootstrap, and the programs that
//! are installed here. The base images must be there; where they cannot be pulled, stand-ins will do.

mod contexts;
mod downloads;
mod emulator;

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use self::contexts::{build, build_plainly};
use crate::support::{available, on_path, repository};

const IMAGE: &str = "lambda-script-runtime-test";
const BASE: &str = "public.ecr.aws/lambda/provided:al2";

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
    if !available("docker", built.is_some()) {
        return None;
    }
    let there = built.as_ref().is_some_and(|targets| targets.contains(&target));
    let part = match target.split('-').next().unwrap() {
        "rie" => "emulator",
        "lisp" => "sbcl",
        "powershell" | "all" => "pwsh",
        _ => "docker",
    };
    available(part, there).then(|| format!("{IMAGE}:{target}"))
}

/// A container that goes when this does.
struct Container(String);

impl Container {
    fn start(arguments: &[&str]) -> Self {
        Self(docker_text(&[&["run", "--detach"], arguments].concat()))
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
    let (answer, log, status) =
        once(&["--volume", SAMPLES, &image, "function.handler", r#"{"some": "request"}"#]);
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
    for (handler, expected) in [("function.handler", ["/opt/bin/bash", base]), ("program.sh", [base, base])] {
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
        let (answer, log, _) =
            once(&[options, &["--volume", &mount, &image, "function.handler", "{}"]].concat());
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
fn a_plain_build_has_every_language_and_the_samples() {
    if image("all-al2-amd64").is_none() {
        return;
    }
    let tag = format!("{IMAGE}:plain");
    build_plainly(&tag);
    for (handler, begin) in [
        ("function.handler", r#"{"statusCode":200,"#),
        ("simple_handler.simple-handler", "a simple handler was called with: {"),
        ("example.Test-Lambda", "Hello, you\n"),
    ] {
        let (out, log, _) = once(&[&tag, handler, r#"{"name": "you"}"#]);
        assert!(out.starts_with(begin), "{handler}: {out} {log}");
    }
    let history = docker_text(&["image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", &tag]);
    assert!(history.lines().next().unwrap().contains("COPY function"), "{history}");
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

#[test]
fn a_users_image_is_three_lines() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let lines = format!("FROM {image}\nCOPY . ${{LAMBDA_TASK_ROOT}}\nCMD [\"app.handler\"]\n");
    let (directory, _) = task_root(&[("app.sh", "handler() { echo \"app $1\"; }"), ("Dockerfile", &lines)]);
    let tag = format!("{IMAGE}:user");
    docker_text(&["build", "--quiet", "--tag", &tag, directory.path().to_str().unwrap()]);
    let command = docker_text(&["image", "inspect", "--format", "{{json .Config.Cmd}}", &tag]);
    assert_eq!(command, r#"["app.handler"]"#);
    assert_eq!(once(&[&tag, "app.handler", "x"]).0, "app x\n");
}

#[test]
fn a_variant_is_few_layers() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let layers = |tag: &str| -> Vec<String> {
        let json = docker_text(&["image", "inspect", "--format", "{{json .RootFS.Layers}}", tag]);
        serde_json::from_str(&json).unwrap()
    };
    let base = layers(BASE);
    // the working directory, the bootstrap, jq, Bash
    let ours = layers(&image);
    assert_eq!(ours[..base.len()], base);
    assert!(ours.len() <= base.len() + 4, "{ours:?}");
}

/// What a variant adds to its base by the page on images, in MB.
fn said_size(variant: &str) -> u64 {
    let page = fs::read_to_string(repository().join("docs/images.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| `{variant}` |"))).unwrap();
    row.split('|').nth_back(1).unwrap().trim().strip_suffix(" MB").unwrap().parse().unwrap()
}

#[test]
fn variants_add_to_their_base_what_the_page_says() {
    let size = |tag: &str| -> u64 {
        docker_text(&["image", "inspect", "--format", "{{.Size}}", tag]).parse().unwrap()
    };
    for variant in ["bash", "lisp", "powershell-runtime", "all"] {
        let Some(image) = image(&format!("{variant}-al2-amd64")) else { continue };
        let over = size(&image) - size(BASE);
        // the test harness keeps what `println!` prints of tests that pass
        let _ = writeln!(std::io::stderr(), "{image}: {over} bytes over its base");
        // an unoptimized bootstrap alone is larger than some of the variants
        if std::env::var_os("IMAGE_BOOTSTRAP").is_some() {
            let said = said_size(variant) * 1_000_000;
            // other builds of the interpreters differ by so much
            let margin = 1_000_000 + said / 10;
            assert!(over.abs_diff(said) < margin, "{variant}: {over} bytes, the page says {said}");
        }
    }
}

#[test]
fn snapstart_is_labelled_only_when_asked_for() {
    if !available("docker", on_path("docker") && docker(&["buildx", "version"]).status.success()) {
        return;
    }
    let labels = |snapstart: &str| {
        let output = Command::new("docker")
            .args(["buildx", "bake", "--print", "bash-al2-amd64"])
            .env("SNAPSTART", snapstart)
            .current_dir(repository())
            .output()
            .unwrap();
        let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
        plan["target"]["bash-al2-amd64"]["labels"].clone()
    };
    assert_eq!(labels(""), Value::Null);
    assert_eq!(labels("true"), serde_json::json!({"com.amazonaws.lambda.feature.snapstart": "true"}));
}

#[test]
fn what_a_dockerfile_copies_is_there_and_not_ignored() {
    let read = |name: &str| fs::read_to_string(repository().join(name)).unwrap();
    let taken: Vec<_> =
        read(".dockerignore").lines().filter_map(|line| Some(line.strip_prefix('!')?.to_owned())).collect();
    let mut copied = 0;
    for dockerfile in ["Dockerfile", "Dockerfile.rie"] {
        for line in read(dockerfile).lines().filter(|line| line.starts_with("COPY ") && !line.contains("<<"))
        {
            let words: Vec<_> =
                line.split_whitespace().skip(1).filter(|word| !word.starts_with("--")).collect();
            if line.contains("--from=") {
                continue;
            }
            for source in &words[..words.len() - 1] {
                assert!(repository().join(source).exists(), "{dockerfile}: {line}");
                let first = source.split('/').next().unwrap();
                assert!(taken.iter().any(|name| name == first), "{dockerfile}: `{first}` is ignored: {line}");
                copied += 1;
            }
        }
    }
    assert!(copied >= 10, "{copied}");
}
