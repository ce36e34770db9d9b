//! The streams that go to the log, and their order.

use serde_json::Value;

use super::module;
use crate::support::Event;

const NOISY: &str = "function f { [CmdletBinding()] param($d)\n\
    Write-Host 'host'; Write-Verbose 'verbose'; [Console]::WriteLine('console')\n\
    Write-Warning 'warning'; Write-Information 'information'; sh -c 'echo native >&2'\n\
    Write-Debug 'debug' -Debug; Write-Error 'error' -ErrorAction Continue; sh -c 'echo native output' | Out-Host\n\
    Write-Progress 'progress'; Write-Host 'no' -NoNewline; Write-Host ' newline'; [Console]::Error.WriteLine('end')\n\
    'answer' }";

#[test]
fn every_stream_goes_to_the_log_in_order_and_none_to_the_answer() {
    needs!(pwsh);
    let function = module(NOISY);
    let running = function.start();
    assert_eq!(running.text("{}"), "answer\n");
    running.wait_for_log("end\n");
    let log = running.log();
    let mut lines = log.lines();
    for expected in [
        "host",
        "VERBOSE: verbose",
        "console",
        "WARNING: warning",
        "information",
        "native",
        "DEBUG: debug",
        "error",
        "native output",
        "no newline",
        "end",
    ] {
        assert!(lines.any(|line| line.contains(expected)), "{expected} in order in {log}");
    }
    assert!(!log.contains("progress"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[test]
fn records_carry_their_level_in_json_mode() {
    needs!(pwsh);
    let function = module(NOISY);
    let running = function.env("AWS_LAMBDA_LOG_FORMAT", "JSON").start();
    assert_eq!(running.text("{}"), "answer\n");
    running.wait_for_log("\"end\"");
    let log = running.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| {
            assert_eq!(line["requestId"], running.api.request_id(1));
            assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
            (line["level"].as_str().unwrap(), line["message"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        lines,
        [
            ("INFO", "host"),
            ("TRACE", "verbose"),
            ("INFO", "console"),
            ("WARN", "warning"),
            ("INFO", "information"),
            ("INFO", "native"),
            ("DEBUG", "debug"),
            ("ERROR", "error"),
            ("INFO", "native output"),
            ("INFO", "no newline"),
            ("INFO", "end"),
        ]
    );
}

#[test]
fn native_commands_set_their_status_and_read_no_input() {
    needs!(pwsh);
    let function = module(
        "function f { param($d) $PSNativeCommandUseErrorActionPreference = $d.strict; sh -c 'cat; exit 7'\n\
         \"$LASTEXITCODE $([Console]::In.ReadLine())|\" }",
    );
    let running = function.start();
    assert_eq!(running.text(r#"{"strict": false}"#), "7 |\n");
    let error = running.error(r#"{"strict": true}"#);
    assert_eq!(error.kind, "NativeCommandExitException");
    assert_eq!(running.text(r#"{"strict": false}"#), "7 |\n");
}

#[test]
fn a_deadline_is_an_error_and_the_next_event_finds_a_new_worker() {
    needs!(pwsh);
    let function = module("function f { param($d) if ($d.wait) { Start-Sleep 100 }; 'done' }");
    let running = function.start();
    let event = Event::new(r#"{"wait": true}"#).deadline_in(std::time::Duration::from_millis(1500));
    assert_eq!(running.error_to(event).kind, "Runtime.DeadlineExceeded");
    assert_eq!(running.text("{}"), "done\n");
}
