//! `--url` and `--stream`: a function URL, who may call it, and how its answers come.

use serde_json::Value;

use super::Project;

/// The statements that open the URL to everybody, by their names.
fn permissions(project: &Project) -> Vec<String> {
    let policy = project.ask(&["lambda", "get-policy", "--function-name", project.name]);
    let policy: Value = serde_json::from_str(policy["Policy"].as_str().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    statements.iter().map(|statement| statement["Sid"].as_str().unwrap().to_owned()).collect()
}

fn config(project: &Project) -> Value {
    project.ask(&["lambda", "get-function-url-config", "--function-name", project.name])
}

#[test]
fn a_url_is_made_once_shown_and_opened_to_everybody() {
    let Some(project) = Project::new("open") else { return };
    let open = ["deploy", "--url", "NONE"];
    let said = project.succeed(&open).err;
    let url = config(&project)["FunctionUrl"].as_str().unwrap().to_owned();
    assert!(said.ends_with(&format!("manage.sh: open is at {url} (NONE)\n")), "{said}");
    assert_eq!((&config(&project)["AuthType"], &config(&project)["InvokeMode"]), (&"NONE".into(), &"BUFFERED".into()));
    assert_eq!(permissions(&project), ["FunctionURLAllowPublicAccess", "FunctionURLInvokeAllowPublicAccess"]);
    let calls = project.cloud.take();
    let added: Vec<_> = calls.iter().filter(|call| call.operation == "AddPermission").map(|call| &call.body).collect();
    assert_eq!(
        added,
        [
            &serde_json::json!({
                "StatementId": "FunctionURLAllowPublicAccess", "Action": "lambda:InvokeFunctionUrl",
                "Principal": "*", "FunctionUrlAuthType": "NONE",
            }),
            &serde_json::json!({
                "StatementId": "FunctionURLInvokeAllowPublicAccess", "Action": "lambda:InvokeFunction",
                "Principal": "*", "InvokedViaFunctionUrl": true,
            }),
        ]
    );
    let again = project.succeed(&open).err;
    assert!(again.ends_with(&format!("manage.sh: open is at {url} (NONE)\n")), "{again}");
    let operations = project.cloud.operations();
    assert_eq!(operations[operations.len() - 2..], ["GetFunctionUrlConfig", "GetPolicy"]);
}

#[test]
fn a_url_for_signed_requests_takes_the_permissions_away() {
    let Some(project) = Project::new("closed") else { return };
    project.succeed(&["deploy", "--url", "NONE"]);
    project.succeed(&["update", "--url", "AWS_IAM"]);
    assert_eq!(config(&project)["AuthType"], "AWS_IAM");
    project.cloud.take();
    project.succeed(&["update", "--url", "AWS_IAM"]);
    assert_eq!(project.cloud.count("RemovePermission"), 0);
    let asked = project.ask_or_fail(&["lambda", "get-policy", "--function-name", "closed"]);
    assert!(asked.is_none_or(|policy| !policy.to_string().contains("FunctionURL")));
}

#[test]
fn stream_sets_the_mode_of_function_and_url() {
    let Some(project) = Project::new("streams") else { return };
    project.succeed(&["deploy", "--url", "AWS_IAM", "--stream"]);
    let mode = |project: &Project| {
        let variables = project.function()["Configuration"]["Environment"]["Variables"].clone();
        (config(project)["InvokeMode"].clone(), variables["SCRIPT_RUNTIME_RESPONSE_MODE"].clone())
    };
    assert_eq!(mode(&project), ("RESPONSE_STREAM".into(), "streaming".into()));
    project.succeed(&["update", "--memory", "256"]);
    assert_eq!(mode(&project), ("RESPONSE_STREAM".into(), "streaming".into()));
    let project = project.variable("FUNCTION_STREAM", "0");
    project.cloud.take();
    project.succeed(&["update"]);
    assert_eq!(mode(&project).1, "buffered");
    // moto forgets it
    assert_eq!(project.body_of("UpdateFunctionUrlConfig")["InvokeMode"], "BUFFERED");
}

#[test]
fn without_a_url_stream_is_a_setting_of_the_function_alone() {
    let Some(project) = Project::new("unaddressed") else { return };
    project.succeed(&["deploy", "--stream"]);
    let variables = project.function()["Configuration"]["Environment"]["Variables"].clone();
    assert_eq!(variables["SCRIPT_RUNTIME_RESPONSE_MODE"], "streaming");
    assert_eq!(project.cloud.count("CreateFunctionUrlConfig"), 0);
}

#[test]
fn the_url_goes_with_its_function() {
    let Some(project) = Project::new("gone") else { return };
    project.succeed(&["deploy", "--url", "NONE"]);
    project.succeed(&["delete", "--yes"]);
    project.succeed(&["deploy"]);
    let asked = project.ask_or_fail(&["lambda", "get-function-url-config", "--function-name", "gone"]);
    assert_eq!(asked, None);
}

#[test]
fn who_may_call_it_has_to_be_said() {
    let Some(project) = Project::new("unsaid") else { return };
    let error = project.manage(&["deploy", "--url", "everybody"]).err;
    let expected = "--url is AWS_IAM (signed requests) or NONE (for everybody), not everybody";
    assert!(error.contains(expected), "{error}");
    let dry = project.succeed(&["deploy", "--url", "NONE", "--dry-run"]).out;
    for call in ["create-function-url-config", "--invoked-via-function-url", "--function-url-auth-type NONE"] {
        assert!(dry.contains(call), "{dry}");
    }
}
