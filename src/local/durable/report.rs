//! The output at the end of a run: its result, its open callbacks, its operations.

use std::{ffi::OsStr, path::Path};

use super::{
    execution::{End, Execution},
    state::{State, callback_name},
};
use crate::{
    durable::operation::{ErrorObject, Operation},
    failure::Failure,
};

/// The name and the id of an open callback.
pub fn named(id: &str, operation: &Operation) -> String {
    let name = operation.name.as_deref().map_or("callback", callback_name);
    format!("`{name}` ({id})")
}

/// The answer or the error of an execution.
pub fn outcome(end: &End) -> Result<String, Failure> {
    match end {
        End::Succeeded(result) => Ok(result.clone()),
        End::Failed(error) | End::Stopped(error) => Err(failure(error)),
    }
}

/// An error in the form for callers.
pub fn failure(error: &ErrorObject) -> Failure {
    let mut failure = error.to_failure();
    if error.error_type.is_none() {
        "Error".clone_into(&mut failure.diagnostic.error_type);
    }
    failure
}

/// The commands that answer the open callbacks, so that the run can continue.
pub fn open_callbacks(state: &State, file: Option<&Path>) -> String {
    let open = state.executions.iter().flat_map(Execution::open_callbacks);
    let texts = open.map(|(id, operation)| {
        let name = operation.name.as_deref().map_or("callback", callback_name);
        let Some(file) = file else {
            return format!(
                "the callback `{name}` is open, and this run keeps nothing: with `--state FILE` it can be answered\n"
            );
        };
        let command = format!("{} durable answer {} {id}", program(), quoted(file.as_os_str()));
        format!(
            "the callback `{name}` is open: answer it, and run the same command as before\n    {command} RESULT\n    \
             {command} --error TYPE MESSAGE\n"
        )
    });
    texts.collect()
}

/// The path of this program, as it was called.
fn program() -> String {
    std::env::args_os().next().map_or_else(|| "bootstrap".to_owned(), |program| quoted(&program))
}

/// A word of a command line.
fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-./:=@%+,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
