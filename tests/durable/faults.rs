//! Faults of the service, of the way to it, of the handler and of the bootstrap: a step runs at most once where that was
//! asked for, and none is lost.

use std::{fs, thread};

use serde_json::json;

use super::{
    execution::{Deeds, End, Execution},
    service::{
        Fault::{self, Drop, Garble, KeepToken, KillAfter, KillBefore, Lose, None, Refuse},
        Service,
    },
};
use crate::support::{Function, storm::Random};

/// Two steps around a wait. `point` ends the worker there, once, if it is the one that `CRASH_AT` names.
const SCRIPT: &str = r#"
point() {
    if [[ ${CRASH_AT:-} == "$1" && ! -e $DEEDS.crashed ]]; then
        : >"$DEEDS.crashed"
        kill -KILL "$WORKER"
        sleep 60
    fi
}
did() {
    echo "$1" >>"$DEEDS"
    # longer than a start is held back
    if [[ ${CRASH_AT:-} == "in $1" ]]; then sleep 0.3; fi
    point "in $1"
    printf 'did %s' "$1"
}
export -f point did
export WORKER=$$
handler() {
    if [[ $1 == fine ]]; then
        echo fine
        return
    fi
    local first second
    point start
    first=$(durable step first --at-most-once bash -c 'did first')
    point first
    durable wait 5s
    point wait
    second=$(durable step second bash -c 'did second')
    point second
    printf '%s, %s, %s' "$first" "$second" "$1"
}
"#;

/// The checkpoints of the script: the start and the end of the first step, the wait, the second step.
const CHECKPOINTS: usize = 4;

const BUSY: Fault = Refuse(503, "ServiceUnavailable", "try again");
const STALE: Fault = Refuse(400, "InvalidParameterValueException", "Invalid checkpoint token");

/// How an execution with faults came to its end.
#[derive(Debug)]
struct Story {
    end: End,
    invocations: Vec<String>,
    /// How often the first step and the second one ran.
    deeds: (usize, usize),
    operations: Vec<(String, String)>,
}

/// Runs the script while calls go like this. The bootstrap that is left answers another event.
fn story(faults: &[Fault], crash_at: &str) -> Story {
    let (service, deeds) = (Service::start(), Deeds::new());
    service.fail_with(faults.iter().copied());
    let function = || Function::bash(SCRIPT).env("DEEDS", &deeds.path()).env("CRASH_AT", crash_at);
    let mut execution = Execution::of(service.clone(), function);
    let end = execution.run("\"input\"");
    execution.recovers();
    Story {
        end,
        invocations: execution.invocations,
        deeds: (deeds.count("first"), deeds.count("second")),
        operations: service.operations(),
    }
}

fn succeeded() -> End {
    End::Succeeded("did first, did second, \"input\"".to_owned())
}

/// The stories of these faults at each of the checkpoints, all at the same time.
fn at_each_checkpoint(faults: &[Fault]) -> Vec<Story> {
    thread::scope(|scope| {
        let stories = (0..CHECKPOINTS).map(|position| {
            let faults = [&vec![None; position][..], faults].concat();
            scope.spawn(move || story(&faults, ""))
        });
        let stories: Vec<_> = stories.collect();
        stories.into_iter().map(|story| story.join().unwrap()).collect()
    })
}

#[test]
fn without_a_fault_each_thing_is_done_once_over_one_connection() {
    let (service, deeds) = (Service::start(), Deeds::new());
    let function = || Function::bash(SCRIPT).env("DEEDS", &deeds.path());
    let mut execution = Execution::of(service.clone(), function);
    assert_eq!(execution.run("\"input\""), succeeded());
    assert_eq!(execution.invocations, ["PENDING", "SUCCEEDED"]);
    assert_eq!((deeds.count("first"), deeds.count("second")), (1, 1));
    let calls = service.checkpoints();
    let updates = calls.iter().flat_map(|call| call["Updates"].as_array().unwrap());
    let updates: Vec<_> = updates.map(|update| format!("{} {}", update["Name"], update["Action"])).collect();
    let starts = ["\"first\" \"START\"", "\"first\" \"SUCCEED\"", "\"wait\" \"START\""];
    assert_eq!(updates, [&starts[..], &["\"second\" \"START\"", "\"second\" \"SUCCEED\""]].concat());
    // on a busy machine the second step takes so long that its start goes out before
    assert!((CHECKPOINTS..=CHECKPOINTS + 1).contains(&calls.len()), "{calls:?}");
    assert_eq!(service.connections(), 1);
}

#[test]
fn a_call_that_fails_is_made_again_and_nothing_is_done_twice() {
    let throttled = Refuse(429, "TooManyRequestsException", "Rate exceeded");
    let internal = Refuse(500, "ServiceException", "An error occurred");
    for faults in
        [&[throttled][..], &[internal], &[BUSY, BUSY], &[Drop], &[Lose], &[Garble], &[Lose, Lose], &[Drop, Lose]]
    {
        for story in at_each_checkpoint(faults) {
            assert_eq!(story.end, succeeded(), "{faults:?}: {story:?}");
            assert_eq!(story.invocations, ["PENDING", "SUCCEEDED"], "{faults:?}");
            assert_eq!(story.deeds, (1, 1), "{faults:?}: {story:?}");
            assert_eq!(story.operations.len(), 3, "{faults:?}: {story:?}");
        }
    }
}

