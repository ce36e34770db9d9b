//! The event and the context as a handler gets them.

use super::{module, script};
use crate::support::Event;

#[test]
fn json_becomes_a_hashtable_without_losing_anything() {
    needs!(pwsh);
    let function = module(
        "function f { param($d)\n\
         \"$($d.GetType().Name) $($d.Nested.GetType().Name) $($d.nested.KEY)\"\n\
         \"$($d.list.GetType().Name) $($d.list.Count) $($d.one.GetType().Name) $($d.one.Count) $($d.none.Count)\"\n\
         \"$($d.date.GetType().Name) $($d.date)\"\n\
         \"$($d.whole.GetType().Name) $($d.float.GetType().Name) $($d.big) $($d.bigger) $($d.no) $($null -eq $d.null)\"\n\
         \"$($d.twice)\" }",
    );
    let event = r#"{"nested": {"Key": "v"}, "list": [1, [2], {"a": 3}], "one": [1], "none": [],
        "date": "2020-01-02T03:04:05Z", "whole": 1, "float": 1.0, "big": 9223372036854775807,
        "bigger": 123456789012345678901234567890, "no": false, "null": null, "TWICE": 1, "twice": 2, "": 0}"#;
    assert_eq!(
        function.start().text(event),
        "Hashtable Hashtable v\nObject[] 3 Object[] 1 0\nString 2020-01-02T03:04:05Z\n\
         Int64 Double 9223372036854775807 123456789012345678901234567890 False True\n2\n"
    );
}

#[test]
fn json_goes_back_as_it_came() {
    needs!(pwsh);
    let function = module("function f { param($d) , $d }");
    let running = function.start();
    for event in [
        r#"{"a":[1,2.5,"x",null,true,{"b":[]}]}"#,
        r#"{"n":1.0}"#,
        "[1]",
        "[]",
        "[[1],[[2]]]",
        r#"[{"a":{}}]"#,
        "1.0",
        "-9223372036854775809",
        "true",
        r#"{"date":"2020-01-02T03:04:05.678+01:00"}"#,
        r#"{"text":"quote \" back \\ line \n tab \t ä 😀 </script>"}"#,
    ] {
        assert_eq!(running.text(event), event);
    }
    let deep = format!("{}1{}", "[".repeat(90), "]".repeat(90));
    assert_eq!(running.text(&deep), deep);
    assert_eq!(running.text("null"), "");
    assert_eq!(running.text(r#""text""#), "text\n");
}

#[test]
fn what_is_no_json_is_text() {
    needs!(pwsh);
    let function = module("function f { param($d) \"$($d.GetType().Name) $d\" }");
    let running = function.start();
    assert_eq!(running.text("{broken"), "String {broken\n");
    assert_eq!(running.text("{} {}"), "String {} {}\n");
    assert_eq!(running.text(" a\u{e4}😀\n"), "String  a\u{e4}😀\n\n");
    assert_eq!(running.text(""), "String \n");
    let plain = |event: &str| Event::new(event).header("content-type", "text/plain");
    assert_eq!(running.answer_to(plain("{}")), b"String {}\n");
    let charset = Event::new("{}").header("content-type", "application/json; charset=utf-8");
    assert_eq!(running.answer_to(charset), b"Hashtable System.Collections.Hashtable\n");
    assert_eq!(running.answer_to(Event::new("{}").header("content-type", "")), b"String {}\n");
}

#[test]
fn the_variables_hold_objects() {
    needs!(pwsh);
    let function = script(
        "\"$($LambdaInput.GetType().Name) $($LambdaInput.a.b) $($LambdaContext.GetRemainingTimeInMillis() -gt 0)\"",
    );
    let running = function.start();
    assert_eq!(running.text(r#"{"a": {"b": 1}}"#), "PSCustomObject 1 True\n");
    // no object can have both
    assert_eq!(running.text(r#"{"a": 1, "A": {"b": 2}}"#), "Hashtable 2 True\n");
    assert_eq!(running.text("text"), "String  True\n");
}

#[test]
fn the_context_holds_headers_variables_and_the_properties_of_other_runtimes() {
    needs!(pwsh);
    let function = module(
        "function f { param($d, $c)\n\
         $c.GetType().Name, $c['Lambda-Runtime-Aws-Request-Id'], $c['lambda-runtime-aws-request-id'], $c.AwsRequestId,\n\
         $c.AWS_LAMBDA_FUNCTION_NAME, $c.FunctionName, $c.FunctionVersion, $c.InvokedFunctionArn,\n\
         $c.MemoryLimitInMB.GetType().Name, $c.MemoryLimitInMB, $c.LogGroupName, $c.LogStreamName, $c.MINE, $c['X-Own'],\n\
         $c.Identity, $c.ClientContext, $c.TenantId, $c.RemainingTime.GetType().Name,\n\
         ($c.RemainingTime.TotalSeconds -gt 290), ($c.GetRemainingTimeInMillis() -le 300000),\n\
         ($c.RemainingTime -lt $c.RemainingTime.Add('0:0:1')) -join '|' }",
    );
    let running = function
        .env("MINE", "mine")
        .env("http_proxy", "a")
        .env("HTTP_PROXY", "b")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "group")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .start();
    let event = Event::new("{}")
        .header("x-own", "a: b")
        .header("lambda-runtime-cognito-identity", r#"{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}"#)
        .header("lambda-runtime-client-context", "{}")
        .header("lambda-runtime-aws-tenant-id", "tenant");
    let id = running.api.request_id(1);
    assert_eq!(
        String::from_utf8(running.answer_to(event)).unwrap(),
        format!(
            "Hashtable|{id}|{id}|{id}|f|f|$LATEST|arn:aws:lambda:us-east-1:123456789012:function:f|Int32|512|\
             group|stream|mine|a: b|{{\"cognitoIdentityId\":\"i\",\"cognitoIdentityPoolId\":\"p\"}}|{{}}|tenant|TimeSpan|True|True|True\n"
        )
    );
}

#[test]
fn an_events_own_variables_are_set_and_unset() {
    needs!(pwsh);
    let function = module(
        "function f { \"$env:AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID|$env:AWS_LAMBDA_RUNTIME_TENANT_ID|$env:_X_AMZN_TRACE_ID\"\n\
         $env:AWS_LAMBDA_RUNTIME_TENANT_ID = 'mine' }",
    );
    let running = function.start();
    let event = Event::new("{}").header("lambda-runtime-aws-tenant-id", "t=1");
    let trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1";
    let answer = |number, tenant: &str, trace: &str| {
        format!("{}|{tenant}|{trace}\n", running.api.request_id(number)).into_bytes()
    };
    assert_eq!(running.answer_to(event), answer(1, "t=1", trace));
    assert_eq!(running.answer("{}"), answer(2, "", trace));
    let untraced = Event::new("{}").header("lambda-runtime-trace-id", "");
    assert_eq!(running.answer_to(untraced), answer(3, "", ""));
}
