use std::ffi::OsStr;

use tracing::level_filters::LevelFilter;

use super::*;

const LAMBDA: [(&str, &str); 6] = [
    ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001"),
    ("AWS_LAMBDA_FUNCTION_NAME", "f"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
    ("LAMBDA_TASK_ROOT", "/var/task"),
    ("_HANDLER", "function.handler"),
];

fn read(changes: &[(&str, Option<&str>)]) -> Result<Settings, SettingsError> {
    let mut environment: Environment =
        LAMBDA.iter().map(|(name, value)| (name.into(), value.into())).collect();
    for (name, value) in changes {
        match value {
            Some(value) => environment.insert(name.into(), value.into()),
            None => environment.remove(OsStr::new(name)),
        };
    }
    Settings::read(environment, None, false)
}

#[test]
fn reads_what_lambda_sets() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.runtime_api.as_deref(), Some("127.0.0.1:9001"));
    assert_eq!(settings.handler, "function.handler");
    assert_eq!(settings.log_format, LogFormat::Text);
    assert_eq!(settings.log_level, LevelFilter::INFO);
    assert_eq!(settings.max_concurrency.get(), 1);
    assert_eq!(settings.deadline_margin, Some(Duration::from_millis(200)));
}

#[test]
fn names_the_variable_that_is_missing_or_malformed() {
    for name in [
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "_HANDLER",
    ] {
        let message = read(&[(name, None)]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{name}` is not set: ")), "{message}");
    }
    for (name, value) in [
        ("AWS_LAMBDA_RUNTIME_API", "http://"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much"),
        ("AWS_LAMBDA_LOG_FORMAT", "xml"),
        ("AWS_LAMBDA_LOG_LEVEL", "loud"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "0"),
        ("AWS_LAMBDA_MAX_CONCURRENCY", "-1"),
        ("SCRIPT_RUNTIME_DEADLINE_MARGIN_MS", "1s"),
    ] {
        let message = read(&[(name, Some(value))]).unwrap_err().to_string();
        assert!(message.starts_with(&format!("`{name}` is `{value}`: it takes ")), "{message}");
    }
}

#[test]
fn a_margin_of_0_is_none() {
    let settings = read(&[("SCRIPT_RUNTIME_DEADLINE_MARGIN_MS", Some("0"))]).unwrap();
    assert_eq!(settings.deadline_margin, None);
}

#[test]
fn the_first_argument_stands_in_for_the_handler_variable() {
    let environment = || LAMBDA.iter().map(|(name, value)| (name.into(), value.into()));
    let handler = |environment, argument: &str| {
        Settings::read(environment, Some(argument.to_owned()), false).map(|settings| settings.handler.clone())
    };
    assert_eq!(handler(environment().collect::<Vec<_>>(), "a.b").unwrap(), "function.handler");
    assert_eq!(handler(environment().take(5).collect(), "a.b").unwrap(), "a.b");
    assert!(handler(environment().take(5).collect(), "").is_err());
}

#[test]
fn a_local_run_needs_no_variables() {
    let settings = Settings::read([], Some("function.handler".to_owned()), true).unwrap();
    assert_eq!(settings.runtime_api, None);
    assert_eq!(settings.task_root, std::env::current_dir().unwrap());
    let variable = |name: &str| settings.environment[OsStr::new(name)].to_str().unwrap().to_owned();
    assert_eq!(variable("AWS_LAMBDA_FUNCTION_NAME"), "test_function");
    assert_eq!(variable("_HANDLER"), "function.handler");
    assert_eq!(variable("HOME"), "/tmp");
}

#[test]
fn workers_have_a_path_where_the_environment_has_none() {
    for path in [None, Some("")] {
        let settings = read(&[("PATH", path)]).unwrap();
        let path = settings.environment[OsStr::new("PATH")].to_str().unwrap();
        assert!(path.starts_with("/usr/local/bin:/usr/bin:/bin:/opt/bin"), "{path}");
    }
}

#[test]
fn workers_do_not_inherit_the_variables_of_an_event() {
    let settings = read(&[("_X_AMZN_TRACE_ID", Some("old")), ("HOME", Some("/proc/nonexistent"))]).unwrap();
    assert!(!settings.environment.contains_key(OsStr::new("_X_AMZN_TRACE_ID")));
    assert_eq!(settings.environment[OsStr::new("HOME")], "/tmp");
}
