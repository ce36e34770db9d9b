//! Properties of the pure parts for any input: random input, and the corpus of the fuzz targets in `fuzz/`.

#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::{fs, path::Path};

use bytes::Bytes;
use proptest::{prelude::*, test_runner::RngSeed};
use script_runtime::internals::{
    ErrorType, Failure, PAYLOAD_LIMIT, cause,
    frame::{FrameError, Message, encode},
    http,
};
use serde_json::{Value, json};

fn settled() -> ProptestConfig {
    // the same cases in every run, and no files of its own beside the sources
    ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Default::default() }
}

/// Text in which what means something to the parsers is frequent.
fn suggestive() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "answer ",
        "failure ",
        "trace ",
        "ended ",
        "exited ",
        "ready 0\n",
        "undefined ",
        "1",
        "6291457",
        "99999999999",
        "\n",
        " ",
        "..",
        "/",
        ".",
        "::",
        "Module::",
        ".ps1::",
        ".sh",
        ".lisp",
        "f",
        "ä",
        "(",
        "'",
        "\0",
        "127.0.0.1:1",
        "JSON",
        "-1",
        "{}",
    ];
    let word = prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

/// The same for responses, requests and documents.
fn suggestive_of_http() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "GET /",
        "POST /a%20b?",
        "Status: 404",
        "Location: ",
        "Set-Cookie: a=1",
        "cookie: a=1; ",
        "host: [::1]",
        "content-type: text/plain",
        "{\"statusCode\":",
        "\"body\":\"\"}",
        "%0a",
        "%",
        "/",
        "\u{e4}",
        "HTTP/1.1 200 OK",
        "HTTP/1.0 204 x",
        "HTTP/1.1 100 Continue",
        "content-length: ",
        "transfer-encoding: chunked",
        "connection: close",
        "x: y",
        "\r\n",
        "\n",
        "\r\n\r\n",
        "0",
        "3",
        "a",
        "ffffffffffffffff",
        "99999999999999999999",
        ";",
        ":",
        " ",
        "-",
        "+",
        "\0",
    ];
    let word = prop_oneof![
        6 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(settled())]

    #[test]
    fn frames_come_back_however_they_are_cut(
        answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..6),
        block in 1_usize..3000,
    ) {
        let bytes: Vec<u8> = answers.iter().flat_map(|answer| encode("answer", answer)).collect();
        let expected: Vec<_> = answers.into_iter().map(|answer| Message::Answer(Bytes::from(answer))).collect();
        prop_assert_eq!(checks::decoded(&bytes, block), (expected, Ok(())));
    }

    #[test]
    fn any_bytes_are_frames_or_an_error(bytes in suggestive()) {
        checks::frames(&bytes);
    }

    #[test]
    fn any_bytes_are_a_response_a_document_and_a_request_or_an_error(bytes in suggestive_of_http()) {
        checks::responses(&bytes);
        checks::documents(&bytes);
        checks::requests(&bytes);
    }

    #[test]
    fn any_text_is_a_handler_inside_the_task_root_or_an_error(bytes in suggestive()) {
        checks::handler(&bytes);
    }

    #[test]
    fn any_error_has_a_type_and_a_cause_for_the_headers(
        error_type in ".{0,40}|(Runtime|Function)\\.[A-Za-z0-9]{0,20}|[A-Z-]{0,20}(::?[A-Z-]{0,20})?",
        message in ".{0,2000}",
        stack in prop::collection::vec("(at )?.{0,300}(, .{0,20}(: line [0-9]{1,12})?)?", 0..60),
        copies in 1_usize..20,
    ) {
        let (message, stack) = (message.repeat(copies), vec![stack; copies].concat());
        let mut failure = Failure::new(ErrorType::Signal, message).with_stack_trace(stack);
        failure.diagnostic.error_type = error_type;
        let header = failure.header_type();
        let name = header.strip_prefix("Runtime.").or(header.strip_prefix("Function.")).unwrap();
        prop_assert!(name.len() > 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic()), "{}", header);
        prop_assert!(name.starts_with(|first: char| first.is_ascii_uppercase()), "{}", header);
        let cause = cause::of(&failure, "/var/task");
        prop_assert!(cause.len() < 64 * 1024 && cause.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let json: serde_json::Value = serde_json::from_str(&cause).unwrap();
        let exception = &json["exceptions"][0];
        prop_assert!(failure.diagnostic.error_message.starts_with(exception["message"].as_str().unwrap()));
        prop_assert!(exception["stack"].as_array().unwrap().len() <= failure.stack_trace.len());
    }

    #[test]
    fn any_environment_is_a_configuration_or_an_error(bytes in suggestive()) {
        checks::settings(&bytes);
    }
}

