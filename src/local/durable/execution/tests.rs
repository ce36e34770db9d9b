use serde_json::{Value, json};

use super::*;
use crate::durable::update::Action;

const NOW: f64 = 1_000_000.0;

fn execution() -> Execution {
    let mut execution = Execution::new("arn".to_owned(), "name".to_owned(), "{}".to_owned(), NOW);
    execution.begin_invocation();
    execution
}

/// Updates from their JSON.
fn updates(json: Value) -> Vec<Update> {
    serde_json::from_value(json).unwrap()
}

fn step(id: &str, action: Action) -> Value {
    json!({ "Id": id, "Type": "STEP", "Action": action })
}

fn has_function(target: &Target) -> bool {
    target.name == "known"
}

impl Execution {
    fn send_at(&mut self, now: f64, json: Value) -> Result<Vec<Operation>, String> {
        let token = self.token();
        let answer = self.checkpoint(&token, &updates(json), &has_function, false, now);
        answer.map(|answer| answer.changed.operations).map_err(|refusal| refusal.to_string())
    }

    fn send(&mut self, json: Value) -> Result<Vec<Operation>, String> {
        self.send_at(NOW, json)
    }

    fn status(&self, id: &str) -> Status {
        self.record(id).unwrap().operation.status
    }

    fn reply(&mut self, answer: &str, now: f64) -> Option<ErrorObject> {
        let reply = Reply { answer: Ok(answer.as_bytes()), request_id: "r", began: now };
        self.end_invocation(reply, now)
    }
}

/// Every kind of operation, each in each status that it can have.
fn well_used() -> Execution {
    let mut execution = execution();
    execution
        .send(json!([
            { "Id": "c", "Type": "CONTEXT", "Action": "START", "Name": "c", "SubType": "RunInChildContext" },
            { "Id": "c-done", "Type": "CONTEXT", "Action": "START" },
            { "Id": "started", "Type": "STEP", "Action": "START", "Name": "s", "SubType": "Step", "ParentId": "c" },
            { "Id": "pending", "Type": "STEP", "Action": "RETRY", "StepOptions": { "NextAttemptDelaySeconds": 60 } },
            { "Id": "ready", "Type": "STEP", "Action": "RETRY", "StepOptions": { "NextAttemptDelaySeconds": 1 } },
            { "Id": "done", "Type": "STEP", "Action": "SUCCEED" },
            { "Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": { "WaitSeconds": 60 } },
            { "Id": "w-done", "Type": "WAIT", "Action": "START", "WaitOptions": { "WaitSeconds": 1 } },
            { "Id": "cb", "Type": "CALLBACK", "Action": "START" },
            { "Id": "i", "Type": "CHAINED_INVOKE", "Action": "START",
              "ChainedInvokeOptions": { "FunctionName": "known:1" } },
            { "Id": "c-done", "Type": "CONTEXT", "Action": "SUCCEED" },
        ]))
        .unwrap();
    execution.send_at(NOW + 2.0, json!([])).unwrap();
    execution
}

type Cases = Vec<(Value, String)>;

fn constraint(value: &str, member: &str, constraint: &str) -> String {
    format!(
        "1 validation error detected: Value '{value}' at 'updates.1.member.{member}' failed to satisfy constraint: Member \
         must {constraint}"
    )
}

fn long(length: usize) -> String {
    "x".repeat(length)
}

fn wait(seconds: u64) -> Value {
    json!({ "Id": "n", "Type": "WAIT", "Action": "START", "WaitOptions": { "WaitSeconds": seconds } })
}

fn chained(name: &str) -> Value {
    json!({ "Id": "n", "Type": "CHAINED_INVOKE", "Action": "START", "ChainedInvokeOptions": { "FunctionName": name } })
}

