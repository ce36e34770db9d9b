//! The variant for local runs, with the emulator inside, and `make run-local`.

use std::{
    os::unix::process::CommandExt,
    process::{Command, Stdio},
};

use super::{Container, IMAGE, SAMPLES, contexts::contexts, docker_text, image, task_root};
use crate::support::{http::free_port, needs::has, repository, until};

#[test]
fn the_emulator_variant_answers_without_a_network() {
    let Some(image) = image("rie-bash-al2-amd64") else { return };
    let options = ["--network", "none", "--read-only", "--tmpfs", "/tmp", "--volume", SAMPLES];
    let container = Container::start(&[&options[..], &[&image]].concat());
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

/// `make` with a word and the images that this build made.
fn make(word: &str, port: &str) -> Command {
    let brought = |target: &str, name| format!("--set {target}.contexts.{name}={}", contexts().join(name).display());
    let bake = ["bootstrap", "jq", "gnu-bash"].map(|name| brought("*", name)).join(" ");
    let bake = format!("BAKE={bake} {}", brought("rie-*", "rie"));
    let mut command = Command::new("make");
    command.args(["--no-print-directory", word, "BASE=al2", &format!("IMAGE={IMAGE}-local"), &bake]);
    command.arg(format!("PORT={port}")).current_dir(repository());
    command
}

/// The answer to an event of `make invoke` that holds this text.
fn answer(port: &str, text: &str) -> String {
    let mut answer = String::new();
    until("an answer", || {
        let output = make("invoke", port).output().unwrap();
        answer = String::from_utf8(output.stdout).unwrap();
        output.status.success() && answer.contains(text)
    });
    answer
}

#[test]
fn run_local_serves_a_folder_until_it_is_interrupted_and_leaves_no_container() {
    if image("rie-bash-al2-amd64").is_none() || !has("make") {
        return;
    }
    let (folder, _) = task_root(&[("app.sh", "handler() { echo one; }")]);
    for watch in ["", "WATCH=false"] {
        std::fs::write(folder.path().join("app.sh"), "handler() { echo one; }").unwrap();
        let port = free_port().to_string();
        let directory = format!("DIR={}", folder.path().display());
        let mut serving = make("run-local", &port)
            .args([&directory, "HANDLER=app.handler", watch].map(str::to_owned).iter().filter(|w| !w.is_empty()))
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(answer(&port, "").trim_end(), "one");
        if watch.is_empty() {
            std::fs::write(folder.path().join("app.sh"), "handler() { echo two; }").unwrap();
            assert_eq!(answer(&port, "two").trim_end(), "two");
        }
        // as Ctrl-C does: to all of the terminal's foreground group
        let group = format!("-{}", serving.id());
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        serving.wait().unwrap();
        let filter = format!("ancestor={IMAGE}-local:rie-bash-al2-amd64");
        until("no container", || docker_text(&["ps", "--all", "--quiet", "--filter", &filter]).is_empty());
    }
}
