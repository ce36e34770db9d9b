//! A real docker, a real registry: what is pushed is what is deployed.

use crate::support::needs::found;
use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use super::{Project, announced, cloud::Turn, tool};

/// Debian's registry in a folder of the test, without a password as ECR has one.
struct Registry {
    child: Child,
    address: String,
}

impl Registry {
    fn start(program: PathBuf, folder: &std::path::Path) -> Self {
        let configuration = folder.join("registry.yml");
        let storage = folder.join("registry");
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            storage.display()
        );
        fs::write(&configuration, text).unwrap();
        let mut child = Command::new(program)
            .arg("serve")
            .arg(configuration)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let announced = announced(child.stderr.take().unwrap(), "listening on ");
        let address = announced.split(['"', ' ', ',']).next().unwrap().to_owned();
        Self { child, address }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client with buildx whose engine answers.
fn docker() -> Option<PathBuf> {
    let answers = |docker: &PathBuf, arguments: &[&str]| {
        let output = Command::new(docker).args(arguments).output();
        output.is_ok_and(|output| output.status.success())
    };
    let docker = super::directories().into_iter().map(|directory| directory.join("docker"));
    let docker = docker.filter(|path| path.is_file());
    let docker = { docker }.find(|path| answers(path, &["version"]) && answers(path, &["buildx", "version"]));
    found("docker", docker)
}

#[test]
fn deploys_by_digest_the_one_manifest_that_a_registry_got() {
    let (Some(docker), Some(registry)) = (docker(), tool("docker-registry")) else { return };
    let Some(project) = Project::new("pushed") else { return };
    let registry = Registry::start(registry, project.stand_in.path());
    let mut project =
        project.variable("STAND_IN_DOCKER", docker.to_str().unwrap()).variable("STAND_IN_REGISTRY", &registry.address);
    if let Ok(host) = std::env::var("DOCKER_HOST") {
        project = project.variable("DOCKER_HOST", &host);
    }
    project.file("Dockerfile", "FROM scratch\nCOPY function.sh /var/task/\n");
    let uri = format!("{}/pushed", registry.address);
    let ours = |pointer: &'static str| {
        let uri = uri.clone();
        Turn::Changes(Box::new(move |answer| *answer.pointer_mut(pointer).unwrap() = uri.clone().into()))
    };
    project.cloud.next("CreateRepository", ours("/repository/repositoryUri"));
    project.succeed(&["deploy"]);

    let manifest: Value = serde_json::from_str(&project.noted("manifest")).unwrap();
    assert!(manifest["config"].is_object() && manifest.get("manifests").is_none(), "{manifest}");
    let headers = project.noted("headers");
    let digest = headers
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().split_once("docker-content-digest: ").map(|(_, digest)| digest.to_owned())
        })
        .unwrap();
    assert_eq!(project.function()["Code"]["ImageUri"], format!("{uri}@{digest}"));

    // built again it is the same, and docker knows where it was pushed to
    project.docker_calls();
    project.cloud.take();
    project.cloud.next("DescribeRepositories", ours("/repositories/0/repositoryUri"));
    project.succeed(&["deploy"]);
    assert_eq!(project.cloud.operations(), ["GetFunction", "DescribeRepositories", "DescribeImages"]);
    let verbs: Vec<_> = project.docker_calls().iter().map(|call| call.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(verbs, ["buildx", "image"]);

    let status = Command::new(docker).args(["image", "rm", "--force", &format!("{uri}:latest")]).output().unwrap();
    assert!(status.status.success(), "{status:?}");

    let project = project.variable("DOCKER_HOST", "unix:///nowhere.sock");
    project.cloud.next("DescribeRepositories", ours("/repositories/0/repositoryUri"));
    let error = project.fail(&["push"]);
    assert!(error.ends_with("manage.sh: to do: start Docker\n"), "{error}");
}
