//! The one idempotent step: a first deploy, a second one, and what is different.

use std::{fs, process::Command};

use serde_json::json;

use super::{Project, cloud::Turn};

/// The calls of a first deploy.
const FIRST: [&str; 11] = [
    "GetFunction",
    "GetRole",
    "DescribeRepositories",
    "CreateRepository",
    "DescribeImages",
    "GetAuthorizationToken",
    "DescribeImages",
    "CreateRole",
    "AttachRolePolicy",
    "CreateFunction",
    // the wait
    "GetFunction",
];

fn deploys_once_and_then_changes_nothing(project: &Project) {
    let all = [
        "deploy",
        "--handler",
        "function.handler",
        "--env",
        "GREETING=hällo \"you\"\nand\tyou \\ \u{1}",
        "--env",
        "SECRET_TOKEN",
        "--description",
        "says, \"hällo\"",
        "--log-format=JSON",
    ];
    let first = project.succeed(&all);
    assert_eq!(first.out, format!("{}\n", project.arn()));
    assert_eq!(project.cloud.operations(), FIRST);
    let (uri, name) = (project.repository_uri(), project.name);
    let registry = uri.split('/').next().unwrap();
    let looks = [
        format!(
            "docker buildx build --platform linux/amd64 --provenance=false --sbom=false --load --tag {uri}:latest ."
        ),
        format!(
            "docker image inspect --format {{{{.Architecture}}}} {{{{.Size}}}} {{{{join .RepoDigests \" \"}}}} {uri}:latest"
        ),
    ];
    let pushes =
        [format!("docker login --username AWS --password-stdin {registry}"), format!("docker push {uri}:latest")];
    assert_eq!(project.docker_calls(), [looks.clone(), pushes].concat());
    assert_eq!(project.noted("password"), "123456789012-auth-token");

    let function = project.function();
    let image = project.ask(&["ecr", "describe-images", "--repository-name", name]);
    let digest = image["imageDetails"][0]["imageDigest"].as_str().unwrap();
    assert_eq!(function["Code"]["ImageUri"], format!("{uri}@{digest}"));
    let configuration = &function["Configuration"];
    assert_eq!(
        configuration["Environment"]["Variables"],
        json!({ "GREETING": "hällo \"you\"\nand\tyou \\ \u{1}", "SECRET_TOKEN": "of the environment" })
    );
    assert_eq!(configuration["Description"], "says, \"hällo\"");
    assert_eq!((&configuration["MemorySize"], &configuration["Timeout"]), (&json!(512), &json!(30)));
    assert_eq!(configuration["Role"], format!("arn:aws:iam::123456789012:role/{name}-role"));
    let repositories = project.ask(&["ecr", "describe-repositories", "--repository-names", name]);
    let made = &repositories["repositories"][0];
    assert_eq!(made["imageScanningConfiguration"]["scanOnPush"], true);
    assert_eq!(made["imageTagMutability"], "MUTABLE");

    // other users of the machine see the arguments
    let arguments = project.noted("arguments");
    for secret in ["of the environment", "auth-token", "secret-access-key"] {
        assert!(!arguments.contains(secret), "{arguments}");
        assert!(!first.err.contains(secret), "{}", first.err);
    }

    let second = project.succeed(&all);
    assert_eq!(second.out, first.out);
    assert_eq!(project.cloud.operations(), ["GetFunction", "DescribeRepositories", "DescribeImages"]);
    assert_eq!(project.docker_calls(), looks);
}

#[test]
fn deploys_from_nothing_and_makes_no_needless_call_again() {
    let Some(project) = Project::new("deploys") else { return };
    deploys_once_and_then_changes_nothing(&project.variable("SECRET_TOKEN", "of the environment"));
}

