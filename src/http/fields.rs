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

/// The names and values of the multi-value field, or of the single-value field if that is missing.
pub(super) fn pairs<'a>(
    fields: &'a Map<String, Value>,
    several: &str,
    single: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let object = |name| at(fields, &[name]).and_then(Value::as_object);
    let values = object(several).or(object(single)).into_iter().flatten();
    values.flat_map(|(name, value)| strings(value).map(move |value| (name.as_str(), value)))
}

/// A string, or the strings of an array.
pub(super) fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let several = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    value.as_str().into_iter().chain(several)
}
