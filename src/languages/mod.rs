//! How a handler's interpreter is found and started. A folder for each language, with the shim that runs inside
//! the interpreter.

mod bash;
mod lisp;
mod powershell;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

pub use self::lisp::Convention as LispConvention;
use crate::{
    config::Config,
    failure::{ErrorType, Failure},
    handler::{Handler, HandlerError, Language, MODULE_PATH},
    worker::Launch,
};

/// Finds the handler's files and its interpreter.
pub fn launch(config: &Config) -> Result<Launch, Failure> {
    let root = std::fs::canonicalize(&config.task_root).map_err(|error| {
        let root = config.task_root.display();
        Failure::new(ErrorType::InvalidConfiguration, format!("task root `{root}` cannot be read: {error}"))
    })?;
    let handler = Handler::resolve(&config.handler, |place| match place.strip_prefix(MODULE_PATH) {
        Ok(name) => powershell::module_exists(config, name),
        Err(_) => root.join(place).exists(),
    })?;
    for file in handler.files() {
        check_inside(&config.handler, &root, file)?;
    }
    match handler.language() {
        Language::Bash => bash::launch(&handler, &config.task_root, search_path(config)),
        Language::Lisp => lisp::launch(&handler, config, search_path(config)),
        Language::PowerShell => powershell::launch(&handler, config),
    }
}

/// A file may be a symbolic link, but not to a place outside of the task root.
fn check_inside(handler: &str, root: &Path, file: &Path) -> Result<(), Failure> {
    let target = std::fs::canonicalize(root.join(file)).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", file.display());
        Failure::new(ErrorType::HandlerLoadFailed, message)
    })?;
    if target.starts_with(root) {
        return Ok(());
    }
    let reason = format!(
        "leads out of the task root: `{}` is a link to `{}`; copy the file into the task root",
        file.display(),
        target.display()
    );
    Err(HandlerError::Invalid { handler: handler.to_owned(), reason }.into())
}

/// The interpreter of this name on the `PATH` that workers have.
fn interpreter(name: &str, language: Language, search_path: Option<&OsString>) -> Result<PathBuf, Failure> {
    which::which_in(name, search_path, "/").map_err(|_| {
        let shown = search_path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let message = format!(
            "`{name}` is not on the PATH (`{shown}`): a {} handler needs it in the image",
            language.name()
        );
        Failure::new(ErrorType::InterpreterNotFound, message)
    })
}

fn search_path(config: &Config) -> Option<&OsString> {
    config.environment.get(std::ffi::OsStr::new("PATH"))
}