#[test]
fn the_corpus_of_the_fuzz_targets_holds() {
    for (target, check) in [
        ("frames", checks::frames as fn(&[u8])),
        ("responses", checks::responses),
        ("documents", checks::documents),
        ("requests", checks::requests),
        ("handler", checks::handler),
        ("settings", checks::settings),
    ] {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        let files: Vec<_> = fs::read_dir(corpus).unwrap().flatten().collect();
        assert!(files.len() >= 3, "{target}");
        for file in files {
            check(&fs::read(file.path()).unwrap());
        }
    }
}

/// The response in these bytes, however they are cut.
fn whole(bytes: &[u8]) -> Result<http::Response, String> {
    let response = checks::response(bytes, bytes.len().max(1));
    for block in [1, 2, 3, 7, 8000] {
        assert_eq!(checks::response(bytes, block), response, "in blocks of {block}");
    }
    response
}

fn body(bytes: &[u8]) -> Bytes {
    whole(bytes).unwrap().body
}

#[test]
fn a_response_ends_by_its_length_its_last_chunk_or_its_connection() {
    assert_eq!(body(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcdef"), "abc");
    assert_eq!(body(b"HTTP/1.1 200 OK\ncontent-length: 3, 3\ncontent-length: 3\n\nabc"), "abc");
    let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n\
        4\r\n1234\r\n00003;name=\"v\"\r\n567\r\n0\r\nx-trailer: 1\r\n\r\nnext";
    assert_eq!(body(chunks), "1234567");
    assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nto the end"), "to the end");
    assert_eq!(body(b"HTTP/1.1 204 No Content\r\n\r\nx"), "");
    assert_eq!(body(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"), "");
}

#[test]
fn a_response_says_whether_its_connection_can_be_used_again() {
    for (response, reusable) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..], true),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", false),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", true),
        (b"HTTP/1.1 200 OK\r\n\r\n", false),
    ] {
        assert_eq!(whole(response).unwrap().reusable, reusable, "{}", response.escape_ascii());
    }
}

