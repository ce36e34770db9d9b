//! `bootstrap HANDLER EVENT`.

use std::process::{Command, Output};

use crate::support::{BOOTSTRAP, Function, repository};

const ECHO: &str = "handler() { echo log >&2; [[ $1 != fail ]] || exit 3; printf '%s' \"$1\"; }";

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn assert_report(output: &Output) {
    let log = text(&output.stderr);
    let report = log.lines().last().unwrap();
    let fields: Vec<_> = report.strip_prefix("REPORT ").unwrap().split('\t').collect();
    assert_eq!(fields.len(), 3, "{report}");
    for (field, (name, unit)) in
        fields.iter().zip([("Init Duration", "ms"), ("Duration", "ms"), ("Max Memory Used", "MB")])
    {
        let (number, found_unit) = field.strip_prefix(name).unwrap()[2..].split_once(' ').unwrap();
        assert!(number.parse::<f64>().unwrap() > 0.0 && found_unit == unit, "{report}");
    }
}

#[test]
fn prints_the_answer_the_log_and_a_report() {
    let output = Function::bash(ECHO).once("{\"a\":1}", b"");
    assert_eq!(text(&output.stdout), "{\"a\":1}\n");
    assert!(text(&output.stderr).starts_with("log\nREPORT Init Duration: "), "{}", text(&output.stderr));
    assert_report(&output);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn reads_the_event_from_standard_input_or_a_file() {
    let function = Function::bash(ECHO).file("an event.json", "from a file");
    for (event, input, answer) in [("-", "from\nstdin", "from\nstdin\n"), ("@an event.json", "", "from a file\n")] {
        let output = function.once(event, input.as_bytes());
        assert_eq!(text(&output.stdout), answer, "{event}: {}: {}", output.status, text(&output.stderr));
    }
}

#[test]
fn an_error_is_json_on_standard_error_and_status_1() {
    let output = Function::bash(ECHO).once("fail", b"");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let log = text(&output.stderr);
    let json: serde_json::Value = serde_json::from_str(log.lines().nth(1).unwrap()).unwrap();
    assert_eq!(json["errorType"], "Function.ExitStatus");
    assert_eq!(json["errorMessage"], "the handler ended with status 3: log");
    assert_report(&output);
}

#[test]
fn an_init_error_is_json_on_standard_error_and_status_1() {
    let output = Function::bash("x() { :; }").once("{}", b"");
    assert_eq!(output.status.code(), Some(1));
    let log = text(&output.stderr);
    assert!(log.starts_with("{\"errorType\":\"Runtime.HandlerNotFound\""), "{log}");
}

#[test]
fn an_event_that_cannot_be_had_is_named() {
    let function = Function::bash(ECHO);
    let log = text(&function.once("@missing.json", b"").stderr);
    assert!(log.contains("the event cannot be read from `missing.json`: No such file or directory"), "{log}");
    let large = vec![b'x'; 6 * 1024 * 1024 + 1];
    let output = function.once("-", &large);
    assert!(text(&output.stderr).contains("the event has 6291457 bytes"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn gives_the_handler_what_lambda_would() {
    let code = "handler() { echo \"$AWS_LAMBDA_FUNCTION_NAME $AWS_LAMBDA_FUNCTION_MEMORY_SIZE \
                ${#AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID} $LAMBDA_TASK_ROOT\"; }";
    let function = Function::bash(code);
    let root = function.path("").display().to_string();
    let expected = format!("test_function 3008 36 {}\n", root.trim_end_matches('/'));
    assert_eq!(text(&function.once("{}", b"").stdout), expected);
}

#[test]
fn leaves_no_process_behind() {
    let code = "handler() { sleep 1000 & echo $!; }";
    let output = Function::bash(code).once("{}", b"");
    let child = text(&output.stdout);
    let status = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(status.is_err(), "{status:?}");
}

#[test]
fn the_options_of_durable_functions_are_on_the_page() {
    let help = Command::new(BOOTSTRAP).arg("--help").env_clear().output().unwrap();
    let help = text(&help.stdout);
    let page = std::fs::read_to_string(repository().join("docs/local.md")).unwrap();
    let forms = help.lines().filter_map(|line| line.strip_prefix("  --"));
    let forms: Vec<_> = forms.map(|line| format!("--{}", line.split("  ").next().unwrap())).collect();
    let durable = forms.iter().skip_while(|form| *form != "--durable");
    for form in durable.take_while(|form| !form.starts_with("--version")) {
        assert!(page.contains(&format!("\n| `{form}` | ")), "{form}");
    }
    assert!(forms.len() >= 10, "{forms:?}");
}

#[test]
fn prints_help_and_version() {
    let run = |argument: &str| Command::new(BOOTSTRAP).arg(argument).env_clear().output().unwrap();
    let help = run("--help");
    assert!(text(&help.stdout).contains("Usage: bootstrap [HANDLER [EVENT]]") && help.status.success());
    assert_eq!(text(&run("--version").stdout), format!("bootstrap {}\n", env!("CARGO_PKG_VERSION")));
    let wrong = run("--wrong");
    assert_eq!(wrong.status.code(), Some(1));
    assert_eq!(text(&wrong.stderr), "bootstrap: invalid option '--wrong'; `bootstrap --help` shows what there is\n");
}
