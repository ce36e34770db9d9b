//! AWS's own offline runner drives plain `bootstrap --serve`, under any function's name and qualifier.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::execution::{Deeds, path};
use crate::support::{
    Function,
    http::{self, free_port},
    needs::path_of,
    served::Served,
    until,
};

/// A step on each side of a wait, and one that is tried again.
const SCRIPT: &str = r#"
did() {
    echo "$1" >>"$DEEDS"
    printf 'did %s' "$1"
}
third_time() {
    ((DURABLE_ATTEMPT == 3)) && did tried
}
export -f did third_time
handler() {
    local first second
    first=$(durable step first bash -c 'did first')
    durable wait 3d
    second=$(durable step tried --retry 3 --backoff 1h bash -c third_time)
    printf '%s, %s, %s' "$first" "$second" "$1"
}
"#;

/// The runner, in whose time no wait takes long.
pub struct Runner {
    process: Child,
    port: u16,
}

impl Runner {
    /// Starts it for a function that it calls at this port.
    fn start(port: u16, function_port: u16) -> Option<Self> {
        let mut command = Command::new(path_of("durable-runner")?);
        command
            .args(["start-server", "--host", "127.0.0.1", "--skip-time", "--port", &port.to_string()])
            .args(["--lambda-endpoint", &format!("http://127.0.0.1:{function_port}"), "--log-level", "ERROR"])
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut runner = Self { process: command.spawn().unwrap(), port };
        until("the runner", || {
            assert!(runner.process.try_wait().unwrap().is_none(), "the runner has ended");
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(runner)
    }

    fn call(&self, method_and_path: &str, body: &str) -> Value {
        let request = format!(
            "{method_and_path} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut response = String::new();
        let mut reader = http::send(("127.0.0.1", self.port), request.as_bytes()).unwrap();
        reader.read_to_string(&mut response).unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {response}"))
    }

    /// Runs an execution of this function to its end: its ARN and what the runner says of it.
    fn execute(&self, function: &str, qualifier: &str, input: &str) -> (String, Value) {
        let body = json!({
            "AccountId": "123456789012", "FunctionName": function, "FunctionQualifier": qualifier,
            "ExecutionName": "name", "ExecutionTimeoutSeconds": 3_000_000, "ExecutionRetentionPeriodDays": 7,
            "InvocationId": "invocation", "Input": input,
        });
        let started = self.call("POST /start-durable-execution", &body.to_string());
        let arn = started["ExecutionArn"].as_str().unwrap_or_else(|| panic!("{started}")).to_owned();
        let path = format!("/2025-12-01/durable-executions/{}", utf8_percent_encode(&arn, NON_ALPHANUMERIC));
        let mut execution = Value::Null;
        until("the end of the execution", || {
            execution = self.call(&format!("GET {path}"), "");
            execution["Status"] != "RUNNING"
        });
        (path, execution)
    }

    /// The types of the events of an execution, with the names of their operations. Those of invocations are left out: a time
    /// that passes at once may do so before the end of the invocation is written.
    fn history(&self, path: &str) -> Vec<String> {
        let history = self.call(&format!("GET {path}/history?MaxItems=1000"), "");
        let shown = |event: &Value| {
            let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("EventType"), text("Name")).trim_end().to_owned()
        };
        let events = history["Events"].as_array().unwrap().iter();
        events.filter(|event| event["EventType"] != "InvocationCompleted").map(shown).collect()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The function, served for a runner at this port.
fn serve(function: Function, runner_port: u16) -> Served {
    function
        .env("AWS_ENDPOINT_URL_LAMBDA", &format!("http://127.0.0.1:{runner_port}"))
        .env("AWS_REGION", "us-west-2")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("PATH", &path())
        .serve(&[])
}

#[test]
fn an_execution_is_run_to_its_end_and_its_history_is_that_of_the_script() {
    needs!("durable-runner");
    let (deeds, port) = (Deeds::new(), free_port());
    let served = serve(Function::bash(SCRIPT).env("DEEDS", &deeds.path()), port);
    let runner = Runner::start(port, served.port).unwrap();
    for (number, (function, qualifier)) in
        [("f", "$LATEST"), ("my-function", "1"), ("my_function", "prod")].into_iter().enumerate()
    {
        let (path, execution) = runner.execute(function, qualifier, "{\"n\": 1}");
        let log = served.running.log();
        assert_eq!(execution["Status"], "SUCCEEDED", "{execution}\n{log}");
        assert_eq!(execution["Result"], "did first, did tried, {\"n\": 1}");
        assert_eq!((deeds.count("first"), deeds.count("tried")), (number + 1, number + 1));
        let history = runner.history(&path);
        assert_eq!(
            history,
            [
                "ExecutionStarted name",
                "StepStarted first",
                "StepSucceeded first",
                "WaitStarted wait",
                "WaitSucceeded wait",
                "StepStarted tried",
                "StepFailed tried",
                "StepStarted tried",
                "StepFailed tried",
                "StepStarted tried",
                "StepSucceeded tried",
                "ExecutionSucceeded name",
            ],
            "{log}"
        );
    }
}
