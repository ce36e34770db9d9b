//! A handler's output, as an answer.

use std::time::{Duration, Instant};

use super::{files, module};
use crate::support::processes;

/// The answers of a module's function to these commands.
fn answers(commands: &[(&str, &str)]) {
    let function = module("function f { param($d) Invoke-Expression $d.command }");
    let running = function.start();
    for (command, expected) in commands {
        let event = serde_json::json!({ "command": command }).to_string();
        assert_eq!(running.text(event), *expected, "{command}");
    }
}

#[test]
fn strings_alone_are_text() {
    needs!(pwsh);
    answers(&[
        ("'a'", "a\n"),
        ("'a', 'b'; 'c'", "a\nb\nc\n"),
        ("\"say `\"hi`\" 😀\"", "say \"hi\" 😀\n"),
        ("'{\"a\":1}'", "{\"a\":1}\n"),
        ("'x' * 200", &format!("{}\n", "x".repeat(200))),
        ("''", "\n"),
        ("$null", ""),
        ("if ($false) { 1 }", ""),
        ("'a'; $null; 'b'", "a\nb\n"),
        ("sh -c 'echo native'", "native\n"),
    ]);
}

#[test]
fn anything_else_is_json_of_full_depth() {
    needs!(pwsh);
    answers(&[
        ("1", "1"),
        ("$true", "true"),
        ("1.0", "1.0"),
        ("'a', 1", r#"["a",1]"#),
        ("1, 2, $null", "[1,2,null]"),
        (", @(1)", "[1]"),
        (", @('a')", r#"["a"]"#),
        (", @()", "[]"),
        ("@{ a = @{ b = @{ c = @{ d = @(1) } } } }", r#"{"a":{"b":{"c":{"d":[1]}}}}"#),
        ("[ordered]@{ z = 1; a = 'é'; m = $null }", r#"{"z":1,"a":"é","m":null}"#),
        ("[pscustomobject]@{ Name = 'x'; List = @(1) }", r#"{"Name":"x","List":[1]}"#),
        ("[pscustomobject]@{ a = 1 }, [pscustomobject]@{ a = 2 }", r#"[{"a":1},{"a":2}]"#),
        ("[datetime]::SpecifyKind([datetime]'2020-01-02T03:04:05', 'Utc')", r#""2020-01-02T03:04:05Z""#),
        ("[DayOfWeek]::Friday", "5"),
        (", [byte[]](1, 2)", "[1,2]"),
        ("[guid]::Empty", r#""00000000-0000-0000-0000-000000000000""#),
        ("@{ u = [uri]'http://a/b'; v = [version]'1.2' }.u", r#""http://a/b""#),
    ]);
}

#[test]
fn the_forms_with_colons_answer_one_string_as_it_is() {
    needs!(pwsh);
    let text = "function f { param($LambdaInput) Invoke-Expression $LambdaInput.command }";
    let function = files(&[("s.ps1", text)], "s.ps1::f");
    let running = function.start();
    for (command, expected) in [
        ("'a'", "a"),
        ("'a', 'b'", r#"["a","b"]"#),
        ("$null", ""),
        ("@{ statusCode = 200; body = @{ a = @{ b = @{ c = 1 } } } }.body", r#"{"a":{"b":{"c":1}}}"#),
        ("5", "5"),
        ("$false", "false"),
    ] {
        let event = serde_json::json!({ "command": command }).to_string();
        assert_eq!(running.text(event), expected, "{command}");
    }
}

#[test]
fn what_never_ends_as_json_is_a_clear_error() {
    needs!(pwsh);
    let function = module(
        "function f { param($d)\n\
         switch ($d.kind) {\n\
         'cycle' { $a = @{ list = @(1) }; $a.list += $a; $a }\n\
         'file' { Get-Item / }\n\
         'deep' { $a = @{ }; foreach ($n in 1..200) { $a = @{ x = $a } }; $a }\n\
         'shared' { $a = @{ x = 1 }; @($a, $a) } } }",
    );
    let running = function.start();
    let message = |kind: &str| running.error(format!(r#"{{"kind": "{kind}"}}"#)).message;
    let end = " leads back to itself or is deeper than 100 levels; choose what to answer with Select-Object";
    assert_eq!(message("cycle"), format!("the answer is no JSON: its part '.list.1.list.1.list.1.list.1'{end}"));
    let file = message("file");
    assert!(file.starts_with("the answer is no JSON: its part '.") && file.ends_with(end), "{file}");
    assert_eq!(message("deep"), format!("the answer is no JSON: its part '.x.x.x.x.x.x.x.x'{end}"));
    assert_eq!(running.text(r#"{"kind": "shared"}"#), r#"[{"x":1},{"x":1}]"#);
}

/// A class whose enumerator never ends.
const ENDLESS: &str = "class Endless : Collections.IEnumerable, Collections.IEnumerator {
    [Collections.IEnumerator] GetEnumerator() { return $this }
    [bool] MoveNext() { return $true }
    [object] get_Current() { return 1 }
    [void] Reset() { }
}
function f { param($d) Invoke-Expression $d.command }";

#[test]
fn what_has_no_end_is_soon_an_error_that_names_the_part() {
    needs!(pwsh);
    let running = module(ENDLESS).start();
    running.answer(r#"{"command": "1"}"#);
    let worker = running.children()[0];
    for (command, part) in [
        ("@{ a = [Collections.Generic.HashSet[object]] @([int]) }", ".a.0."),
        ("@{ a = @([int]) }", ".a.0."),
        ("[Linq.Enumerable]::Repeat([object] [int], 1)", "."),
        ("[pscustomobject]@{ a = @{ b = [Endless]::new() } }", ".a.b"),
        ("@{ a = [Threading.Thread]::CurrentThread, [AppDomain]::CurrentDomain }", ".a."),
        ("try { 1 / 0 } catch { @{ error = $_ } }", ".error."),
        ("$a = @{ x = 1 }; foreach ($n in 1..60) { $a = @{ x = $a; y = $a } }; $a", "."),
        ("$a = [Collections.Generic.List[object]]::new(); $a.Add($a); @{ list = $a }", ".list.0.0"),
        ("@{ a = @{ 1 = 2 } }", ".a"),
    ] {
        let event = serde_json::json!({ "command": command }).to_string();
        for _ in 0..2 {
            let begin = Instant::now();
            let message = running.error(&event).message;
            let begins = format!("the answer is no JSON: its part '{part}");
            assert!(message.starts_with(&begins) && message.ends_with("Select-Object"), "{command}: {message}");
            assert!(begin.elapsed() < Duration::from_secs(10), "{command}: {:?}", begin.elapsed());
        }
    }
    assert_eq!(running.children(), [worker]);
    assert!(processes::peak(worker) < 400 * 1024, "{} KiB", processes::peak(worker));
}

#[test]
fn what_is_json_already_stays_it_and_nothing_is_null() {
    answers(&[
        (r#"@{ a = [Text.Json.Nodes.JsonNode]::Parse('{"b": [1, "é"]}') }"#, r#"{"a":{"b":[1,"é"]}}"#),
        (r#"[pscustomobject]@{ a = [Text.Json.JsonDocument]::Parse('{ "b" : 1.50 }') }"#, r#"{"a":{"b":1.50}}"#),
        (r#"[Text.Json.JsonDocument]::Parse('{ "b" : 1 }').RootElement"#, r#"{"b":1}"#),
        (r#"@{ a = [Newtonsoft.Json.Linq.JToken]::Parse('{"b": [1]}') }"#, r#"{"a":{"b":[1]}}"#),
        ("@{ a = [Newtonsoft.Json.Linq.JValue]::new(5) }", r#"{"a":5}"#),
        ("@{ open = @(1, 2) | Where-Object { $_ -gt 5 } }", r#"{"open":null}"#),
        ("[pscustomobject]@{ n = & { } }", r#"{"n":null}"#),
        ("[ordered]@{ a = if ($false) { 1 } }", r#"{"a":null}"#),
        (", @(1, (& { }))", "[1,null]"),
        ("@{ a = [Collections.Generic.HashSet[string]] @('x') }", r#"{"a":["x"]}"#),
        ("@{ a = [Linq.Enumerable]::Range(1, 3) }", r#"{"a":[1,2,3]}"#),
    ]);
}

#[test]
fn answers_up_to_six_mebibytes_and_refuses_more() {
    const LIMIT: usize = 6 * 1024 * 1024;
    needs!(pwsh);
    let function = files(&[("s.ps1", "function f { param($n) 'x' * $n }")], "s.ps1::f");
    let running = function.start();
    assert_eq!(running.answer(LIMIT.to_string()).len(), LIMIT);
    let error = running.error((LIMIT + 1).to_string());
    assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
    assert!(error.message.starts_with("the answer has 6291457 bytes"), "{}", error.message);
    assert_eq!(running.answer("1"), b"x");
}

#[test]
fn echoes_the_largest_event() {
    needs!(pwsh);
    let function = module("function f { param($d) , $d }");
    let running = function.start();
    let event = format!("[\"{}\"]", "é".repeat(3 * 1024 * 1024 - 2));
    assert!(running.answer(&event) == event.as_bytes());
    assert_eq!(running.answer("[1]"), b"[1]");
}

#[test]
fn a_script_that_only_defines_functions_is_named_once() {
    needs!(pwsh);
    let function = files(&[("fn.ps1", "function list {\n    'orders'\n}\n")], "fn.ps1");
    let function = function.start();
    for _ in 0..2 {
        assert_eq!(function.text("{}"), "");
    }
    let hint = " WARN `fn.ps1` ran as a program and answered nothing; it defines `list`: to call that, the handler is \
                `fn.ps1::list`\n";
    assert_eq!(function.log(), hint);
}
