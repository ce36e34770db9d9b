//! A failure is reported with the call, AWS's words, and the next step.

use std::fs;

use super::{Project, cloud::Turn};

/// The three parts of a failure: the call, what was said about it, what to do.
fn parts(error: &str) -> (String, String, String) {
    let (_, failure) = error.split_once("manage.sh: this call failed: ").unwrap_or_else(|| panic!("{error}"));
    let (call, rest) = failure.split_once('\n').unwrap();
    let (said, to_do) = rest.split_once("manage.sh: to do: ").unwrap_or_else(|| panic!("{error}"));
    (call.to_owned(), said.trim_end().to_owned(), to_do.trim_end().to_owned())
}

#[test]
fn names_what_to_do_about_each_answer_of_aws() {
    let Some(project) = Project::new("advised") else { return };
    let role = "The role defined for the function cannot be assumed by Lambda.";
    let refused = [
        (
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "give valid credentials",
        ),
        ("ExpiredTokenException", "The security token included in the request is expired", "give valid credentials"),
        (
            "AccessDeniedException",
            "User: u is not authorized to perform: lambda:GetFunction",
            "get the permission that the message names",
        ),
        (
            "InvalidParameterValueException",
            "Lambda does not have permission to access the ECR image.",
            "let lambda.amazonaws.com read the repository",
        ),
        ("InvalidParameterValueException", role, "let lambda.amazonaws.com assume the role"),
        (
            "InvalidParameterValueException",
            "The image manifest, config or layer media type for the source image is not supported.",
            "push a single manifest",
        ),
        ("InvalidParameterValueException", "Image size 10800000000 is over the limit", "make the image smaller"),
        (
            "InvalidParameterValueException",
            "The architecture of the image is not that of the function",
            "build the image for the function's architecture",
        ),
        (
            "InvalidParameterValueException",
            "container images are not supported for SnapStart enabled functions",
            "push again with --snapstart",
        ),
        ("ResourceConflictException", "The operation cannot be performed at this time.", "wait a moment"),
        ("ServiceException", "Something else.", "fix the cause"),
    ];
    for (code, message, advice) in refused {
        project.cloud.next("GetFunction", Turn::Fails(code, message.to_owned()));
        let (call, said, to_do) = parts(&project.fail(&["deploy"]));
        assert_eq!(call, "aws lambda get-function --function-name advised");
        assert_eq!(said, format!("    An error occurred ({code}) when calling the GetFunction operation: {message}"));
        assert!(to_do.starts_with(advice), "{message}: {to_do}");
    }
    let (_, said, to_do) = parts(&{
        let message = "Function not found: advised".to_owned();
        project.cloud.next("Invoke", Turn::Fails("ResourceNotFoundException", message));
        project.fail(&["invoke"])
    });
    assert!(said.ends_with("Function not found: advised"), "{said}");
    assert_eq!(to_do, "check --name (advised) and --region (eu-west-1); manage.sh deploy makes the function");
}

#[test]
fn names_what_to_do_without_credentials_or_region() {
    let Some(project) = Project::new("nobody") else { return };
    let project = project.variable("AWS_ACCESS_KEY_ID", "").variable("AWS_SECRET_ACCESS_KEY", "");
    let (_, said, to_do) = parts(&project.fail(&["deploy"]));
    assert!(said.contains("Unable to locate credentials"), "{said}");
    assert!(to_do.starts_with("give valid credentials: aws configure"), "{to_do}");
    let (_, said, to_do) = parts(&project.fail(&["deploy", "--profile", "none"]));
    assert!(said.contains("(none) could not be found"), "{said}");
    assert!(to_do.starts_with("give valid credentials: aws configure"), "{to_do}");

    let Some(project) = Project::new("nowhere") else { return };
    let project = project.variable("AWS_REGION", "");
    let (_, said, to_do) = parts(&project.fail(&["deploy"]));
    assert!(said.contains("You must specify a region"), "{said}");
    assert_eq!(to_do, "name a region of your account: --region or AWS_REGION");
    // nobody listens there
    let project = project.variable("STAND_IN_ENDPOINT", "http://127.0.0.1:1");
    let (_, said, to_do) = parts(&project.fail(&["deploy", "--region", "eu-nowhere-1"]));
    assert!(said.contains("Could not connect to the endpoint URL"), "{said}");
    assert_eq!(to_do, "name a region of your account: --region or AWS_REGION");
}