#[test]
fn deploys_with_version_2_of_the_aws_cli() {
    let Some(project) = Project::with_aws_cli("deploys-2", 2) else { return };
    // this one has to know each parameter, and Debian's is older than log formats
    let knows = Command::new(&project.aws).args(["lambda", "create-function", "--logging-config"]).output().unwrap();
    if String::from_utf8_lossy(&knows.stderr).contains("expected one argument") {
        deploys_once_and_then_changes_nothing(&project.variable("SECRET_TOKEN", "of the environment"));
        return;
    }
    let error = project.fail(&["deploy", "--log-format", "JSON"]);
    assert!(error.contains("Unknown parameter in input: \"LoggingConfig\""), "{error}");
    assert!(error.ends_with("manage.sh: to do: install a newer AWS CLI: this one does not know the call\n"), "{error}");
    project.succeed(&["deploy", "--handler", "function.handler", "--env", "GREETING=hällo \"you\"\n"]);
    project.cloud.take();
    project.succeed(&["deploy", "--handler", "function.handler", "--env", "GREETING=hällo \"you\"\n"]);
    assert_eq!(project.cloud.operations(), ["GetFunction", "DescribeRepositories", "DescribeImages"]);
    assert_eq!(project.succeed(&["invoke", "--event", "{\"ä\": 1}"]).out, "{\"ä\": 1}");
    project.succeed(&["deploy", "--snapstart"]);
    project.cloud.take();
    project.succeed(&["deploy", "--snapstart"]);
    assert_eq!(
        project.cloud.operations(),
        ["GetFunction", "DescribeRepositories", "DescribeImages", "GetFunction", "GetFunction"]
    );
    project.succeed(&["delete", "--all", "--yes"]);
}

#[test]
fn changes_what_is_asked_for_and_leaves_the_rest() {
    let Some(project) = Project::new("changes") else { return };
    project.succeed(&[
        "deploy",
        "--handler",
        "a.first",
        "--env",
        "KEPT=1 ü\"",
        "--env",
        "CHANGED=1",
        "--memory",
        "256",
    ]);
    project.cloud.take();

    project.succeed(&["deploy", "--handler", "a.second"]);
    let calls = project.cloud.take();
    let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
    let changed = "UpdateFunctionConfiguration";
    assert_eq!(operations, ["GetFunction", "DescribeRepositories", "DescribeImages", changed, "GetFunction"]);
    assert_eq!(calls[3].body, json!({ "ImageConfig": { "Command": ["a.second"] } }));

    project.succeed(&["update", "--env", "CHANGED=2", "--env", "NEW_ONE=3", "--timeout", "7"]);
    assert_eq!(
        project.body_of(changed),
        json!({
            "Timeout": 7,
            "Environment": { "Variables": { "KEPT": "1 ü\"", "CHANGED": "2", "NEW_ONE": "3" } },
        })
    );
    assert_eq!(project.function()["Configuration"]["MemorySize"], 256);

    project.succeed(&["update", "--log-format", "JSON"]);
    let logging = json!({ "LogFormat": "JSON", "LogGroup": "/aws/lambda/changes" });
    assert_eq!(project.body_of(changed), json!({ "LoggingConfig": logging }));

    // an entry point and a directory of the function's own outlive a new handler
    project.cloud.next(
        "GetFunction",
        Turn::Changes(Box::new(|function| {
            function["Configuration"]["ImageConfigResponse"]["ImageConfig"] =
                json!({ "EntryPoint": ["/x \"y\"", "\\"], "Command": ["a", "b"], "WorkingDirectory": "/w" });
        })),
    );
    project.succeed(&["update", "--handler", "a"]);
    assert_eq!(
        project.body_of(changed),
        json!({ "ImageConfig": { "Command": ["a"], "EntryPoint": ["/x \"y\"", "\\"], "WorkingDirectory": "/w" } })
    );
}

#[test]
fn a_new_image_changes_the_code_alone() {
    let Some(project) = Project::new("new-image") else { return };
    project.succeed(&["deploy"]);
    let before = project.function()["Code"]["ImageUri"].clone();
    project.cloud.take();
    project.file("function.sh", "handler() { tac; }\n");
    let pushed = project.succeed(&["push"]).out;
    assert_eq!(
        project.cloud.operations(),
        ["DescribeRepositories", "DescribeImages", "GetAuthorizationToken", "DescribeImages"]
    );
    assert_eq!(project.function()["Code"]["ImageUri"], before);
    project.succeed(&["update"]);
    let code = "UpdateFunctionCode";
    let looks = ["GetFunction", "DescribeRepositories", "DescribeImages"];
    assert_eq!(project.cloud.operations(), [&looks[..], &[code, "GetFunction"]].concat());
    assert_eq!(project.function()["Code"]["ImageUri"], pushed.trim_end());
    assert_ne!(before, pushed.trim_end());

    // one architecture to the other is code, too
    project.docker_knows("image", "arm64 1000");
    project.succeed(&["deploy", "--arch", "arm64"]);
    let body = project.body_of(code);
    assert_eq!(body["Architectures"], json!(["arm64"]));
    assert_eq!(body["ImageUri"], pushed.trim_end());
    assert!(project.docker_calls().iter().any(|call| call.contains(" --platform linux/arm64 ")));
}

