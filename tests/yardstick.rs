//! Our client of the Runtime API beside the crate `lambda_runtime`: both give the same answers for the same events.

use std::process::Command;

use crate::support::{Event, Function, Running, needs::path_of};

/// A native echo on `lambda_runtime`, which `cargo test` builds beside the bootstrap; in its place, our own with `cat`.
fn both() -> Option<[Running; 2]> {
    let echo = path_of("echo-example")?;
    let theirs = Function::bash("");
    let mut command = Command::new(echo);
    command.env_clear().envs(theirs.command().get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ours = Function::bash("handler() { printf %s \"$1\"; }");
    Some([theirs.start_as(command), ours.start()])
}

#[test]
fn both_give_the_same_answers_for_the_same_events() {
    let Some(functions) = both() else { return };
    let long = format!("[{}]", "\"0123456789\",".repeat(100_000) + "1");
    for body in ["{}", "[1, 2.50]", "\"text\"", "null", "{\"a\": \"\u{e4}\\n\", \"b\" :{}}", &long] {
        for event in [
            Event::new(body),
            Event::new(body).header("lambda-runtime-invocation-id", "inv-1"),
            Event::new(body).header(
                "lambda-runtime-client-context",
                r#"{"client":{"installation_id":"i","app_title":"t","app_version_name":"v","app_version_code":"c","app_package_name":"p"},"custom":{},"env":{}}"#,
            ),
            Event::new(body).header("lambda-runtime-aws-tenant-id", "t"),
        ] {
            let [theirs, ours] = functions.each_ref().map(|function| function.post(event.clone()));
            assert_eq!((&theirs.kind, &theirs.body), (&ours.kind, &ours.body));
            assert_eq!(theirs.body, body.as_bytes());
            let echoed = |post: &crate::support::Post| post.headers.get("lambda-runtime-invocation-id").cloned();
            assert_eq!(echoed(&theirs), echoed(&ours));
            assert_eq!(theirs.headers["content-length"], ours.headers["content-length"]);
        }
    }
}

#[test]
fn a_client_context_that_ends_their_environment_is_answered_by_ours() {
    let Some([mut theirs, ours]) = both() else { return };
    let event = || Event::new("{}").header("lambda-runtime-client-context", r#"{"custom":{"n":1}}"#);
    theirs.api.send(event());
    assert!(!theirs.wait().success());
    assert_eq!(ours.answer_to(event()), b"{}");
    assert_eq!(ours.text("next"), "next");
}
