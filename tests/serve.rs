//! `bootstrap --serve`: what callers get. Watching, signals and the init are in `serve_life`.

use std::{fs, net::TcpStream};

use crate::support::{
    Function,
    served::{PATH, Served},
    until,
};

const ECHO: &str = "handler() { echo \"log $1\" >&2; [[ $1 != fail ]] || exit 3; printf '%s' \"$1\"; }";

/// The fields of the `REPORT` lines, by name.
fn reports(served: &Served) -> Vec<Vec<(String, String)>> {
    let log = served.running.log();
    let lines = log.lines().filter_map(|line| line.strip_prefix("REPORT "));
    let field = |field: &str| field.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    lines.map(|line| line.split('\t').map(|text| field(text).unwrap()).collect()).collect()
}

#[test]
fn answers_events_one_after_the_other() {
    let served = Function::bash(ECHO).serve(&[]);
    let response = served.call("{\"a\":1}").response();
    assert_eq!((response.status, &response.body[..]), (200, &b"{\"a\":1}"[..]));
    assert_eq!(response.headers["content-type"], "application/json");
    assert_eq!(response.headers["x-amz-executed-version"], "$LATEST");
    assert_eq!(response.headers["x-amzn-requestid"].len(), 36);
    assert_eq!(response.headers.get("x-amz-function-error"), None);
    assert_eq!(served.text("not json: \u{e4}"), "not json: \u{e4}");
}

#[test]
fn an_error_is_marked_and_the_next_event_is_answered() {
    let served = Function::bash(ECHO).serve(&[]);
    let (kind, message) = served.call("fail").error();
    assert_eq!(kind, "Function.ExitStatus");
    assert_eq!(message, "the handler ended with status 3: log fail");
    assert_eq!(served.text("next"), "next");
}

#[test]
fn a_worker_that_ends_is_replaced() {
    let served =
        Function::bash("handler() { [[ $1 != die ]] || { kill -9 $$; sleep 1000; }; echo \"$1\"; }").serve(&[]);
    assert_eq!(served.call("die").error().0, "Runtime.WorkerExited");
    assert_eq!(served.text("next"), "next");
}

#[test]
fn reports_each_event_and_the_init_once() {
    let served = Function::bash(ECHO).serve(&[]);
    let ids: Vec<_> = ["1", "fail", "3"]
        .iter()
        .map(|event| served.call(event).response().headers["x-amzn-requestid"].clone())
        .collect();
    let reports = reports(&served);
    let usual = ["RequestId", "Duration", "Max Memory Used"];
    let expected = [&["RequestId", "Init Duration", "Duration", "Max Memory Used"][..], &usual, &usual];
    assert_eq!(reports.len(), 3);
    for ((fields, expected), id) in reports.iter().zip(expected).zip(&ids) {
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expected);
        assert_eq!(&fields[0].1, id);
        for (name, value) in &fields[1..] {
            let (number, unit) = value.split_once(' ').unwrap();
            assert!(number.parse::<f64>().unwrap() > 0.0, "{name}: {value}");
            assert_eq!(unit, if name == "Max Memory Used" { "MB" } else { "ms" });
        }
    }
    let log = served.running.log();
    assert!(log.contains(&format!("log 1\nREPORT RequestId: {}\t", ids[0])), "{log}");
}

#[test]
fn an_event_over_its_timeout_is_an_error_and_the_next_is_answered() {
    for margin in ["200", "0"] {
        let code = "handler() { [[ $1 != hang ]] || { sleep 1000 & echo $! >pid; wait; }; echo \"$1\"; }";
        let function = Function::bash(code).env("SCRIPT_RUNTIME_DEADLINE_MARGIN_MS", margin);
        let served = function.serve(&["--timeout", "1"]);
        let (kind, message) = served.call("hang").error();
        assert_eq!(kind, "Runtime.DeadlineExceeded");
        let applied = if margin == "0" { "0.0" } else { "0.2" };
        assert_eq!(message, format!("the handler had not answered {applied} s before its timeout of 1.0 s"));
        let sleeping = fs::read_to_string(served.running.task_root.path().join("pid")).unwrap();
        until("the end of what it started", || !fs::exists(format!("/proc/{}", sleeping.trim())).unwrap());
        assert_eq!(served.text("next"), "next");
    }
}

