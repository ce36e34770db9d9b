//! The images, built and run by a real Docker engine.
//!
//! What the Dockerfile downloads or compiles is brought along instead: this build's bootstrap, and the programs that
//! are installed here. The base images must be there; where they cannot be pulled, stand-ins will do.

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{BOOTSTRAP, available, on_path, repository, until};

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
        let base = docker(&["image", "inspect", BASE]);
        let base = base.status.success();
        base.then(build)
    });
    let built = on_path("docker").then_some(built.as_ref()).flatten();
    if !available("docker", built.is_some()) {
        return None;
    }
    let there = built.is_some_and(|targets| targets.contains(&target));
    let part = match target.split('-').next().unwrap() {
        "rie" => "emulator",
        "lisp" => "sbcl",
        "powershell" | "all" => "pwsh",
        _ => "docker",
    };
    available(part, there).then(|| format!("{IMAGE}:{target}"))
}

/// How much larger than its base an image is, in bytes; also printed.
fn size_over_base(image: &str) -> u64 {
    let size = |tag: &str| -> u64 {
        docker_text(&["image", "inspect", "--format", "{{.Size}}", tag]).parse().unwrap()
    };
    let over = size(image) - size(BASE);
    // the test harness keeps what `println!` prints of tests that pass
    let _ = writeln!(std::io::stderr(), "{image}: {over} bytes over its base");
    over
}

/// Where the build contexts are made anew by each run.
fn contexts() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("contexts")
}

fn build() -> Vec<&'static str> {
    let contexts = contexts();
    let _ = fs::remove_dir_all(&contexts);
    fs::create_dir_all(&contexts).unwrap();
    let mut targets = vec!["bash-al2-amd64"];
    let mut command = Command::new("docker");
    command.args(["buildx", "bake"]).env("IMAGE", IMAGE).current_dir(repository());
    let mut bring = |target: &str, name: &str, directory: &Path| {
        command.arg("--set").arg(format!("{target}.contexts.{name}={}", directory.display()));
    };
    bring("*", "bootstrap", &bootstrap_context(&contexts));
    bring("*", "jq", &jq_context(&contexts));
    if let Some(context) = emulator_context(&contexts) {
        targets.push("rie-bash-al2-amd64");
        bring("rie-*", "rie", &context);
    }
    let sbcl = sbcl_context(&contexts);
    let powershell = powershell_context(&contexts);
    if let Some(context) = &sbcl {
        targets.push("lisp-al2-amd64");
        bring("*", "sbcl", context);
    }
    if let Some(context) = &powershell {
        targets.push("powershell-runtime-al2-amd64");
        bring("*", "powershell", context);
    }
    if sbcl.is_some() && powershell.is_some() {
        targets.push("all-al2-amd64");
    }
    let output = command.args(&targets).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    targets
}

/// A file of a build context, executable, and the context.
fn context(contexts: &Path, name: &str, from: &Path, to: &str) -> PathBuf {
    let context = contexts.join(name);
    let file = context.join(to);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::copy(from, &file).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    context
}

fn bootstrap_context(contexts: &Path) -> PathBuf {
    // the release build where there is one, for the sizes
    let bootstrap = std::env::var_os("IMAGE_BOOTSTRAP").map_or_else(|| BOOTSTRAP.into(), PathBuf::from);
    context(contexts, "bootstrap", &bootstrap, "var/runtime/bootstrap")
}

/// jq as it is here, with the libraries that the base lacks.
fn jq_context(contexts: &Path) -> PathBuf {
    let script = contexts.join("jq.sh");
    fs::write(&script, "#!/bin/sh\nLD_LIBRARY_PATH=/opt/lib exec /opt/lib/jq \"$@\"\n").unwrap();
    let jq = context(contexts, "jq", &script, "opt/bin/jq");
    if on_path("jq") {
        let program = docker_free("sh", &["-c", "command -v jq"]);
        context(contexts, "jq", Path::new(&program), "opt/lib/jq");
        for line in docker_free("ldd", &[&program])
            .lines()
            .filter(|line| line.contains("jq") || line.contains("onig"))
        {
            let library = Path::new(line.split_whitespace().nth(2).unwrap());
            let name = library.file_name().unwrap().to_str().unwrap();
            context(contexts, "jq", library, &format!("opt/lib/{name}"));
        }
    }
    jq
}