#[test]
fn names_what_to_do_about_docker() {
    let Some(project) = Project::new("dockerless") else { return };
    let failures = [
        (
            "build",
            "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            "start Docker",
        ),
        ("build", "docker: 'buildx' is not a docker command.", "install Docker's buildx plugin"),
        (
            "build",
            "ERROR: failed to solve: exec /bin/sh: exec format error",
            "build for an architecture that this machine runs",
        ),
        ("build", "ERROR: failed to solve: base:1: no match for platform in manifest: not found", "name a base image"),
        ("build", "ERROR: failed to solve: no such file", "fix the cause"),
        ("login", "Error response from daemon: 400 Bad Request", "fix the cause"),
        (
            "push",
            "tag invalid: The image tag 'latest' already exists and cannot be overwritten because the tag is immutable.",
            "choose a new --tag",
        ),
    ];
    for (verb, message, advice) in failures {
        let marker = format!("{verb}.fails");
        project.docker_knows(&marker, message);
        let (call, said, to_do) = parts(&project.fail(&["push"]));
        assert!(call.starts_with("docker ") && call.contains(verb), "{call}");
        assert_eq!(said, format!("    {message}"));
        assert!(to_do.starts_with(advice), "{message}: {to_do}");
        fs::remove_file(project.stand_in.path().join(marker)).unwrap();
    }
    project.succeed(&["push"]);
}

