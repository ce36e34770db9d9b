//! The parts of a handler's text: paths, stems and names.

use std::path::{Component, Path};

use crate::failure::{ErrorType, Failure};

/// The error of a text that can never be a handler.
#[must_use]
pub fn invalid(handler: &str, reason: &str) -> Failure {
    Failure::new(ErrorType::InvalidHandler, format!("handler `{handler}` {reason}"))
}

/// Fails if a path leads out of the task root, or names a directory.
pub fn inside_task_root(text: &str) -> Result<(), Failure> {
    let reason = if text.starts_with('/') {
        "is an absolute path: write it relative to the task root"
    } else if Path::new(text).components().any(|component| component == Component::ParentDir) {
        "leaves the task root with `..`: move the file into the task root"
    } else if text.ends_with('/') {
        "names a directory: add the file and the function, as in `src/function.handler`"
    } else {
        return Ok(());
    };
    Err(invalid(text, reason))
}

/// Whether these can be a file, with or without its extension, and a function.
#[must_use]
pub fn is_name(stem: &str, function: &str) -> bool {
    !stem.is_empty() && !stem.ends_with('/') && !function.is_empty()
}

/// Every `STEM.NAME` in the text, the longest stem first. A package before `::` belongs to the name, also one with a
/// slash: `main.my-app/main::handler`.
pub(super) fn splits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let stems_end = text.find("::").unwrap_or(text.len());
    text[..stems_end]
        .rmatch_indices('.')
        .map(|(dot, _)| (&text[..dot], &text[dot + 1..]))
        .filter(|(stem, name)| is_name(stem, name) && !stem.ends_with("/."))
}
