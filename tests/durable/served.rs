//! `bootstrap --serve --durable`: executions of callers, and Lambda's calls on them.

use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{
    Function,
    needs::path_of,
    served::{PATH, Response, Served},
    until,
};

const ASKS: &str = r#"
handler() {
    durable step once -- bash -c "echo ran >>ran"
    answer=$(durable callback approval --heartbeat 1h -- true) || answer="denied"
    echo "$1 $answer"
}
"#;

impl Served {
    /// Makes a call on executions or callbacks.
    fn api(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let response = self.send(&format!("{method} /2025-12-01/{path}"), &[], body).response();
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    /// Begins an execution of this name.
    fn begin(&self, name: &str, input: &str) -> Response {
        let headers = [("x-amz-invocation-type", "Event"), ("x-amz-durable-execution-name", name)];
        self.call_with(&headers, input).response()
    }

    /// The id of the only open callback.
    fn callback(&self, arn: &str) -> String {
        let mut id = None;
        until("the callback", || {
            let (_, history) = self.api("GET", &format!("durable-executions/{}/history", encoded(arn)), "");
            let events = history["Events"].as_array().unwrap();
            id = events
                .iter()
                .find_map(|event| Some(event["CallbackStartedDetails"]["CallbackId"].as_str()?.to_owned()));
            id.is_some()
        });
        id.unwrap()
    }
}

fn encoded(arn: &str) -> String {
    arn.replace(':', "%3A").replace('/', "%2F").replace('$', "%24")
}

fn arn(response: &Response) -> String {
    response.headers["x-amz-durable-execution-arn"].clone()
}

#[test]
fn an_event_is_an_execution_that_callers_wait_for_or_not() {
    let code = "handler() { durable wait 1s; [[ $1 != bad ]] || durable fail Order.Denied no; durable step s -- echo \"$1\"; }";
    let server = Function::bash(code).serve(&["--durable", "--skip-time"]);
    let response = server.call("one").response();
    assert_eq!((response.status, &response.body[..]), (200, &b"one"[..]));
    assert!(arn(&response).contains(":function:test_function:$LATEST/durable-execution/"), "{response:?}");
    assert_eq!(server.call("bad").error(), ("Order.Denied".to_owned(), "no".to_owned()));
    let first = server.begin("order-1", "two");
    assert_eq!((first.status, first.body.len()), (202, 0));
    let again = server.call_with(&[("x-amz-durable-execution-name", "order-1")], "two").response();
    assert_eq!((arn(&again), &again.body[..]), (arn(&first), &b"two"[..]));
    let other = server.call_with(&[("x-amz-durable-execution-name", "order-1")], "three");
    let (status, message) = other.refusal();
    assert_eq!(
        (status, message.as_str()),
        (409, "the durable execution `order-1` has another input: give this one another name")
    );
    for name in ["", "a b", &"x".repeat(65)] {
        let refused = server.call_with(&[("x-amz-durable-execution-name", name)], "").refusal();
        assert_eq!(refused.0, 400, "{name}");
    }
    let dry = server.call_with(&[("x-amz-invocation-type", "DryRun")], "{}").response();
    assert_eq!(dry.status, 204);
    let streamed = PATH.replace("2015-03-31", "2021-11-15").replace("invocations", "response-streaming-invocations");
    assert_eq!(server.send(&format!("POST {streamed}"), &[], "{}").refusal().0, 400);
    assert_eq!(server.text("four"), "four");
}

#[test]
fn callbacks_are_answered_by_lambdas_calls() {
    let server = Function::bash(ASKS).serve(&["--durable"]);
    for (verb, body, result) in
        [("succeed", "yes", "in yes"), ("fail", "{\"ErrorType\":\"E\"}", "in denied"), ("fail", "", "in denied")]
    {
        let name = format!("{verb}-{}", body.len());
        let arn = arn(&server.begin(&name, "in"));
        let id = server.callback(&arn);
        assert_eq!(server.api("POST", &format!("durable-execution-callbacks/{id}/heartbeat"), "").0, 200);
        assert_eq!(server.api("POST", &format!("durable-execution-callbacks/{id}/{verb}"), body).0, 200);
        let ended = server.call_with(&[("x-amz-durable-execution-name", &name)], "in");
        assert_eq!(ended.text(), result);
        let closed = server.send(&format!("POST /2025-12-01/durable-execution-callbacks/{id}/succeed"), &[], "");
        let closed = closed.response();
        assert_eq!((closed.status, closed.headers["x-amzn-errortype"].as_str()), (400, "CallbackTimeoutException"));
    }
    for (method, path) in [
        ("POST", "durable-execution-callbacks/x/succeed"),
        ("GET", "durable-executions/x"),
        ("GET", "durable-executions/x/history"),
        ("POST", "durable-executions/x/stop"),
        ("PUT", "nothing"),
    ] {
        assert_eq!(server.api(method, path, "").0, 404, "{path}");
    }
}

#[test]
fn an_execution_is_described_listed_and_stopped() {
    let server = Function::bash(ASKS).serve(&["--durable"]);
    let waiting = server.call_with(&[("x-amz-durable-execution-name", "a")], "in");
    let mut found = Value::Null;
    until("the execution", || {
        found = server.api("GET", "functions/f/durable-executions?Statuses=RUNNING", "").1;
        found["DurableExecutions"].as_array().unwrap().len() == 1
    });
    let arn = found["DurableExecutions"][0]["DurableExecutionArn"].as_str().unwrap().to_owned();
    server.callback(&arn);
    let path = format!("durable-executions/{}", encoded(&arn));
    let (_, running) = server.api("GET", &path, "");
    assert_eq!((running["Status"].as_str(), running["InputPayload"].as_str()), (Some("RUNNING"), Some("in")));
    let (status, stopped) =
        server.api("POST", &format!("{path}/stop"), "{\"ErrorType\":\"Stop\",\"ErrorMessage\":\"by hand\"}");
    assert!(status == 200 && stopped["StopTimestamp"].is_f64(), "{stopped}");
    assert_eq!(waiting.error(), ("Stop".to_owned(), "by hand".to_owned()));
    let (_, ended) = server.api("GET", &path, "");
    assert_eq!((ended["Status"].as_str(), ended["Error"]["ErrorType"].as_str()), (Some("STOPPED"), Some("Stop")));
    let (_, page) = server.api("GET", &format!("{path}/history?MaxItems=2&IncludeExecutionData=false"), "");
    assert_eq!((page["Events"].as_array().unwrap().len(), page["NextMarker"].as_str()), (2, Some("2")));
    assert_eq!(page["Events"][0]["ExecutionStartedDetails"]["Input"]["Payload"], Value::Null);
    let (_, last) = server.api("GET", &format!("{path}/history?ReverseOrder=true&MaxItems=2"), "");
    // the invocation may have ended after it
    let last = last["Events"].as_array().unwrap().clone();
    assert!(last.iter().any(|event| event["EventType"] == "ExecutionStopped"), "{last:?}");
    assert_eq!(
        server.api("GET", "functions/f/durable-executions?Statuses=RUNNING", "").1["DurableExecutions"],
        Value::Array(vec![])
    );
    assert_eq!(server.api("GET", "functions/f/durable-executions?StartedAfter=2026", "").0, 400);
}

#[test]
fn a_caller_who_waits_is_told_of_the_servers_end() {
    let server = Function::bash(ASKS).serve(&["--durable"]);
    let waiting = server.call_with(&[("x-amz-durable-execution-name", "a")], "in");
    let arn = arn(&server.begin("a", "in"));
    server.callback(&arn);
    server.running.terminate();
    let (kind, message) = waiting.error();
    assert_eq!((kind.as_str(), message.as_str()), ("Runtime.ResourceExhausted", "the server is shutting down"));
}

#[test]
fn executions_outlive_a_server_that_is_killed() {
    let folder = tempfile::TempDir::new().unwrap();
    let state = folder.path().join("state.json").display().to_string();
    let mut first = Function::bash(ASKS).serve(&["--durable", "--state", &state]);
    let arn = arn(&first.begin("a", "in"));
    let id = first.callback(&arn);
    let pid = Pid::from_raw(first.running.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    first.running.wait();
    let second = Function::bash(ASKS).serve(&["--durable", "--state", &state]);
    assert_eq!(second.api("POST", &format!("durable-execution-callbacks/{id}/succeed"), "yes").0, 200);
    assert_eq!(second.call_with(&[("x-amz-durable-execution-name", "a")], "in").text(), "in yes");
    // the step has run in the first server alone
    assert!(!second.running.task_root.path().join("ran").exists());
}

/// Answers a callback and reads all that an execution has, with AWS's own client.
const CLIENT: &str = r#"
import sys
import boto3
from botocore.config import Config

client = boto3.client(
    "lambda", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b",
    config=Config(retries={"max_attempts": 1}))
started = client.invoke(FunctionName="f:1", InvocationType="Event", DurableExecutionName="n", Payload=b"in")
arn = started["DurableExecutionArn"]
callback = None
while not callback:
    events = client.get_durable_execution_history(DurableExecutionArn=arn)["Events"]
    found = [event["CallbackStartedDetails"]["CallbackId"] for event in events if event["EventType"] == "CallbackStarted"]
    callback = found[0] if found else None
client.send_durable_execution_callback_heartbeat(CallbackId=callback)
client.send_durable_execution_callback_success(CallbackId=callback, Result=b"yes")
ended = client.invoke(FunctionName="f:1", DurableExecutionName="n", Payload=b"in")
assert (ended["DurableExecutionArn"], ended["Payload"].read()) == (arn, b"in yes"), ended
execution = client.get_durable_execution(DurableExecutionArn=arn)
assert execution["Status"] == "SUCCEEDED" and execution["Result"] == "in yes", execution
assert execution["EndTimestamp"] >= execution["StartTimestamp"], execution
listed = client.list_durable_executions_by_function(FunctionName="f", DurableExecutionName="n", Statuses=["SUCCEEDED"])
assert [one["DurableExecutionArn"] for one in listed["DurableExecutions"]] == [arn], listed
pages = client.get_paginator("get_durable_execution_history").paginate(DurableExecutionArn=arn, MaxItems=3)
events = [event for page in pages for event in page["Events"]]
types = [event["EventType"] for event in events if event["EventType"] != "InvocationCompleted"]
assert types == [
    "ExecutionStarted", "StepStarted", "StepSucceeded", "ContextStarted", "CallbackStarted", "StepStarted",
    "StepSucceeded", "CallbackSucceeded", "ContextSucceeded", "ExecutionSucceeded"], types
assert [event["EventId"] for event in events] == list(range(1, len(events) + 1)), events
for call, error in [
    (lambda: client.send_durable_execution_callback_success(CallbackId=callback), client.exceptions.CallbackTimeoutException),
    (lambda: client.send_durable_execution_callback_success(CallbackId="x"), client.exceptions.ResourceNotFoundException),
    (lambda: client.invoke(FunctionName="f:1", DurableExecutionName="n", Payload=b"other"),
     client.exceptions.DurableExecutionAlreadyStartedException),
]:
    try:
        call()
    except error:
        continue
    raise AssertionError(error)
again = client.invoke(FunctionName="f:1", InvocationType="Event", Payload=b"in")["DurableExecutionArn"]
client.stop_durable_execution(DurableExecutionArn=again, Error={"ErrorType": "E"})
assert client.get_durable_execution(DurableExecutionArn=again)["Status"] == "STOPPED"
print("read")
"#;

#[test]
fn awss_own_client_reads_it_all() {
    let Some(python) = path_of("boto3") else { return };
    let server = Function::bash(ASKS).serve(&["--durable"]);
    let url = format!("http://127.0.0.1:{}", server.port);
    let client = Command::new(python).args(["-c", CLIENT, &url]).output().unwrap();
    let log = String::from_utf8_lossy(&client.stderr);
    assert_eq!(String::from_utf8_lossy(&client.stdout), "read\n", "{log}");
}
