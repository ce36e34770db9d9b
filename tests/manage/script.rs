//! The script itself: its help, its variables, its dry run, the Makefile's words, and what linters say.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{Project, run, tool};
use crate::support::repository;

fn help(project: &Project) -> String {
    project.succeed(&["--help"]).out
}

/// The calls of a dry run, whatever the temporary files are called and whenever they were made.
fn calls(out: &str) -> Vec<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let word = |word: &str| match word.parse() {
        Ok(time) if word.len() == 13 => {
            let past = now.saturating_sub(Duration::from_millis(time)).as_secs_f64() / 60.0;
            format!("{past:.0} minutes ago")
        }
        _ if word.contains("/tmp.") => "TEMPORARY".to_owned(),
        _ => word.to_owned(),
    };
    out.lines().map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ")).collect()
}

/// The options that the help names.
fn options(help: &str) -> BTreeSet<&str> {
    let words = help.split_whitespace().filter(|word| word.starts_with("--"));
    words.map(|word| word.trim_end_matches([',', ';', '.'])).collect()
}

#[test]
fn help_fits_one_screen() {
    let Some(project) = Project::new("helped") else { return };
    let help = help(&project);
    assert!(help.lines().count() <= 24, "{help}");
    assert!(help.lines().all(|line| line.len() <= 80), "{help}");
    // the parser's own list
    let script = fs::read_to_string(repository().join("manage.sh")).unwrap();
    let parser = script.split_once("case $option in").unwrap().1.split_once("--*=*").unwrap().0;
    let parsed = parser.split([' ', '|', ')', '\n', '\\']).filter(|word| word.starts_with("--"));
    let parsed: BTreeSet<_> = parsed.filter(|&option| option != "--help").collect();
    assert_eq!(options(&help), parsed);
    let nothing = project.manage(&[]);
    assert_eq!((nothing.status, nothing.out.as_str(), nothing.err.as_str()), (2, "", help.as_str()));
}

#[test]
fn each_option_is_a_variable_too() {
    let Some(project) = Project::new("varied") else { return };
    let calls = |project: &Project, arguments: &[&str]| calls(&project.succeed(arguments).out);
    let values: [(&str, &str, &str); 28] = [
        ("deploy", "--name", "other"),
        ("deploy", "--dir", "sub"),
        ("deploy", "--base", "base:1"),
        ("deploy", "--target", "bash"),
        ("deploy", "--arch", "arm64"),
        ("deploy", "--tag", "v1"),
        ("deploy", "--repository", "other"),
        ("deploy", "--immutable", "1"),
        ("deploy", "--role", "other"),
        ("deploy", "--handler", "(load\"h.lisp\")'f"),
        ("deploy", "--memory", "1024"),
        ("deploy", "--env", "NAME=a 'b'=\"c\""),
        ("deploy", "--timeout", "9"),
        ("deploy", "--description", "a  b"),
        ("deploy", "--log-format", "JSON"),
        ("deploy", "--snapstart", "1"),
        ("deploy", "--alias", "beta"),
        ("deploy", "--durable", "1"),
        ("deploy", "--execution-timeout", "3d"),
        ("deploy", "--retention", "3"),
        ("invoke", "--event", "@event"),
        ("invoke", "--async", "1"),
        ("invoke", "--durable-execution-name", "a"),
        ("logs", "--since", "99999"),
        ("delete", "--all", "1"),
        ("delete", "--region", "us-east-1"),
        ("delete", "--profile", "other"),
        ("deploy", "--dry-run", "1"),
    ];
    project.file("event", "{}");
    fs::create_dir(project.folder.path().join("sub")).unwrap();
    fs::write(project.folder.path().join("sub/Dockerfile"), "").unwrap();
    let mut project = project.variable("FUNCTION_DRY_RUN", "1");
    for (command, option, value) in values {
        let flag = ["--immutable", "--snapstart", "--durable", "--async", "--all", "--dry-run"].contains(&option);
        let mut before = vec![command];
        match option {
            "--alias" => before.push("--snapstart"),
            "--execution-timeout" | "--retention" => before.push("--durable"),
            _ => {}
        }
        let plain = calls(&project, &before);
        let mut given = before.clone();
        given.push(option);
        given.extend((!flag).then_some(value));
        let by_option = calls(&project, &given);
        let name = match option {
            "--region" | "--profile" => format!("AWS_{}", option[2..].to_uppercase()),
            _ => format!("FUNCTION_{}", option[2..].to_uppercase().replace('-', "_")),
        };
        let name: &'static str = name.leak();
        let old = project.variables.get(name).cloned();
        project = project.variable(name, value);
        let by_variable = calls(&project, &before);
        assert_eq!(by_option, by_variable, "{option}");
        let silent = ["--region", "--profile", "--dry-run"].contains(&option);
        assert!(silent || plain != by_option, "{option} changes nothing: {by_option:#?}");
        match old {
            Some(old) => project = project.variable(name, &old),
            None => drop(project.variables.remove(name)),
        }
    }
    assert!(project.cloud.operations().is_empty());
}

