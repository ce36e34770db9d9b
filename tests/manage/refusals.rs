//! A deployment that cannot work is refused before anything is made, or mended.

use std::fs;

use serde_json::json;

use super::Project;
use crate::support::repository;

/// Whether a call makes or changes something.
fn changes(operation: &str) -> bool {
    !["Get", "List", "Describe", "Invoke"].iter().any(|read| operation.starts_with(read))
}

#[test]
fn nothing_is_made_by_a_deployment_that_is_refused() {
    let Some(project) = Project::new("first-refused") else { return };
    let role = ["iam", "create-role", "--role-name", "theirs-role", "--assume-role-policy-document", "{}"];
    project.ask(&role);
    let bare = project.folder.path().join("bare");
    fs::create_dir(&bare).unwrap();
    let bare = bare.to_str().unwrap();
    project.file("Dockerfile", "ARG TAG\nFROM runtime:${TAG}\n");
    for (arguments, said) in [
        (
            &["--base", "x:1-bash-al2-amd64", "--arch", "arm64", "--handler", "function.sh"][..],
            "is for x86_64 and the function for arm64",
        ),
        (&["--base", "x:1"], "whose FROM takes no base: write ARG BASE"),
        (&["--dir", bare], "has no Dockerfile"),
        (
            &["--dir", bare, "--base", "x:1"],
            "has no file for the handler function.handler, which is the command of the image: name yours with --handler",
        ),
        (&["--dir", "/nope"], "there is no folder /nope"),
        (&["--name", "theirs"], "the role theirs-role was not made for this function"),
        (&["--role", "no-such-role"], "NoSuchEntity"),
        (&["--log-level", "WARN"], "add --log-format JSON"),
        (&["--repository", "a--b"], "--repository takes two or more small letters"),
        (&["--set", "NoSuch=1"], "knows no such setting"),
        (&["--set", "vpc"], "--set takes KEY=VALUE"),
        (&["--set", "MemorySize=1"], "has an option of its own: --memory"),
        (&["--set", "VpcConfig={\"SubnetIds\": 1}"], "Invalid type for parameter VpcConfig.SubnetIds"),
        (&["--set", "VpcConfig={"], "--set: "),
        (&["--set", "EphemeralStorage={\"Size\": 1}"], "valid min value: 512"),
        (&["--timeout", "1801"], "--timeout takes a number from 1 to 1800"),
        (&["--capacity-provider", "name"], "takes the provider's ARN"),
        (&["--pin", "1"], "--runtime-alias and --pin are for functions of zip archives"),
    ] {
        let ran = project.manage(&[&["deploy"][..], arguments].concat());
        assert!(ran.status != 0 && ran.err.contains(said), "{arguments:?}: {said}: {ran:?}");
        let made = project.cloud.operations();
        assert!(!made.iter().any(|operation| changes(operation)), "{arguments:?}: {made:?}");
        assert!(project.docker_calls().is_empty(), "{arguments:?}");
    }
}

#[test]
fn names_that_ecr_would_refuse_are_mended() {
    let Some(project) = Project::new("named") else { return };
    for (name, repository) in
        [("_X_", "x"), ("g", "g"), ("a--b", "a-b"), ("A_-b", "a_b"), ("my-fn", "my-fn"), ("x-_", "x")]
    {
        let repository = if repository.len() == 1 { format!("{repository}-function") } else { repository.to_owned() };
        let dry = project.succeed(&["deploy", "--name", name, "--dry-run"]).out;
        assert!(dry.contains(&format!("--repository-names {repository}\n")), "{name}: {dry}");
        assert!(dry.contains(&format!("--function-name {name}\n")), "{name}: {dry}");
    }
    let project = project.variable("FUNCTION_NAME", "");
    let folder = project.folder.path().join("odd name (1) é");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Dockerfile"), "FROM runtime\n").unwrap();
    let dry = project.succeed(&["deploy", "--dir", folder.to_str().unwrap(), "--dry-run"]).out;
    assert!(dry.contains("--function-name odd-name-1\n"), "{dry}");
    assert!(dry.contains("--repository-names odd-name-1\n"), "{dry}");
}

#[test]
fn a_base_takes_the_place_of_the_one_in_the_dockerfile() {
    let Some(project) = Project::new("based") else { return };
    for (dockerfile, option) in [
        ("ARG BASE=old:1\nFROM ${BASE}\n", "--build-arg BASE=new:1-amd64"),
        ("FROM old:1\n", "--build-context old:1=docker-image://new:1-amd64"),
        (
            "FROM --platform=linux/amd64 tools AS t\nFROM old:1 AS a\nFROM a\n",
            "--build-context old:1=docker-image://new:1-amd64",
        ),
    ] {
        project.file("Dockerfile", dockerfile);
        let dry = project.succeed(&["deploy", "--base", "new:1-amd64", "--handler", "function.sh", "--dry-run"]).out;
        assert!(dry.lines().any(|line| line.starts_with("docker buildx build ") && line.contains(option)), "{dry}");
    }
}

#[test]
fn settings_of_aws_are_passed_on_and_not_sent_twice() {
    let Some(project) = Project::new("setting") else { return };
    let provider = "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:p";
    let set = |memory: &str| {
        vec![
            "--set".to_owned(),
            format!("EphemeralStorage={{\"Size\": {memory}}}"),
            "--set".into(),
            "TracingConfig={\"Mode\": \"Active\"}".into(),
        ]
    };
    let run = |command: &str, memory: &str| {
        project.cloud.take();
        let options = set(memory);
        let mut arguments = vec![command];
        arguments.extend(options.iter().map(String::as_str));
        project.succeed(&arguments);
    };
    run("deploy", "1024");
    let body = project.body_of("CreateFunction");
    assert_eq!(body["EphemeralStorage"], json!({ "Size": 1024 }));
    assert_eq!(body["TracingConfig"], json!({ "Mode": "Active" }));
    run("update", "1024");
    assert_eq!(project.cloud.count("UpdateFunctionConfiguration"), 0);
    run("update", "2048");
    assert_eq!(project.body_of("UpdateFunctionConfiguration")["EphemeralStorage"], json!({ "Size": 2048 }));
    let dry = project
        .succeed(&["deploy", "--capacity-provider", provider, "--timeout", "5400", "--memory", "32768", "--dry-run"])
        .out;
    for part in [provider, "\"Timeout\": 5400", "\"MemorySize\": 32768"] {
        assert!(dry.contains(part), "{part}: {dry}");
    }
}

#[test]
fn the_limits_are_those_of_the_source() {
    let read = |file: &str| fs::read_to_string(repository().join(file)).unwrap();
    let (script, source, page) = (read("manage/limits.sh"), read("src/limits.rs"), read("docs/limits.md"));
    for (seconds, minutes) in [(1800, "30 minutes"), (5400, "90 minutes")] {
        assert!(script.contains(&format!("timeout={seconds}")), "{seconds}");
        assert!(source.contains(&format!("from_secs({seconds})")), "{seconds}");
        assert!(page.contains(minutes), "{minutes}");
    }
    let update = read("src/durable/update.rs");
    assert!(script.contains("longest_execution=31622400") && update.contains("31_622_400"));
    for (megabytes, said) in [("=10240", "10,240 MB"), ("=32768", "32,768 MB")] {
        assert!(script.contains(megabytes) && page.contains(said), "{said}");
    }
}