#[test]
fn a_base_that_is_not_there_can_be_built() {
    let Some(project) = Project::new("baseless") else { return };
    let base = "ghcr.io/lambda-script-runtime/lambda-script-runtime:0.2.0-bash-al2023-amd64";
    for message in [
        format!("ERROR: failed to solve: {base}: failed to resolve source metadata for {base}: not found"),
        format!("ERROR: failed to solve: {base}: {base}: not found"),
        "ERROR: pull access denied, repository does not exist or may require authorization".to_owned(),
    ] {
        project.docker_knows("build.fails", &message);
        let error = project.fail(&["push", "--base", base, "--handler", "function.handler"]);
        for part in [
            base,
            "neither here",
            "docker buildx bake bash-al2023-amd64",
            "--base lambda-script-runtime:bash-al2023-amd64",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn refuses_images_that_lambda_would_refuse() {
    let Some(project) = Project::new("refused") else { return };
    project.docker_knows("image", "arm64 1000");
    let error = project.fail(&["deploy"]);
    let said = "manage.sh: the image is for arm64 and the function for x86_64: take a base image for x86_64, or change --arch\n";
    assert!(error.ends_with(said), "{error}");
    project.docker_knows("image", "amd64 10737418241");
    let error = project.fail(&["deploy"]);
    let said = "manage.sh: the image has 10737418241 bytes unpacked and Lambda takes 10737418240: make it smaller\n";
    assert!(error.ends_with(said), "{error}");
    assert_eq!(project.cloud.count("GetAuthorizationToken"), 0);

    project.docker_knows("image", "amd64 10737418240");
    project.docker_knows("manifest-type", "application/vnd.oci.image.index.v1+json");
    let error = project.fail(&["deploy"]);
    assert!(error.contains("/refused:latest is an image index, which Lambda refuses"), "{error}");
    assert_eq!(project.cloud.count("CreateFunction"), 0);
    let error = project.fail(&["create", "--tag", "unknown"]);
    assert_eq!(error, "manage.sh: there is no image refused:unknown in ECR: run manage.sh push first, or deploy\n");
}

#[test]
fn leaves_a_function_of_a_zip_archive_alone() {
    let Some(project) = Project::new("zipped") else { return };
    project.ask(&["iam", "create-role", "--role-name", "zipped", "--assume-role-policy-document", "{}"]);
    let zip = project.stand_in.path().join("zip");
    // an archive of nothing
    fs::write(&zip, [b"PK\x05\x06".as_slice(), &[0; 18]].concat()).unwrap();
    let zip = format!("fileb://{}", zip.display());
    let settings =
        ["--role", "arn:aws:iam::123456789012:role/zipped", "--runtime", "provided.al2023", "--handler", "x"];
    let create = ["lambda", "create-function", "--function-name", "zipped", "--zip-file", &zip];
    project.ask(&[&create[..], &settings].concat());
    assert_eq!(
        project.fail(&["deploy"]),
        "manage.sh: the function zipped is one of a zip archive and cannot take an image: choose another --name, or delete it first\n"
    );
    assert_eq!(project.cloud.operations(), ["GetFunction"]);
    assert!(project.docker_calls().is_empty());
}

#[test]
fn gives_the_reason_why_a_function_does_not_come_up() {
    let Some(project) = Project::new("reasons") else { return };
    project.succeed(&["deploy"]);
    for _ in 0..2 {
        project.cloud.next(
            "GetFunction",
            Turn::Changes(Box::new(|function| {
                function["Configuration"]["LastUpdateStatus"] = "InProgress".into();
            })),
        );
    }
    for _ in 0..2 {
        project.cloud.next(
            "GetFunction",
            Turn::Changes(Box::new(|function| {
                let configuration = &mut function["Configuration"];
                configuration["LastUpdateStatus"] = "Failed".into();
                configuration["LastUpdateStatusReason"] = "The image is not supported: layer media type.".into();
            })),
        );
    }
    let (call, said, to_do) = parts(&project.fail(&["deploy"]));
    assert_eq!(call, "aws lambda wait function-updated-v2 --function-name reasons");
    assert!(said.ends_with("    The image is not supported: layer media type."), "{said}");
    assert!(to_do.starts_with("push a single manifest"), "{to_do}");
}

#[test]
fn keeps_secrets_out_of_messages_and_variables_it_cannot_read() {
    let Some(project) = Project::new("secretive") else { return };
    let message = "Could not set {\"TOKEN_ONE\":\"s3cr\\\"et\"} or s3cr\"et. String measured: {\"OLD\":\"0ld-secret\"}"
        .to_owned();
    project.cloud.next("CreateFunction", Turn::Fails("InvalidParameterValueException", message));
    let error = project.fail(&["deploy", "--env", "TOKEN_ONE=s3cr\"et"]);
    assert!(error.contains("Could not set {\"TOKEN_ONE\":\"***\"} or ***. \n"), "{error}");
    assert!(!error.contains("s3cr") && !error.contains("0ld"), "{error}");

    project.succeed(&["deploy", "--env", "TOKEN_ONE=s3cr\"et"]);
    project.cloud.next(
        "GetFunction",
        Turn::Changes(Box::new(|function| {
            function["Configuration"]["Environment"] =
                serde_json::json!({ "Error": { "ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt" } });
        })),
    );
    let error = project.fail(&["update", "--env", "TOKEN_TWO=2"]);
    assert_eq!(
        error,
        "manage.sh: the function's variables cannot be read, and a change would lose them: no kms:Decrypt\n"
    );
}

#[test]
fn refuses_what_it_does_not_understand() {
    let Some(project) = Project::new("misused") else { return };
    let misuses: [(&[&str], &str); 14] = [
        (&["ship"], "there is no command ship"),
        (&["push", "create"], "one command at a time, not push and create"),
        (&["push", "--fast"], "there is no option --fast"),
        (&["push", "--tag"], "--tag needs a value"),
        (&["create", "--memory", "64"], "--memory takes a number from 128 to 10240, not 64"),
        (&["create", "--memory", "a[$(id)]"], "--memory takes a number from 128 to 10240, not a[$(id)]"),
        (&["create", "--timeout", "1801"], "--timeout takes a number from 1 to 1800, not 1801"),
        (&["create", "--arch", "x86"], "--arch is x86_64 or arm64, not x86"),
        (&["create", "--log-format", "json"], "--log-format is Text or JSON, not json"),
        (&["create", "--name", "a b"], "--name takes up to 64 letters, digits, - and _, not a b"),
        (&["create", "--env", "A-B=secret"], "--env takes NAME=VALUE with a NAME of two or more letters, digits and _"),
        (&["create", "--env", "NO_SUCH"], "--env NO_SUCH: there is no such variable here to take the value from"),
        (&["create", "--dir", "none"], "there is no folder none"),
        (&["invoke", "--event", "@none"], "there is no file none to read the event from"),
    ];
    for (arguments, said) in misuses {
        let ran = project.manage(arguments);
        assert_eq!(ran.status, 2, "{ran:?}");
        assert_eq!((ran.out.as_str(), ran.err), ("", format!("manage.sh: {said} (manage.sh --help)\n")));
    }
    let project = project.variable("FUNCTION_YES", "yes");
    assert_eq!(project.manage(&["delete"]).err, "manage.sh: FUNCTION_YES is 1 or 0, not yes (manage.sh --help)\n");
    assert!(project.cloud.operations().is_empty());
}