#[test]
fn a_dry_run_prints_the_calls_and_makes_none() {
    let Some(project) = Project::new("dry") else { return };
    let project = project.variable("FUNCTION_DRY_RUN", "1");
    let ran = project.succeed(&["deploy", "--handler", "a.b", "--env", "TOKEN=s3cret", "--snapstart"]);
    assert_eq!(ran.err, "");
    let registry = "ACCOUNT.dkr.ecr.REGION.amazonaws.com";
    let expected = format!(
        r#"aws lambda get-function --function-name dry
aws iam get-role --role-name dry-role
aws ecr describe-repositories --repository-names dry
aws ecr create-repository --repository-name dry --image-tag-mutability MUTABLE --image-scanning-configuration scanOnPush=true --tags Key=lambda-script-runtime,Value=dry
docker buildx build --platform linux/amd64 --provenance=false --sbom=false --load --tag {registry}/dry:latest --label com.amazonaws.lambda.feature.snapstart=true .
docker image inspect --format '{{{{.Architecture}}}} {{{{.Size}}}} {{{{join .RepoDigests " "}}}}' {registry}/dry:latest
aws ecr describe-images --repository-name dry --image-ids imageTag=latest
aws ecr get-login-password
docker login --username AWS --password-stdin {registry}
docker push {registry}/dry:latest
aws ecr describe-images --repository-name dry --image-ids imageTag=latest
aws iam create-role --role-name dry-role --assume-role-policy-document '{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"lambda.amazonaws.com"}},"Action":"sts:AssumeRole"}}]}}' --tags Key=lambda-script-runtime,Value=dry
aws iam attach-role-policy --role-name dry-role --policy-arn arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
aws lambda create-function --cli-input-json '{{"FunctionName": "dry", "PackageType": "Image", "Code": {{"ImageUri": "{registry}/dry@sha256:DIGEST"}}, "Role": "arn:aws:iam::ACCOUNT:role/dry-role", "Architectures": ["x86_64"], "MemorySize": 512, "Timeout": 30, "ImageConfig": {{"Command": ["a.b"]}}, "SnapStart": {{"ApplyOn": "PublishedVersions"}}, "Environment": {{"Variables": {{"TOKEN": "***"}}}}}}'
aws lambda wait function-active-v2 --function-name dry
aws lambda get-function --function-name dry
aws lambda get-function --function-name dry --qualifier live
aws lambda publish-version --function-name dry
aws lambda wait function-active-v2 --function-name dry --qualifier VERSION
aws lambda create-alias --function-name dry --name live --function-version VERSION
"#
    );
    assert_eq!(ran.out, expected);
    let ran = project.succeed(&["update", "--memory", "1024"]);
    assert_eq!(
        ran.out.lines().skip(3).collect::<Vec<_>>(),
        [
            format!(
                r#"aws lambda update-function-code --cli-input-json '{{"FunctionName": "dry", "ImageUri": "{registry}/dry@sha256:DIGEST", "Architectures": ["x86_64"]}}'"#
            )
            .as_str(),
            "aws lambda wait function-updated-v2 --function-name dry",
            r#"aws lambda update-function-configuration --cli-input-json '{"FunctionName": "dry", "MemorySize": 1024}'"#,
            "aws lambda wait function-updated-v2 --function-name dry",
        ]
    );
    for command in ["push", "create", "invoke", "logs", "delete"] {
        let ran = project.succeed(&[command, "--all", "--follow"]);
        assert!(ran.out.lines().all(|line| line.starts_with("aws ") || line.starts_with("docker ")), "{ran:?}");
        assert!(ran.out.contains("aws "), "{ran:?}");
    }
    assert!(project.cloud.operations().is_empty());
    assert_eq!(project.noted("arguments"), "");
}