#[test]
fn gives_the_handler_what_the_caller_sent_along() {
    let code = "handler() {\n\
                echo \"$AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT|$_X_AMZN_TRACE_ID|$AWS_LAMBDA_RUNTIME_TENANT_ID\"\n\
                echo \"$AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID|$AWS_LAMBDA_FUNCTION_NAME\"\n\
                echo $((AWS_LAMBDA_RUNTIME_DEADLINE_MS - $(date +%s%3N))); }";
    let served = Function::bash(code).serve(&["--timeout", "900"]);
    let headers = [
        ("X-Amz-Client-Context", "eyJjdXN0b20iOiB7ImEiOiAiYiJ9fQ=="),
        ("X-Amzn-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1"),
        ("X-Amz-Tenant-Id", "tenant"),
    ];
    let response = served.call_with(&headers, "{}").response();
    let text = String::from_utf8(response.body).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "{\"custom\": {\"a\": \"b\"}}|Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1|tenant");
    assert_eq!(lines[1], format!("{}|test_function", response.headers["x-amzn-requestid"]));
    let left: u32 = lines[2].parse().unwrap();
    assert!((840_000..=900_000).contains(&left), "{left}");
}

#[test]
fn an_empty_body_is_an_empty_object() {
    let served = Function::bash("handler() { echo \"[$1]\"; }").serve(&[]);
    for _ in 0..2 {
        assert_eq!(served.text(""), "[{}]");
    }
    assert_eq!(served.text(" "), "[ ]");
}

#[test]
fn takes_6_mib_and_refuses_more() {
    let served = Function::bash("handler() { tr -d '\\n' | wc -c; }").serve(&[]);
    let most = vec![b'x'; 6 * 1024 * 1024];
    assert_eq!(served.text(&most), "6291456");
    let more = [&most[..], b"x"].concat();
    let (status, line) = served.call(&more).refusal();
    assert_eq!(status, 413);
    assert_eq!(line, "the event has more than 6291456 bytes, the most that Lambda takes");
    assert_eq!(served.text("next"), "4");
}

#[test]
fn other_paths_and_methods_are_told_the_right_url() {
    let served = Function::bash(ECHO).serve(&[]);
    let url = format!("POST events to http://127.0.0.1:{}{PATH}", served.port);
    let refusal = |request: &str| served.send(request, &[], "").refusal();
    assert_eq!(refusal("POST /"), (404, format!("there is nothing at `/`: {url}")));
    assert_eq!(refusal("GET /x"), (404, format!("there is nothing at `/x`: {url}")));
    assert_eq!(refusal(&format!("GET {PATH}")), (405, format!("GET does nothing here: {url}")));
    let other_name = "POST /2015-03-31/functions/my-function/invocations?Qualifier=$LATEST";
    assert_eq!(served.send(other_name, &[], "any name").text(), "any name");
}

#[test]
fn refuses_headers_that_it_cannot_read() {
    let served = Function::bash(ECHO).serve(&[]);
    let refusal = |name, value| served.call_with(&[(name, value)], "{}").refusal();
    let message = "X-Amz-Client-Context is a JSON object in base64, and this does not decode to one";
    for context in ["!", "e30", "W10="] {
        assert_eq!(refusal("x-amz-client-context", context), (400, message.to_owned()), "{context}");
    }
    let message = "X-Amz-Invocation-Type is RequestResponse, Event or DryRun, not `Later`";
    assert_eq!(refusal("x-amz-invocation-type", "Later"), (400, message.to_owned()));
    assert_eq!(served.call_with(&[("x-amz-client-context", "e30=")], "next").text(), "next");
}

