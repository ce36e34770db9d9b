//! Half-done work is finished by the same command; what is not its own is left alone.

use super::{Project, cloud::Turn};

#[test]
fn goes_on_where_a_failure_stopped_it() {
    let Some(project) = Project::new("resumes") else { return };
    let steps = ["CreateRepository", "GetAuthorizationToken", "CreateRole", "AttachRolePolicy", "CreateFunction"];
    for step in steps {
        let message = format!("User: x is not authorized to perform: {step}");
        project.cloud.next(step, Turn::Fails("AccessDeniedException", message.clone()));
        let error = project.fail(&["deploy", "--handler", "function.handler"]);
        let lines: Vec<_> = error.lines().collect();
        let [.., call, said, to_do] = lines.as_slice() else { panic!("{error}") };
        assert!(call.starts_with("manage.sh: this call failed: aws "), "{error}");
        assert!(said.contains(&format!("calling the {step} operation: {message}")), "{error}");
        assert_eq!(
            *to_do,
            "manage.sh: to do: get the permission that the message names, then run the same command again"
        );
    }
    project.cloud.take();
    project.succeed(&["deploy", "--handler", "function.handler"]);
    // parts that exist are not made again
    assert_eq!(
        project.cloud.operations(),
        [
            "GetFunction",
            "GetRole",
            "DescribeRepositories",
            "DescribeImages",
            "AttachRolePolicy",
            "CreateFunction",
            "GetFunction"
        ]
    );

    // between code and configuration
    project.file("function.sh", "handler() { tac; }\n");
    project
        .cloud
        .next("UpdateFunctionConfiguration", Turn::Fails("ResourceConflictException", "update in progress".into()));
    let error = project.fail(&["deploy", "--memory", "1024"]);
    assert!(error.ends_with("manage.sh: to do: wait a moment, then run the same command again\n"), "{error}");
    project.cloud.take();
    project.succeed(&["deploy", "--memory", "1024"]);
    let looks = ["GetFunction", "DescribeRepositories", "DescribeImages"];
    assert_eq!(project.cloud.operations(), [&looks[..], &["UpdateFunctionConfiguration", "GetFunction"]].concat());
}

#[test]
fn waits_for_what_an_earlier_run_began() {
    let Some(project) = Project::new("pending") else { return };
    project.succeed(&["deploy"]);
    project.cloud.take();
    project
        .cloud
        .next("GetFunction", Turn::Changes(Box::new(|function| function["Configuration"]["State"] = "Pending".into())));
    project
        .cloud
        .next("GetFunction", Turn::Changes(Box::new(|function| function["Configuration"]["State"] = "Pending".into())));
    project.succeed(&["create"]);
    let looks = ["DescribeRepositories", "DescribeImages"];
    // the look, two polls of the wait, the look again
    assert_eq!(project.cloud.operations(), [&["GetFunction"; 4][..], &looks].concat());

    project.cloud.next(
        "GetFunction",
        Turn::Changes(Box::new(|function| function["Configuration"]["LastUpdateStatus"] = "Failed".into())),
    );
    project.succeed(&["update"]);
    let again = ["GetFunction", "DescribeRepositories", "DescribeImages", "UpdateFunctionCode", "GetFunction"];
    assert_eq!(project.cloud.operations(), again);
}

#[test]
fn waits_until_a_new_role_can_be_assumed() {
    let Some(project) = Project::new("assumed") else { return };
    let refuse = || {
        let message = "The role defined for the function cannot be assumed by Lambda.".to_owned();
        project.cloud.next("CreateFunction", Turn::Fails("InvalidParameterValueException", message));
    };
    project.succeed(&["push"]);
    for _ in 0..5 {
        refuse();
    }
    let error = project.fail(&["create", "--role-wait", "1"]);
    assert!(
        error.ends_with(
            "manage.sh: to do: let lambda.amazonaws.com assume the role (its trust policy), or wait longer: --role-wait\n"
        ),
        "{error}"
    );
    let tries = project.cloud.operations().iter().filter(|&name| name == "CreateFunction").count();
    assert!((1..5).contains(&tries), "{tries}");
    let ran = project.succeed(&["create"]);
    let waits = ran.err.matches("manage.sh: Lambda cannot assume the role yet; trying again\n").count();
    assert_eq!(waits, 5 - tries);
    assert_eq!(ran.out, format!("{}\n", project.arn()));
}

#[test]
fn takes_a_role_that_is_there_and_never_deletes_it() {
    let Some(project) = Project::new("roles") else { return };
    for role in ["roles-role", "roles-other"] {
        project.ask(&["iam", "create-role", "--role-name", role, "--assume-role-policy-document", "{}"]);
    }
    let error = project.fail(&["deploy"]);
    assert!(
        error.ends_with(
            "manage.sh: the role roles-role was not made for this function: choose another --name, or use it with --role roles-role\n"
        ),
        "{error}"
    );
    project.cloud.take();
    let other = "arn:aws:iam::123456789012:role/roles-other";
    project.succeed(&["deploy", "--role", "roles-role"]);
    project.succeed(&["deploy", "--role", "roles-role"]);
    project.succeed(&["deploy", "--role", other]);
    assert_eq!(project.function()["Configuration"]["Role"], other);
    let operations = project.cloud.operations();
    // the name is looked up to create, and no longer to compare
    assert_eq!(operations.iter().filter(|&name| name == "GetRole").count(), 1);
    assert!(!operations.iter().any(|name| name == "CreateRole" || name == "AttachRolePolicy"), "{operations:?}");

    let said = project.succeed(&["delete", "--all", "--yes"]).err;
    assert!(said.ends_with("manage.sh: the role roles-role stays: it was not made for this function\n"), "{said}");
    for role in ["roles-role", "roles-other"] {
        project.ask(&["iam", "get-role", "--role-name", role]);
    }
}
