//! The lines of the page on errors that log with a level and write a metric, as they stand there.

use serde_json::{Value, json};

use crate::support::{Event, Function, code_block, needs::has};

#[test]
fn the_lines_of_the_page_are_log_events_and_metrics() {
    let mut functions = vec![("levels.sh", "levels.handler", "# levels.sh")];
    if has("pwsh") {
        functions.push(("Levels.psm1", "Levels.Invoke-Handler", "# Levels.psm1"));
    }
    if has("sbcl") {
        functions.push(("levels.lisp", "levels.handler", ";; levels.lisp"));
    }
    for (file, handler, mark) in functions {
        let function = Function::with(&[(file, &code_block("errors.md", mark))]).handler(handler);
        let function = function.env("AWS_LAMBDA_LOG_FORMAT", "JSON").start();
        for number in 1..=2 {
            let answer = function.answer_to(Event::new("{}"));
            assert_eq!(String::from_utf8_lossy(&answer).trim_end(), "done", "{file}");
            let log = function.log();
            let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(lines.len(), 2 * number, "{file}: {log}");
            let [level, metric] = &lines[2 * number - 2..] else { unreachable!() };
            assert_eq!(level, &json!({ "level": "WARN", "message": "stock is low" }), "{file}");
            assert_eq!((&metric["level"], &metric["Orders"]), (&json!("INFO"), &json!(3)), "{file}");
            assert!(metric["_aws"]["Timestamp"].as_u64().is_some_and(|time| time > 1_700_000_000_000), "{metric}");
            let expected = json!([{
                "Namespace": "Shop", "Dimensions": [[]], "Metrics": [{ "Name": "Orders", "Unit": "Count" }],
            }]);
            assert_eq!(metric["_aws"]["CloudWatchMetrics"], expected, "{file}");
        }
    }
}

#[test]
fn managed_instances_log_json_where_nobody_says_otherwise() {
    for (format, is_json) in [("", true), ("JSON", true), ("Text", false)] {
        let function = Function::bash("handler() { echo line >&2; [[ $1 == fine ]]; }");
        let function = function
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances")
            .env("AWS_LAMBDA_LOG_FORMAT", format)
            .start();
        for event in ["fine", "broken"] {
            function.post(Event::new(event));
        }
        let log = function.log();
        let lines = log.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok());
        assert_eq!((lines.count(), log.lines().count()), if is_json { (3, 3) } else { (0, 3) }, "{format}: {log}");
    }
}