#[test]
fn an_asynchronous_event_is_accepted_before_it_has_run() {
    let code = "handler() { until [[ -e go ]]; do sleep 0.01; done; echo \"ran $1\" >>ran; }";
    let served = Function::bash(code).serve(&["--timeout", "60"]);
    let response = served.call_with(&[("X-Amz-Invocation-Type", "Event")], "later").response();
    assert_eq!((response.status, &response.body[..]), (202, &b""[..]));
    assert_eq!(response.headers["x-amzn-requestid"].len(), 36);
    let ran = served.running.task_root.path().join("ran");
    assert!(!ran.exists());
    fs::write(served.running.task_root.path().join("go"), "").unwrap();
    until("the event", || fs::read_to_string(&ran).is_ok_and(|text| text == "ran later\n"));
}

#[test]
fn a_dry_run_runs_nothing() {
    let served = Function::bash("handler() { echo \"$1\" | tee -a ran; }").serve(&[]);
    let response = served.call_with(&[("X-Amz-Invocation-Type", "DryRun")], "dry").response();
    assert_eq!((response.status, &response.body[..]), (204, &b""[..]));
    assert_eq!(served.text("real"), "real");
    assert_eq!(fs::read_to_string(served.running.task_root.path().join("ran")).unwrap(), "real\n");
}

#[test]
fn two_workers_run_two_events_at_the_same_time() {
    // each waits for the other
    let code = "handler() { : >\"$1\"; until [[ -e a && -e b ]]; do sleep 0.01; done; echo \"$1\"; }";
    let served = Function::bash(code).serve(&["--concurrency", "2", "--timeout", "60"]);
    let (a, b) = (served.call("a"), served.call("b"));
    assert_eq!((a.text(), b.text()), ("a".to_owned(), "b".to_owned()));
    assert_eq!(served.running.children().len(), 2);
}

#[test]
fn one_worker_runs_events_in_the_order_they_came() {
    let code = "handler() { echo \"begin $1\" >>order; until [[ -e go ]]; do sleep 0.01; done\n\
                echo \"end $1\" >>order; }";
    // the server ignores it, `--concurrency` is what counts
    let function = Function::bash(code).env("AWS_LAMBDA_MAX_CONCURRENCY", "4");
    let served = function.serve(&["--timeout", "60"]);
    // a response to one says that it is in the queue
    for event in ["a", "b", "c"] {
        let response = served.call_with(&[("X-Amz-Invocation-Type", "Event")], event).response();
        assert_eq!(response.status, 202);
    }
    let last = served.call("d");
    let root = served.running.task_root.path();
    let order = || fs::read_to_string(root.join("order")).unwrap_or_default();
    until("the first event", || order() == "begin a\n");
    fs::write(root.join("go"), "").unwrap();
    last.text();
    assert_eq!(order(), "begin a\nend a\nbegin b\nend b\nbegin c\nend c\nbegin d\nend d\n");
    assert_eq!(served.running.children().len(), 1);
}

#[test]
fn an_event_whose_caller_goes_away_runs_to_its_end() {
    let code = "handler() { : >begun; until [[ -e go ]]; do sleep 0.01; done; echo \"$1\" >>ended; cat ended; }";
    let served = Function::bash(code).serve(&["--timeout", "60"]);
    let root = served.running.task_root.path();
    let caller = served.call("gone");
    until("the event", || root.join("begun").exists());
    drop(caller);
    fs::write(root.join("go"), "").unwrap();
    assert_eq!(served.text("next"), "gone\nnext");
}

#[test]
fn listens_on_127_0_0_1_unless_told_otherwise() {
    let served = Function::bash(ECHO).serve(&[]);
    assert!(TcpStream::connect(("127.0.0.2", served.port)).is_err());
    let running = Function::bash(ECHO).serve_at("127.0.0.2:0", &[]);
    running.wait_for_log("serving http://127.0.0.2:");
    let log = running.log();
    let address = log.strip_prefix("serving http://").unwrap().split('/').next().unwrap();
    assert!(TcpStream::connect(address).is_ok(), "{address}");
}
