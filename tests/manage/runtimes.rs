//! Customer-managed runtimes: published, promoted, used by functions of zips, rolled back, deleted; each step also
//! after a run that was killed in its middle. The AWS CLI has botocore's own models of the calls.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    process::Command,
};

use serde_json::{Value, json};

use super::Project;
use crate::support::{needs::found, repository};

/// A project whose AWS CLI knows the calls.
pub fn project(name: &'static str) -> Option<Project> {
    let models = repository().join("target/tools/botocore/data");
    let models = found("botocore-models", models.is_dir().then_some(models))?;
    let project = Project::new(name)?.variable("AWS_DATA_PATH", models.to_str().unwrap());
    fs::remove_file(project.folder.path().join("Dockerfile")).unwrap();
    Some(project)
}

/// Asks the API of runtimes itself.
fn ask(project: &Project, call: &str, options: &[&str]) -> Value {
    let output = Command::new(&project.aws)
        .args(["--endpoint-url", &format!("http://{}", project.cloud.address), "--output", "json", "--region"])
        .args([super::REGION, "lambda-core", call])
        .args(options)
        .env("AWS_DATA_PATH", &project.variables["AWS_DATA_PATH"])
        .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret-access-key")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{call}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Runs a command that is killed once at each of these calls, and then to its end; gives what it says.
fn finish(project: &Project, killed_at: &[&str], arguments: &[&str]) -> String {
    for call in killed_at {
        project.docker_knows("killed-at", call);
        let output = project.command(arguments).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{call}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let ran = project.succeed(arguments);
    // the same once more changes nothing
    project.cloud.take();
    assert_eq!(project.succeed(arguments).out, ran.out);
    let changes = project.cloud.operations();
    let changes: Vec<_> = changes
        .iter()
        // a deletion finds out that there is nothing left
        .filter(|name| !["Get", "List", "Describe", "Delete"].iter().any(|read| name.starts_with(read)))
        .collect();
    assert!(changes.is_empty(), "{arguments:?}: {changes:?}");
    ran.err
}

/// The image that a function gets at its next cold start.
fn image_of(project: &Project, runtime: &str) -> Value {
    let configuration = &project.function_of_zip()["Configuration"];
    let of = ["--runtime-name", runtime, "--name"];
    let alias = configuration["RuntimeConfig"]["RuntimeAlias"].as_str().unwrap();
    let alias = ask(project, "get-runtime-alias", &[&of[..], &[alias]].concat());
    let version = alias["RuntimeVersion"].as_str().unwrap();
    ask(project, "get-runtime-version", &[&of[..], &[version]].concat())["ResolvedUri"].clone()
}

impl Project {
    /// The function with what moto forgets.
    fn function_of_zip(&self) -> Value {
        let output = Command::new(&self.aws)
            .args(["--endpoint-url", &format!("http://{}", self.cloud.address), "--output", "json"])
            .args(["--region", super::REGION, "lambda", "get-function", "--function-name", self.name])
            .env("AWS_DATA_PATH", &self.variables["AWS_DATA_PATH"])
            .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret-access-key")])
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn a_runtime_is_published_promoted_used_rolled_back_and_deleted() {
    let Some(project) = project("cmr-life") else { return };
    let publish = |version: &'static str, base: &'static str| {
        ["publish-runtime", "--runtime", "cmr-life", "--runtime-version", version, "--base", base]
    };
    let promote = |version: &'static str| {
        ["promote-runtime", "--runtime", "cmr-life", "--runtime-version", version, "--runtime-alias", "stable"]
    };
    project.file("notes.md", "first\n");
    let first = [&publish("1.0", "base:1")[..], &["--release-notes", "notes.md"]].concat();
    let calls = ["aws ecr create-repository", "core create-runtime --name", "--dry-run", "--release-notes"];
    let said = finish(&project, &calls, &first);
    assert!(said.contains("cmr-life:1.0 is ACTIVE"), "{said}");
    let version = ask(&project, "get-runtime-version", &["--runtime-name", "cmr-life", "--name", "1.0"]);
    assert_eq!(version["ReleaseNotes"], "first\n");
    assert_eq!(version["Compatibility"]["Architectures"], json!(["x86_64"]));
    // the version is the image's tag
    assert!(project.noted("docker").contains("/cmr-life-runtime:1.0"));

    let error = project.fail(&publish("1.0", "base:2"));
    assert!(error.contains("versions are immutable: choose a new --runtime-version"), "{error}");

    finish(&project, &["create-runtime-alias"], &promote("1.0"));
    let deploy = ["deploy", "--runtime", "cmr-life", "--handler", "function.handler", "--env", "A_B=c"];
    finish(&project, &["aws iam create-role", "aws lambda create-function"], &deploy);
    let configuration = &project.function_of_zip()["Configuration"];
    assert_eq!((&configuration["Runtime"], &configuration["Handler"]), (&json!("custom"), &json!("function.handler")));
    let arn = "arn:aws:lambda:eu-west-1:123456789012:runtime/cmr-life";
    assert_eq!(configuration["RuntimeConfig"], json!({ "RuntimeArn": arn, "RuntimeAlias": "stable" }));
    let old = image_of(&project, "cmr-life");
    assert_eq!(project.succeed(&["invoke", "--event", "{\"a\": 1}"]).out, "{\"a\": 1}");

    let said = finish(&project, &["--image-uri"], &publish("1.1", "base:2"));
    assert!(said.contains("cmr-life:1.1 is CREATING after"), "{said}");
    assert_eq!(image_of(&project, "cmr-life"), old);
    let said = finish(&project, &["update-runtime-alias"], &promote("1.1"));
    assert!(said.contains("cmr-life:stable is version 1.1"), "{said}");
    let new = image_of(&project, "cmr-life");
    assert_ne!(new, old);
    let listed = project.succeed(&["list-runtimes", "--runtime", "cmr-life"]).out;
    let lines: Vec<_> = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "cmr-life ACTIVE");
    assert!(lines.iter().any(|line| line.starts_with("version 1.0 ACTIVE ")), "{listed}");
    assert!(lines.contains(&"alias stable ACTIVE 1.1".to_owned()), "{listed}");

    // back again
    finish(&project, &[], &promote("1.0"));
    assert_eq!(image_of(&project, "cmr-life"), old);

    let delete = ["delete-runtime", "--runtime", "cmr-life", "--days", "7", "--yes", "--all"];
    let said = finish(&project, &["core delete-runtime"], &delete);
    assert!(said.contains("is PENDING_DELETION already"), "{said}");
    let error = project.fail(&["deploy", "--runtime", "cmr-life", "--handler", "function.handler"]);
    assert!(error.contains("manage.sh restore-runtime --runtime cmr-life takes it back"), "{error}");
    project.succeed(&["restore-runtime", "--runtime", "cmr-life"]);
    project.succeed(&["deploy", "--runtime", "cmr-life", "--handler", "function.handler"]);
    finish(&project, &["aws lambda delete-function", "aws iam delete-role"], &["delete", "--all", "--yes"]);
    project.succeed(&delete);
    for gone in [
        &["lambda", "get-function", "--function-name", "cmr-life"][..],
        &["iam", "get-role", "--role-name", "cmr-life-role"],
        &["ecr", "describe-repositories", "--repository-names", "cmr-life-runtime"],
    ] {
        assert_eq!(project.ask_or_fail(gone), None, "{gone:?}");
    }
}

#[test]
fn a_function_changes_its_code_its_alias_and_its_pin() {
    let Some(project) = project("cmr-changes") else { return };
    for version in ["1", "2"] {
        project.succeed(&[
            "publish-runtime",
            "--runtime",
            "cmr-changes",
            "--runtime-version",
            version,
            "--base",
            version,
        ]);
    }
    for (version, alias) in [("1", "stable"), ("2", "edge")] {
        let of = ["promote-runtime", "--runtime", "cmr-changes", "--runtime-version", version];
        project.succeed(&[&of[..], &["--runtime-alias", alias]].concat());
    }
    let deploy = ["deploy", "--runtime", "cmr-changes", "--handler", "function.handler"];
    project.succeed(&[&deploy[..], &["--pin", "2", "--url", "AWS_IAM", "--stream"]].concat());
    let pinned = || {
        let of = ["--function-name", "cmr-changes", "--query", "[UpdateRuntimeOn,RuntimeVersionArn]"];
        let output = Command::new(&project.aws)
            .args(["--endpoint-url", &format!("http://{}", project.cloud.address), "--region", super::REGION])
            .args(["--output", "json", "lambda", "get-runtime-management-config"])
            .args(of)
            .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret-access-key")])
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let arn = "arn:aws:lambda:eu-west-1:123456789012:runtime/cmr-changes/version/2";
    assert_eq!(pinned(), json!(["Manual", arn]));
    finish(&project, &["put-runtime-management-config"], &["update", "--pin", "auto", "--runtime-alias", "edge"]);
    assert_eq!(pinned(), json!(["Auto", null]));
    let configuration = project.function_of_zip()["Configuration"].clone();
    assert_eq!(configuration["RuntimeConfig"]["RuntimeAlias"], "edge");

    // settings alone do not send the working directory
    project.file("function.sh", "handler() { tac; }\n");
    project.cloud.take();
    project.succeed(&["update", "--memory", "256"]);
    assert_eq!(project.cloud.count("UpdateFunctionCode"), 0);
    project.succeed(&["deploy"]);
    assert_eq!(project.cloud.count("UpdateFunctionCode"), 1);
    assert_ne!(project.function_of_zip()["Configuration"]["CodeSha256"], configuration["CodeSha256"]);
    assert!(project.docker_calls().iter().all(|call| !call.contains("/cmr-changes:")));
}

#[test]
fn what_lambda_or_the_runtime_would_refuse_is_refused_before_anything_is_made() {
    let Some(project) = project("cmr-refused") else { return };
    project.file("h.lisp", "(defun f (e c) c e)");
    project.succeed(&["publish-runtime", "--runtime", "cmr-refused", "--runtime-version", "1", "--base", "b"]);
    let of = ["promote-runtime", "--runtime", "cmr-refused", "--runtime-version", "1", "--runtime-alias", "stable"];
    project.succeed(&of);
    project.cloud.take();
    let long = format!("'{}", "x".repeat(128));
    for (options, said) in [
        (&["--handler", "(load \"h.lisp\") 'f"][..], "white space in the handler of a zip: write (load\"h.lisp\")'f"),
        (&["--handler", "report one.sh"], "rename the file, or put the forms into a file"),
        (&["--handler", &long], "takes 128 characters in the handler of a zip, and this one has 129"),
        (&["--handler", "none.handler"], "has no file for the handler none.handler"),
        (&["--handler", "function.sh", "--runtime-alias", "none"], "has no alias none"),
        (&["--handler", "function.sh", "--runtime", "nobody"], "there is no runtime nobody"),
        (&["--handler", "function.sh", "--pin", "9"], "has no version 9"),
        (&["--handler", "function.sh", "--arch", "arm64"], "is for x86_64 and the function for arm64"),
        (&["--handler", "function.sh", "--base", "b"], "FUNCTION_BASE is for images"),
    ] {
        let error = project.fail(&[&["deploy", "--runtime", "cmr-refused"][..], options].concat());
        assert!(error.contains(said), "{said}: {error}");
    }
    let file = project.folder.path().join("function.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = project.fail(&["deploy", "--runtime", "cmr-refused", "--handler", "function.sh"]);
    assert!(error.contains("chmod a+r './function.sh'"), "{error}");
    let error = project.manage(&["deploy", "--runtime", "cmr-refused"]).err;
    assert!(error.contains("a function of a zip needs --handler"), "{error}");
    assert!(project.cloud.operations().iter().all(|name| name.starts_with("Get")));
}

#[test]
fn functions_of_one_kind_do_not_become_the_other() {
    let Some(project) = project("cmr-kinds") else { return };
    project.file("Dockerfile", "FROM runtime\n");
    project.succeed(&["deploy"]);
    project.cloud.take();
    let error = project.fail(&["deploy", "--runtime", "cmr-kinds", "--handler", "function.handler"]);
    assert!(error.contains("is one of an image and cannot take a zip archive"), "{error}");
    assert_eq!(project.cloud.operations(), ["GetFunction"]);
}

#[test]
fn an_aws_cli_without_the_calls_is_named_before_anything_is_made() {
    for major in [1, 2] {
        let Some(project) = Project::with_aws_cli("cmr-old", major) else { continue };
        for arguments in [
            &["publish-runtime", "--runtime", "cmr-old", "--runtime-version", "1", "--variant", "bash"][..],
            &["list-runtimes"],
            &["deploy", "--runtime", "cmr-old", "--handler", "function.handler"],
        ] {
            let error = project.fail(arguments);
            assert!(error.contains(&format!("aws-cli/{major}.")), "{error}");
            assert!(error.contains("does not know customer-managed runtimes: install"), "{error}");
        }
        assert!(project.cloud.operations().iter().all(|name| name == "GetFunction"));
        assert!(project.docker_calls().is_empty());
    }
}

#[test]
fn a_zip_is_the_same_for_the_same_files_and_keeps_modes() {
    let Some(project) = project("cmr-zip") else { return };
    project.succeed(&["publish-runtime", "--runtime", "cmr-zip", "--runtime-version", "1", "--base", "b"]);
    let of = ["promote-runtime", "--runtime", "cmr-zip", "--runtime-version", "1", "--runtime-alias", "stable"];
    project.succeed(&of);
    let mut archives = Vec::new();
    for folder in ["one", "two"] {
        let folder = project.folder.path().join(folder);
        let mut files = vec![("b é.sh", 0o755), ("a.sh", 0o644), ("sub/c", 0o444), (".git/config", 0o644)];
        if !archives.is_empty() {
            files.reverse();
        }
        for (file, mode) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("#!/bin/sh\necho {file}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("a.sh", folder.join("link")).unwrap();
        project.cloud.take();
        let name = format!("cmr-zip-{}", archives.len());
        let place = folder.to_str().unwrap();
        project.succeed(&["deploy", "--name", &name, "--dir", place, "--runtime", "cmr-zip", "--handler", "a.sh"]);
        archives.push(project.body_of("CreateFunction")["Code"]["ZipFile"].as_str().unwrap().to_owned());
    }
    assert_eq!(archives[0], archives[1]);
    let listing = "import base64, io, sys, zipfile
for entry in zipfile.ZipFile(io.BytesIO(base64.b64decode(sys.stdin.read()))).infolist():
    print(oct(entry.external_attr >> 16), entry.date_time[0], entry.filename)";
    let ran = super::run(Command::new("python3").args(["-c", listing]), &archives[0]);
    let expected = "0o100644 1980 a.sh\n0o100755 1980 b é.sh\n0o120777 1980 link\n0o100444 1980 sub/c\n";
    assert_eq!(ran.out, expected, "{ran:?}");
}

#[test]
fn the_commands_of_the_page_run_as_they_stand() {
    let Some(project) = project("cmr-page") else { return };
    let project = project.variable("FUNCTION_NAME", "");
    let folder = project.folder.path().join("my-function");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("function.sh"), "handler() { cat; }\n").unwrap();
    let page = fs::read_to_string(repository().join("docs/runtimes.md")).unwrap();
    let blocks = page.split("\n```sh\n").skip(2).map(|block| block.split("\n```").next().unwrap());
    let mut ran = 0;
    for command in blocks.flat_map(str::lines) {
        // the first block shows what the page is about
        let words = format!("set -- {command}\nshift\nprintf '%s\\n' \"$@\"");
        let output = Command::new("bash").args(["-c", &words]).output().unwrap();
        let words = String::from_utf8(output.stdout).unwrap();
        project.succeed(&words.lines().collect::<Vec<_>>());
        ran += 1;
    }
    assert_eq!(ran, 16);
}
