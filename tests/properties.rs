//! Properties of the pure parts for any input: random input, and the corpus of the fuzz targets in `fuzz/`.

#![allow(clippy::unwrap_used, unreachable_pub)]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::{fs, path::Path};

use bytes::Bytes;
use proptest::{prelude::*, test_runner::RngSeed};
use script_runtime::internals::{
    ErrorType, Failure, cause,
    frame::{Message, encode},
};

fn settled() -> ProptestConfig {
    // the same cases in every run, and no files of its own beside the sources
    ProptestConfig {
        cases: 300,
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        ..Default::default()
    }
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
        message in ".{0,20}|.{0,2000}|\u{1f600}{0,20000}",
        stack in prop::collection::vec("(at )?.{0,30}.{0,300}(, .{0,20}(: line [0-9]{1,12})?)?", 0..200),
    ) {
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
