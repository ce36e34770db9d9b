//! Answers that are text though they are no strings, the same in both log formats.

use super::{files, module};

/// The answer to a command in both log formats.
fn answers(command: &str) -> [String; 2] {
    let answer = |format: &str| {
        let function = module(&format!("function f {{\n{command}\n}}"));
        let running = function.env("AWS_LAMBDA_LOG_FORMAT", format).env("NO_COLOR", "1").start();
        let answer = running.text("{}");
        assert_eq!(running.text("{}"), answer);
        answer
    };
    ["Text", "JSON"].map(answer)
}

#[test]
fn records_of_other_streams_that_a_handler_returns_are_lines() {
    needs!(pwsh);
    for (command, expected) in [
        ("sh -c 'echo warn >&2' 2>&1; 'done'", "warn\ndone\n"),
        ("sh -c 'echo out; echo warn >&2' 2>&1 | Sort-Object { \"$_\" }", "out\nwarn\n"),
        ("Write-Warning careful 3>&1; 'done'", "careful\ndone\n"),
        ("Write-Verbose more -Verbose 4>&1", "more\n"),
        ("Write-Debug deep -Debug 5>&1", "deep\n"),
        ("Write-Information known 6>&1", "known\n"),
        ("Write-Host said 6>&1; 'x' * 200", &format!("said\n{}\n", "x".repeat(200))),
        ("& { Write-Warning a; Write-Host b; 'c' } *>&1", "a\nb\nc\n"),
        ("Write-Warning w 3>&1; @{ a = 1 }", "[\"w\",{\"a\":1}]"),
    ] {
        let answers = answers(command);
        assert_eq!(answers, [expected, expected], "{command}");
    }
}

#[test]
fn an_error_that_a_handler_returns_is_its_text() {
    needs!(pwsh);
    let answers = answers("try { throw 'no luck' } catch { $_ }");
    assert!(answers[0].contains("no luck") && !answers[0].contains('{'), "{answers:?}");
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn formatted_objects_are_what_out_string_gives_in_every_form() {
    needs!(pwsh);
    let item = "[pscustomobject]@{ Name = 'a'; Size = 1 }";
    for format in ["Format-Table Name", "Format-List", "Format-Wide", "Format-Table | Out-String"] {
        let text = format!("function f {{ {item} | {format} }}");
        let expected = format!("function f {{ -join ({item} | {format} | Out-String) }}");
        for (file, handler) in [("m.psm1", "m.f"), ("m.ps1", "m.ps1::f")] {
            let function = files(&[(file, &text)], handler);
            let reference = files(&[(file, &expected)], handler);
            let (answer, reference) = (function.start().text("{}"), reference.start().text("{}"));
            assert_eq!(answer.trim(), reference.trim(), "{handler} {format}");
            assert!(answer.contains('a') && !answer.contains("ClassId"), "{answer}");
        }
    }
}

#[test]
fn an_error_in_the_log_has_the_users_file_and_line() {
    needs!(pwsh);
    let function = module("function f {\n  Write-Error x -ErrorAction Continue\n  'done' }");
    let place = format!("{}: line 2", function.path("m.psm1").display());
    let running = function.start();
    for number in 1..3 {
        assert_eq!(running.text("{}"), "done\n");
        let log = running.log();
        assert_eq!(log.matches(&place).count(), number, "{log}");
        assert!(!log.contains("$args"), "{log}");
    }
}
