//! `--serve`: `InvokeWithResponseStream`, as boto3 reads it, and the end of the log.

use std::process::Command;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{Function, needs::path_of, repository, served::Served};

const PATH: &str = "/2021-11-15/functions/function/response-streaming-invocations";

/// Prints the events of a stream as JSON, and makes the file `go` once the first has come.
const READER: &str = r"
import boto3, json, sys
from botocore.config import Config
client = boto3.client('lambda', endpoint_url=f'http://127.0.0.1:{sys.argv[1]}', region_name='eu-west-1',
    aws_access_key_id='a', aws_secret_access_key='b', config=Config(retries={'total_max_attempts': 1}))
answer = client.invoke_with_response_stream(FunctionName='function', Payload=sys.argv[2].encode(), LogType='Tail')
assert answer['StatusCode'] == 200 and answer['ExecutedVersion'] == '$LATEST', answer
events = []
for event in answer['EventStream']:
    if not events and 'PayloadChunk' in event:
        open(sys.argv[3] + '/go', 'w').close()
    if 'PayloadChunk' in event:
        event['PayloadChunk']['Payload'] = event['PayloadChunk']['Payload'].decode()
    events.append(event)
print(json.dumps(events))
";

/// The events of an answer: its chunks, joined, the end, and the log.
fn events(python: &std::path::Path, served: &Served, event: &str) -> (Vec<String>, Value, String) {
    let (port, root) = (served.port.to_string(), served.running.task_root.path());
    let output = Command::new(python).args(["-c", READER, &port, event]).arg(root).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut events: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut end = events.pop().unwrap()["InvokeComplete"].take();
    let log = STANDARD.decode(end["LogResult"].take().as_str().unwrap()).unwrap();
    end.as_object_mut().unwrap().remove("LogResult");
    let chunks = events.iter().map(|event| event["PayloadChunk"]["Payload"].as_str().unwrap().to_owned());
    (chunks.collect(), end, String::from_utf8(log).unwrap())
}

#[test]
fn boto3_reads_an_answer_as_it_comes_and_its_end() {
    let Some(python) = path_of("boto3") else { return };
    let code = "handler() {
        echo log >&2
        [[ $1 != '\"early\"' ]] || exit 3
        echo one
        [[ $SCRIPT_RUNTIME_RESPONSE_MODE == buffered ]] || { until [[ -e go ]]; do sleep 0.01; done; rm go; }
        echo two
        [[ $1 != '\"late\"' ]] || exit 4
    }";
    for mode in ["buffered", "streaming"] {
        let served = Function::bash(code).env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).serve(&["--timeout", "60"]);
        for (event, chunks, status) in [
            ("{}", if mode == "buffered" { vec!["one\ntwo"] } else { vec!["one\n", "two\n"] }, 0),
            ("\"early\"", vec![], 3),
            ("\"late\"", if mode == "buffered" { vec![] } else { vec!["one\n", "two\n"] }, 4),
        ] {
            for _ in 0..2 {
                let (came, end, log) = events(&python, &served, event);
                assert_eq!(came, chunks, "{mode}: {event}");
                assert!(log.starts_with("log\n") && log.contains("REPORT RequestId: "), "{log}");
                if status == 0 {
                    assert_eq!(end, json!({}));
                    continue;
                }
                assert_eq!(end["ErrorCode"], "Function.ExitStatus");
                let details: Value = serde_json::from_str(end["ErrorDetails"].as_str().unwrap()).unwrap();
                assert!(details["errorMessage"].as_str().unwrap().contains(&format!("status {status}")), "{details}");
                assert!(log.contains(&format!("Function.ExitStatus: the handler ended with status {status}")));
            }
        }
    }
}

#[test]
fn a_large_answer_and_a_cgi_document_pass_as_they_are() {
    let Some(python) = path_of("boto3") else { return };
    let code = "handler() { head -c 3000000 /dev/zero | tr '\\0' x; }";
    for mode in ["buffered", "streaming"] {
        let served = Function::bash(code).env("SCRIPT_RUNTIME_RESPONSE_MODE", mode).serve(&["--timeout", "60"]);
        assert_eq!(events(&python, &served, "{}").0.concat(), "x".repeat(3_000_000), "{mode}");
    }
    let program = Function::with(&[("app.sh", "printf 'A: b\\n\\nbody'")]).handler("app.sh");
    let function = program.env("SCRIPT_RUNTIME_INTERFACE", "cgi").env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming");
    let served = function.serve(&[]);
    let event = std::fs::read_to_string(repository().join("tests/events/function-url.json")).unwrap();
    for _ in 0..2 {
        let text = events(&python, &served, &event).0.concat();
        let (head, body) = text.split_once("\0\0\0\0\0\0\0\0").unwrap();
        assert_eq!(body, "body");
        let head: Value = serde_json::from_str(head).unwrap();
        assert_eq!(head, json!({ "statusCode": 200, "headers": { "a": "b" }, "cookies": [] }));
    }
}

#[test]
fn other_requests_for_a_stream_are_refused() {
    let served = Function::bash("handler() { echo \"$1\"; }").serve(&[]);
    let refusal = |request: &str, headers: &[(&str, &str)]| served.send(request, headers, "{}").refusal();
    let post = format!("POST {PATH}");
    assert_eq!(refusal(&format!("GET {PATH}"), &[]).0, 405);
    assert_eq!(refusal(&post.replace("/function/", "//"), &[]).0, 404);
    assert_eq!(refusal(&post, &[("x-amz-invocation-type", "Event")]).0, 400);
    let response = served.send(&post, &[("x-amz-invocation-type", "DryRun")], "{}").response();
    assert_eq!(response.status, 204);
    for _ in 0..2 {
        let response = served.send(&post, &[], "7").response();
        assert_eq!(response.headers["content-type"], "application/vnd.amazon.eventstream");
        // lengths of the message and of its headers, in front of their checksum
        assert_eq!(response.body[..8], [0, 0, 0, 107, 0, 0, 0, 90]);
    }
}

#[test]
fn the_end_of_the_log_comes_where_it_is_asked_for() {
    let served =
        Function::bash("handler() { for i in {1..1000}; do echo \"line $i\" >&2; done; printf half >&2; echo fine; }")
            .serve(&[]);
    for _ in 0..2 {
        let response = served.call_with(&[("X-Amz-Log-Type", "Tail")], "{}").response();
        let log = String::from_utf8(STANDARD.decode(&response.headers["x-amz-log-result"]).unwrap()).unwrap();
        assert!(log.len() == 4096 && log.contains("line 1000\nhalf\nREPORT RequestId: "), "{log}");
        assert!(!served.call("{}").response().headers.contains_key("x-amz-log-result"));
    }
}
