//! Log lines: as they are in text mode, one object each in JSON mode, all of them before the answer.

use serde_json::{Value, json};

use crate::support::{Event, Function, PATIENCE, processes};

#[test]
fn text_lines_pass_as_they_are() {
    let function = Function::bash("handler() { printf 'a\\n\\377\\n no end' >&2; }").start();
    function.answer("{}");
    assert_eq!(function.log_bytes(), b"a\n\xff\n no end");
}

#[test]
fn a_line_of_the_runtime_continues_no_line_of_a_handler() {
    let function = Function::bash("handler() { printf half >&2; [[ $1 == fine ]]; }").start();
    for count in 1..=2 {
        function.error("{}");
        let log = function.log();
        assert_eq!(log.matches("half\nERROR Function.ExitStatus: ").count(), count, "{log}");
    }
    assert_eq!(function.text("fine"), "");
    assert!(function.log().ends_with("\nhalf"), "{}", function.log());
    for (code, event, ours) in [
        ("handler() { printf half >&2; }", "fine", "REPORT "),
        ("handler() { printf half >&2; false; }", "fail", "{\"errorType\":"),
        ("printf half >&2; false", "load", "{\"errorType\":"),
    ] {
        let output = Function::bash(code).once(event, b"");
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(log.starts_with(&format!("half\n{ours}")), "{log}");
    }
    let durable = Function::bash("handler() { printf half >&2; durable wait 2s; printf half >&2; echo 1; }");
    let mut command = durable.local_command("{}");
    let output = command.args(["--durable", "--skip-time"]).output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && log.contains("half\nNAME "), "{log}");
    let mut broken = Function::bash("printf half >&2; false").start();
    broken.wait();
    assert!(broken.log().starts_with("half\nbootstrap: Runtime.HandlerLoadFailed: "), "{}", broken.log());
}

#[test]
fn a_long_line_passes_whole() {
    let function = Function::bash("handler() { head -c 3000000 /dev/zero | tr '\\0' x >&2; echo end >&2; }").start();
    function.answer("{}");
    assert_eq!(function.log_bytes().len(), 3_000_004);
    assert!(function.log().ends_with("xxxend\n"));
}

#[test]
fn a_flood_of_lines_neither_stalls_nor_grows() {
    let code = "handler() { head -c 100000000 /dev/zero | tr '\\0' '\\n' >&2; echo end >&2; echo answer; }";
    let function = Function::bash(code).start();
    assert_eq!(function.text("{}"), "answer");
    assert_eq!(function.log_bytes().len(), 100_000_004);
    let peak = processes::peak(function.pid());
    assert!(peak < 24 * 1024, "peak {peak} KiB");
}

#[test]
fn every_line_is_out_before_the_answer_is_posted() {
    let function = Function::bash("handler() { echo \"line $1\" >&2; }").start();
    for number in 0..50 {
        function.answer(number.to_string());
        assert!(function.log().ends_with(&format!("line {number}\n")), "{}", function.log());
    }
}

