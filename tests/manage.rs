//! `manage.sh`: the real script and the real AWS CLI against moto, with a stand-in for docker.

pub mod cloud;
mod deploy;
mod durable;
mod examples;
mod failures;
mod in_use;
mod options;
mod page;
mod refusals;
mod registry;
mod resume;
mod runtimes;
mod script;
mod url;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use self::cloud::{Cloud, moto, runtimes};
use crate::support::{PATIENCE, needs::found, repository};

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

/// The output of a run of the script.
#[derive(Debug)]
struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// Where `.ci/setup aws` has put programs of pinned versions, or `SCRIPT_RUNTIME_TEST_TOOLS` says that they are.
pub fn pinned() -> Vec<PathBuf> {
    match std::env::var_os("SCRIPT_RUNTIME_TEST_TOOLS") {
        Some(list) => std::env::split_paths(&list).collect(),
        None => ["aws", "sam"].map(|tools| repository().join("target/tools").join(tools).join("bin")).into(),
    }
}

/// The directories with programs that tests need, the pinned ones first.
fn directories() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    pinned().into_iter().chain(std::env::split_paths(&path)).collect()
}

/// The text behind these words in a server's log, which is read to its end.
fn announced(log: impl Read + Send + 'static, words: &'static str) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(words) {
                // nobody listens any longer after the first
                let _ = sender.send(rest.to_owned());
            }
        }
    });
    receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {words:?} in a server's log"))
}

/// A program, or nothing with a word about the skipped test.
fn tool(name: &str) -> Option<PathBuf> {
    tool_in(&directories(), name)
}

pub fn tool_in(directories: &[PathBuf], name: &str) -> Option<PathBuf> {
    let path = directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file());
    found(name, path)
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
        let aws = found(&format!("aws-cli-{major}"), aws_cli(major))?;
        // another version answers differently
        let address = moto(&tool_in(&pinned(), "moto_server")?);
        let project = Self {
            name,
            folder: TempDir::new().unwrap(),
            stand_in: TempDir::new().unwrap(),
            cloud: Cloud::start(address, runtimes()),
            aws,
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
            .args(["--kill-after=1", "240"])
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
        self.ask_or_fail(arguments).unwrap_or_else(|| panic!("{arguments:?} failed"))
    }

    /// The same; nothing where that fails.
    fn ask_or_fail(&self, arguments: &[&str]) -> Option<Value> {
        let output = Command::new(&self.aws)
            .args(["--endpoint-url", &self.variables["STAND_IN_MOTO"], "--output", "json", "--region", REGION])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret-access-key")
            .env("AWS_PAGER", "")
            .output()
            .unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap_or_default())
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
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // a program that does not read standard input closes it
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { status: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}