#[test]
fn is_named_after_the_folder_and_found_through_a_link() {
    let Some(project) = Project::new("") else { return };
    let folder = project.folder.path().join("My fn.x");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Dockerfile"), "").unwrap();
    let link = folder.join("ship");
    symlink("../manage", &link).unwrap();
    symlink(repository().join("manage.sh"), project.folder.path().join("manage")).unwrap();
    let mut command = project.command(&["push", "--dry-run"]);
    let mut linked = Command::new(link);
    linked.args(["push", "--dry-run"]).env_clear().current_dir(&folder);
    for (name, value) in command.current_dir(&folder).get_envs() {
        linked.envs(value.map(|value| (name, value)));
    }
    let ran = run(&mut linked, "");
    assert_eq!(ran.status, 0, "{ran:?}");
    let looks = "aws ecr describe-repositories --repository-names my-fn-x\naws ecr create-repository ";
    assert!(ran.out.starts_with(looks), "{ran:?}");
    assert!(ran.out.contains("Key=lambda-script-runtime,Value=My-fn-x"), "{ran:?}");
}

#[test]
fn make_forwards_its_words() {
    let Some(project) = Project::new("made") else { return };
    needs!(make);
    for word in ["push", "create", "update", "deploy", "logs", "delete"] {
        let mut command = Command::new("make");
        let direct = project.command(&[word]);
        command.args(["--no-print-directory", "-C"]).arg(repository()).args([
            word,
            "FUNCTION_TAG=v2",
            "FUNCTION_DRY_RUN=1",
        ]);
        command.env_clear();
        let folder = project.folder.path().to_owned();
        for (name, value) in direct.get_envs() {
            command.envs(value.map(|value| (name, value)));
        }
        command.env("FUNCTION_DIR", &folder);
        let made = run(&mut command, "");
        assert_eq!(made.status, 0, "{made:?}");
        let direct = project.succeed(&[word, "--tag", "v2", "--dry-run", "--dir", folder.to_str().unwrap()]);
        assert_eq!(calls(&made.out), calls(&direct.out));
        assert!(made.out.contains("aws "), "{made:?}");
    }
}

#[test]
fn the_shell_linter_has_nothing_to_say() {
    let Some(shellcheck) = tool("shellcheck") else { return };
    let scripts = ["manage.sh", "tests/manage/aws", "tests/manage/docker"];
    let mut command = Command::new(shellcheck);
    let checked = run(command.args(["-x", "-a"]).args(scripts).current_dir(repository()), "");
    assert_eq!((checked.status, checked.out.as_str()), (0, ""));
}

#[test]
fn uses_nothing_that_old_bash_lacks() {
    let mut parts: Vec<_> =
        fs::read_dir(repository().join("manage")).unwrap().map(|entry| entry.unwrap().path()).collect();
    parts.push(repository().join("manage.sh"));
    // after Bash 3.2, or never
    let words = [
        "declare -A",
        "local -A",
        "mapfile",
        "readarray",
        "eval ",
        "coproc",
        "&>>",
        "|&",
        ";&",
        "^^}",
        ",,}",
        "local -n",
        "wait -n",
        "@Q}",
        "printf '%(",
        "EPOCHSECONDS",
    ];
    for part in parts {
        let text = fs::read_to_string(&part).unwrap();
        for word in words {
            assert!(!text.contains(word), "{}: {word}", part.display());
        }
    }
}
