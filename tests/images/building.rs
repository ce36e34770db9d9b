//! How the images are built: the plain build and users' own, their layers and sizes, and what the Dockerfile takes.

use std::{fs, io::Write, process::Command};

use serde_json::Value;

use super::{BASE, Container, IMAGE, contexts::build_plainly, docker_text, image, once, task_root};
use crate::support::{code_block, repository};

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
fn the_handlers_of_the_readme_run_in_images_of_its_three_lines() {
    let lines = code_block("../README.md", "COPY . ${LAMBDA_TASK_ROOT}");
    for (variant, file, mark, handler, answer) in [
        ("bash", "hello.sh", "# hello.sh", "hello.handler", "{\"greeting\":\"Hello, Ada\"}\n"),
        ("lisp", "greet.lisp", ";; greet.lisp", "greet.handler", "{\"length\":15}\n"),
        (
            "powershell-runtime",
            "Greeting.psm1",
            "# Greeting.psm1",
            "Greeting.Get-Greeting",
            "{\"greeting\":\"Hello, Ada\"}\n",
        ),
    ] {
        let Some(image) = image(&format!("{variant}-al2-amd64")) else { continue };
        let published = lines.split_whitespace().nth(1).unwrap();
        let lines = lines.replace(published, &image).replace("hello.handler", handler);
        let code = code_block("../README.md", mark);
        let (directory, _) = task_root(&[(file, &code), ("Dockerfile", &lines)]);
        let tag = format!("{IMAGE}:readme-{variant}");
        docker_text(&["build", "--quiet", "--tag", &tag, directory.path().to_str().unwrap()]);
        let container = Container::start(&["--network", "none", &tag]);
        // it serves, as the page says: nothing is given but the image
        let answered = container.invoke("{\"name\": \"Ada\"}");
        assert_eq!(answered.trim_end(), answer.trim_end(), "{variant}");
    }
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

/// The size that a variant adds to its base by the page on images, in MB.
fn said_size(variant: &str) -> u64 {
    let page = fs::read_to_string(repository().join("docs/images.md")).unwrap();
    let row = page.lines().find(|line| line.starts_with(&format!("| `{variant}` |"))).unwrap();
    row.split('|').nth_back(1).unwrap().trim().strip_suffix(" MB").unwrap().parse().unwrap()
}

#[test]
fn variants_add_to_their_base_what_the_page_says() {
    let size = |tag: &str| -> u64 { docker_text(&["image", "inspect", "--format", "{{.Size}}", tag]).parse().unwrap() };
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
    needs!(buildx);
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
        for line in read(dockerfile).lines().filter(|line| line.starts_with("COPY ") && !line.contains("<<")) {
            let words: Vec<_> = line.split_whitespace().skip(1).filter(|word| !word.starts_with("--")).collect();
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