#[test]
fn builds_for_the_architecture_of_the_function_where_none_is_named() {
    let Some(project) = Project::new("architecture") else { return };
    project.docker_knows("image", "arm64 1000");
    let project = project.variable("FUNCTION_ARCH", "arm64");
    project.succeed(&["deploy"]);
    project.docker_calls();
    project.succeed(&["push", "--arch", ""]);
    assert!(project.docker_calls()[0].starts_with("docker buildx build --platform linux/arm64 "));
}

#[test]
fn builds_a_folder_without_a_dockerfile_from_a_base_image() {
    let Some(project) = Project::new("based") else { return };
    fs::remove_file(project.folder.path().join("Dockerfile")).unwrap();
    let error = project.fail(&["push"]);
    assert!(error.contains(". has no Dockerfile: write one"), "{error}");
    project.succeed(&["push", "--base", "runtime:bash", "--immutable", "--tag", "v1", "--repository", "based/on"]);
    let build = project.docker_calls().remove(0);
    assert!(build.contains("/based/on:v1 --file "), "{build}");
    let repositories = project.ask(&["ecr", "describe-repositories", "--repository-names", "based/on"]);
    assert_eq!(repositories["repositories"][0]["imageTagMutability"], "IMMUTABLE");
}

#[test]
fn publishes_a_version_and_moves_the_alias_where_something_is_new() {
    let Some(project) = Project::new("snapstart") else { return };
    project.succeed(&["deploy", "--snapstart", "--env", "STAGE=one"]);
    let made = project.cloud.take();
    let last: Vec<_> = made.iter().rev().take(5).rev().map(|call| call.operation.as_str()).collect();
    assert_eq!(last, ["GetFunction", "GetFunction", "PublishVersion", "GetFunction", "CreateAlias"]);
    let created = made.iter().find(|call| call.operation == "CreateFunction").unwrap();
    assert_eq!(created.body["SnapStart"], json!({ "ApplyOn": "PublishedVersions" }));
    let alias = || {
        let alias = project.ask(&["lambda", "get-alias", "--function-name", "snapstart", "--name", "live"]);
        alias["FunctionVersion"].as_str().unwrap().to_owned()
    };
    assert_eq!(alias(), "1");

    project.succeed(&["deploy", "--snapstart"]);
    let looks = ["GetFunction", "DescribeRepositories", "DescribeImages", "GetFunction", "GetFunction"];
    assert_eq!(project.cloud.operations(), looks);

    // a run that ended before the alias was moved is finished
    project.cloud.next("UpdateAlias", Turn::Fails("TooManyRequestsException", "slow down".into()));
    project.fail(&["deploy", "--snapstart", "--handler", "function.other"]);
    assert_eq!(alias(), "1");
    project.succeed(&["deploy", "--snapstart"]);
    assert_eq!(alias(), "2");

    project.cloud.take();
    assert_eq!(project.succeed(&["invoke", "--snapstart", "--event", "x"]).out, "x");
    assert!(project.noted("arguments").contains("lambda invoke --function-name snapstart --qualifier live "));
}

#[test]
fn a_profile_and_a_region_go_before_the_environment() {
    let Some(project) = Project::new("profiled") else { return };
    let credentials = project.stand_in.path().join(".aws/credentials");
    fs::create_dir(credentials.parent().unwrap()).unwrap();
    fs::write(credentials, "[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = x\n").unwrap();
    project.succeed(&["push", "--profile", "other", "--region", "us-east-2"]);
    for call in project.cloud.take() {
        assert!(call.signature.contains("Credential=AKIDOTHER/"), "{call:?}");
        assert!(call.signature.contains("/us-east-2/"), "{call:?}");
    }
}
