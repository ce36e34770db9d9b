//! Bash: one process that has sourced the user's file, and a subshell of it for each event.

use std::{ffi::OsString, path::Path};

use super::interpreter;
use crate::{
    failure::Failure,
    handler::{Handler, Language},
    invocation::ENVIRONMENT,
    worker::{Launch, transport::Kind},
};

const SHIM: &str = include_str!("shim.sh");

/// How to start Bash for this handler.
pub(super) fn launch(
    handler: &Handler,
    task_root: &Path,
    search_path: Option<&OsString>,
) -> Result<Launch, Failure> {
    let (file, function) = match handler {
        Handler::BashFunction { file, function } => (file, function.as_str()),
        Handler::BashScript { file } => (file, ""),
        other => unreachable!("BUG: {other:?} is no Bash handler"),
    };
    // an absolute path, so that `source` does not search the PATH and `BASH_SOURCE` outlives a `cd`
    let file = task_root.join(file.strip_prefix(".").unwrap_or(file));
    let variables = ENVIRONMENT.map(|(variable, _)| variable).join(" ");
    Ok(Launch {
        program: interpreter("bash", Language::Bash, search_path)?,
        arguments: vec!["-c".into(), SHIM.into(), file.into(), function.into(), variables.into()],
        environment: Vec::new(),
        transport: Kind::Forking,
        last_words: &[],
        empty_answer: None,
    })
}
