//! Bash: one process that has sourced the user's file, and a subshell of it for each event.

mod text;

use std::{ffi::OsString, fs, path::Path};

use super::{Launch, interpreter};
use crate::{
    failure::{ErrorType, Failure},
    frame::Delivery,
    handler::{Handler, Language},
    invocation::ENVIRONMENT,
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
    let path = task_root.join(file.strip_prefix(".").unwrap_or(file));
    let text = fs::read(&path).map_err(|error| format!("cannot be read: {error}"));
    let text = text.and_then(|text| text::check(&text, file).map(|()| text)).map_err(|reason| {
        Failure::new(ErrorType::HandlerLoadFailed, format!("`{}` {reason}", file.display()))
    })?;
    let traps = if text::may_trap_errors(&text) { "traps" } else { "" };
    let variables = ENVIRONMENT.map(|(variable, _)| variable).join(" ");
    let program = interpreter("bash", Language::Bash, search_path)?;
    let arguments = ["-c".into(), SHIM.into(), path.into(), function.into(), variables.into(), traps.into()];
    Ok(Launch {
        program,
        arguments: arguments.into(),
        environment: Vec::new(),
        delivery: Delivery::ByDescriptor,
    })
}
