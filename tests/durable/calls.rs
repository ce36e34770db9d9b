//! The calls of the service as they go over the wire.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

use super::{
    execution::{Deeds, End, Execution},
    service::Service,
};
use crate::support::{Function, needs::path_of};

/// Signs a request again, at the time that it names, and prints the header.
const SIGN: &str = r#"
import datetime, json, sys
from unittest import mock
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

call = json.load(sys.stdin)
time = datetime.datetime.strptime(call["date"], "%Y%m%dT%H%M%SZ")
request = AWSRequest("POST", call["url"], headers={"Content-Type": "application/json"}, data=call["body"])
with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: time):
    botocore.auth.SigV4Auth(Credentials("AKIDEXAMPLE", "secret", call["token"]), "lambda", "us-east-1").add_auth(request)
print(request.headers["Authorization"], end="")
"#;

#[test]
fn a_call_is_signed_as_botocore_signs_it() {
    needs!("boto3");
    for token in ["", "session/+=token"] {
        let service = Service::start();
        let script = "handler() { durable step greet printf '%s' \"h\u{e4}llo\"; }";
        let mut execution = Execution::of(service.clone(), || Function::bash(script)).with("AWS_SESSION_TOKEN", token);
        assert_eq!(execution.run("1"), End::Succeeded("h\u{e4}llo".to_owned()));
        let (start, headers, body) = service.first_checkpoint();
        assert_eq!(headers["content-type"], "application/json");
        let url = format!("http://{}{}", headers["host"], start.split(' ').nth(1).unwrap());
        let given = Some(token).filter(|token| !token.is_empty());
        assert_eq!(headers.get("x-amz-security-token").map(String::as_str), given);
        let call = json!({ "url": url, "body": body, "date": headers["x-amz-date"], "token": given });
        assert_eq!(headers["authorization"], signed_by_botocore(&call.to_string()));
    }
}

fn signed_by_botocore(call: &str) -> String {
    let mut python = Command::new(path_of("boto3").unwrap())
        .args(["-c", SIGN])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
    String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn all_pages_are_there_before_the_handler_begins() {
    let (service, deeds) = (Service::start(), Deeds::new());
    let script = r#"
        did() { echo "$1" >>"$DEEDS"; echo "$1"; }
        export -f did
        handler() {
            for number in {1..7}; do durable step "$number" bash -c 'did "$1"' did "$number"; done
            durable wait 1s
            durable replaying || echo , new
        }
    "#;
    service.give_pages_of(3);
    let function = || Function::bash(script).env("DEEDS", &deeds.path());
    let mut execution = Execution::of(service.clone(), function);
    assert_eq!(execution.run("1"), End::Succeeded("1\n2\n3\n4\n5\n6\n7\n, new".to_owned()));
    assert_eq!(execution.invocations, ["PENDING", "SUCCEEDED"]);
    for number in 1..=7 {
        assert_eq!(deeds.count(&number.to_string()), 1);
    }
}
