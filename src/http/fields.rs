//! The fields of an event or an answer.

use serde_json::{Map, Value};

/// The value at this path; `None` for null.
pub(super) fn at<'a>(fields: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let value = rest.iter().try_fold(fields.get(*first)?, |value, name| value.get(name))?;
    (!value.is_null()).then_some(value)
}

/// The text there, if there is any.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, path: &[&str]) -> Option<&'a str> {
    at(fields, path)?.as_str().filter(|text| !text.is_empty())
}

/// A string, or those of an array.
pub(super) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(several)
}