fn docker_free(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn emulator_context(contexts: &Path) -> Option<PathBuf> {
    let file = std::env::var_os("AWS_LAMBDA_RIE").map(PathBuf::from).filter(|file| file.is_file())?;
    Some(context(contexts, "rie", &file, "usr/local/bin/aws-lambda-rie"))
}

/// SBCL as it is here, without its own core, and one with the shim and the libraries that are here.
fn sbcl_context(contexts: &Path) -> Option<PathBuf> {
    if !on_path("sbcl") {
        return None;
    }
    let program = docker_free("sh", &["-c", "readlink -f \"$(command -v sbcl)\""]);
    let context = context(contexts, "sbcl", Path::new(&program), "opt/bin/sbcl");
    let core = context.join("opt/lisp/runtime.core");
    let built = Command::new(repository().join("lisp/build-core.sh")).arg(&core).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    copy_tree("/usr/lib/sbcl/contrib", &context.join("opt/lib/sbcl/contrib"));
    // as the Dockerfile does
    fs::remove_file(context.join("opt/lib/sbcl/contrib/sb-simd.fasl")).unwrap();
    Some(context)
}

/// The directory of the `pwsh` that is here.
fn powershell_context(contexts: &Path) -> Option<PathBuf> {
    let program = std::env::var("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|_| "pwsh".to_owned());
    let program = docker_free("sh", &["-c", &format!("readlink -f \"$(command -v '{program}')\"")]);
    let home = Path::new(&program).parent()?.to_str().filter(|home| !home.is_empty())?.to_owned();
    let context = contexts.join("powershell");
    copy_tree(&home, &context.join("opt/powershell"));
    fs::create_dir_all(context.join("opt/bin")).unwrap();
    symlink("../powershell/pwsh", context.join("opt/bin/pwsh")).unwrap();
    Some(context)
}

fn copy_tree(from: &str, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let status =
        Command::new("cp").args(["--archive", "--no-target-directory", from]).arg(to).status().unwrap();
    assert!(status.success(), "{from}");
}

/// A container that goes when this does.
struct Container(String);

impl Container {
    fn start(arguments: &[&str]) -> Self {
        Self(docker_text(&[&["run", "--detach"], arguments].concat()))
    }

    /// The answer of the emulator inside, without any network.
    fn invoke(&self, event: &str) -> String {
        let mut answer = String::new();
        until("an answer of the emulator", || {
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

#[test]
fn an_image_runs_its_sample_and_ends() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let (answer, log, status) = once(&[&image, "function.handler", r#"{"some": "request"}"#]);
    assert!(answer.starts_with(r#"{"statusCode":200,"body":"Hello from Bash, request "#), "{answer} {log}");
    assert!(log.starts_with("got 19 characters\nREPORT Init Duration: "), "{log}");
    assert_eq!(status, 0);
}

#[test]
fn the_lisp_image_runs_its_samples_confined() {
    let Some(image) = image("lisp-al2-amd64") else { return };
    let called = "a simple handler was called with: {\"a\": 1}\n";
    for (handler, answer) in [("simple_handler.simple-handler", called), ("echo.ros", "{\"a\": 1}\n")] {
        let confined = ["--read-only", "--tmpfs", "/tmp", "--user", "12345:12345"];
        let (out, log, _) = once(&[&confined[..], &[&image, handler, "{\"a\": 1}"]].concat());
        assert_eq!(out, answer, "{handler}: {log}");
    }
    assert!(size_over_base(&image) < 60_000_000);
}

#[test]
fn the_powershell_image_runs_its_sample_confined() {
    let Some(image) = image("powershell-runtime-al2-amd64") else { return };
    let confined = ["--read-only", "--tmpfs", "/tmp", "--user", "12345:12345"];
    let event = r#"{"name": "you"}"#;
    let (out, log, _) = once(&[&confined[..], &[&image, "example.Test-Lambda", event]].concat());
    assert_eq!(out, "Hello, you\n\n", "{log}");
    size_over_base(&image);
}

#[test]
fn the_image_of_all_runs_every_language() {
    let Some(image) = image("all-al2-amd64") else { return };
    for (handler, begin) in [
        ("function.handler", r#"{"statusCode":200,"#),
        ("simple_handler.simple-handler", "a simple handler was called with: {"),
        ("example.Test-Lambda", "Hello, you\n"),
    ] {
        let (out, log, _) = once(&[&image, handler, r#"{"name": "you"}"#]);
        assert!(out.starts_with(begin), "{handler}: {out} {log}");
    }
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
    let confined = ["--read-only", "--tmpfs", "/tmp", "--user", "12345:12345", "--volume", &mount];
    let (answer, log, _) = once(&[&confined[..], &[&image, "function.handler", "{}"]].concat());
    assert_eq!(answer, "12345 /tmp\n", "{log}");
}

#[test]
fn the_emulator_variant_answers_without_a_network() {
    let Some(image) = image("rie-bash-al2-amd64") else { return };
    let container = Container::start(&["--network", "none", "--read-only", "--tmpfs", "/tmp", &image]);
    for _ in 0..2 {
        let answer = container.invoke("{}");
        assert!(answer.starts_with(r#"{"statusCode":200,"body":"Hello from Bash, request "#), "{answer}");
    }
}

#[test]
fn the_emulator_variant_says_what_is_wrong_with_a_handler() {
    let Some(image) = image("rie-bash-al2-amd64") else { return };
    let container = Container::start(&["--network", "none", &image, "function.wrong"]);
    let answer = container.invoke("{}");
    assert!(answer.contains("Runtime.HandlerNotFound"), "{answer}");
}

#[test]
fn run_local_serves_until_it_is_interrupted_and_leaves_no_container() {
    if image("rie-bash-al2-amd64").is_none() || !available("make", on_path("make")) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let brought =
        |target: &str, name| format!("--set {target}.contexts.{name}={}", contexts().join(name).display());
    let bake = [brought("*", "bootstrap"), brought("*", "jq"), brought("rie-*", "rie")].join(" ");
    let word = |word: &str| {
        let mut command = Command::new("make");
        command.arg("--no-print-directory").arg(word).arg(format!("PORT={port}")).current_dir(repository());
        command
    };
    let mut serving = word("run-local")
        .args(["VARIANT=bash", &format!("IMAGE={IMAGE}-local"), &format!("BAKE={bake}")])
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut answer = String::new();
    until("an answer", || {
        let output = word("invoke").output().unwrap();
        answer = String::from_utf8(output.stdout).unwrap();
        output.status.success()
    });
    assert!(answer.starts_with(r#"{"statusCode":200,"body":"Hello from Bash, request "#), "{answer}");
    // as Ctrl-C does: to all of the terminal's foreground group
    let group = format!("-{}", serving.id());
    assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
    serving.wait().unwrap();
    let filter = format!("ancestor={IMAGE}-local:rie-bash-al2-amd64");
    until("no container", || docker_text(&["ps", "--all", "--quiet", "--filter", &filter]).is_empty());
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
fn the_function_is_one_layer_on_top() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let layers = |tag: &str| -> Vec<String> {
        let json = docker_text(&["image", "inspect", "--format", "{{json .RootFS.Layers}}", tag]);
        serde_json::from_str(&json).unwrap()
    };
    let base = layers(BASE);
    // the working directory, the bootstrap, jq, the function
    let ours = layers(&image);
    assert_eq!(ours[..base.len()], base);
    assert!(ours.len() <= base.len() + 4, "{ours:?}");
    let history = docker_text(&["image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", &image]);
    assert!(history.lines().next().unwrap().contains("COPY function"), "{history}");
}

#[test]
fn an_image_is_small() {
    let Some(image) = image("bash-al2-amd64") else { return };
    let over = size_over_base(&image);
    if std::env::var_os("IMAGE_BOOTSTRAP").is_some() {
        assert!(over < 4_000_000);
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
