//! `manage.sh`: the real script and the real AWS CLI against moto, with a stand-in for docker.

mod cloud;
mod examples;
mod failures;
mod registry;
mod script;

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use self::cloud::{Cloud, Turn, moto};
use crate::support::{available, repository, until};

/// The region of all tests, as an AWS CLI is told it.
const REGION: &str = "eu-west-1";

/// A folder of handlers, a docker and an AWS for it.
struct Project {
    name: &'static str,
    folder: TempDir,
    stand_in: TempDir,
    cloud: Cloud,
    aws: PathBuf,
    variables: BTreeMap<&'static str, String>,
}

/// What a run of the script left.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// The directories with programs that tests need, `SCRIPT_RUNTIME_TEST_TOOLS` before `PATH`.
fn directories() -> Vec<PathBuf> {
    let lists = ["SCRIPT_RUNTIME_TEST_TOOLS", "PATH"].map(|name| std::env::var_os(name).unwrap_or_default());
    lists.iter().flat_map(std::env::split_paths).collect()
}

/// A program, or nothing with a word about the skipped test.
fn tool(name: &str) -> Option<PathBuf> {
    let path = directories().into_iter().map(|directory| directory.join(name)).find(|path| path.is_file());
    available(name, path.is_some()).then_some(path).flatten()
}

/// The AWS CLI of this version.
fn aws_cli(major: u8) -> Option<PathBuf> {
    let is_it = |path: &PathBuf| {
        let output = Command::new(path).arg("--version").output();
        output.is_ok_and(|output| output.stdout.starts_with(format!("aws-cli/{major}.").as_bytes()))
    };
    directories().into_iter().map(|directory| directory.join("aws")).find(is_it)
}

impl Project {
    /// With a Dockerfile and a handler, and AWS CLI version 1; nothing if tools are missing.
    fn new(name: &'static str) -> Option<Self> {
        Self::with_aws_cli(name, 1)
    }

    fn with_aws_cli(name: &'static str, major: u8) -> Option<Self> {
        let aws = aws_cli(major);
        if !available(&format!("aws-cli-{major}"), aws.is_some()) {
            return None;
        }
        let address = moto(&tool("moto_server")?);
        let project = Self {
            name,
            folder: TempDir::new().unwrap(),
            stand_in: TempDir::new().unwrap(),
            cloud: Cloud::start(address),
            aws: aws.unwrap(),
            variables: BTreeMap::from([("STAND_IN_MOTO", format!("http://{address}"))]),
        };
        project.file("Dockerfile", "FROM runtime\nCOPY . ${LAMBDA_TASK_ROOT}\n");
        project.file("function.sh", "handler() { cat; }\n");
        Some(project)
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.to_owned());
        self
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    /// Says something to the stand-in for docker.
    fn docker_knows(&self, name: &str, text: &str) {
        fs::write(self.stand_in.path().join(name), text).unwrap();
    }

    fn noted(&self, name: &str) -> String {
        fs::read_to_string(self.stand_in.path().join(name)).unwrap_or_default()
    }