#[test]
fn a_response_may_have_many_headers() {
    let lines: Vec<_> = (0..3000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let lines = lines.concat();
    let response = whole(format!("HTTP/1.1 200 OK\r\n{lines}content-length: 0\r\n\r\n").as_bytes()).unwrap();
    assert_eq!(response.headers.iter().count(), 3001);
}

#[test]
fn no_response_is_an_error_that_says_why() {
    for (bytes, said) in [
        (&b"\0garbage\r\n\r\n"[..], "invalid HTTP: the status line is \"\\0garbage\""),
        (b"\r\n\r\n", "invalid HTTP: the status line is \"\""),
        (b"HTTP/1.1 200OK\r\n\r\n", "invalid HTTP: the status line is \"HTTP/1.1 200OK\""),
        (b"HTTP/2.0 200 OK\r\n\r\n", "invalid HTTP: the status line is \"HTTP/2.0 200 OK\""),
        (b"", "connection closed before a response came"),
        (b"HTTP/1.1 200 OK\r\nX-", "connection closed in the head of a response"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
            "connection closed in a body: end of file before message length reached",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\nabc",
            "invalid HTTP: `content-length` says nothing of where the body ends",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
            "invalid HTTP: `content-length` says nothing of where the body ends",
        ),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "invalid HTTP: `transfer-encoding` says nothing of where the body ends",
        ),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "Invalid chunk size: \"zz\""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+1\r\na\r\n", "Invalid chunk size: \"+1\""),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
            "invalid HTTP: a chunk does not end in a line end",
        ),
    ] {
        assert_eq!(whole(bytes).unwrap_err(), said, "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_body_over_the_limit_is_not_waited_for() {
    let length = http::BODY_LIMIT + 1;
    for head in [
        format!("content-length: {length}\r\n\r\n"),
        format!("content-length: {}\r\n\r\n", usize::MAX),
        format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n"),
        format!("transfer-encoding: chunked\r\n\r\n1\r\na\r\n{:x}\r\n", usize::MAX),
    ] {
        let response = whole(format!("HTTP/1.1 200 OK\r\nx-id: 7\r\n{head}").as_bytes()).unwrap();
        let too_large = format!("body has more than {} bytes", http::BODY_LIMIT);
        assert_eq!((response.too_large, response.reusable), (Some(too_large), false), "{head}");
        assert_eq!(response.headers.get("x-id"), Some(&b"7"[..]));
    }
}

#[test]
fn an_error_has_a_type_of_lambdas_form_for_the_header() {
    for (error_type, expected) in [
        ("Runtime.WorkerExited", "Runtime.WorkerExited"),
        ("Function.ExitStatus", "Function.ExitStatus"),
        ("RuntimeException", "Function.RuntimeException"),
        ("System.IO.IOException", "Function.IOException"),
        ("SHOP::SOLD-OUT", "Function.SoldOut"),
        ("SIMPLE-ERROR", "Function.SimpleError"),
        ("ASDF/FIND-COMPONENT:MISSING-COMPONENT", "Function.MissingComponent"),
        ("(UNSIGNED-BYTE 8)", "Function.UnsignedByte"),
        ("out_of_stock", "Function.OutOfStock"),
        ("Runtime.", "Function.Error"),
        ("Runtime.x", "Function.Error"),
        ("Function.9", "Function.Error"),
        ("\u{e4}\u{f6}", "Function.Error"),
        ("", "Function.Error"),
    ] {
        let mut failure = Failure::new(ErrorType::Signal, "");
        error_type.clone_into(&mut failure.diagnostic.error_type);
        assert_eq!(failure.header_type(), expected, "{error_type}");
    }
}

#[test]
fn a_cause_has_a_message_a_type_and_frames() {
    let lines = [
        "at f, /var/task/a, b.sh: line 3",
        "at main, /var/task/a, b.sh",
        "(HANDLER \"x, y: line 3\")",
        "(F 1), a/b.lisp: line 7",
    ];
    let failure = Failure::new(ErrorType::ExitStatus, "no \u{e4}\u{1f600}\n\u{7f}")
        .with_stack_trace(lines.map(str::to_owned).into());
    let frames = json!([
        { "path": "/var/task/a, b.sh", "line": 3, "label": "f" },
        { "path": "/var/task/a, b.sh", "label": "main" },
        { "label": "(HANDLER \"x, y: line 3\")" },
        { "path": "a/b.lisp", "line": 7, "label": "(F 1)" },
    ]);
    let cause = cause::of(&failure, "/var/task");
    assert!(cause.contains(r#""no \u00e4\ud83d\ude00\n\u007f""#), "{cause}");
    let expected = json!({
        "working_directory": "/var/task",
        "exceptions": [{ "message": failure.diagnostic.error_message, "type": "Function.ExitStatus", "stack": frames }],
        "paths": ["/var/task/a, b.sh", "a/b.lisp"],
    });
    assert_eq!(serde_json::from_str::<Value>(&cause).unwrap(), expected);
}

#[test]
fn a_message_may_end_at_a_newline() {
    let bytes = b"ready 0\nexited - 7 -2147483647\nended - 18446744073709551615 255\nended 12\n7 137 signal";
    let (messages, end) = checks::decoded(bytes, 1);
    assert_eq!(messages[..2], [Message::Ready, Message::Exited(-i32::MAX)]);
    let ended =
        "[Ended(18446744073709551615, ExitStatus(unix_wait_status(65280))), Ended(7, ExitStatus(unix_wait_status(9)))]";
    assert_eq!((format!("{:?}", &messages[2..]).as_str(), end), (ended, Ok(())));
}

#[test]
fn an_oversized_answer_is_dropped_up_to_the_next_frame() {
    let bytes = format!("answer {}\n{}ready 0\n", PAYLOAD_LIMIT + 1, "x".repeat(PAYLOAD_LIMIT + 1));
    let (messages, end) = checks::decoded(bytes.as_bytes(), 60_000);
    assert!(matches!(messages[..], [Message::Failed(_), Message::Ready]) && end.is_ok());
}

#[test]
fn no_frame_is_an_error_that_says_why() {
    let error = |bytes: &str| checks::decoded(bytes.as_bytes(), 100).1.unwrap_err();
    for head in ["hello\n", "ready x\n", "ready -1\n", "junk", "answerx", "answer 1x", " "] {
        assert_eq!(error(head), FrameError::Head(head.trim_end_matches('\n').into()));
    }
    assert_eq!(error("nonsense 0\n"), FrameError::Name("nonsense".into()));
    assert_eq!(error(&format!("trace {}\n", usize::MAX)), FrameError::Size("trace".into(), usize::MAX));
    for begin in ["a", "answer 12", "ended 2\n1"] {
        assert_eq!(error(begin), FrameError::Truncated);
    }
    let no_number = ["7 256", "7 -1", "7 33 -999", "7 128 signal", "7 137 signal signal", "18446744073709551616 1"];
    for (name, payloads) in [
        ("exited", &["7 33 9", "7 2147483648", "7 --1", "7  1", "-7 1", "7", ""][..]),
        ("ended", &["x"]),
        ("ended", &no_number),
        ("trace", &["", "-1"]),
        ("failure", &["{}"]),
    ] {
        for payload in payloads {
            let expected = FrameError::Payload(name.to_owned(), (*payload).to_owned());
            assert_eq!(error(&format!("{name} - {payload}\n")), expected);
        }
    }
}
