//! AWS's conformance suite. `conformance.py` runs its cases against AWS's own offline runner, and against the service that
//! the bootstrap has itself: all of them in Bash, some in the other languages.

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

/// The cases that handlers in PowerShell and Lisp have, too.
const OTHERS: [&str; 29] = [
    "1-1", "1-3", "1-5", "1-8", "1-10", "1-11", "1-12", "1-14", "1-19", "1-20", "2-1", "2-3", "3-1", "3-3", "3-4",
    "3-5", "3-9", "3-10", "3-15", "4-1", "4-7", "4-13", "5-1", "5-6", "6-1", "6-4", "7-1", "7-4", "7-7",
];

/// The cases that only PowerShell has beside them: those with errors of a type of its own, and JSON.
const POWERSHELL: [&str; 4] = ["1-4", "1-15", "1-16", "5-2"];

#[test]
fn the_cases_pass_but_those_that_are_listed_with_a_reason() {
    needs!("durable-runner", jq);
    check("conformance.sh.handler", &all(), FAILING, false);
}

#[test]
fn the_cases_pass_on_a_desk() {
    needs!("durable-runner", jq);
    check("conformance.sh.handler", &all(), FAILING_ON_A_DESK, true);
}

#[test]
fn cases_of_each_kind_pass_in_lisp() {
    needs!("durable-runner", sbcl);
    check("conformance.lisp.conformance:handler", &OTHERS.map(str::to_owned), &[], false);
}

#[test]
fn cases_of_each_kind_pass_in_powershell() {
    needs!("durable-runner", pwsh);
    let cases = OTHERS.iter().chain(&POWERSHELL).map(|case| (*case).to_owned());
    check("./conformance.psm1.Invoke-Case", &cases.collect::<Vec<_>>(), &[], false);
}

/// The cases of all suites.
fn all() -> Vec<String> {
    let cases = SUITES.iter().flat_map(|(suite, count)| (1..=*count).map(move |case| format!("{suite}-{case}")));
    cases.collect()
}

/// Runs these cases with this handler. All pass but the `failing` ones.
fn check(handler: &str, cases: &[String], failing: &[(&str, &str)], on_a_desk: bool) {
    // the cases have limits of time: one suite after the other
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let results = run(handler, cases, on_a_desk);
    assert_eq!(results.len(), cases.len());
    for (case, errors) in &results {
        let reason = failing.iter().find(|(own, _)| own == case).map(|(_, reason)| reason);
        assert!(errors.is_empty() || reason.is_some(), "{case} fails: {errors:?}");
        assert!(!errors.is_empty() || reason.is_none(), "{case} passes: it is listed as failing, for {reason:?}");
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