/// Members that the model does not allow.
fn of_syntax() -> Cases {
    let word = "satisfy regular expression pattern: [a-zA-Z0-9-_]+";
    vec![
        (json!([step("", Action::Start)]), constraint("", "id", "have length greater than or equal to 1")),
        (json!([step("a b", Action::Start)]), constraint("a b", "id", word)),
        (json!([step(&long(65), Action::Start)]), constraint(&long(65), "id", "have length less than or equal to 64")),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "START", "Name": "\u{e4}" }]),
            constraint("\u{e4}", "name", r"satisfy regular expression pattern: [\x20-\x7E]+"),
        ),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "START", "Name": long(257) }]),
            constraint(&long(257), "name", "have length less than or equal to 256"),
        ),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "START", "SubType": long(33) }]),
            constraint(&long(33), "subType", "have length less than or equal to 32"),
        ),
        (json!([{ "Id": "n", "Type": "STEP", "Action": "START", "ParentId": "?" }]), constraint("?", "parentId", word)),
        (json!([wait(0)]), constraint("0", "waitOptions.waitSeconds", "have value greater than or equal to 1")),
        (
            json!([wait(31_622_401)]),
            constraint("31622401", "waitOptions.waitSeconds", "have value less than or equal to 31622400"),
        ),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "RETRY", "StepOptions": { "NextAttemptDelaySeconds": 0 } }]),
            constraint("0", "stepOptions.nextAttemptDelaySeconds", "have value greater than or equal to 1"),
        ),
        (
            json!([{ "Id": "n", "Type": "CALLBACK", "Action": "START",
                     "CallbackOptions": { "TimeoutSeconds": 100_000_000 } }]),
            constraint("100000000", "callbackOptions.timeoutSeconds", "have value less than or equal to 99999999"),
        ),
    ]
}

/// Actions that an operation does not have, and members that an action does not have.
fn of_actions() -> Cases {
    vec![
        (
            json!([{ "Id": "n", "Type": "WAIT", "Action": "SUCCEED" }]),
            "Invalid action for the given operation type.".to_owned(),
        ),
        (
            json!([{ "Id": "cb", "Type": "CALLBACK", "Action": "SUCCEED" }]),
            "Invalid action for the given operation type.".to_owned(),
        ),
        (
            json!([{ "Id": "x", "Type": "EXECUTION", "Action": "START" }]),
            "Invalid action for the given operation type.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "CONTEXT", "Action": "RETRY" }]),
            "Invalid action for the given operation type.".to_owned(),
        ),
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "FAIL", "Payload": "" }]),
            "Cannot provide a Payload for FAIL action.".to_owned(),
        ),
        (
            json!([{ "Id": "c", "Type": "CONTEXT", "Action": "SUCCEED", "Error": {} }]),
            "Cannot provide an Error for SUCCEED action.".to_owned(),
        ),
        (json!([step("started", Action::Retry)]), "Invalid StepOptions for the given action.".to_owned()),
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "RETRY", "Payload": "", "Error": {},
                     "StepOptions": { "NextAttemptDelaySeconds": 1 } }]),
            "Cannot provide both error and payload to RETRY a STEP.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "WAIT", "Action": "START" }]),
            "Invalid WaitOptions for the given action.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "CHAINED_INVOKE", "Action": "START" }]),
            "Update for CHAINED_INVOKE operation requires ChainedInvokeOptions.".to_owned(),
        ),
        (json!([chained("a b")]), "Invalid function ARN 'a b'".to_owned()),
        (json!([chained("a:1:2")]), "Invalid function ARN 'a:1:2'".to_owned()),
        (
            json!([{ "Id": "n", "Type": "CHAINED_INVOKE", "Action": "START",
                     "ChainedInvokeOptions": { "FunctionName": "known", "TenantId": "?" } }]),
            "TenantId must be 1 to 256 characters matching [a-zA-Z0-9._:/=+-@ ].".to_owned(),
        ),
    ]
}

