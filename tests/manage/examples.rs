//! The examples, as far as their own tools go without AWS: linters, and Terraform itself against moto.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Project, Ran, run, tool};
use crate::support::{needs::path_of, repository};

fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name)
}

/// Runs a tool with nothing of the user's own.
fn in_folder(program: &Path, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let home = TempDir::new().unwrap();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=1", "120"]).arg(program).args(arguments).current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home.path());
    run(command.envs(variables.iter().copied()), "")
}

#[test]
fn the_sam_templates_pass_their_linters() {
    let cfn_lint = tool("cfn-lint").map(|program| (program, vec!["template.yaml"]));
    let sam = tool("sam").map(|program| (program, vec!["validate", "--lint"]));
    for (program, arguments) in [cfn_lint, sam].into_iter().flatten() {
        let variables = [("SAM_CLI_TELEMETRY", "0"), ("AWS_DEFAULT_REGION", "eu-west-1")];
        for folder in ["sam", "http", "sqs", "s3", "schedule", "durable/snapshot"] {
            let ran = in_folder(&program, &example(folder), &arguments, &variables);
            assert_eq!(ran.status, 0, "{folder}: {}: {ran:?}", program.display());
        }
    }
}

#[test]
fn the_terraform_file_says_what_the_sam_template_says() {
    let Some(hcl2tojson) = tool("hcl2tojson") else { return };
    let ran = in_folder(&hcl2tojson, &example("terraform"), &["main.tf"], &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let file: Value = serde_json::from_str(&ran.out).unwrap();
    let resources = file["resource"].as_array().unwrap();
    // names and strings stand in quotes of their own
    let function = resources.iter().find_map(|resource| resource.get("\"aws_lambda_function\"")).unwrap();
    let function = &function["\"function\""];
    let template = fs::read_to_string(example("sam").join("template.yaml")).unwrap();
    let url = resources.iter().find_map(|resource| resource.get("\"aws_lambda_function_url\"")).unwrap();
    let url = &url["\"function\""];
    for (attribute, value) in [("authorization_type", "AWS_IAM"), ("invoke_mode", "BUFFERED")] {
        assert_eq!(url[attribute], format!("\"{value}\""), "{url}");
    }
    for line in ["AuthType: AWS_IAM", "InvokeMode: BUFFERED"] {
        assert!(template.contains(&format!("  {line}\n")), "{line}");
    }
    for (attribute, value, line) in [
        ("/package_type", json!("\"Image\""), "PackageType: Image"),
        ("/memory_size", json!(512), "MemorySize: 512"),
        ("/timeout", json!(30), "Timeout: 30"),
        ("/image_config/0/command/0", json!("\"function.handler\""), "Command: [function.handler]"),
        ("/logging_config/0/log_format", json!("\"JSON\""), "LogFormat: JSON"),
    ] {
        assert_eq!(function.pointer(attribute), Some(&value), "{attribute}: {function}");
        assert!(template.contains(&format!("  {line}\n")), "{line}");
    }
}

#[test]
fn the_templates_of_a_durable_function_say_the_same() {
    let Some(hcl2tojson) = tool("hcl2tojson") else { return };
    let folder = example("durable/snapshot");
    let ran = in_folder(&hcl2tojson, &folder, &["main.tf"], &[]);
    assert_eq!(ran.status, 0, "{ran:?}");
    let file: Value = serde_json::from_str(&ran.out).unwrap();
    let resource = |kind: &str, name: &str| {
        let resources = file["resource"].as_array().unwrap();
        let found = resources.iter().find_map(|resource| resource.get(format!("\"{kind}\"")));
        found.unwrap()[format!("\"{name}\"")].clone()
    };
    let template = fs::read_to_string(folder.join("template.yaml")).unwrap();
    let function = resource("aws_lambda_function", "function");
    for (attribute, value, line) in [
        ("/durable_config/0/execution_timeout", json!(86_400), "ExecutionTimeout: 86400"),
        ("/durable_config/0/retention_period", json!(14), "RetentionPeriodInDays: 14"),
        ("/image_config/0/command/0", json!("\"function.sh.handler\""), "Command: [function.sh.handler]"),
        ("/timeout", json!(60), "Timeout: 60"),
        ("/publish", json!(true), "AutoPublishAlias: live"),
    ] {
        assert_eq!(function.pointer(attribute), Some(&value), "{attribute}: {function}");
        assert!(template.contains(&format!("  {line}\n")), "{line}");
    }
    assert_eq!(resource("aws_lambda_alias", "live")["name"], "\"live\"");
    let policy = resource("aws_iam_role_policy_attachment", "durable");
    assert!(policy["policy_arn"].as_str().unwrap().contains("AWSLambdaBasicDurableExecutionRolePolicy"));
}

#[test]
fn terraform_applies_its_example_once() {
    let Some(terraform) = tool("terraform") else { return };
    let Some(plugins) = path_of("terraform-plugins") else { return };
    let Some(project) = Project::new("terraformed") else { return };
    let image = project.succeed(&["push"]).out;
    let folder = TempDir::new().unwrap();
    fs::copy(example("terraform").join("main.tf"), folder.path().join("main.tf")).unwrap();
    let endpoint = format!("http://{}", project.cloud.address);
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret-access-key"),
        ("AWS_REGION", super::REGION),
        ("CHECKPOINT_DISABLE", "1"),
        ("TF_CLI_CONFIG_FILE", "/dev/null"),
        ("TF_VAR_image", image.trim_end()),
        ("TF_VAR_name", "terraformed"),
    ];
    let plugins = format!("-plugin-dir={}", plugins.display());
    let quiet = ["-input=false", "-no-color"];
    for arguments in [
        vec!["fmt", "-check", "-diff"],
        vec!["init", quiet[0], quiet[1], &plugins],
        vec!["validate", quiet[1]],
        vec!["apply", quiet[0], quiet[1], "-auto-approve"],
        // status 2 would say that there is a change left
        vec!["plan", quiet[0], quiet[1], "-detailed-exitcode"],
    ] {
        let ran = in_folder(&terraform, folder.path(), &arguments, &variables);
        assert_eq!(ran.status, 0, "{arguments:?}: {ran:?}");
    }
    assert_eq!(project.function()["Code"]["ImageUri"], image.trim_end());
    // a destroy asks for nothing
    let without: Vec<_> = variables.into_iter().filter(|(name, _)| *name != "TF_VAR_image").collect();
    let ran = in_folder(&terraform, folder.path(), &["destroy", quiet[0], quiet[1], "-auto-approve"], &without);
    assert_eq!(ran.status, 0, "{ran:?}");
    let ran = in_folder(&terraform, folder.path(), &["plan", quiet[0], quiet[1]], &without);
    assert!(ran.status == 1 && ran.err.contains("Name the image: "), "{ran:?}");
    project.succeed(&["delete", "--all", "--yes"]);
    let gone = ["ecr", "describe-repositories", "--repository-names", "terraformed"];
    assert_eq!(project.ask_or_fail(&gone), None);
}

#[test]
fn the_templates_of_runtimes_have_nothing_wrong_but_what_the_linter_does_not_know() {
    let Some(cfn_lint) = tool("cfn-lint") else { return };
    let templates = ["publisher.yaml", "consumer.yaml", "--format", "parseable"];
    let variables = [("AWS_DEFAULT_REGION", "eu-west-1")];
    let ran = in_folder(&cfn_lint, &example("runtime"), &templates, &variables);
    let unknown =
        |line: &&str| !line.contains("'AWS::Lambda::Runtime") && !line.contains("'RuntimeConfig' was unexpected");
    assert_eq!(ran.out.lines().filter(unknown).collect::<Vec<_>>(), Vec::<&str>::new(), "{ran:?}");
    assert_eq!(ran.out.lines().count(), 5, "{ran:?}");
    let Some(hcl2tojson) = tool("hcl2tojson") else { return };
    let ran = in_folder(&hcl2tojson, &example("runtime"), &["main.tf"], &[]);
    assert!(ran.out.contains("publisher.yaml"), "{ran:?}");
}
