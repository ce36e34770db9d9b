//! A function that is there: invoked, its log read, deleted.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use super::{Project, cloud::Turn, run};
use crate::support::until;

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

    let tail =
        || vec![("x-amz-log-result", "U1RBUlQKbMOkdWZ0Cg==".to_owned()), ("x-amz-executed-version", "7".to_owned())];
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
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
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
    assert!(said.contains("manage.sh: the repository foreign stays: it was not made for this function\n"), "{said}");
    project.ask(&["ecr", "describe-repositories", "--repository-names", "foreign"]);
}
