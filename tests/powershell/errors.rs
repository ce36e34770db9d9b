//! Errors of handlers: what the caller gets, and that the next event is answered.

use std::time::Duration;

use serde_json::json;

use super::{files, module, script};
use crate::support::{Event, Running};

/// A function that runs the command of its event.
const RUN: &str = "function Get-Inner { param($c) Invoke-Expression $c }\n\
    function f { [CmdletBinding()] param($d)\n\
    Get-Inner $d.command }";

fn command(command: &str) -> String {
    json!({ "command": command }).to_string()
}

fn still_answers(running: &Running) {
    assert_eq!(running.text(command("'fine'")), "fine\n");
}

#[test]
fn errors_of_every_kind_are_the_exceptions_type_and_text() {
    needs!(pwsh);
    let function = module(RUN);
    let running = function.start();
    for (text, kind, message) in [
        ("throw 'no way'", "RuntimeException", "no way"),
        ("throw [ArgumentException]::new('bad \"argument\" 😀')", "ArgumentException", "bad \"argument\" 😀"),
        ("throw @{ code = 1 }", "Hashtable", r#"{"code":1}"#),
        ("throw 42", "Int32", "42"),
        ("throw [pscustomobject]@{ a = 'b' }", "PSCustomObject", r#"{"a":"b"}"#),
        ("throw 'one', 2", "Object[]", r#"["one",2]"#),
        ("throw (Get-Item /)", "DirectoryInfo", "/"),
        ("throw", "RuntimeException", "ScriptHalted"),
        ("throw 'AccountNotFound'", "RuntimeException", "AccountNotFound"),
        ("throw @{ Exception = 'AccountNotFound'; Message = 'no account' }", "AccountNotFound", "no account"),
        ("throw @{ Exception = 'AccountNotFound' }", "AccountNotFound", "AccountNotFound"),
        ("try { throw @{ code = 1 } } catch { throw }", "Hashtable", r#"{"code":1}"#),
        ("throw [Management.Automation.PipelineStoppedException]::new()", "PipelineStoppedException", "stopped"),
        ("throw [OperationCanceledException]::new('enough')", "OperationCanceledException", "enough"),
        ("Write-Error 'written'", "WriteErrorException", "written"),
        ("Write-Error 'lost' -ErrorAction Continue; throw 'last'", "RuntimeException", "last"),
        ("Get-Item /nowhere", "ItemNotFoundException", "Cannot find path '/nowhere' because it does not exist."),
        ("1 / 0", "RuntimeException", "Attempted to divide by zero."),
        (
            "[int]::Parse('x')",
            "MethodInvocationException",
            "Exception calling \"Parse\" with \"1\" argument(s): \"The input string 'x' was not in a correct format.\"",
        ),
        (
            "if (",
            "ParseException",
            "At line:1 char:5\n+ if (\n+     ~\nMissing condition in if statement after 'if ('.",
        ),
        ("'partial'; throw 'late'", "RuntimeException", "late"),
        ("Get-Nothing", "CommandNotFoundException", "The term 'Get-Nothing' is not recognized"),
        ("Read-Host", "PSInvalidOperationException", "PowerShell is in NonInteractive mode."),
    ] {
        let error = running.error(command(text));
        assert_eq!(error.kind, kind, "{text}: {}", error.message);
        assert!(error.message.contains(message), "{text}: {}", error.message);
    }
    still_answers(&running);
}

#[test]
fn the_stack_names_the_users_frames_alone() {
    needs!(pwsh);
    let function = module(
        "function Get-Inner { throw 'no' }\n\
         function f { [CmdletBinding()] param($d)\n\
         try { Get-Inner } catch { $PSCmdlet.ThrowTerminatingError($PSItem) } }",
    );
    let path = function.path("m.psm1").display().to_string();
    let running = function.start();
    let error = running.error("{}");
    assert_eq!((error.kind.as_str(), error.message.as_str()), ("RuntimeException", "no"));
    assert_eq!(error.stack[0], format!("at Get-Inner, {path}: line 1"));
    assert!(error.stack.iter().all(|line| line.contains(&path)), "{:?}", error.stack);
    running.wait_for_log("RuntimeException: no");
    assert_eq!(running.error("{}").message, "no");
}

#[test]
fn a_type_of_any_name_reaches_the_caller() {
    needs!(pwsh);
    let function = module("class Fehler_ä : Exception {}\nfunction f { throw [Fehler_ä]::new() }");
    let post = function.start().post(Event::new("{}"));
    assert_eq!(
        (post.kind.as_str(), post.headers["lambda-runtime-function-error-type"].as_str()),
        ("error", "Function.Fehler")
    );
    let json: serde_json::Value = serde_json::from_slice(&post.body).unwrap();
    assert_eq!(json["errorType"], "Fehler_ä");
}

#[test]
fn an_error_carries_where_its_log_is() {
    needs!(pwsh);
    let function = module("function f { throw 'no' }");
    let running =
        function.env("AWS_LAMBDA_LOG_GROUP_NAME", "group").env("AWS_LAMBDA_LOG_STREAM_NAME", "stream").start();
    let error = running.error("{}");
    let context = error.json["context"].as_object().unwrap();
    assert_eq!(context["AWS_LAMBDA_LOG_GROUP_NAME"], "group");
    assert_eq!(context["AWS_LAMBDA_LOG_STREAM_NAME"], "stream");
    assert_eq!(context["Lambda-Runtime-Aws-Request-Id"], running.api.request_id(1));
    assert_eq!(context["Debug"], "false");
    assert!(context["Debug_Message"].as_str().unwrap().contains("Debug=true"));
    assert_eq!(context.len(), 5);
    assert!(error.json.get("errorRecord").is_none());
}

#[test]
fn debug_adds_the_record_and_the_environment_without_secrets() {
    needs!(pwsh);
    let function = module("function f { throw 'no' }");
    let path = function.path("m.psm1").display().to_string();
    let running = function
        .env("Debug", "true")
        .env("AWS_ACCESS_KEY_ID", "hush-1")
        .env("AWS_SECRET_ACCESS_KEY", "hush-2")
        .env("AWS_SESSION_TOKEN", "hush-3")
        .env("DB_PASSWORD", "hush-4")
        .env("MINE", "shown")
        .start();
    let error = running.error("{}");
    let record = &error.json["errorRecord"];
    assert_eq!(record["targetObject"], "no");
    assert_eq!(record["fullyQualifiedErrorId"], "no");
    assert_eq!(record["errorDetails"], json!(null));
    assert_eq!(record["scriptStackTrace"], json!([format!("at f, {path}: line 1")]));
    for name in ["source", "targetSite", "stackTrace"] {
        assert!(record.get(name).is_some(), "{name}");
    }
    let context = &error.json["context"];
    assert_eq!(context["MINE"], "shown");
    assert_eq!(context["Debug"], "true");
    assert_eq!(context["Lambda-Runtime-Aws-Request-Id"], running.api.request_id(1));
    assert_eq!(context["DB_PASSWORD"], "***");
    assert!(!error.json.to_string().contains("hush"), "{}", error.json);
    assert_eq!(running.error("{}").kind, "RuntimeException");
}

#[test]
fn the_forms_with_colons_carry_context_with_debug_alone() {
    needs!(pwsh);
    for (debug, has_context) in [("false", false), ("true", true)] {
        let function = files(&[("m.ps1", "function f { throw 'no' }")], "m.ps1::f");
        let error = function.env("Debug", debug).start().error("{}");
        assert_eq!(error.message, "no");
        assert_eq!(error.json.get("context").is_some(), has_context);
        assert_eq!(error.json.get("errorRecord").is_some(), has_context);
    }
}

#[test]
fn a_word_that_a_form_with_colons_throws_is_the_errors_type() {
    needs!(pwsh);
    let function = files(&[("m.ps1", "function f { param($d) Invoke-Expression $d.command }")], "m.ps1::f");
    let running = function.start();
    for (text, kind, message) in [
        ("throw 'AccountNotFound'", "AccountNotFound", "AccountNotFound"),
        ("throw 'E404'", "E404", "E404"),
        ("throw 'no account'", "RuntimeException", "no account"),
        ("throw '404'", "RuntimeException", "404"),
        ("throw @{ Exception = 'AccountNotFound'; Message = 'no account' }", "AccountNotFound", "no account"),
        ("throw [ArgumentException]::new('Word')", "ArgumentException", "Word"),
    ] {
        for _ in 0..2 {
            let error = running.error(command(text));
            assert_eq!((error.kind.as_str(), error.message.as_str()), (kind, message), "{text}");
        }
    }
}

#[test]
fn the_exit_of_a_script_is_its_status() {
    needs!(pwsh);
    let function = script(
        "param($d) Write-Host 'some log'; if ($d.native) { sh -c 'exit 4' }\n\
         if ($null -ne $d.status) { 'partial'; exit $d.status }\n'fine'",
    );
    let running = function.start();
    for status in [3, 137, 300] {
        let error = running.error(format!(r#"{{"status": {status}}}"#));
        assert_eq!(error.kind, "Function.ExitStatus");
        assert_eq!(error.message, format!("the handler ended with status {status}: some log"));
    }
    assert_eq!(running.text(r#"{"status": 0}"#), "partial\n");
    assert_eq!(running.text(r#"{"native": true, "status": 0}"#), "partial\n");
    assert_eq!(running.text(r#"{"native": true}"#), "fine\n");
    assert_eq!(running.children().len(), 1);
}

#[test]
fn the_exit_of_a_function_ends_its_event_alone() {
    needs!(pwsh);
    let function = module(
        "function Stop-It { param($n) exit $n }\nfunction f { param($d) 'partial'; Write-Host 'some log'; Stop-It $d.status; 'never' }",
    );
    let running = function.start();
    assert_eq!(running.text(r#"{"status": 0}"#), "partial\n");
    let worker = running.children();
    for status in [3, 255] {
        let error = running.error(format!(r#"{{"status": {status}}}"#));
        assert_eq!(error.kind, "Function.ExitStatus");
        assert_eq!(error.message, format!("the handler ended with status {status}: some log"));
        assert_eq!(running.text(r#"{"status": 0}"#), "partial\n");
    }
    assert_eq!(running.children(), worker);
}

#[test]
fn a_worker_that_exits_is_replaced() {
    needs!(pwsh);
    let function = module(RUN);
    let running = function.start();
    let error = running.error(command("[Environment]::Exit(4)"));
    assert_eq!(error.kind, "Runtime.WorkerExited");
    assert_eq!(error.message, "the worker ended (exit status: 4) before it answered");
    still_answers(&running);
}

#[test]
fn endless_recursion_is_an_error_of_its_event() {
    needs!(pwsh);
    let function = module("function g { g }\nfunction f { param($d) if ($d.command) { 'fine' } else { g } }");
    let running = function.start();
    // PowerShell takes a minute to come back from its ten thousandth call
    let event = Event::new("{}").deadline_in(Duration::from_secs(4));
    let error = running.error_to(event);
    assert!(
        ["Runtime.DeadlineExceeded", "ScriptCallDepthException", "RuntimeException"].contains(&error.kind.as_str()),
        "{error:?}"
    );
    still_answers(&running);
}

#[test]
fn running_out_of_memory_is_survived() {
    needs!(pwsh);
    let function = module(
        "function f { param($d) if ($d.command) { return 'fine' }\n\
         $all = [System.Collections.Generic.List[object]]::new(); while ($true) { $all.Add([byte[]]::new(8MB)) } }",
    );
    let running = function.env("DOTNET_GCHeapHardLimit", "8000000").start();
    let error = running.error("{}");
    assert!(
        ["Runtime.WorkerExited", "OutOfMemoryException", "MethodInvocationException"].contains(&error.kind.as_str()),
        "{error:?}"
    );
    still_answers(&running);
}

#[test]
fn break_outside_of_a_loop_ends_the_handler_alone() {
    needs!(pwsh);
    let function = module("function f { 'before'; break; 'after' }");
    let running = function.start();
    assert_eq!(running.text("{}"), "before\n");
    assert_eq!(running.text("{}"), "before\n");
}

#[test]
fn a_worker_ends_when_it_is_asked_to() {
    needs!(pwsh);
    let function = module("function f { 'fine' }");
    let mut running = function.start();
    assert_eq!(running.text("{}"), "fine\n");
    running.terminate();
    let status = running.wait();
    assert_eq!(status.code(), Some(0));
}
