//! Credentials, by their values: an error goes to whoever called, and must not show them.
//!
//! An interpreter's own words can hold what a handler never printed: Lisp's backtrace has the arguments of each
//! function, PowerShell names the path that it did not find. A handler's log, and its answers, are its own matter.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
};

use serde_json::Value;

use crate::{failure::Failure, settings::variable::CREDENTIALS};

/// What stands in place of a credential.
const MASK: &str = "***";

/// How much of a credential is enough to know it, in bytes: interpreters shorten what is long.
const HEAD: usize = 16;

/// The values of the credentials in an environment.
#[derive(Clone)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Those of this environment.
    #[must_use]
    pub fn of(environment: &BTreeMap<OsString, OsString>) -> Self {
        let values = CREDENTIALS.iter().filter_map(|name| environment.get(OsStr::new(name))?.to_str());
        // a shorter one is no credential, and stands in many words
        Self(values.filter(|value| value.is_ascii() && value.len() >= HEAD).map(str::to_owned).collect())
    }

    /// The failure without them.
    #[must_use]
    pub fn masked(&self, mut failure: Failure) -> Failure {
        self.mask(&mut failure.error_type);
        self.mask(&mut failure.error_message);
        failure.stack_trace.iter_mut().for_each(|line| self.mask(line));
        failure.more.values_mut().for_each(|value| self.mask_value(value));
        failure
    }

    fn mask_value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.mask(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.mask_value(value)),
            Value::Object(values) => values.values_mut().for_each(|value| self.mask_value(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn mask(&self, text: &mut String) {
        for secret in &self.0 {
            while let Some(begin) = text.find(&secret[..HEAD]) {
                let same = text[begin..].bytes().zip(secret.bytes()).take_while(|(shown, own)| shown == own);
                let end = begin + same.count();
                text.replace_range(begin..end, MASK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ErrorType;

    const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    fn secrets() -> Secrets {
        let environment =
            [("AWS_SECRET_ACCESS_KEY", KEY), ("AWS_SESSION_TOKEN", "short"), ("PATH", "/usr/local/bin:/bin")];
        Secrets::of(&environment.map(|(name, value)| (name.into(), value.into())).into())
    }

    #[test]
    fn masks_credentials_wherever_they_stand() {
        let failure = Failure::new(ErrorType::ExitStatus, format!("{KEY} and again {KEY}: short"));
        let mut failure = failure.with_stack_trace(vec![format!("(SIGN \"{KEY}\")")]);
        failure
            .more
            .insert("context".into(), serde_json::json!({ "a": [1, KEY], "PATH": "/usr/local/bin:/bin" }));
        let json = String::from_utf8(secrets().masked(failure).to_json()).unwrap();
        assert_eq!(
            json,
            r#"{"errorType":"Function.ExitStatus","errorMessage":"*** and again ***: short","stackTrace":["(SIGN \"***\")"],"context":{"PATH":"/usr/local/bin:/bin","a":[1,"***"]}}"#
        );
    }

    #[test]
    fn masks_what_is_left_of_a_credential_that_was_cut() {
        let mut text = format!("{}... é {}", &KEY[..HEAD], &KEY[..HEAD - 1]);
        secrets().mask(&mut text);
        assert_eq!(text, format!("***... é {}", &KEY[..HEAD - 1]));
    }
}