#[test]
fn each_line_becomes_an_object_in_json_mode() {
    let code = "handler() { printf 'a \"b\"\\n{\"level\":\"WARN\",\"x\":1}\\n{not json}\\n\\n\\377\\nend' >&2; }";
    let function = Function::bash(code).env("AWS_LAMBDA_LOG_FORMAT", "JSON").start();
    function.answer_to(Event::new("{}").header("lambda-runtime-aws-request-id", "id-7"));
    let log = function.log();
    let lines: Vec<_> = log.lines().collect();
    assert_eq!(lines[1], r#"{"level":"WARN","x":1}"#);
    let messages = ["a \"b\"", "", "{not json}", "", "\u{fffd}", "end"];
    assert_eq!(lines.len(), messages.len());
    for (line, message) in lines.iter().zip(messages).filter(|(line, _)| !line.contains("WARN")) {
        let object: Value = serde_json::from_str(line).unwrap();
        assert_eq!(object["message"], message);
        assert_eq!(object["level"], "INFO");
        assert_eq!(object["requestId"], "id-7");
        assert!(object["timestamp"].as_str().unwrap().ends_with('Z'));
        assert_eq!(object.as_object().unwrap().len(), 4, "{line}");
    }
}

#[test]
fn a_line_too_long_for_one_event_is_cut_in_json_mode() {
    let code = "handler() { head -c 600000 /dev/zero | tr '\\0' x >&2; echo >&2; }";
    let function = Function::bash(code).env("AWS_LAMBDA_LOG_FORMAT", "JSON").start();
    function.answer("{}");
    let messages: Vec<usize> = function
        .log()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].as_str().unwrap().len())
        .collect();
    assert_eq!(messages.iter().sum::<usize>(), 600_000);
    assert!(messages.iter().all(|&length| length < 400_000), "{messages:?}");
}

#[test]
fn an_error_is_logged_with_its_request() {
    let function = Function::bash("f() { return 3; }\nhandler() { f; }").start();
    let id = function.api.send(Event::new("{}"));
    function.api.wait(&id);
    let log = function.log();
    assert!(log.contains("ERROR Function.ExitStatus: the handler ended with status 3"), "{log}");
    assert!(log.contains(&id) && log.contains("at handler, "), "{log}");
}

#[test]
fn an_error_is_one_record_in_json_and_one_event_of_cloudwatch_in_text() {
    let code = "inner() { echo one >&2; echo two >&2; return 3; }\nhandler() { [[ $1 == fine ]] || inner; }";
    let tenant = || Event::new("{}").header("lambda-runtime-aws-tenant-id", "blue");
    let function = Function::bash(code).env("AWS_LAMBDA_LOG_FORMAT", "JSON").start();
    for (event, tenant_id) in [(tenant(), json!("blue")), (Event::new("{}"), Value::Null)] {
        let before = function.log().len();
        let post = function.post(event.header("lambda-runtime-aws-request-id", &format!("id-{before}")));
        let error: Value = serde_json::from_slice(&post.body).unwrap();
        let log = function.log();
        let records: Vec<Value> = log[before..].lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(records.len(), 3, "{log}");
        for record in &records {
            assert_eq!((&record["tenantId"], &record["requestId"]), (&tenant_id, &json!(format!("id-{before}"))));
            assert!(record["timestamp"].as_str().unwrap().ends_with('Z'));
        }
        assert_eq!(records[2]["level"], "ERROR");
        for field in ["errorType", "errorMessage", "stackTrace"] {
            assert_eq!(records[2][field], error[field], "{field}");
        }
        assert_eq!(function.text("fine"), "");
    }
    let function = Function::bash(code).start();
    let error = function.error("{}");
    let expected = format!("ERROR Function.ExitStatus: {}\n{}", error.message, error.stack.join("\n"));
    let block = expected.replace('\n', "\r");
    assert!(function.log().lines().any(|line| line.starts_with(&block)), "{:?}", function.log());
    assert_eq!(function.text("fine"), "");
    let locally = Function::bash(code).once("{}", b"");
    assert!(!locally.stderr.contains(&b'\r'), "{locally:?}");
}

#[test]
fn the_level_filters_the_runtimes_own_lines_only() {
    let function = Function::bash("handler() { echo mine >&2; kill -9 $$; sleep 9; }")
        .env("AWS_LAMBDA_LOG_LEVEL", "FATAL")
        .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
        .start();
    function.error("{}");
    let log = function.log();
    assert!(log.contains(r#""message":"mine""#) && log.contains(r#""level":"ERROR""#), "{log}");
    let function = Function::bash("handler() { :; }").env("AWS_LAMBDA_LOG_LEVEL", "debug").start();
    function.answer("{}");
    assert!(PATIENCE.as_secs() > 0 && !function.log().contains("TRACE"));
}
