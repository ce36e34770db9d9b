//! Credentials in errors: the one list of them, and the one place that masks them.
//!
//! Callers see errors, and an interpreter's message can contain values that the handler never printed: Lisp's backtrace
//! has the arguments of each function, PowerShell names the path that it did not find. A credential is found by its
//! value, also if it is escaped, wrapped, cut, or in base64. A handler's log and its answers are not masked.

mod plain;

use std::{
    collections::{BTreeMap, HashSet},
    ffi::{OsStr, OsString},
    sync::OnceLock,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Map, Value};

use self::plain::Plain;
use crate::failure::Failure;

/// The variables whose values are masked in errors.
pub const CREDENTIALS: [&str; 5] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_LAMBDA_METADATA_TOKEN",
];

/// A value is masked if its name contains one of these words, in an error that lists names with their values.
const SECRET_WORDS: [&str; 5] = ["secret", "passw", "token", "key", "credential"];

const MASK: &str = "***";

/// The shortest credential, in bytes. A shorter value could be a part of ordinary words.
const SHORTEST: usize = 16;

/// The shortest part of a credential that is masked, in bytes.
const PART: usize = 12;

/// How often escapes are removed: a URL inside of JSON inside of JSON.
const DEPTH: usize = 3;

/// The credentials of an environment.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    values: Vec<String>,
    /// The parts of all forms of the values: computed at the first error, because it would slow the start.
    parts: OnceLock<HashSet<[u8; PART]>>,
}

impl Secrets {
    pub fn of(environment: &BTreeMap<OsString, OsString>) -> Self {
        let values = CREDENTIALS.iter().filter_map(|name| environment.get(OsStr::new(name))?.to_str());
        let values = values.filter(|value| value.is_ascii() && value.len() >= SHORTEST).map(str::to_owned);
        Self { values: values.collect(), parts: OnceLock::new() }
    }

    pub fn masked(&self, mut failure: Failure) -> Failure {
        let parts = self.parts.get_or_init(|| {
            let forms: Vec<_> = self.values.iter().flat_map(|secret| forms(secret)).collect();
            let parts = forms.iter().flat_map(|form| form.as_bytes().windows(PART));
            parts.filter_map(|part| part.try_into().ok()).collect()
        });
        mask(&mut failure.diagnostic.error_type, parts);
        mask(&mut failure.diagnostic.error_message, parts);
        failure.stack_trace.iter_mut().for_each(|line| mask(line, parts));
        mask_fields(&mut failure.more, parts);
        failure
    }
}

/// Masks all values whose names contain a secret word, and credentials in the other values.
fn mask_fields(fields: &mut Map<String, Value>, parts: &HashSet<[u8; PART]>) {
    for (name, value) in fields {
        let name = name.to_ascii_lowercase();
        if SECRET_WORDS.iter().any(|word| name.contains(word)) {
            *value = MASK.into();
        } else {
            mask_value(value, parts);
        }
    }
}

fn mask_value(value: &mut Value, parts: &HashSet<[u8; PART]>) {
    match value {
        Value::String(text) => mask(text, parts),
        Value::Array(values) => values.iter_mut().for_each(|value| mask_value(value, parts)),
        Value::Object(fields) => mask_fields(fields, parts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The forms of a secret: itself, in base64 (both alphabets, at each offset in the encoded text), and in hexadecimal
/// digits.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode(["\0".repeat(before).as_bytes(), secret.as_bytes()].concat());
        // the first and last characters also depend on the neighbouring bytes
        let own = text[(before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6].to_owned();
        forms.extend([own.replace('+', "-").replace('/', "_"), own]);
    }
    let digits: Vec<_> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let digits = digits.concat();
    forms.extend([digits.to_ascii_uppercase(), digits]);
    forms
}

fn mask(text: &mut String, parts: &HashSet<[u8; PART]>) {
    if parts.is_empty() {
        return;
    }
    let mut shows = vec![false; text.len()];
    let mut plain = Plain::of(text);
    for _ in 0..DEPTH {
        for (at, part) in plain.bytes.windows(PART).enumerate() {
            if parts.contains(part) {
                shows[plain.origin(at..at + PART)].fill(true);
            }
        }
        match plain.without_escapes() {
            Some(next) => plain = next,
            None => break,
        }
    }
    let mut rest = std::mem::take(text);
    for run in shows.chunk_by(PartialEq::eq) {
        let after = rest.split_off(run.len());
        text.push_str(if run[0] { MASK } else { &rest });
        rest = after;
    }
}
