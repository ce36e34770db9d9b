//! AWS's conformance suite, with handlers in Bash. `conformance.py` runs its cases against AWS's own offline runner.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

use super::execution::path;
use crate::support::{BOOTSTRAP, needs::path_of, repository};

/// The suites, with the number of their cases: steps, waits, child contexts, callbacks, invocations of other functions,
/// conditions, callbacks with a submitter. Those after them are about parallel branches, maps, hooks and tracing of SDKs.
const SUITES: [(usize, usize); 7] = [(1, 20), (2, 5), (3, 18), (4, 19), (5, 16), (6, 13), (7, 15)];

/// The cases that fail in Bash, with the reason.
const FAILING: &[(&str, &str)] =
    &[("1-15", "the error of a command has a status, and no type of the script's own"), ("1-16", "the same")];

/// The cases that handlers in PowerShell and Lisp have, too.
const OTHERS: [&str; 30] = [
    "1-1", "1-3", "1-5", "1-8", "1-10", "1-11", "1-12", "1-14", "1-19", "1-20", "2-1", "2-3", "3-1", "3-3",
    "3-4", "3-5", "3-9", "3-10", "3-15", "4-1", "4-7", "4-13", "5-1", "5-6", "6-1", "6-4", "7-1", "7-4",
    "7-6", "7-7",
];

/// The cases that only PowerShell has beside them: those with errors of a type of its own, and JSON.
const POWERSHELL: [&str; 4] = ["1-4", "1-15", "1-16", "5-2"];

#[test]
fn the_cases_pass_in_bash_but_those_that_are_listed_with_a_reason() {
    needs!("durable-runner", jq);
    let cases =
        SUITES.iter().flat_map(|(suite, count)| (1..=*count).map(move |case| format!("{suite}-{case}")));
    check("conformance.sh.handler", &cases.collect::<Vec<_>>(), FAILING);
}

#[test]
fn cases_of_each_kind_pass_in_lisp() {
    needs!("durable-runner", sbcl);
    check("conformance.lisp.conformance:handler", &OTHERS.map(str::to_owned), &[]);
}

#[test]
fn cases_of_each_kind_pass_in_powershell() {
    needs!("durable-runner", pwsh);
    let cases = OTHERS.iter().chain(&POWERSHELL).map(|case| (*case).to_owned());
    check("./conformance.psm1.Invoke-Case", &cases.collect::<Vec<_>>(), &[]);
}

/// Runs these cases with this handler. All pass but the `failing` ones.
fn check(handler: &str, cases: &[String], failing: &[(&str, &str)]) {
    let results = run(handler, cases);
    assert_eq!(results.len(), cases.len());
    for (case, errors) in &results {
        let reason = failing.iter().find(|(own, _)| own == case).map(|(_, reason)| reason);
        assert!(errors.is_empty() || reason.is_some(), "{case} fails: {errors:?}");
        assert!(
            !errors.is_empty() || reason.is_none(),
            "{case} passes: it is listed as failing, for {reason:?}"
        );
    }
}

/// Runs these cases with this handler: the errors of each.
fn run(handler: &str, cases: &[String]) -> BTreeMap<String, Vec<Value>> {
    let python = path_of("durable-runner").unwrap().with_file_name("python");
    let folder = repository().join("tests/durable");
    let output = Command::new(python)
        .arg(folder.join("conformance.py"))
        .args([BOOTSTRAP.as_ref(), folder.as_os_str(), handler.as_ref()])
        .args(cases)
        .env("PATH", path())
        .env_remove("AWS_LAMBDA_RUNTIME_API")
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
