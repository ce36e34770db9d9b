//! Bash handlers: what goes in, what comes out.

mod corpus;
mod endings;
mod files;
mod filters;
mod notice;
mod settings;
mod state;

use std::fs;

use crate::support::{Event, Function};

const MIB: usize = 1024 * 1024;

#[test]
fn answers_with_standard_output_without_trailing_newlines() {
    let function = Function::bash("handler() { printf 'a\\n\\nb %s\\n\\n' \"$1\"; }").start();
    assert_eq!(function.text(r#"{"x": "ä"}"#), "a\n\nb {\"x\": \"ä\"}");
    assert_eq!(function.text(""), "a\n\nb ");
}

#[test]
fn answers_an_empty_body_where_nothing_is_written() {
    let function = Function::bash("handler() { :; }").start();
    assert_eq!(function.text("{}"), "");
}

#[test]
fn runs_the_function_of_a_file_in_a_directory() {
    let files = [("src/deep/function.sh", "handler() { echo \"$PWD ${BASH_SOURCE[0]}\"; }")];
    let function = Function::with(&files).handler("src/deep/function.handler");
    let root = function.path("").display().to_string();
    let root = root.trim_end_matches('/');
    assert_eq!(function.start().text("{}"), format!("{root} {root}/src/deep/function.sh"));
}

#[test]
fn runs_the_function_of_a_file_with_its_extension_said() {
    let files = [("function.sh", "handler() { echo bash; }"), ("function.lisp", "")];
    assert_eq!(Function::with(&files).handler("function.sh.handler").start().text("{}"), "bash");
}

#[test]
fn runs_functions_and_files_of_odd_names() {
    let files = [("it's my \"lib\".sh", "my::fun-c() { echo odd; }")];
    assert_eq!(Function::with(&files).handler("it's my \"lib\".my::fun-c").start().text("{}"), "odd");
    for name in ["exec", "builtin", "exit", "if", "printf"] {
        let file = format!("function {name} {{ echo \"own $1\"; }}\nother() {{ :; }}");
        let function = Function::with(&[("tasks.sh", &file)]).handler(format!("tasks.{name}")).start();
        for _ in 0..2 {
            assert_eq!(function.text("{}"), "own {}", "{name}");
        }
    }
}

#[test]
fn runs_a_script_afresh_for_each_event() {
    let script = "#!/bin/bash\ncount=$((${count:-0} + 1))\necho \"$count $0 $1\"\n(( $# == 1 )) || exit 9\nexit 0\n";
    for handler in ["report.sh", "./bin/report.sh"] {
        let function = Function::with(&[(handler, script)]).handler(handler);
        let file = function.path(handler.trim_start_matches("./")).display().to_string();
        let function = function.start();
        for _ in 0..2 {
            assert_eq!(function.text("[1]"), format!("1 {file} [1]"));
        }
    }
}

#[test]
fn a_script_sees_itself_as_the_main_program() {
    let script = "main() { echo \"main $1\"; }\n[[ ${BASH_SOURCE[0]} == \"$0\" ]] && main \"$@\"\n";
    assert_eq!(Function::with(&[("report.sh", script)]).handler("report.sh").start().text("x"), "main x");
}

#[test]
fn a_script_keeps_its_variables_until_its_exit_trap() {
    let script = "declare -a made=(a b)\ntrap 'echo \"${made[*]}\"' EXIT\necho done\n";
    assert_eq!(Function::with(&[("report.sh", script)]).handler("report.sh").start().text("x"), "done\na b");
}

#[test]
fn reads_the_event_from_standard_input_too() {
    let function = Function::bash("handler() { [[ $(cat) == \"$1\" ]] && cat /dev/stdin; }").start();
    assert_eq!(function.text("line 1\nline 2"), "line 1\nline 2");
}

#[test]
fn passes_any_bytes_through_standard_input() {
    let function = Function::bash("handler() { cat; printf x; }").start();
    let mut event: Vec<u8> = (0..=255).cycle().take(5000).collect();
    event.extend_from_slice(b"\n\n\0");
    let answer = function.answer(&event);
    event.extend_from_slice(b"\nx");
    assert!(answer == event);
}

#[test]
fn gives_the_argument_without_nul_bytes_and_otherwise_unchanged() {
    let function = Function::bash("handler() { printf '%s|' \"$#\" \"$1\"; }").start();
    assert_eq!(function.answer(b"a\0b\xff\xfe\n\n"), b"1|ab\xff\xfe\n\n|");
    assert_eq!(function.answer("ends in x"), b"1|ends in x|");
    let newlines = "\n".repeat(1_000_000);
    assert!(function.answer(&newlines) == format!("1|{newlines}|").as_bytes());
    assert_eq!(function.answer("*  $(id) `id` \\ '\"\t{}"), b"1|*  $(id) `id` \\ '\"\t{}|");
}

#[test]
fn passes_6_mib_in_and_out() {
    let function = Function::bash("handler() { if [[ ${1:0:1} == a ]]; then printf %s \"$1\"; else cat; fi; }").start();
    for first in ["a", "b"] {
        let mut event = format!("{first}{}", "x\n3456789".repeat(6 * MIB / 9 + 1)).into_bytes();
        event.truncate(6 * MIB);
        assert!(function.answer(&event) == event, "{first}");
    }
}

#[test]
fn takes_6_mib_of_answer_and_refuses_more() {
    let function = Function::bash("handler() { head -c \"$1\" /dev/zero | tr '\\0' x; echo; }").start();
    assert_eq!(function.answer((6 * MIB).to_string()).len(), 6 * MIB);
    let error = function.error((6 * MIB + 1).to_string());
    assert_eq!(error.kind, "Function.ResponseSizeTooLarge");
    assert!(error.message.contains("6291458 bytes") && error.message.contains("6291456"), "{}", error.message);
    let error = function.error((64 * MIB).to_string());
    assert!(error.message.contains("67108865 bytes"), "{}", error.message);
    assert_eq!(function.answer("3"), b"xxx");
}

#[test]
fn sets_the_variables_of_an_event_and_unsets_those_it_lacks() {
    let names = "_X_AMZN_TRACE_ID AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID AWS_LAMBDA_RUNTIME_DEADLINE_MS \
                 AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT \
                 AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY AWS_LAMBDA_RUNTIME_TENANT_ID";
    let code = format!(
        "handler() {{ for name in {names}; do printf '%s=%s\\n' \"$name\" \"$(printenv \"$name\" || echo none)\"; done; }}"
    );
    let function = Function::bash(&code).env("_X_AMZN_TRACE_ID", "stale").start();
    let event = Event::new("{}")
        .header("lambda-runtime-aws-request-id", "request-1")
        .header("lambda-runtime-deadline-ms", "4102444800000")
        .header("lambda-runtime-invoked-function-arn", "arn:x")
        .header("lambda-runtime-trace-id", "Root=1;Sampled=0")
        .header("lambda-runtime-client-context", r#"{"custom":{"a":"b c=d"}}"#)
        .header("lambda-runtime-cognito-identity", r#"{"identity_id":"i","identity_pool_id":"p"}"#)
        .header("lambda-runtime-aws-tenant-id", "tenant 7");
    let all = "_X_AMZN_TRACE_ID=Root=1;Sampled=0\n\
               AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID=request-1\n\
               AWS_LAMBDA_RUNTIME_DEADLINE_MS=4102444800000\n\
               AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN=arn:x\n\
               AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT={\"custom\":{\"a\":\"b c=d\"}}\n\
               AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY={\"identity_id\":\"i\",\"identity_pool_id\":\"p\"}\n\
               AWS_LAMBDA_RUNTIME_TENANT_ID=tenant 7";
    assert_eq!(String::from_utf8(function.answer_to(event)).unwrap(), all);
    let bare = Event::new("{}")
        .header("lambda-runtime-aws-request-id", "request-2")
        .header("lambda-runtime-deadline-ms", "4102444800000")
        .header("lambda-runtime-invoked-function-arn", "")
        .header("lambda-runtime-trace-id", "");
    let none = "_X_AMZN_TRACE_ID=none\n\
                AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID=request-2\n\
                AWS_LAMBDA_RUNTIME_DEADLINE_MS=4102444800000\n\
                AWS_LAMBDA_RUNTIME_INVOKED_FUNCTION_ARN=none\n\
                AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT=none\n\
                AWS_LAMBDA_RUNTIME_COGNITO_IDENTITY=none\n\
                AWS_LAMBDA_RUNTIME_TENANT_ID=none";
    assert_eq!(String::from_utf8(function.answer_to(bare)).unwrap(), none);
}

#[test]
fn runs_in_the_task_root_with_a_home_that_can_be_written() {
    let function = Function::bash("handler() { echo \"$PWD $LAMBDA_TASK_ROOT $_HANDLER $HOME\"; cd /; }");
    let root = function.path("").display().to_string();
    let root = root.trim_end_matches('/').to_owned();
    let function = function.env("HOME", "/proc/nonexistent").start();
    for _ in 0..2 {
        assert_eq!(function.text("{}"), format!("{root} {root} function.handler /tmp"));
    }
}

#[test]
fn what_goes_to_standard_error_is_no_answer() {
    let code = "handler() { set -x; echo log >&2; sh -c 'echo child >&2'; echo answer; }";
    let function = Function::bash(code).start();
    assert_eq!(function.text("{}"), "answer");
    let log = function.log();
    assert!(log.contains("+ echo log\nlog\n") && log.contains("\nchild\n"), "{log}");
}

#[test]
fn what_is_printed_while_the_file_loads_goes_to_the_log() {
    let function = Function::bash("echo loading\nhandler() { echo answer; }").start();
    assert_eq!(function.text("{}"), "answer");
    assert_eq!(function.log(), "loading\n");
}

#[test]
fn a_handler_may_send_its_standard_output_elsewhere() {
    let code = "handler() {\n  echo answer\n  case $1 in file) exec >out ;; log) exec >&2 ;; closed) exec >&- ;; esac\n  \
                [[ $1 == closed ]] || echo elsewhere\n  [[ $1 != log ]] || return 7\n}";
    let function = Function::bash(code).start();
    assert_eq!(function.text("file"), "answer");
    assert_eq!(std::fs::read_to_string(function.task_root.path().join("out")).unwrap(), "elsewhere\n");
    assert_eq!(function.text("closed"), "answer");
    assert_eq!(function.log(), "");
    let error = function.error("log");
    assert_eq!(error.message, "the handler ended with status 7: elsewhere");
    assert_eq!(function.text("{}"), "answer\nelsewhere");
}

#[test]
fn the_file_may_turn_its_options_off() {
    let code = "set +euo pipefail\nhandler() { false; false | true; echo \"go on $nothing\"; }";
    assert_eq!(Function::bash(code).start().text("{}"), "go on ");
}

#[test]
fn descriptors_of_the_runtime_do_not_reach_a_handler() {
    let code = "handler() { for fd in /proc/self/fd/*; do fd=${fd##*/}; (( fd < 3 )) || eval \"exec $fd>&-\"; done\n\
                sh -c 'readlink /proc/$$/fd/* || :'; }";
    let function = Function::bash(code).start();
    for _ in 0..2 {
        let links = function.text("{}");
        let kinds: Vec<_> = links.lines().map(|link| link.split([':', '[']).next().unwrap()).collect();
        assert_eq!(kinds, ["/memfd", "pipe", "pipe"], "{links}");
    }
}

#[test]
fn survives_a_handler_that_closes_every_descriptor() {
    let code = "handler() { for fd in {3..255}; do eval \"exec $fd>&-\"; done; echo answer; [[ $1 == ok ]]; }";
    let function = Function::bash(code).start();
    let error = function.error("fail");
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("Function.ExitStatus", "the handler ended with status 1 at line 1: `[[ $1 == ok ]]`")
    );
    assert_eq!(function.text("ok"), "answer");
}

#[test]
fn the_example_of_the_custom_runtime_tutorial_runs_unchanged() {
    // the handlers as users have them from AWS's tutorial and the seeds of this project
    let tutorial = "function handler () {\n  EVENT_DATA=$1\n  echo \"$EVENT_DATA\" 1>&2;\n  \
                    RESPONSE=\"Echoing request: '$EVENT_DATA'\"\n\n  echo $RESPONSE\n}\n";
    let function = Function::bash(tutorial).start();
    assert_eq!(function.text(r#"{"some": "request"}"#), r#"Echoing request: '{"some": "request"}'"#);
    assert_eq!(function.log(), "{\"some\": \"request\"}\n");
}

#[test]
fn the_sample_answers_each_documented_event() {
    let function = Function::with(&[]).copy("function/function.sh", "function.sh").start();
    for event in ["api-gateway-v2", "sqs", "s3", "eventbridge"] {
        let event = fs::read(crate::support::repository().join(format!("tests/events/{event}.json"))).unwrap();
        let id = function.api.send(Event::new(&event));
        let post = function.api.wait(&id);
        let expected = format!(r#"{{"statusCode":200,"body":"Hello from Bash, request {id}"}}"#);
        assert_eq!(String::from_utf8(post.body).unwrap(), expected);
        assert!(function.log().contains(&format!("got {} characters", event.len())), "{}", function.log());
    }
}

#[test]
fn a_handler_uses_jq_and_curl() {
    needs!(jq, curl);
    let code = "handler() { jq -r .Records[0].body | tr a-z A-Z; curl -sS \"file://$PWD/data\"; }";
    let function = Function::bash(code).file("data", "from curl\n").start();
    let event = fs::read(crate::support::repository().join("tests/events/sqs.json")).unwrap();
    assert_eq!(function.text(event), "TEST MESSAGE.\nfrom curl");
}
