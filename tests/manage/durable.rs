//! Durable functions: made with their setting, published, called by the alias; AWS's own refusals, which moto lacks.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{Project, cloud::Turn, runtimes};
use crate::support::http::Message;

const POLICY: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicDurableExecutionRolePolicy";

/// Lambda's refusal of a call about durable functions, by the settings that moto forgets.
pub fn refusal(
    operation: &str,
    name: &str,
    request: &Message,
    body: &Value,
    kept: &HashMap<String, Map<String, Value>>,
) -> Option<(&'static str, String)> {
    let refuse = |message: &str| Some(("InvalidParameterValueException", message.to_owned()));
    let durable = kept.get(name).and_then(|settings| settings.get("DurableConfig"));
    match (operation, durable, body.get("DurableConfig")) {
        ("CreateFunction", _, Some(config)) if config["ExecutionTimeout"].is_null() => {
            refuse("You cannot create a function with a durable configuration without an executionTimeout")
        }
        ("UpdateFunctionConfiguration", None, Some(_)) => {
            refuse("You cannot enable durable execution on an existing function")
        }
        ("Invoke", Some(_), _) if !request.path().contains("Qualifier=") => {
            refuse("You cannot invoke a durable function using an unqualified ARN.")
        }
        ("Invoke", Some(config), _)
            if config["ExecutionTimeout"].as_u64() > Some(900)
                && request.header("x-amz-invocation-type") != Some("Event") =>
        {
            refuse(
                "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.",
            )
        }
        _ => None,
    }
}

fn version_of_alias(project: &Project, alias: &str) -> Value {
    let of = ["lambda", "get-alias", "--function-name", project.name, "--name", alias];
    project.ask(&of)["FunctionVersion"].clone()
}

#[test]
fn a_durable_function_is_made_once_and_each_change_is_published() {
    let Some(project) = Project::new("durable-made") else { return };
    let first = ["deploy", "--durable", "--execution-timeout", "3d", "--retention", "30"];
    project.succeed(&first);
    let made = project.cloud.take();
    let created = made.iter().find(|call| call.operation == "CreateFunction").unwrap();
    assert_eq!(created.body["DurableConfig"], json!({ "ExecutionTimeout": 259_200, "RetentionPeriodInDays": 30 }));
    let last: Vec<_> = made.iter().rev().take(5).rev().map(|call| call.operation.as_str()).collect();
    assert_eq!(last, ["GetFunction", "GetFunction", "PublishVersion", "GetFunction", "CreateAlias"]);
    assert_eq!(version_of_alias(&project, "live"), "1");
    let role = ["iam", "list-attached-role-policies", "--role-name", "durable-made-role"];
    assert_eq!(project.ask(&role)["AttachedPolicies"][0]["PolicyArn"], POLICY);

    // the same again changes nothing, with the option or without it
    for again in [&first[..], &["deploy"]] {
        project.cloud.take();
        project.succeed(again);
        let looks = ["GetFunction", "DescribeRepositories", "DescribeImages", "GetFunction", "GetFunction"];
        assert_eq!(project.cloud.operations(), looks);
    }

    // no option is needed for a new version
    project.succeed(&["update", "--env", "STAGE=two"]);
    assert_eq!(version_of_alias(&project, "live"), "2");
    project.cloud.take();
    project.succeed(&["update", "--execution-timeout", "12h"]);
    let changed = json!({ "ExecutionTimeout": 43_200, "RetentionPeriodInDays": 30 });
    assert_eq!(project.body_of("UpdateFunctionConfiguration"), json!({ "DurableConfig": changed }));
    assert_eq!(version_of_alias(&project, "live"), "3");

    // a run that ended before the alias was moved is finished
    project.cloud.next("UpdateAlias", Turn::Fails("TooManyRequestsException", "slow down".into()));
    project.fail(&["update", "--retention", "1"]);
    assert_eq!(version_of_alias(&project, "live"), "3");
    project.succeed(&["update"]);
    assert_eq!(version_of_alias(&project, "live"), "4");
    project.succeed(&["update", "--alias", "next"]);
    // nothing is new: the version is the last one
    assert_eq!(version_of_alias(&project, "next"), "4");

    project.succeed(&["delete", "--all", "--yes"]);
    assert_eq!(project.ask_or_fail(&["iam", "get-role", "--role-name", "durable-made-role"]), None);
}

