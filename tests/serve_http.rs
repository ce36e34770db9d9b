//! `--serve --http`: a function URL at home, for curl, a Python client, and requests that no client sends.

mod answers;
mod streamed;

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::support::{BOOTSTRAP, Function, needs::has, served::Served};

/// Answers its event.
const ECHO: &str = "handler() { cat; }";

pub fn serve(code: &str) -> Served {
    Function::bash(code).serve(&["--http", "--timeout", "60"])
}

/// The output of curl for this path of the server.
pub fn curl(served: &Served, path: &str, options: &[&str]) -> Option<Output> {
    if !has("curl") {
        return None;
    }
    let url = format!("http://127.0.0.1:{}{path}", served.port);
    Some(
        Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60"])
            .args(options)
            .arg(url)
            .output()
            .unwrap(),
    )
}

/// The event that a request of curl's becomes.
fn event(served: &Served, path: &str, options: &[&str]) -> Option<Value> {
    let output = curl(served, path, options)?;
    Some(serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}")))
}

#[test]
fn a_request_becomes_an_event_of_payload_version_2() {
    let served = serve(ECHO);
    let headers =
        ["-A", "agent", "-H", "X-One: 1", "-H", "x-one: 2", "-H", "Host: abc.example.org:80", "-b", "a=1; b=2"];
    let Some(event) = event(&served, "/my%20path/%C3%A4?p=1&q=a+b&p=%26&empty", &headers) else { return };
    let context = &event["requestContext"];
    let (time, epoch) = (context["time"].as_str().unwrap(), context["timeEpoch"].as_u64().unwrap());
    // `12/Mar/2020:19:03:58 +0000`
    let letters = |begin: usize, end: usize| time[begin..end].bytes().all(|byte| byte.is_ascii_alphabetic());
    assert!(time.ends_with(" +0000") && time.len() == 26 && letters(3, 6), "{time}");
    assert_eq!([&time[2..3], &time[6..7], &time[11..12]], ["/", "/", ":"], "{time}");
    assert!(epoch > 1_700_000_000_000);
    let trace = event["headers"]["x-amzn-trace-id"].as_str().unwrap();
    assert!(trace.starts_with("Root=1-"), "{trace}");
    let expected = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my%20path/%C3%A4",
        "rawQueryString": "p=1&q=a+b&p=%26&empty",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "accept": "*/*",
            "cookie": "a=1; b=2",
            "host": "abc.example.org:80",
            "user-agent": "agent",
            "x-amzn-trace-id": trace,
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": served.port.to_string(),
            "x-forwarded-proto": "http",
            "x-one": "1,2",
        },
        "queryStringParameters": { "empty": "", "p": "1,&", "q": "a b" },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.example.org",
            "domainPrefix": "abc",
            "http": {
                "method": "GET",
                "path": "/my%20path/%C3%A4",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent",
            },
            "requestId": context["requestId"],
            "routeKey": "$default",
            "stage": "$default",
            "time": time,
            "timeEpoch": epoch,
        },
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

#[test]
fn cookies_are_cut_at_semicolons_alone_and_stay_a_header() {
    let served = serve(ECHO);
    for (headers, header, cookies) in [
        (&["a=1,2; b=\"x, y\""][..], "a=1,2; b=\"x, y\"", json!(["a=1,2", "b=\"x, y\""])),
        (&["a=1", "b=2;c=3"], "a=1; b=2;c=3", json!(["a=1", "b=2", "c=3"])),
        (&["a"], "a", json!(["a"])),
        (&["a=1;"], "a=1;", json!(["a=1"])),
    ] {
        let headers: Vec<_> = headers.iter().map(|value| ("cookie", *value)).collect();
        for _ in 0..2 {
            let response = served.send("GET /", &headers, "").response();
            let event: Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!((&event["headers"]["cookie"], &event["cookies"]), (&json!(header), &cookies));
        }
    }
    let event: Value = serde_json::from_slice(&served.send("GET /", &[], "").response().body).unwrap();
    assert!(event["cookies"].is_null() && event["headers"]["cookie"].is_null(), "{event}");
}

#[test]
fn bodies_are_text_or_base64() {
    let served = serve(ECHO);
    for (content_type, body, expected) in [
        ("text/plain", &b"a \"b\"\n"[..], json!(["a \"b\"\n", false])),
        ("application/json", b"{\"a\": 1}", json!(["{\"a\": 1}", false])),
        ("application/x-www-form-urlencoded", b"a=1", json!(["YT0x", true])),
        ("application/octet-stream", b"abc", json!(["YWJj", true])),
        ("text/plain", b"\xff\x00", json!(["/wA=", true])),
    ] {
        let response = served.send("PUT /", &[("content-type", content_type)], body).response();
        let event: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(json!([event["body"], event["isBase64Encoded"]]), expected, "{content_type}");
        assert_eq!(event["requestContext"]["http"]["method"], "PUT");
    }
}

