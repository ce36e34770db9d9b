//! AWS's conformance suite, with handlers in Bash. `conformance.py` runs its cases against AWS's own offline runner, and
//! against the service that the bootstrap has itself.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use super::execution::path;
use crate::support::{BOOTSTRAP, needs::path_of, repository};

static ALONE: Mutex<()> = Mutex::new(());

/// The suites, with the number of their cases: steps, waits, child contexts, callbacks, invocations of other functions,
/// conditions, callbacks with a submitter. Those after them are about parallel branches, maps, hooks and tracing of SDKs.
const SUITES: [(usize, usize); 7] = [(1, 20), (2, 5), (3, 18), (4, 19), (5, 16), (6, 13), (7, 15)];

/// The cases that fail, with the reason.
const FAILING: &[(&str, &str)] =
    &[("1-15", "the error of a command has a status, and no type of the script's own"), ("1-16", "the same")];

/// The same with the service of `bootstrap --serve --durable`.
const FAILING_ON_A_DESK: &[(&str, &str)] = &[
    FAILING[0],
    FAILING[1],
    ("1-17", "a lost worker is `Runtime.WorkerExited`: the runtime itself goes on"),
    ("1-18", "the same"),
];

#[test]
fn the_cases_pass_but_those_that_are_listed_with_a_reason() {
    check(FAILING, false);
}

#[test]
fn the_cases_pass_on_a_desk() {
    check(FAILING_ON_A_DESK, true);
}

fn check(failing: &[(&str, &str)], on_a_desk: bool) {
    needs!("durable-runner", jq);
    // the cases have limits of time: one suite after the other
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let cases =
        SUITES.iter().flat_map(|(suite, count)| (1..=*count).map(move |case| format!("{suite}-{case}")));
    let cases: Vec<_> = cases.collect();
    let results = run("conformance.handler", &cases, on_a_desk);
    assert_eq!(results.len(), cases.len());
    let failing: BTreeMap<_, _> = failing.iter().copied().collect();
    for (case, errors) in &results {
        let reason = failing.get(case.as_str());
        assert!(errors.is_empty() || reason.is_some(), "{case} fails: {errors:?}");
        assert!(
            !errors.is_empty() || reason.is_none(),
            "{case} passes: it is listed as failing, for {reason:?}"
        );
    }
}

/// Runs these cases with this handler: the errors of each.
fn run(handler: &str, cases: &[String], on_a_desk: bool) -> BTreeMap<String, Vec<Value>> {
    let python = path_of("durable-runner").unwrap().with_file_name("python");
    let folder = repository().join("tests/durable");
    let output = Command::new(python)
        .arg(folder.join("conformance.py"))
        .args([BOOTSTRAP.as_ref(), folder.as_os_str(), handler.as_ref()])
        .args(cases)
        .env("PATH", path())
        .env_remove("AWS_LAMBDA_RUNTIME_API")
        .envs(on_a_desk.then_some(("CONFORMANCE_DESK", "1")))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}{errors}");
    let results = text.lines().map(|line| {
        let result: Value = serde_json::from_str(line).unwrap();
        (result["case"].as_str().unwrap().to_owned(), result["errors"].as_array().unwrap().clone())
    });
    results.collect()
}