#[test]
fn the_attempts_of_a_call_have_one_client_token_and_other_calls_another() {
    let (service, deeds) = (Service::start(), Deeds::new());
    service.fail_with([Lose, Drop]);
    let function = || Function::bash(SCRIPT).env("DEEDS", &deeds.path());
    assert_eq!(Execution::of(service.clone(), function).run("\"input\""), succeeded());
    let tokens: Vec<_> = service.checkpoints().iter().map(|call| call["ClientToken"].clone()).collect();
    assert!(tokens[0] == tokens[1] && tokens[1] == tokens[2], "{tokens:?}");
    let mut different = tokens.clone();
    different.dedup();
    assert_eq!(different.len(), tokens.len() - 2, "{tokens:?}");
}

#[test]
fn a_service_that_stays_away_fails_the_invocation_and_not_the_execution() {
    for story in at_each_checkpoint(&[BUSY, BUSY, BUSY]) {
        assert!(story.invocations.contains(&"Runtime.CheckpointFailed".to_owned()), "{story:?}");
        check(&story);
    }
}

#[test]
fn a_stale_token_fails_the_invocation_at_once() {
    for story in at_each_checkpoint(&[STALE]) {
        let failed = story.invocations.iter().filter(|end| *end == "Runtime.CheckpointFailed");
        assert_eq!(failed.count(), 1, "{story:?}");
        check(&story);
    }
}

#[test]
fn an_answer_without_a_token_suspends_and_the_next_invocation_goes_on() {
    for story in at_each_checkpoint(&[KeepToken]) {
        let (last, suspended) = story.invocations.split_last().unwrap();
        assert!(suspended.iter().all(|end| end == "PENDING") && last != "PENDING", "{story:?}");
        check(&story);
    }
}

#[test]
fn a_bootstrap_that_is_killed_loses_nothing_and_repeats_nothing_at_most_once() {
    for fault in [KillBefore, KillAfter] {
        for story in at_each_checkpoint(&[fault]) {
            assert!(story.invocations.contains(&"killed".to_owned()), "{story:?}");
            check(&story);
        }
    }
}

#[test]
fn a_worker_that_is_killed_loses_nothing_and_repeats_nothing_at_most_once() {
    for (point, runs) in [
        ("start", (1, 1)),
        ("in first", (1, 0)),
        ("first", (1, 1)),
        ("wait", (1, 1)),
        ("in second", (1, 2)),
        ("second", (1, 1)),
    ] {
        let story = story(&[], point);
        assert!(story.invocations.contains(&"Runtime.WorkerExited".to_owned()), "{point}: {story:?}");
        assert_eq!(story.deeds, runs, "{point}: {story:?}");
        check(&story);
    }
}

/// The promises that hold whatever was at fault: the first step ran at most once, and it failed only if nobody can know
/// whether it ran to its end. The second one ran, and its recorded result was kept.
fn check(story: &Story) {
    let (first, second) = story.deeds;
    assert!(first <= 1, "{story:?}");
    match &story.end {
        End::Succeeded(_) => {
            assert_eq!(story.end, succeeded());
            assert_eq!(first, 1, "{story:?}");
            assert!(second == 1 || second == 2, "{story:?}");
        }
        End::Failed(..) => {
            assert_eq!(story.operations, [("first".to_owned(), "FAILED".to_owned())], "{story:?}");
        }
    }
}

#[test]
fn a_refusal_that_no_attempt_can_mend_fails_the_execution() {
    for (status, error_type) in [
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (400, "InvalidParameterValueException"),
        (502, "KMSAccessDeniedException"),
    ] {
        let story = story(&[None, None, Refuse(status, error_type, "not like this")], "");
        assert_eq!(story.end, End::Failed(error_type.to_owned(), "not like this".to_owned()));
        assert_eq!(story.invocations, ["FAILED"]);
        assert_eq!(story.deeds, (1, 0));
    }
}

#[test]
fn a_refusal_that_quotes_a_credential_is_masked() {
    let (service, token) = (Service::start(), "FwoGZXIvYXdzEXAMPLETOKEN");
    service.fail_with([Refuse(403, "InvalidSignatureException", "not the signature of FwoGZXIvYXdzEXAMPLETOKEN")]);
    let deeds = Deeds::new();
    let function = || Function::bash(SCRIPT).env("DEEDS", &deeds.path()).env("CRASH_AT", "");
    let mut execution = Execution::of(service, function).with("AWS_SESSION_TOKEN", token);
    let masked = End::Failed("InvalidSignatureException".to_owned(), "not the signature of ***".to_owned());
    assert_eq!(execution.run("\"input\""), masked);
    execution.recovers();
}