/// Operations that are to become another one, parents that are none, and operations that come twice.
fn of_constancy() -> Cases {
    vec![
        (
            json!([{ "Id": "started", "Type": "CONTEXT", "Action": "SUCCEED" }]),
            "Inconsistent operation type.".to_owned(),
        ),
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "SUCCEED", "Name": "t" }]),
            "Inconsistent operation name.".to_owned(),
        ),
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "SUCCEED", "SubType": "T" }]),
            "Inconsistent operation subtype.".to_owned(),
        ),
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "SUCCEED", "ParentId": "c-done" }]),
            "Inconsistent parent operation id.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "START", "Name": "a" },
                   { "Id": "n", "Type": "STEP", "Action": "SUCCEED", "Name": "b" }]),
            "Inconsistent operation name.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "START", "ParentId": "nobody" }]),
            "Invalid parent operation id.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "STEP", "Action": "START", "ParentId": "started" }]),
            "Invalid parent operation id.".to_owned(),
        ),
        (
            json!([step("n", Action::Start), step("n", Action::Start)]),
            "Cannot checkpoint multiple operations with the same ID.".to_owned(),
        ),
        (
            json!([step("n", Action::Succeed), step("n", Action::Succeed)]),
            "Cannot checkpoint multiple operations with the same ID.".to_owned(),
        ),
        (json!([wait(1), wait(1)]), "Cannot checkpoint multiple operations with the same ID.".to_owned()),
    ]
}

/// Changes that an operation does not take any more.
fn of_transitions() -> Cases {
    vec![
        (json!([step("started", Action::Start)]), "Invalid current STEP state to start.".to_owned()),
        (json!([step("pending", Action::Start)]), "Invalid current STEP state to start.".to_owned()),
        (json!([step("done", Action::Start)]), "Invalid current STEP state to start.".to_owned()),
        (json!([step("pending", Action::Succeed)]), "Invalid current STEP state to close.".to_owned()),
        (json!([step("done", Action::Fail)]), "Invalid current STEP state to close.".to_owned()),
        (
            json!([{ "Id": "pending", "Type": "STEP", "Action": "RETRY",
                     "StepOptions": { "NextAttemptDelaySeconds": 1 } }]),
            "Invalid current STEP state to re-attempt.".to_owned(),
        ),
        (
            json!([{ "Id": "c", "Type": "CONTEXT", "Action": "START" }]),
            "Cannot start a CONTEXT that already exist.".to_owned(),
        ),
        (
            json!([{ "Id": "c-done", "Type": "CONTEXT", "Action": "FAIL" }]),
            "Invalid current CONTEXT state to close.".to_owned(),
        ),
        (
            json!([{ "Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": { "WaitSeconds": 1 } }]),
            "Cannot start a WAIT that already exist.".to_owned(),
        ),
        (
            json!([{ "Id": "w-done", "Type": "WAIT", "Action": "CANCEL" }]),
            "Cannot cancel a WAIT that does not exist or has already completed.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "WAIT", "Action": "CANCEL" }]),
            "Cannot cancel a WAIT that does not exist or has already completed.".to_owned(),
        ),
        (
            json!([{ "Id": "cb", "Type": "CALLBACK", "Action": "START" }]),
            "Cannot start a CALLBACK that already exist.".to_owned(),
        ),
        (
            json!([{ "Id": "i", "Type": "CHAINED_INVOKE", "Action": "START",
                     "ChainedInvokeOptions": { "FunctionName": "known:1" } }]),
            "Cannot start a CHAINED_INVOKE operation that already exists.".to_owned(),
        ),
        (
            json!([{ "Id": "x", "Type": "EXECUTION", "Action": "SUCCEED" }, step("n", Action::Start)]),
            "EXECUTION checkpoint must be the last update.".to_owned(),
        ),
        (
            json!([{ "Id": "x", "Type": "EXECUTION", "Action": "SUCCEED" },
                   { "Id": "y", "Type": "EXECUTION", "Action": "FAIL" }]),
            "Cannot checkpoint multiple EXECUTION updates.".to_owned(),
        ),
    ]
}

