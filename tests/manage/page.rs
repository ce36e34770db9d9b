//! The permissions on the page on deploying, against the calls that the script makes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Project, Ran};
use crate::support::code_block;

/// The actions of the policy with this line, without their services.
fn actions(line: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(&code_block("deploy.md", line)).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    let actions = statements.flat_map(|statement| match &statement["Action"] {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    actions.map(|action| action.as_str().unwrap().split_once(':').unwrap().1.to_owned()).collect()
}

#[test]
fn a_pipeline_may_do_what_an_update_takes_and_no_more() {
    let allowed = actions(r#"    {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},"#);
    assert!(!allowed.iter().any(|action| action.contains('*') || action.starts_with("Create")), "{allowed:?}");
    let Some(project) = Project::new("shipped-again") else { return };
    project.succeed(&["deploy"]);
    project.cloud.take();
    project.file("function.sh", "handler() { echo new; }\n");
    project.succeed(&["deploy", "--env", "A_B=c", "--timeout", "5"]);
    let called = project.cloud.operations();
    for operation in ["UpdateFunctionCode", "UpdateFunctionConfiguration"] {
        assert!(called.iter().any(|call| call == operation), "{called:?}");
    }
    for operation in called {
        assert!(allowed.contains(&operation), "{operation}");
    }
}

#[test]
fn the_policy_of_a_function_is_taken() {
    let line = r#"    {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::my-bucket/orders/*"},"#;
    assert_eq!(actions(line).len(), 5);
    let Some(project) = Project::new("may-do-things") else { return };
    project.file("policy.json", &code_block("deploy.md", line));
    project.succeed(&["deploy", "--policy", "policy.json"]);
    let asked = ["--role-name", "may-do-things-role", "--policy-name", "lambda-script-runtime"];
    let policy = project.ask(&[["iam", "get-role-policy"].as_slice(), &asked].concat());
    assert_eq!(policy["PolicyDocument"]["Statement"].as_array().unwrap().len(), 4);
}

/// Runs a command of the page, if only to see what it would do.
fn dry_run(project: &Project, command: &str) -> Ran {
    // a line may end in a comment
    let words = format!("set -- {command}\nshift\nprintf '%s\\n' \"$@\" --dry-run");
    let output = std::process::Command::new("bash").args(["-c", &words]).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    project.succeed(&words.lines().collect::<Vec<_>>())
}

#[test]
fn the_commands_of_the_pages_are_understood() {
    let Some(project) = Project::new("my-function") else { return };
    let folder = project.folder.path().join("my-function");
    std::fs::create_dir(&folder).unwrap();
    for file in ["function.sh", "backup.sh"] {
        std::fs::write(folder.join(file), "handler() { cat; }\n").unwrap();
    }
    let lines = [
        ("deploy.md", "./manage.sh logs --name my-function --follow", 4),
        ("snapstart.md", "./manage.sh deploy --dir my-function \\", 1),
        ("durable.md", "./manage.sh update --name my-function --timeout 60", 3),
        (
            "deploy.md",
            "./manage.sh update --name my-function --tag 1a2b3c4                          # back to an older one",
            2,
        ),
        (
            "deploy.md",
            "./manage.sh update --name my-function --set 'EphemeralStorage={\"Size\": 2048}' --set 'TracingConfig={\"Mode\": \"Active\"}'",
            2,
        ),
    ];
    for (page, line, count) in lines {
        let block = code_block(page, line).replace("\\\n", " ");
        let commands: Vec<_> = block.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(commands.len(), count, "{block}");
        for command in commands {
            let ran = dry_run(&project, command);
            assert!(ran.out.contains("aws "), "{command}: {ran:?}");
        }
    }
}