    /// The calls of docker since the last look.
    fn docker_calls(&self) -> Vec<String> {
        let calls = self.noted("docker").lines().map(str::to_owned).collect();
        self.docker_knows("docker", "");
        calls
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let stand_ins = repository().join("tests/manage");
        let mut path = stand_ins.into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let bash = std::env::var_os("SCRIPT_RUNTIME_TEST_BASH").unwrap_or_else(|| "bash".into());
        let mut command = Command::new("timeout");
        command
            .args(["--kill-after=1", "60"])
            .arg(bash)
            .arg(repository().join("manage.sh"))
            .args(arguments)
            .env_clear()
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("HOME", self.stand_in.path())
            .env("STAND_IN", self.stand_in.path())
            .env("STAND_IN_AWS", &self.aws)
            .env("STAND_IN_ENDPOINT", format!("http://{}", self.cloud.address))
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret-access-key")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", REGION)
            // a call that is refused is not made again behind the script's back
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("FUNCTION_NAME", self.name)
            .env("FUNCTION_ARCH", "x86_64")
            .envs(&self.variables);
        command
    }

    fn manage(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments), "")
    }

    /// Runs it to success.
    fn succeed(&self, arguments: &[&str]) -> Ran {
        let ran = self.manage(arguments);
        assert_eq!(ran.status, 0, "{ran:?}");
        ran
    }

    /// Runs it to failure, and gives what it says.
    fn fail(&self, arguments: &[&str]) -> String {
        let ran = self.manage(arguments);
        assert_eq!((ran.status, ran.out.as_str()), (1, ""), "{ran:?}");
        ran.err
    }

    /// Asks moto itself.
    fn ask(&self, arguments: &[&str]) -> Value {
        let output = Command::new(&self.aws)
            .args([
                "--endpoint-url",
                &self.variables["STAND_IN_MOTO"],
                "--output",
                "json",
                "--region",
                REGION,
            ])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret-access-key")
            .env("AWS_PAGER", "")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    fn function(&self) -> Value {
        self.ask(&["lambda", "get-function", "--function-name", self.name])
    }

    fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:123456789012:function:{}", self.name)
    }

    fn repository_uri(&self) -> String {
        format!("123456789012.dkr.ecr.{REGION}.amazonaws.com/{}", self.name)
    }

    /// The body of the one call of this operation since the last look.
    fn body_of(&self, operation: &str) -> Value {
        let mut calls = self.cloud.take();
        calls.retain(|call| call.operation == operation);
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls.remove(0).body
    }
}

fn run(command: &mut Command, input: &str) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // who does not read standard input closes it
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// The calls of a first deploy.
const FIRST: [&str; 11] = [
    "GetFunction",
    "DescribeRepositories",
    "CreateRepository",
    "DescribeImages",
    "GetAuthorizationToken",
    "DescribeImages",
    "GetRole",
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
    let pushes = [
        format!("docker login --username AWS --password-stdin {registry}"),
        format!("docker push {uri}:latest"),
    ];
    assert_eq!(project.docker_calls(), [looks.clone(), pushes].concat());
    assert_eq!(project.noted("password"), "123456789012-auth-token\n");

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

    // what others on the machine can see
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
    let knows =
        Command::new(&project.aws).args(["lambda", "create-function", "--logging-config"]).output().unwrap();
    if String::from_utf8_lossy(&knows.stderr).contains("expected one argument") {
        deploys_once_and_then_changes_nothing(&project.variable("SECRET_TOKEN", "of the environment"));
        return;
    }
    let error = project.fail(&["deploy", "--log-format", "JSON"]);
    assert!(error.contains("Unknown parameter in input: \"LoggingConfig\""), "{error}");
    assert!(
        error.ends_with("manage.sh: to do: install a newer AWS CLI: this one does not know the call\n"),
        "{error}"
    );
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
    project.succeed(&[
        "push",
        "--base",
        "runtime:bash",
        "--immutable",
        "--tag",
        "v1",
        "--repository",
        "based/on",
    ]);
    let build = project.docker_calls().remove(0);
    assert!(build.contains("/based/on:v1 --file "), "{build}");
    let repositories = project.ask(&["ecr", "describe-repositories", "--repository-names", "based/on"]);
    assert_eq!(repositories["repositories"][0]["imageTagMutability"], "IMMUTABLE");
}