/// Payloads and errors that are too large.
fn of_sizes() -> Cases {
    let big = long(1024 * 1024 + 1);
    vec![
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "SUCCEED", "Payload": big }]),
            "STEP output payload size must be less than or equal to 1048576 bytes.".to_owned(),
        ),
        (
            json!([{ "Id": "n", "Type": "CHAINED_INVOKE", "Action": "START", "Payload": big,
                     "ChainedInvokeOptions": { "FunctionName": "known" } }]),
            "CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.".to_owned(),
        ),
        (
            json!([{ "Id": "started", "Type": "STEP", "Action": "FAIL", "Error": { "ErrorMessage": long(32_768) } }]),
            "Error object size must be less than 32768 bytes.".to_owned(),
        ),
        (
            json!([{ "Id": "x", "Type": "EXECUTION", "Action": "SUCCEED", "Payload": "x".repeat(6_291_457) }]),
            "Execution output payload size must be less than or equal to 6291456 bytes.".to_owned(),
        ),
    ]
}

#[test]
fn each_rule_refuses_in_the_words_of_the_service() {
    let cases = [of_syntax(), of_actions(), of_constancy(), of_transitions(), of_sizes()].concat();
    let mut execution = well_used();
    let before = serde_json::to_value(&execution).unwrap();
    for (updates, message) in cases {
        assert_eq!(execution.send(updates.clone()).unwrap_err(), message, "{updates:.200}");
        // a good update in the same call is not made either
        let mixed = [vec![step("good", Action::Start)], updates.as_array().unwrap().clone()].concat();
        assert!(execution.send(mixed.into()).is_err());
        assert_eq!(serde_json::to_value(&execution).unwrap(), before, "{updates:.200}");
    }
}

#[test]
fn takes_the_longest_of_everything() {
    let id = "x".repeat(64);
    let taken = execution().send(json!([
        { "Id": id, "Type": "WAIT", "Action": "START", "Name": "~".repeat(256), "SubType": "s".repeat(32),
          "WaitOptions": { "WaitSeconds": 31_622_400 } },
        { "Id": "s", "Type": "STEP", "Action": "SUCCEED", "Payload": "x".repeat(1024 * 1024) },
        { "Id": "i", "Type": "CHAINED_INVOKE", "Action": "START", "ChainedInvokeOptions":
          { "FunctionName": "arn:aws:lambda:eu-central-1:123456789012:function:known:$LATEST" } },
        { "Id": "x", "Type": "EXECUTION", "Action": "SUCCEED", "Payload": "x".repeat(6 * 1024 * 1024) },
    ]));
    assert_eq!(taken.unwrap().len(), 4);
}

#[test]
fn an_execution_has_a_limited_number_of_operations_and_bytes() {
    let mut few = execution();
    for hundred in 0..30 {
        let steps: Vec<_> = (0..100).map(|one| step(&format!("{hundred}-{one}"), Action::Succeed)).collect();
        few.send(steps.into()).unwrap();
    }
    let error = few.send(json!([step("n", Action::Start)])).unwrap_err();
    assert_eq!(error, "The execution has more than 3000 operations.");
    few.send(json!([{ "Id": "x", "Type": "EXECUTION", "Action": "SUCCEED" }])).unwrap();
    let mut large = execution();
    let step = |number: usize| json!([{ "Id": number.to_string(), "Type": "STEP", "Action": "SUCCEED", "Payload": "x".repeat(1024 * 1024) }]);
    for number in 0..100 {
        large.send(step(number)).unwrap();
    }
    let error = large.send(step(100)).unwrap_err();
    assert_eq!(error, "The checkpoints of the execution have more than 104857600 bytes.");
}