#[test]
fn a_durable_function_without_a_time_has_a_day_and_its_url_is_that_of_the_alias() {
    let Some(project) = Project::new("durable-day") else { return };
    project.succeed(&["deploy", "--durable", "--url", "AWS_IAM"]);
    let created = project.cloud.take();
    let created = created.iter().find(|call| call.operation == "CreateFunction").unwrap();
    assert_eq!(created.body["DurableConfig"], json!({ "ExecutionTimeout": 86_400 }));
    assert!(
        project.noted("arguments").contains("create-function-url-config --function-name durable-day --qualifier live ")
    );
}

#[test]
fn a_durable_function_may_be_a_zip_on_a_runtime() {
    let Some(project) = runtimes::project("durable-zip") else { return };
    let of = ["--runtime", "durable-zip", "--runtime-version", "1"];
    project.succeed(&[&["publish-runtime", "--base", "base:1"][..], &of].concat());
    project.succeed(&[&["promote-runtime", "--runtime-alias", "stable"][..], &of].concat());
    project.cloud.take();
    let deploy = ["deploy", "--runtime", "durable-zip", "--handler", "function.handler", "--durable"];
    project.succeed(&deploy);
    let created = project.cloud.take();
    let created = created.iter().find(|call| call.operation == "CreateFunction").unwrap();
    assert_eq!((&created.body["PackageType"], &created.body["Runtime"]), (&json!("Zip"), &json!("custom")));
    assert_eq!(created.body["DurableConfig"], json!({ "ExecutionTimeout": 86_400 }));
    assert_eq!(version_of_alias(&project, "live"), "1");
    project.file("function.sh", "handler() { tac; }\n");
    project.succeed(&deploy[..5]);
    assert_eq!(version_of_alias(&project, "live"), "2");
    project.succeed(&["delete", "--all", "--yes"]);
}

#[test]
fn a_durable_function_is_called_by_its_alias() {
    let Some(project) = Project::new("durable-called") else { return };
    project.succeed(&["deploy", "--durable", "--execution-timeout", "15m"]);
    project.cloud.take();
    // the script finds out by itself that the name alone does not do
    assert_eq!(project.succeed(&["invoke", "--event", "x"]).out, "x");
    assert_eq!(project.cloud.operations(), ["Invoke", "Invoke"]);
    assert_eq!(project.succeed(&["invoke", "--durable", "--event", "x"]).out, "x");
    assert_eq!(project.cloud.operations(), ["Invoke"]);
    let named = ["invoke", "--durable-execution-name", "order-7", "--event", "x"];
    assert_eq!(project.succeed(&named).out, "x");
    assert_eq!(project.cloud.operations(), ["Invoke"]);
    let call = "lambda invoke --function-name durable-called --qualifier live --log-type Tail --cli-read-timeout 0 \
                --durable-execution-name order-7 --payload ";
    assert!(project.noted("arguments").contains(call), "{}", project.noted("arguments"));

    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:durable-called:1/durable-execution/order-7/id";
    let headers = vec![("x-amz-durable-execution-arn", arn.to_owned()), ("x-amz-executed-version", "1".to_owned())];
    project.cloud.next("Invoke", Turn::Answers(headers, "an answer"));
    let ran = project.succeed(&named);
    assert_eq!(ran.out, "an answer");
    assert_eq!(ran.err, format!("manage.sh: durable execution: {arn}\n"));

    let message = "an execution with this name exists".to_owned();
    project.cloud.next("Invoke", Turn::Fails("DurableExecutionAlreadyStartedException", message));
    let error = project.fail(&named);
    assert!(error.contains("to do: choose another --durable-execution-name"), "{error}");
}