#[test]
fn goes_on_where_a_failure_stopped_it() {
    let Some(project) = Project::new("resumes") else { return };
    let steps =
        ["CreateRepository", "GetAuthorizationToken", "CreateRole", "AttachRolePolicy", "CreateFunction"];
    for step in steps {
        let message = format!("User: x is not authorized to perform: {step}");
        project.cloud.next(step, Turn::Fails("AccessDeniedException", message.clone()));
        let error = project.fail(&["deploy", "--handler", "function.handler"]);
        let lines: Vec<_> = error.lines().collect();
        let [.., call, said, to_do] = lines.as_slice() else { panic!("{error}") };
        assert!(call.starts_with("manage.sh: this call failed: aws "), "{error}");
        assert!(said.contains(&format!("calling the {step} operation: {message}")), "{error}");
        assert_eq!(
            *to_do,
            "manage.sh: to do: get the permission that the message names, then run the same command again"
        );
    }
    project.cloud.take();
    project.succeed(&["deploy", "--handler", "function.handler"]);
    // what was made before is not made again
    assert_eq!(
        project.cloud.operations(),
        [
            "GetFunction",
            "DescribeRepositories",
            "DescribeImages",
            "GetRole",
            "AttachRolePolicy",
            "CreateFunction",
            "GetFunction"
        ]
    );

    // between code and configuration
    project.file("function.sh", "handler() { tac; }\n");
    project.cloud.next(
        "UpdateFunctionConfiguration",
        Turn::Fails("ResourceConflictException", "update in progress".into()),
    );
    let error = project.fail(&["deploy", "--memory", "1024"]);
    assert!(error.ends_with("manage.sh: to do: wait a moment, then run the same command again\n"), "{error}");
    project.cloud.take();
    project.succeed(&["deploy", "--memory", "1024"]);
    let looks = ["GetFunction", "DescribeRepositories", "DescribeImages"];
    assert_eq!(
        project.cloud.operations(),
        [&looks[..], &["UpdateFunctionConfiguration", "GetFunction"]].concat()
    );
}

#[test]
fn waits_for_what_an_earlier_run_began() {
    let Some(project) = Project::new("pending") else { return };
    project.succeed(&["deploy"]);
    project.cloud.take();
    project.cloud.next(
        "GetFunction",
        Turn::Changes(Box::new(|function| function["Configuration"]["State"] = "Pending".into())),
    );
    project.cloud.next(
        "GetFunction",
        Turn::Changes(Box::new(|function| function["Configuration"]["State"] = "Pending".into())),
    );
    project.succeed(&["create"]);
    let looks = ["DescribeRepositories", "DescribeImages"];
    // the look, two polls of the wait, the look again
    assert_eq!(project.cloud.operations(), [&["GetFunction"; 4][..], &looks].concat());

    project.cloud.next(
        "GetFunction",
        Turn::Changes(Box::new(|function| function["Configuration"]["LastUpdateStatus"] = "Failed".into())),
    );
    project.succeed(&["update"]);
    let again =
        ["GetFunction", "DescribeRepositories", "DescribeImages", "UpdateFunctionCode", "GetFunction"];
    assert_eq!(project.cloud.operations(), again);
}

#[test]
fn waits_until_a_new_role_can_be_assumed() {
    let Some(project) = Project::new("assumed") else { return };
    let refuse = || {
        let message = "The role defined for the function cannot be assumed by Lambda.".to_owned();
        project.cloud.next("CreateFunction", Turn::Fails("InvalidParameterValueException", message));
    };
    project.succeed(&["push"]);
    for _ in 0..5 {
        refuse();
    }
    let error = project.fail(&["create", "--role-wait", "1"]);
    assert!(
        error.ends_with(
            "manage.sh: to do: let lambda.amazonaws.com assume the role (its trust policy), or wait longer: --role-wait\n"
        ),
        "{error}"
    );
    let tries = project.cloud.operations().iter().filter(|&name| name == "CreateFunction").count();
    assert!((2..5).contains(&tries), "{tries}");
    let ran = project.succeed(&["create"]);
    let waits = ran.err.matches("manage.sh: Lambda cannot assume the role yet; trying again\n").count();
    assert_eq!(waits, 5 - tries);
    assert_eq!(ran.out, format!("{}\n", project.arn()));
}

