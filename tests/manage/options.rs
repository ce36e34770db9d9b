//! The defaults of a new function, its options, and the options that are refused before any call.

use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};

use super::Project;
use crate::support::repository;

#[test]
fn powershell_gets_more_memory_than_others() {
    let Some(project) = Project::new("sized") else { return };
    project.file("Shop.psm1", "function Get-Price { 1 }\n");
    for (handler, memory) in [
        ("Shop.Get-Price", 1024),
        ("./Shop.psm1.Get-Price", 1024),
        ("app.ps1", 1024),
        ("app.ps1::f", 1024),
        ("function.handler", 512),
        ("main.lisp.f", 512),
        ("main.shop::f", 512),
    ] {
        let dry = project.succeed(&["deploy", "--handler", handler, "--dry-run"]).out;
        assert!(dry.contains(&format!("\"MemorySize\": {memory}, \"Timeout\": 30")), "{handler}: {dry}");
    }
    let dry = project.succeed(&["deploy", "--handler", "app.ps1", "--memory", "256", "--dry-run"]).out;
    assert!(dry.contains("\"MemorySize\": 256"), "{dry}");
}

#[test]
fn a_handler_that_is_not_in_the_folder_is_refused_where_the_folder_is_all_that_there_is() {
    let Some(project) = Project::new("checked") else { return };
    project.file("main.lisp", "");
    project.file("Shop.psm1", "");
    for handler in ["none.handler", "none.sh", "none.ps1"] {
        let error = project.fail(&["deploy", "--base", "base:1", "--handler", handler]);
        assert!(error.contains(&format!("has no file for the handler {handler}: ")), "{error}");
    }
    assert!(project.cloud.count("CreateRepository") == 0);
    for handler in ["function.handler", "function.sh", "main.f", "main.shop::f", "Shop.Get-Price", "'cl:f", "A::B::f"] {
        project.succeed(&["deploy", "--base", "base:1", "--handler", handler, "--dry-run"]);
    }
    project.succeed(&["deploy", "--handler", "of.another-stage", "--dry-run"]);
}

#[test]
fn other_names_of_an_architecture_are_taken() {
    let Some(project) = Project::new("built-for") else { return };
    for (given, meant) in [("amd64", "x86_64"), ("aarch64", "arm64")] {
        let dry = project.succeed(&["deploy", "--arch", given, "--dry-run"]).out;
        assert!(dry.contains(&format!("\"Architectures\": [\"{meant}\"]")), "{dry}");
    }
}

#[test]
fn a_log_level_goes_with_json_and_stays() {
    let Some(project) = Project::new("levelled") else { return };
    let error = project.fail(&["deploy", "--log-level", "DEBUG"]);
    assert!(error.ends_with("--log-level is for logs in JSON: add --log-format JSON\n"), "{error}");
    let error = project.manage(&["deploy", "--log-level", "LOUD"]).err;
    assert!(error.contains("--log-level is TRACE, DEBUG, INFO, WARN, ERROR or FATAL, not LOUD"), "{error}");
    let all = ["deploy", "--log-format", "JSON", "--log-level", "DEBUG"];
    project.succeed(&all);
    let logging = project.body_of("CreateFunction")["LoggingConfig"].clone();
    assert_eq!(logging, json!({ "LogFormat": "JSON", "ApplicationLogLevel": "DEBUG" }));
    project.succeed(&all);
    assert_eq!(project.cloud.count("UpdateFunctionConfiguration"), 0);
    project.succeed(&["update", "--log-level", "WARN"]);
    let logging = project.body_of("UpdateFunctionConfiguration")["LoggingConfig"].clone();
    assert_eq!(logging["ApplicationLogLevel"], "WARN");
}

#[test]
fn the_role_that_is_made_gets_a_policy() {
    let Some(project) = Project::new("allowed") else { return };
    let policy = |effect: &str| {
        let statement = json!({ "Effect": effect, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shop/*" });
        project.file("policy.json", &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string());
    };
    let asked = ["iam", "get-role-policy", "--role-name", "allowed-role", "--policy-name", "lambda-script-runtime"];
    for (command, effect) in [("deploy", "Allow"), ("update", "Deny")] {
        policy(effect);
        project.succeed(&[command, "--policy", "policy.json"]);
        assert_eq!(project.ask(&asked)["PolicyDocument"]["Statement"][0]["Effect"], effect);
    }
    let error = project.manage(&["deploy", "--policy", "none.json"]).err;
    assert!(error.contains("there is no file none.json to read the policy from"), "{error}");
    let error = project.manage(&["deploy", "--policy", "policy.json", "--role", "other"]).err;
    assert!(error.contains("--policy is for the role that is made here"), "{error}");
}

#[test]
fn the_policy_of_deployers_has_every_call() {
    let Some(project) = Project::new("deployed-by") else { return };
    let policy: Value = serde_json::from_str(&project.succeed(&["--print-policy"]).out).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    let allowed: BTreeSet<String> = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().unwrap())
        .map(|action| action.as_str().unwrap().to_lowercase())
        .collect();
    let mut called = BTreeSet::new();
    for part in fs::read_dir(repository().join("manage")).unwrap() {
        let text = fs::read_to_string(part.unwrap().path()).unwrap();
        let calls = text.split("aws ").skip(1).filter_map(|call| {
            let mut words = call.split([' ', '\n', ')']);
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        called.extend(calls.filter(|(service, _)| ["ecr", "lambda", "iam", "logs"].contains(&service.as_str())));
    }
    let action = |service: &str, call: &str| {
        let call = match call {
            "invoke" => "invokefunction".to_owned(),
            "get-login-password" => "getauthorizationtoken".to_owned(),
            other => other.replace('-', ""),
        };
        format!("{service}:{call}")
    };
    assert!(called.len() > 15, "{called:?}");
    for (service, call) in called.iter().filter(|(_, call)| call != "wait" && !call.starts_with(['"', '$'])) {
        assert!(allowed.contains(&action(service, call)), "{service} {call}");
    }
    assert!(allowed.contains("iam:passrole") && !allowed.iter().any(|action| action.contains('*')));
}
