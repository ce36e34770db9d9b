//! The streams that go to the log, and their order.

use serde_json::Value;

use super::{files, module};
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
fn an_error_is_logged_whatever_shows_errors() {
    needs!(pwsh);
    for head in [
        "$global:ErrorView = 'DetailedView'",
        "$global:ErrorView = 'NormalView'",
        "$global:ErrorView = 'ConciseView'",
        "Remove-Variable -Scope Global ErrorView",
        "Remove-Variable -Scope Global ErrorView; $global:ErrorView = 'none'",
        "Remove-Variable -Scope Global ErrorView; $global:ErrorView = @{ }",
        "Set-Variable -Scope Global ErrorView DetailedView -Option Private",
        "function global:Get-Command { throw 'shadowed' }",
        "function global:Set-StrictMode { throw 'shadowed' }",
        "function global:Get-Error { throw 'shadowed' }; $global:ErrorView = 'DetailedView'",
    ] {
        let text = format!(
            "{head}\nfunction f {{ Write-Error 'soft one' -ErrorAction Continue; Get-Item /nowhere -ErrorAction Continue; 'fine' }}"
        );
        let running = module(&text).env("NO_COLOR", "1").start();
        for number in 1..3 {
            assert_eq!(running.text("{}"), "fine\n", "{head}");
            let log = running.log();
            for message in ["soft one", "Cannot find path '/nowhere'"] {
                assert_eq!(log.matches(message).count(), number, "{head}: {log}");
            }
            assert!(!log.contains("$args") && !log.contains("shadowed"), "{head}: {log}");
        }
    }
}

#[test]
fn what_waits_for_a_debugger_goes_on_with_one_warning() {
    needs!(pwsh);
    for command in [
        "Wait-Debugger",
        "$ErrorActionPreference = 'Break'; Get-Item /nowhere",
        "$VerbosePreference = 'Break'; Write-Verbose x",
        "$WarningPreference = 'Break'; Write-Warning x",
        "$null = Set-PSBreakpoint -Command Get-Date; $null = Get-Date",
        "$null = Set-PSBreakpoint -Variable x -Mode Write; $x = 1",
    ] {
        let running = module(&format!("function f {{ {command}\n'fine' }}")).start();
        for _ in 0..2 {
            assert_eq!(running.text("{}"), "fine\n", "{command}");
        }
        assert_eq!(running.log().matches("no debugger can be attached").count(), 1, "{}", running.log());
    }
}

#[test]
fn traces_show_the_users_lines_alone() {
    needs!(pwsh);
    for level in [1, 2] {
        let body = format!("Set-PSDebug -Trace {level}\n$x = 1\n@{{ a = $x }}");
        for (file, handler, text) in [
            ("m.psm1", "m.f", format!("function f {{ {body} }}")),
            ("s.ps1", "s.ps1::f", format!("function f {{ {body} }}")),
            ("s.ps1", "s.ps1", body.clone()),
        ] {
            let running = files(&[(file, &text)], handler).env("NO_COLOR", "1").start();
            for number in 1..3 {
                assert_eq!(running.text("{}"), r#"{"a":1}"#);
                let log = running.log();
                assert_eq!(log.matches(">>>> $x = 1").count(), number, "{log}");
                let is_users = |line: &str| ["$x = 1", "@{ a = $x }", "-Trace"].iter().any(|own| line.contains(own));
                let others = log.lines().filter(|line| line.contains(">>>>") && !is_users(line));
                assert_eq!(others.collect::<Vec<_>>(), [""; 0], "{log}");
            }
        }
    }
}

#[test]
fn the_logger_of_the_context_writes_to_the_log() {
    needs!(pwsh);
    let function = module(
        "function f { param($d, $c) $LambdaContext.Logger.LogLine('a line'); $c.Logger.Log(\"text`n\"); $c.Logger.LogError('an error'); 'fine' }",
    );
    let running = function.start();
    for number in 1..3 {
        assert_eq!(running.text("{}"), "fine\n");
        assert_eq!(running.log(), "a line\ntext\nan error\n".repeat(number));
    }
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