#[test]
fn takes_a_role_that_is_there_and_never_deletes_it() {
    let Some(project) = Project::new("roles") else { return };
    for role in ["roles-role", "roles-other"] {
        project.ask(&["iam", "create-role", "--role-name", role, "--assume-role-policy-document", "{}"]);
    }
    let error = project.fail(&["deploy"]);
    assert!(
        error.ends_with(
            "manage.sh: the role roles-role was not made for this function: choose another --name, or use it with --role roles-role\n"
        ),
        "{error}"
    );
    project.cloud.take();
    let other = "arn:aws:iam::123456789012:role/roles-other";
    project.succeed(&["deploy", "--role", "roles-role"]);
    project.succeed(&["deploy", "--role", "roles-role"]);
    project.succeed(&["deploy", "--role", other]);
    assert_eq!(project.function()["Configuration"]["Role"], other);
    let operations = project.cloud.operations();
    // the name is looked up to create, and no longer to compare
    assert_eq!(operations.iter().filter(|&name| name == "GetRole").count(), 1);
    assert!(
        !operations.iter().any(|name| name == "CreateRole" || name == "AttachRolePolicy"),
        "{operations:?}"
    );

    let said = project.succeed(&["delete", "--all", "--yes"]).err;
    assert!(
        said.ends_with("manage.sh: the role roles-role stays: it was not made for this function\n"),
        "{said}"
    );
    for role in ["roles-role", "roles-other"] {
        project.ask(&["iam", "get-role", "--role-name", role]);
    }
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
fn shows_answer_error_and_log_apart() {
    let Some(project) = Project::new("invoked") else { return };
    project.succeed(&["deploy"]);
    // moto's function gives back its event; events may be text, a file, standard input
    assert_eq!(project.succeed(&["invoke"]).out, "{}");
    assert_eq!(project.succeed(&["invoke", "--event", "{\"ä\": \"$x\"}"]).out, "{\"ä\": \"$x\"}");
    project.file("event one.json", "[1, 2]\n");
    assert_eq!(project.succeed(&["invoke", "--event", "@event one.json"]).out, "[1, 2]\n");
    let ran = run(&mut project.command(&["invoke", "--event", "-"]), "from a pipe");
    assert_eq!((ran.status, ran.out.as_str()), (0, "from a pipe"));

    let tail = || {
        vec![
            ("x-amz-log-result", "U1RBUlQKbMOkdWZ0Cg==".to_owned()),
            ("x-amz-executed-version", "7".to_owned()),
        ]
    };
    project.cloud.next("Invoke", Turn::Answers(tail(), "an answer"));
    let ran = project.succeed(&["invoke"]);
    assert_eq!(ran.out, "an answer");
    assert_eq!(ran.err, "manage.sh: log tail of version 7:\nSTART\nläuft\n");

    let failed = [tail(), vec![("x-amz-function-error", "Unhandled".to_owned())]].concat();
    let error = r#"{"errorType":"Runtime.InvalidEntrypoint"}"#;
    project.cloud.next("Invoke", Turn::Answers(failed, error));
    assert_eq!(
        project.fail(&["invoke"]),
        format!(
            "manage.sh: log tail of version 7:\nSTART\nläuft\nmanage.sh: function error, Unhandled:\n{error}\n\
             manage.sh: to do: deploy an image for the architecture of the function: --arch\n"
        )
    );
    let ran = project.manage(&["invoke", "--event", "@no such file"]);
    assert_eq!(ran.status, 2);
}

/// Ends a following script.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        // `timeout` passes the signal on
        drop(Command::new("kill").arg(self.0.id().to_string()).status());
        drop(self.0.wait());
    }
}

