//! The files of the page on moving here, as they stand there.

use crate::support::{Event, Function, code_block};

const EVENT: &str = r#"{"id":7,"text":"a  b"}"#;

#[test]
fn a_handler_of_the_tutorials_kind_runs_as_it_is() {
    let function = Function::with(&[("tutorial.sh", &code_block("migrate.md", "# tutorial.sh"))]);
    let function = function.handler("tutorial.handler").start();
    for _ in 0..2 {
        assert_eq!(function.text(EVENT), format!("{{\"accepted\": {EVENT}}}"));
    }
    assert_eq!(function.log(), format!("a new order: {EVENT}\n").repeat(2));
}

#[test]
fn a_handler_of_the_layer_runs_in_either_wrapper() {
    needs!(jq);
    let layer = code_block("migrate.md", "# layer.sh");
    // a handler of the layer that fails
    let layer = layer.replace("    set -e\n", "    set -e\n    jq -e .id <<<\"$1\" >/dev/null\n");
    // the file that is left alone, whose function is called `handler`
    let (old, _) = layer.split_once("\nhandler() {").unwrap();
    let old = old.replace("old ()", "handler ()");
    let in_place = Function::with(&[("layer.sh", &layer)]).handler("layer.handler");
    let beside = Function::with(&[("index.sh", &old), ("wrapped.sh", &code_block("migrate.md", "# wrapped.sh"))]);
    for function in [in_place, beside.handler("wrapped.main")] {
        let function = function.start();
        for _ in 0..2 {
            assert_eq!(function.text(EVENT), r#"{"done": 7}"#);
        }
        assert_eq!(function.log(), "working on 7\nworking on 7\n");
        assert_eq!(function.error("{}").kind, "Function.ExitStatus");
        assert_eq!(function.text(EVENT), r#"{"done": 7}"#);
    }
}

#[test]
fn a_wrapped_handler_has_the_layers_variables() {
    let old = "handler () { echo \"$AWS_LAMBDA_REQUEST_ID $AWS_LAMBDA_FUNCTION_ARN $AWS_LAMBDA_TRACE_ID\" >&2; }\n";
    let function = Function::with(&[("index.sh", old), ("wrapped.sh", &code_block("migrate.md", "# wrapped.sh"))]);
    let function = function.handler("wrapped.main").start();
    for trace in ["Root=1", "Root=2"] {
        let event = Event::new("{}").header("lambda-runtime-invoked-function-arn", "arn:f");
        let answer = String::from_utf8(function.answer_to(event.header("lambda-runtime-trace-id", trace))).unwrap();
        let (id, rest) = answer.split_once(' ').unwrap();
        assert!(!id.is_empty(), "{answer:?}");
        assert_eq!(rest, format!("arn:f {trace}"));
    }
}

#[test]
fn a_script_answers_what_is_left_on_its_pipeline() {
    needs!(pwsh);
    let function = Function::with(&[("script.ps1", &code_block("migrate.md", "# script.ps1"))]);
    let function = function.handler("script.ps1::Invoke-Order").start();
    for _ in 0..2 {
        assert_eq!(function.text(EVENT), r#"{"orders":[7]}"#);
    }
}