#[test]
fn a_credential_in_an_error_of_a_callback_is_masked() {
    let (service, token) = (Service::start(), "FwoGZXIvYXdzEXAMPLETOKEN");
    let script = "handler() { durable callback c -- true; }";
    let mut execution = Execution::of(service.clone(), || Function::bash(script)).with("AWS_SESSION_TOKEN", token);
    assert_eq!(execution.invoke("input").unwrap()["Status"], "PENDING");
    let error = json!({ "ErrorType": "E", "ErrorMessage": format!("m {token}"), "ErrorData": format!("d {token}") });
    service.end("c create callback id", "FAILED", &json!({ "CallbackDetails": { "Error": error } }));
    let masked = json!({ "ErrorType": "E", "ErrorMessage": "m ***", "ErrorData": "d ***" });
    assert_eq!(service.operations().len(), 3);
    let mut answer = execution.invoke("input").unwrap();
    answer["Error"].as_object_mut().unwrap().remove("StackTrace");
    assert_eq!(answer["Error"], masked);
    let update = service.checkpoints().pop().unwrap()["Updates"][0].take();
    assert_eq!((&update["Action"], &update["Error"]), (&"FAIL".into(), &masked));
}

#[test]
fn what_is_missing_in_the_environment_is_an_error_that_names_the_variable() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, gone) = (folder.path().join("empty.pem"), folder.path().join("gone.pem"));
    fs::write(&empty, "").unwrap();
    let (empty, gone) = (empty.display().to_string(), gone.display().to_string());
    for (name, value, message) in [
        ("AWS_REGION", "", "`AWS_REGION` is not set: a durable function needs the region it runs in".to_owned()),
        (
            "AWS_ENDPOINT_URL_LAMBDA",
            "localhost",
            "`AWS_ENDPOINT_URL_LAMBDA` is `localhost`: it takes a URL as `https://HOST` or `http://HOST:PORT/PATH`"
                .to_owned(),
        ),
        (
            "AWS_CA_BUNDLE",
            &gone,
            format!("`AWS_CA_BUNDLE` is `{gone}`, which cannot be read: No such file or directory (os error 2)"),
        ),
        ("AWS_CA_BUNDLE", &empty, format!("`AWS_CA_BUNDLE` is `{empty}`, which has no certificate in PEM")),
    ] {
        let (service, deeds) = (super::tls::service(), Deeds::new());
        let function = || Function::bash(SCRIPT).env("DEEDS", &deeds.path());
        let mut execution = Execution::of(service.0, function).with(name, value);
        assert_eq!(execution.run("1"), End::Failed("Runtime.InvalidConfiguration".to_owned(), message));
        execution.recovers();
    }
}

#[test]
fn a_result_that_is_refused_for_its_size_fails_its_step_and_no_other() {
    let message = "STEP output payload size must be less than or equal to 262144 bytes.";
    for refused in [
        Refuse(413, "RequestEntityTooLargeException", "too large"),
        Refuse(400, "InvalidParameterValueException", message),
    ] {
        let story = story(&[None, None, None, refused], "");
        let End::Failed(error_type, _) = &story.end else { panic!("{story:?}") };
        assert_eq!(error_type, "Durable.ResultTooLarge");
        assert_eq!(story.deeds, (1, 1));
        assert_eq!(story.operations[2], ("second".to_owned(), "FAILED".to_owned()));
    }
}

/// Executions with faults at random calls. `SCRIPT_RUNTIME_TEST_EXECUTIONS` says how many.
#[test]
fn executions_with_faults_at_random_end_as_they_should() {
    const THREADS: usize = 6;
    let count = std::env::var("SCRIPT_RUNTIME_TEST_EXECUTIONS").map_or(60, |count| count.parse().unwrap());
    let faults =
        [None, None, None, None, None, None, BUSY, Drop, Lose, Garble, STALE, KeepToken, KillBefore, KillAfter];
    let points = ["", "", "", "start", "in first", "first", "wait", "in second", "second"];
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let mut random = Random(thread as u64);
                for _ in 0..count / THREADS {
                    let faults: Vec<_> = (0..12).map(|_| faults[random.below(faults.len())]).collect();
                    let point = points[random.below(points.len())];
                    let story = story(&faults, point);
                    assert!(story.deeds.0 <= 1, "{faults:?}, {point}: {story:?}");
                    check_random(&story);
                }
            });
        }
    });
}

/// As [`check`], where the second step may have been interrupted more than once.
fn check_random(story: &Story) {
    match &story.end {
        End::Succeeded(_) => {
            assert_eq!(story.end, succeeded(), "{story:?}");
            assert!(story.deeds.0 == 1 && story.deeds.1 >= 1, "{story:?}");
        }
        End::Failed(..) => {
            assert_eq!(story.operations, [("first".to_owned(), "FAILED".to_owned())], "{story:?}");
        }
    }
}