#[test]
fn shows_the_log_and_follows_it() {
    let Some(project) = Project::new("logged") else { return };
    let error = project.fail(&["logs"]);
    assert_eq!(
        error,
        "manage.sh: there is no log group /aws/lambda/logged: invoke the function first, or check --name and --region\n"
    );
    let group = ["--log-group-name", "/aws/lambda/logged"];
    let stream = ["--log-stream-name", "a"];
    project.ask(&[&["logs", "create-log-group"][..], &group].concat());
    project.ask(&[&["logs", "create-log-stream"][..], &group, &stream].concat());
    let put = |message: &str| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let events = json!([{ "timestamp": u64::try_from(now).unwrap(), "message": message }]).to_string();
        project.ask(&[&["logs", "put-log-events"][..], &group, &stream, &["--log-events", &events]].concat());
    };
    assert_eq!(project.succeed(&["logs"]).out, "");
    put("START one\n");
    put("two lines\n\n\tof \"text\"\n");
    let first = "START one\ntwo lines\n\n\tof \"text\"\n";
    assert_eq!(project.succeed(&["logs"]).out, first);

    let log = project.stand_in.path().join("followed");
    let out = fs::File::create(&log).unwrap();
    let child = project.command(&["logs", "--follow"]).stdout(out).stderr(Stdio::null()).spawn().unwrap();
    let follower = Follower(child);
    let shown = || fs::read_to_string(&log).unwrap();
    until("the log", || shown() == first);
    put("END\n");
    until("what is new in the log", || shown().len() > first.len());
    assert_eq!(shown(), format!("{first}END\n"));
    // polled once more, nothing is said twice
    project.cloud.take();
    until("another poll", || project.cloud.count("FilterLogEvents") >= 2);
    assert_eq!(shown(), format!("{first}END\n"));
    drop(follower);
}

#[test]
fn deletes_what_it_made_when_told_so_twice() {
    let Some(project) = Project::new("deleted") else { return };
    project.succeed(&["deploy"]);
    project.ask(&["logs", "create-log-group", "--log-group-name", "/aws/lambda/deleted"]);
    let own = ["--role-name", "deleted-role", "--policy-name", "own", "--policy-document"];
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
    project.ask(&[&["iam", "put-role-policy"][..], &own, &[policy]].concat());
    project.cloud.take();
    let question = "delete the function deleted (region: eu-west-1)? [y/N] ";
    for answer in ["", "n\n"] {
        let ran = run(&mut project.command(&["delete"]), answer);
        assert_eq!(ran.status, 1);
        assert_eq!(ran.err, format!("{question}manage.sh: nothing was deleted\n"));
    }
    assert!(project.cloud.operations().is_empty());

    let ran = run(&mut project.command(&["delete"]), "y\n");
    assert_eq!((ran.status, ran.err), (0, format!("{question}manage.sh: the function deleted is deleted\n")));
    assert_eq!(project.cloud.operations(), ["DeleteFunction"]);

    let all = ["delete", "--all", "--yes"];
    assert_eq!(
        project.succeed(&all).err,
        "manage.sh: the function deleted is not there\n\
         manage.sh: the log group /aws/lambda/deleted is deleted\n\
         manage.sh: the repository deleted is deleted\n\
         manage.sh: the role deleted-role is deleted\n"
    );
    assert_eq!(
        project.cloud.operations(),
        [
            "DeleteFunction",
            "DeleteLogGroup",
            "DescribeRepositories",
            "ListTagsForResource",
            "DeleteRepository",
            "GetRole",
            "ListAttachedRolePolicies",
            "DetachRolePolicy",
            "ListRolePolicies",
            "DeleteRolePolicy",
            "DeleteRole"
        ]
    );
    project.succeed(&all);
    let looks = ["DeleteFunction", "DeleteLogGroup", "DescribeRepositories", "GetRole"];
    assert_eq!(project.cloud.operations(), looks);
}

#[test]
fn leaves_a_repository_that_it_did_not_make() {
    let Some(project) = Project::new("foreign") else { return };
    project.ask(&["ecr", "create-repository", "--repository-name", "foreign"]);
    project.succeed(&["deploy"]);
    let said = project.succeed(&["delete", "--all", "--yes"]).err;
    assert!(
        said.contains("manage.sh: the repository foreign stays: it was not made for this function\n"),
        "{said}"
    );
    project.ask(&["ecr", "describe-repositories", "--repository-names", "foreign"]);
}
