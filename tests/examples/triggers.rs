//! The same task for each trigger in Bash, PowerShell and Lisp: the same answers.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Function, Running, language::lisp_core, needs::has, repository};

pub const FILES: [&str; 3] = ["function.sh", "Function.psm1", "function.lisp"];
const HANDLERS: [&str; 3] = ["function.sh.handler", "Function.Invoke-Handler", "function.lisp.handler"];

pub fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

fn event(name: &str) -> String {
    read(&format!("tests/events/{name}.json"))
}

/// The function of a folder, with all of its files as in its image, once for each language that is here.
fn in_each_language(folder: &str) -> Vec<Running> {
    let can_run = |handler: &&str| match *handler {
        "function.sh.handler" => has("jq"),
        "Function.Invoke-Handler" => has("pwsh"),
        _ => has("sbcl") && has("yason"),
    };
    let start = |handler| {
        let function = FILES
            .iter()
            .fold(Function::with(&[]), |function, file| function.copy(&format!("examples/{folder}/{file}"), file));
        let core = if has("sbcl") { lisp_core().to_str().unwrap() } else { "" };
        let function = if core.is_empty() { function } else { function.env("SCRIPT_RUNTIME_LISP_CORE", core) };
        function.handler(handler).start()
    };
    HANDLERS.into_iter().filter(can_run).map(start).collect()
}

fn answer(function: &Running, event: impl AsRef<[u8]>) -> Value {
    serde_json::from_slice(&function.answer(event)).unwrap()
}

fn response(status: u16, body: &str) -> Value {
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body })
}

#[test]
fn http_takes_what_is_posted() {
    let event = event("api-gateway-v2");
    let as_base64 = event.replace("\"isBase64Encoded\": false", "\"isBase64Encoded\": true");
    for function in in_each_language("http") {
        let taken = r#"{"path":"/my/path","received":"Hello from Lambda"}"#;
        assert_eq!(answer(&function, &event), response(201, taken));
        let read = event.replace("\"method\": \"POST\"", "\"method\": \"GET\"");
        assert_eq!(answer(&function, read), response(405, r#"{"error":"only POST"}"#));
        assert_eq!(answer(&function, &as_base64), response(415, r#"{"error":"only text"}"#));
        let quoted = event.replace("Hello from Lambda", r#"\"ü\"\n"#);
        let taken = r#"{"path":"/my/path","received":"\"ü\"\n"}"#;
        assert_eq!(answer(&function, quoted)["body"].as_str().map(without_escapes), Some(taken.into()));
    }
}

/// JSON with letters in place of their escapes, which yason writes.
fn without_escapes(text: &str) -> String {
    serde_json::from_str::<Value>(text).unwrap().to_string()
}

#[test]
fn sqs_names_the_messages_that_failed() {
    for function in in_each_language("sqs") {
        let failed = |id: &str| json!({ "batchItemFailures": [{ "itemIdentifier": id }] });
        assert_eq!(
            answer(&function, event("sqs-batch")),
            failed("2e1424d4-f796-459a-8184-9c92662be6da"),
            "{}",
            function.log()
        );
        let log = function.log();
        assert!(log.contains("order 7\n") && log.contains("order 8\n"), "{log}");
        assert_eq!(answer(&function, event("sqs")), failed("059f36b4-87a3-44ab-83d2-661975830a7d"));
        let fine = event("sqs").replace("\"Test message.\"", r#""{\"order\": 9}""#);
        assert_eq!(function.text(fine), r#"{"batchItemFailures":[]}"#);
        let without = event("sqs").replace("\"Test message.\"", r#""{\"other\": 9}""#);
        assert_eq!(answer(&function, without), failed("059f36b4-87a3-44ab-83d2-661975830a7d"));
    }
}

#[test]
fn s3_keys_are_decoded() {
    for function in in_each_language("s3") {
        let objects = |key: &str| json!({ "objects": [format!("s3://DOC-EXAMPLE-BUCKET/{key}")] });
        let key = "b21b84d653bb07b05b1e6b33684dc11b";
        assert_eq!(answer(&function, event("s3")), objects(key));
        for (encoded, decoded) in [("summer+2026/caf%C3%A9.txt", "summer 2026/café.txt"), ("1%2B1%5Cn%25", "1+1\\n%")]
        {
            let event = event("s3").replace(&format!("\"key\": \"{key}\""), &format!("\"key\": \"{encoded}\""));
            assert_eq!(answer(&function, event), objects(decoded));
        }
    }
}

#[test]
fn schedules_report_on_the_day_before() {
    for function in in_each_language("schedule") {
        for (time, day) in [
            ("2015-10-08T16:53:06Z", "2015-10-07"),
            ("2015-10-08T00:05:00Z", "2015-10-07"),
            ("2028-03-01T23:59:59Z", "2028-02-29"),
            ("2027-01-01T00:00:00Z", "2026-12-31"),
        ] {
            let event = event("eventbridge").replace("2015-10-08T16:53:06Z", time);
            assert_eq!(function.text(event), format!("{{\"report\":\"{day}\"}}"));
        }
    }
}

#[test]
fn each_file_and_template_says_the_handlers() {
    for folder in ["http", "sqs", "s3", "schedule"] {
        let template = read(&format!("examples/{folder}/template.yaml"));
        let dockerfile = read(&format!("examples/{folder}/Dockerfile"));
        assert!(dockerfile.contains(&format!("COPY {} ${{LAMBDA_TASK_ROOT}}/", FILES.join(" "))), "{folder}");
        for (file, handler) in FILES.into_iter().zip(HANDLERS) {
            assert!(template.contains(&format!("Command: [{handler}]")), "{folder}: {handler}");
            let text = read(&format!("examples/{folder}/{file}"));
            assert!(text.contains(&format!("Handler: {handler}\n")), "{folder}/{file}");
        }
    }
}