#[test]
fn a_chunked_upload_and_one_that_asks_first_arrive_whole() {
    let served = serve(ECHO);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("upload");
    std::fs::write(&file, "x".repeat(3_000_000)).unwrap();
    let upload = format!("@{}", file.display());
    for header in ["Transfer-Encoding: chunked", "Expect: 100-continue"] {
        let options = ["-H", header, "-H", "content-type: text/plain", "--data-binary", &upload];
        let Some(event) = event(&served, "/", &options) else { return };
        assert_eq!(event["body"].as_str().unwrap().len(), 3_000_000, "{header}");
    }
}

#[test]
fn a_head_of_a_megabyte_passes() {
    let served = serve("handler() { jq -c '[.headers[] | length] | max'; }");
    let value = "v".repeat(1_000_000);
    let response = served.send("GET /", &[("x-long", &value)], "").response();
    assert_eq!(String::from_utf8(response.body).unwrap(), "1000000");
    let many: Vec<_> = (0..1000).map(|number| (format!("x-{number}"), "v".repeat(900))).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(served.send("GET /", &many, "").response().status, 200);
    let too_long = "v".repeat(16_000_000);
    let mut connection = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    let _ = write!(connection, "GET / HTTP/1.1\r\nhost: localhost\r\nx-long: {too_long}\r\n\r\n");
    let mut answer = String::new();
    let _ = connection.read_to_string(&mut answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(served.send("GET /", &[("x", "ab")], "").response().status, 200);
}

#[test]
fn an_event_over_the_limit_is_refused_and_the_next_request_answered() {
    let served = serve("handler() { wc -c; }");
    let json = [("content-type", "application/json")];
    assert_eq!(served.send("POST /", &json, "1".repeat(6 * 1024 * 1024 - 4096)).response().status, 200);
    for (headers, size) in [(&json[..], 6 * 1024 * 1024), (&json[..], 10_000_000), (&[], 5_000_000)] {
        let binary = [("content-type", "image/png")];
        let headers = if headers.is_empty() { &binary[..] } else { headers };
        let response = served.send("POST /", headers, "1".repeat(size)).response();
        assert_eq!(response.status, 413, "{size}");
        assert_eq!(served.send("POST /", &json, "1").response().status, 200);
    }
}

#[test]
fn a_connection_is_kept_for_the_next_request() {
    needs!(python3);
    let served = serve(ECHO);
    let script = "
import http.client, json, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
connection.connect()
first = connection.sock
for number in range(3):
    connection.request('POST', f'/{number}', body=b'\\xff' * number, headers={'Content-Type': 'image/png'})
    response = connection.getresponse()
    event = json.loads(response.read())
    assert response.status == 200 and event['rawPath'] == f'/{number}', event
    assert connection.sock is first
";
    let output = Command::new("python3").args(["-c", script, &served.port.to_string()]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn an_option_that_cannot_be_is_refused_in_one_line() {
    for (line, message) in [
        ("--serve :80", "`--serve` takes a port, or an IP address and a port (`0.0.0.0:9000`), not `:80`"),
        ("--timeout 0", "`--timeout` takes 1 to 5400 seconds, not `0`"),
        ("--timeout 5401", "`--timeout` takes 1 to 5400 seconds, not `5401`"),
        ("--concurrency 0", "`--concurrency` takes a number from 1 on, not `0`"),
        ("--http", "`--http`, `--timeout`, `--concurrency` and `--watch` are for `--serve`"),
        ("--watch f.h", "`--http`, `--timeout`, `--concurrency` and `--watch` are for `--serve`"),
        ("--serve 1 f.h {}", "an event is for runs without `--serve`: post it instead"),
        ("--serve-me", "invalid option '--serve-me'"),
        ("--durable f.h", "`--durable` needs an event, as in `bootstrap --durable HANDLER EVENT`, or `--serve`"),
        (
            "--serve 1 --http --durable f.h",
            "`--http` is not for `--durable`: post events, or send them with `aws lambda invoke`",
        ),
        ("--skip-time f.h {}", "`--state`, `--skip-time`, `--replay-each` and `--function` are for `--durable`"),
        (
            "--durable --function a=b f.h {}",
            "`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `a=b`",
        ),
        (
            "--durable --function a/b=c:d f.h {}",
            "`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `a/b=c:d`",
        ),
        (
            "--durable --function a=b:c --function=a=d:e f.h {}",
            "`--function` has `a` twice: each function needs a name of its own",
        ),
    ] {
        let output = Command::new(BOOTSTRAP).args(line.split(' ')).output().unwrap();
        let expected = format!("bootstrap: {message}; `bootstrap --help` shows what there is\n");
        assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(1), expected));
    }
}