#[test]
fn an_execution_that_lasts_longer_than_a_call_is_begun_and_left() {
    let Some(project) = Project::new("durable-long") else { return };
    project.succeed(&["deploy", "--durable", "--execution-timeout", "7d"]);
    let error = project.fail(&["invoke"]);
    assert!(error.contains("You cannot synchronously invoke a durable function"), "{error}");
    assert!(error.ends_with("to do: add --async: a synchronous call cannot wait longer than 15 minutes\n"));
    project.cloud.take();
    let ran = project.succeed(&["invoke", "--async", "--durable-execution-name", "a"]);
    assert_eq!(ran.err, "manage.sh: durable-long has received the event; not waiting for its answer\n");
    assert!(project.noted("arguments").contains(" --invocation-type Event --durable-execution-name a "));
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:durable-long:1/durable-execution/a/id";
    project.cloud.next("Invoke", Turn::Answers(vec![("x-amz-durable-execution-arn", arn.to_owned())], ""));
    assert_eq!(project.succeed(&["invoke", "--async", "--durable"]).out, format!("{arn}\n"));
}

#[test]
fn durable_settings_that_cannot_work_are_refused_before_anything_is_made() {
    let Some(project) = Project::new("durable-refused") else { return };
    for (arguments, said) in [
        (&["--durable", "--execution-timeout", "3x"][..], "--execution-timeout takes 90s, 15m, 12h or 3d"),
        (&["--durable", "--execution-timeout", "0s"], "--execution-timeout takes"),
        (&["--durable", "--execution-timeout", "367d"], "up to 366 days, not 367d"),
        (&["--durable", "--execution-timeout", "99999999d"], "up to 366 days"),
        (&["--durable", "--retention", "91"], "--retention takes a number from 1 to 90, not 91"),
        (&["--execution-timeout", "3d"], "are for durable functions: add --durable"),
        (&["--retention", "3"], "are for durable functions: add --durable"),
        (&["--durable", "--stream"], "--stream is not for durable functions"),
        (&["--durable-execution-name", "a b"], "--durable-execution-name takes up to 64 letters"),
        (&["--set", "DurableConfig={\"ExecutionTimeout\": 9}"], "has an option of its own: --durable"),
    ] {
        let ran = project.manage(&[&["deploy"][..], arguments].concat());
        assert!(ran.status == 2 && ran.err.contains(said), "{arguments:?}: {said}: {ran:?}");
        assert!(project.cloud.operations().iter().all(|name| name.starts_with("Get")), "{arguments:?}");
    }
    for (time, seconds) in [("366d", 31_622_400), ("90s", 90), ("15m", 900), ("1w", 604_800), ("3600", 3600)] {
        let dry = project.succeed(&["deploy", "--durable", "--execution-timeout", time, "--dry-run"]).out;
        assert!(dry.contains(&format!("\"DurableConfig\": {{\"ExecutionTimeout\": {seconds}}}")), "{time}: {dry}");
    }

    // an existing function without it has to be made anew
    project.succeed(&["deploy"]);
    project.cloud.take();
    project.docker_calls();
    for arguments in [&["--durable"][..], &["--retention", "3"]] {
        let error = project.fail(&[&["deploy"][..], arguments].concat());
        assert_eq!(
            error,
            "manage.sh: the function durable-refused is no durable one, and AWS makes a function durable only when \
             it is created: choose another --name, or delete it first (manage.sh delete --name durable-refused)\n"
        );
        assert_eq!(project.cloud.operations(), ["GetFunction"]);
        assert!(project.docker_calls().is_empty());
    }
    // it is still an ordinary function
    assert_eq!(project.succeed(&["invoke", "--event", "x"]).out, "x");
    assert_eq!(project.cloud.operations(), ["Invoke"]);
}

#[test]
fn an_aws_cli_that_is_too_old_for_durable_functions_is_told_which_version_does() {
    let Some(project) = Project::with_aws_cli("durable-old", 2) else { return };
    let knows = std::process::Command::new(&project.aws)
        .args(["lambda", "create-function", "--generate-cli-skeleton", "input"])
        .output()
        .unwrap();
    if String::from_utf8_lossy(&knows.stdout).contains("DurableConfig") {
        project.succeed(&["deploy", "--durable"]);
        return;
    }
    for arguments in [&["deploy", "--durable"][..], &["invoke", "--durable-execution-name", "a"]] {
        let error = project.fail(arguments);
        let said =
            "does not know durable functions (--durable-config): install AWS CLI 2.32.8 or later, or 1.43.7 or later\n";
        assert!(error.ends_with(said), "{error}");
    }
    let called = project.cloud.operations();
    assert!(called.iter().all(|name| name == "GetFunction"), "{called:?}");
}