#[test]
fn each_call_takes_one_token_and_gives_the_next() {
    let mut execution = execution();
    let first = execution.token();
    let call = |execution: &mut Execution, token: &str| {
        execution.checkpoint(token, &[], &has_function, false, NOW).map(|answer| answer.token)
    };
    let second = call(&mut execution, &first).unwrap().unwrap();
    assert_eq!(call(&mut execution, &first), Err(Refusal::Token));
    // a refusal leaves the token as it is
    let bad = updates(json!([step("?", Action::Start)]));
    assert!(execution.checkpoint(&second, &bad, &has_function, false, NOW).is_err());
    let third = call(&mut execution, &second).unwrap().unwrap();
    execution.reply(r#"{"Status":"PENDING"}"#, NOW);
    assert_eq!(call(&mut execution, &third), Err(Refusal::Token));
    execution.begin_invocation();
    assert_eq!(call(&mut execution, &third), Err(Refusal::Token));
    let last = execution.token();
    let end = updates(json!([{ "Id": "x", "Type": "EXECUTION", "Action": "SUCCEED", "Payload": "1" }]));
    let answer = execution.checkpoint(&last, &end, &has_function, false, NOW).unwrap();
    assert_eq!((answer.token, execution.end()), (None, Some(&End::Succeeded("1".to_owned()))));
}

#[test]
fn an_answer_has_all_that_changed_since_the_last_one() {
    let mut execution = well_used();
    let ids = |operations: Vec<Operation>| operations.into_iter().map(|own| own.id).collect::<Vec<_>>();
    assert_eq!(ids(execution.send(json!([])).unwrap()), [""; 0]);
    let due = execution.send_at(NOW + 60.0, json!([step("started", Action::Succeed)])).unwrap();
    assert_eq!(ids(due), ["started", "pending", "w"]);
    assert_eq!((execution.status("pending"), execution.status("w")), (Status::Ready, Status::Succeeded));
    let callback = callback_of(&execution);
    execution.answer_callback(&callback, Ok("yes".to_owned()), NOW).unwrap();
    execution.complete_invocation("i", &End::Succeeded("2".to_owned()), NOW);
    assert_eq!(ids(execution.send(json!([])).unwrap()), ["cb", "i"]);
}

fn callback_of(execution: &Execution) -> String {
    execution.open_callbacks().next().unwrap().0.to_owned()
}

#[test]
fn a_step_counts_its_attempts_and_keeps_the_state_of_a_poll() {
    let mut execution = execution();
    let retry = json!([
        step("s", Action::Start),
        { "Id": "s", "Type": "STEP", "Action": "RETRY", "Payload": "state", "StepOptions": { "NextAttemptDelaySeconds": 7 } },
    ]);
    let operation = execution.send(retry).unwrap().remove(0);
    let details = operation.step_details.unwrap();
    assert_eq!((operation.status, details.attempt), (Status::Pending, 1));
    assert_eq!(details.next_attempt_timestamp, Some(NOW + 7.0));
    assert_eq!(execution.next_timer(), Some(NOW + 7.0));
    execution.complete_due(NOW + 6.9);
    assert_eq!(execution.status("s"), Status::Pending);
    execution.complete_due(NOW + 7.0);
    assert_eq!((execution.status("s"), execution.next_timer()), (Status::Ready, None));
    let started = execution.send(json!([step("s", Action::Start)])).unwrap().remove(0);
    assert_eq!(started.step_details.unwrap().result.as_deref(), Some("state"));
    let done = json!([{ "Id": "s", "Type": "STEP", "Action": "SUCCEED", "Payload": "4" }]);
    let details = execution.send(done).unwrap().remove(0).step_details.unwrap();
    assert_eq!((details.attempt, details.result.as_deref()), (2, Some("4")));
}

#[test]
fn callbacks_time_out_and_close() {
    let open = |limits: Value| {
        let mut execution = execution();
        let update = json!([{ "Id": "cb", "Type": "CALLBACK", "Action": "START", "CallbackOptions": limits }]);
        execution.send(update).unwrap();
        let id = callback_of(&execution);
        (execution, id)
    };
    let error_type = |execution: &Execution| {
        let details = execution.record("cb").unwrap().operation.callback_details.clone().unwrap();
        details.error.unwrap().error_type.unwrap()
    };
    let (mut timeout, id) = open(json!({ "TimeoutSeconds": 10, "HeartbeatTimeoutSeconds": 4 }));
    for (now, limit) in [(3.0, 7.0), (6.0, 10.0), (8.0, 10.0)] {
        timeout.heartbeat(&id, NOW + now).unwrap();
        assert_eq!(timeout.next_callback_limit(), Some(NOW + limit));
    }
    let late = timeout.answer_callback(&id, Ok(String::new()), NOW + 10.0);
    assert_eq!(late.unwrap_err(), CallbackError::Closed(id, "its time is over"));
    assert_eq!((timeout.status("cb"), error_type(&timeout)), (Status::TimedOut, "Callback.Timeout".to_owned()));
    let (mut heartbeat, _) = open(json!({ "HeartbeatTimeoutSeconds": 4 }));
    heartbeat.complete_due(NOW + 4.0);
    assert_eq!(error_type(&heartbeat), "Callback.Heartbeat");
    let (mut answered, id) = open(json!({}));
    assert_eq!(answered.next_callback_limit(), None);
    let failure = error("Denied", "no");
    answered.answer_callback(&id, Err(failure.clone()), NOW).unwrap();
    assert_eq!((answered.status("cb"), error_type(&answered)), (Status::Failed, "Denied".to_owned()));
    let again = answered.answer_callback(&id, Err(failure), NOW).unwrap_err();
    assert_eq!(again, CallbackError::Closed(id, "it has been answered"));
    assert_eq!(answered.heartbeat("x", NOW), Err(CallbackError::Unknown("x".to_owned())));
}

#[test]
fn a_function_that_is_not_there_fails_at_once() {
    let mut execution = execution();
    let invoke = json!([{ "Id": "i", "Type": "CHAINED_INVOKE", "Action": "START",
                          "ChainedInvokeOptions": { "FunctionName": "other:2" } }]);
    let operation = execution.send(invoke).unwrap().remove(0);
    let error = operation.chained_invoke_details.unwrap().error.unwrap();
    assert_eq!((operation.status, error.error_type.as_deref()), (Status::Failed, Some("ResourceNotFoundException")));
}

#[test]
fn reads_the_names_of_functions() {
    for (text, name) in [
        ("f", Some("f")),
        ("f:1", Some("f")),
        ("f:$LATEST", Some("f")),
        ("123456789012:f", Some("f")),
        ("123456789012:function:f:live", Some("f")),
        ("function:f", Some("f")),
        ("arn:aws:lambda:us-gov-west-1:123456789012:function:f_2-x:7", Some("f_2-x")),
        ("function", Some("function")),
        ("", None),
        ("a/b", None),
        ("f:", None),
        ("f:a:b", None),
        ("arn:aws:s3:us-east-1:123456789012:function:f", None),
    ] {
        assert_eq!(Target::read(text).map(|target| target.name).as_deref(), name, "{text}");
    }
}

#[test]
fn takes_the_answers_of_invocations() {
    let failed = |message: &str| Some(End::Failed(error("InvalidParameterValueException", message)));
    let cases = [
        (r#"{"Status":"SUCCEEDED","Result":"1"}"#, Some(End::Succeeded("1".to_owned()))),
        (r#"{"Status":"SUCCEEDED"}"#, Some(End::Succeeded(String::new()))),
        (r#"{"Status":"FAILED","Error":{"ErrorType":"E","ErrorMessage":"m"}}"#, Some(End::Failed(error("E", "m")))),
        (r#"{"Status":"FAILED"}"#, Some(End::Failed(ErrorObject::default()))),
        (r#"{"Status":"SUCCEEDED","Result":"1","Error":{}}"#, failed("Cannot provide an Error for SUCCEEDED status.")),
        (r#"{"Status":"FAILED","Result":"1"}"#, failed("Cannot provide a Result for FAILED status.")),
        (r#"{"Status":"DONE"}"#, failed("Unexpected invocation status: DONE")),
        (r#"{"a":1}"#, failed("Response status is required")),
        ("done", failed("Invalid Status in invocation output.")),
        (r#"{"Status":"PENDING"}"#, None),
    ];
    for (answer, end) in cases {
        let mut execution = well_used();
        assert_eq!(execution.reply(answer, NOW), None, "{answer}");
        assert_eq!(execution.end(), end.as_ref(), "{answer}");
    }
}

#[test]
fn an_invocation_that_fails_is_tried_again() {
    let mut crashed = execution();
    let mut now = NOW;
    for pause in [1.0, 2.0, 4.0, 8.0] {
        let reply = Reply { answer: Err(error("Runtime.ExitError", "gone")), request_id: "r", began: now };
        assert!(crashed.end_invocation(reply, now).is_some());
        assert_eq!(crashed.next_timer(), Some(now + pause));
        assert!(!crashed.wants_invocation(now));
        now += pause;
        assert!(crashed.wants_invocation(now));
        crashed.begin_invocation();
    }
    let last = Reply { answer: Err(error("Runtime.ExitError", "gone")), request_id: "r", began: now };
    assert_eq!(crashed.end_invocation(last, now), None);
    assert_eq!(crashed.end(), Some(&End::Failed(error("Runtime.ExitError", "gone"))));
    let mut idle = execution();
    for _ in 0..2 {
        assert!(idle.reply(r#"{"Status":"PENDING"}"#, NOW).is_some());
        idle.begin_invocation();
    }
    assert_eq!(idle.reply(r#"{"Status":"PENDING"}"#, NOW), None);
    let message = "Cannot return PENDING status with no pending operations.";
    assert_eq!(idle.end(), Some(&End::Failed(error("InvalidParameterValueException", message))));
}

#[test]
fn a_change_or_a_killed_run_brings_an_invocation() {
    let mut execution = well_used();
    execution.reply(r#"{"Status":"PENDING"}"#, NOW);
    assert!(!execution.wants_invocation(NOW));
    execution.complete_due(NOW + 60.0);
    assert!(execution.wants_invocation(NOW));
    execution.begin_invocation();
    let text = serde_json::to_string(&execution).unwrap();
    let mut loaded: Execution = serde_json::from_str(&text).unwrap();
    assert!(!loaded.wants_invocation(NOW));
    loaded.resume();
    assert!(loaded.wants_invocation(NOW));
}

#[test]
fn an_operation_that_ends_ends_the_invocation_where_each_is_replayed() {
    let mut execution = execution();
    let mut send = |json: Value| {
        let token = execution.token();
        execution.checkpoint(&token, &updates(json), &has_function, true, NOW).unwrap().token.is_some()
    };
    assert!(send(json!([step("a", Action::Start), step("b", Action::Start)])));
    assert!(send(json!([step("a", Action::Succeed)])), "the other step would be cut off");
    assert!(!send(json!([step("b", Action::Succeed)])));
    assert_eq!(execution.reply(r#"{"Status":"PENDING"}"#, NOW), None);
    assert!(execution.wants_invocation(NOW));
}

#[test]
fn pages_hold_all_operations_and_an_event_has_milliseconds() {
    let mut execution = execution();
    for hundred in 0..25 {
        let steps: Vec<_> = (0..100).map(|one| step(&format!("{hundred}-{one}"), Action::Succeed)).collect();
        execution.send(steps.into()).unwrap();
    }
    let first: Value = serde_json::from_slice(&envelope(&execution)).unwrap();
    let state = &first["InitialExecutionState"];
    let mut count = state["Operations"].as_array().unwrap().len();
    assert_eq!(state["Operations"][0]["StartTimestamp"], json!(1_000_000_000));
    let mut marker = state["NextMarker"].as_str().map(str::to_owned);
    let token = execution.token();
    while let Some(next) = marker {
        let page = state_page(&execution, &token, &next).unwrap();
        count += page.operations.len();
        marker = page.next_marker;
    }
    assert_eq!(count, 2501);
    assert_eq!(state_page(&execution, &token, "1:1").unwrap_err().to_string(), "Invalid marker");
    assert_eq!(state_page(&execution, "x", "1:1").unwrap_err(), Refusal::Token);
}

#[test]
fn stops_with_its_invocations() {
    let mut execution = well_used();
    let reason = error("Stopped", "by hand");
    execution.stop(reason.clone(), NOW);
    assert_eq!((execution.end(), execution.status("i")), (Some(&End::Stopped(reason)), Status::Stopped));
    let callback = execution.records.iter().find_map(|record| record.operation.callback_details.clone()).unwrap();
    let id = callback.callback_id.unwrap();
    assert_eq!(
        execution.answer_callback(&id, Ok(String::new()), NOW).unwrap_err(),
        CallbackError::Closed(id, "its execution has ended")
    );
}
