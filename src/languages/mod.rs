//! The languages: a folder for each, with what it can run, how that is started, and what runs inside the interpreter.

mod bash;
pub mod handler;
mod lisp;
mod powershell;
mod program;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::{
    failure::{ErrorType, Failure},
    languages::handler::{Handler, HandlerError, Language, Places},
    settings::{Config, Interface, variable},
    worker::Launch,
};

/// All of them. A file that several know is the first one's; any file can be a program.
pub const LANGUAGES: [&dyn Language; 4] =
    [&bash::Bash, &lisp::Lisp, &powershell::PowerShell, &program::Program];

/// Finds the handler's files and its interpreter.
pub fn launch(config: &Config) -> Result<Launch, Failure> {
    for language in LANGUAGES {
        language.check_settings(config)?;
    }
    let root = std::fs::canonicalize(&config.task_root).map_err(|error| {
        let root = config.task_root.display();
        Failure::new(ErrorType::InvalidConfiguration, format!("task root `{root}` cannot be read: {error}"))
    })?;
    let handler = Handler::resolve(&config.handler, &LANGUAGES, &TaskRoot { config, root: &root });
    let handler = handler.map_err(|error| where_empty(error, &root))?;
    for file in &handler.files {
        check_inside(&config.handler, &root, file)?;
    }
    let launch = handler.runnable.launch(config)?;
    if config.interface == Interface::Cgi && !launch.takes_cgi {
        let (name, handler) = (variable::INTERFACE, &config.handler);
        let message = format!(
            "`{name}` is `cgi`, which is for programs, Bash functions and Lisp scripts: `{handler}` is none of them"
        );
        return Err(Failure::new(ErrorType::InvalidConfiguration, message));
    }
    Ok(launch)
}

struct TaskRoot<'a> {
    config: &'a Config,
    /// Without links.
    root: &'a Path,
}

impl Places for TaskRoot<'_> {
    fn exists(&self, place: &Path) -> bool {
        let own = LANGUAGES.iter().find_map(|language| language.has_place(self.config, place));
        own.unwrap_or_else(|| self.root.join(place).exists())
    }

    fn is_file(&self, place: &Path) -> bool {
        self.root.join(place).is_file()
    }
}

/// Says of a task root without any file how files get there.
fn where_empty(error: HandlerError, root: &Path) -> HandlerError {
    let is_empty = std::fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_none());
    match error {
        HandlerError::NotFound(message) if is_empty => HandlerError::NotFound(format!(
            "{message}; the task root `{0}` is empty: add your files to the image (`COPY . ${{LAMBDA_TASK_ROOT}}`), or \
             mount them (`docker run --volume \"$PWD\":{0}`)",
            root.display()
        )),
        error => error,
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

/// The absolute path of a file of the task root. It outlives a `cd`, and is not searched for on the `PATH`.
fn absolute(config: &Config, file: &Path) -> PathBuf {
    config.task_root.join(file.strip_prefix(".").unwrap_or(file))
}

/// The interpreter that this variable names, if it is set.
fn chosen(variable: &'static str, config: &Config) -> Result<Option<PathBuf>, Failure> {
    match config.path(variable)? {
        Some(program) if !program.is_file() => {
            let message = format!("`{variable}` is `{}`, which is no file", program.display());
            Err(Failure::new(ErrorType::InterpreterNotFound, message))
        }
        program => Ok(program),
    }
}

/// The interpreter of this name on the `PATH` that workers have.
fn interpreter(name: &str, handlers: &str, config: &Config) -> Result<PathBuf, Failure> {
    let path = search_path(config);
    which::which_in(name, path, "/").map_err(|_| {
        let shown = path.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let message = format!("`{name}` is not on the PATH (`{shown}`): {handlers} needs it in the image");
        Failure::new(ErrorType::InterpreterNotFound, message)
    })
}

fn search_path(config: &Config) -> Option<&OsString> {
    config.environment.get(OsStr::new(variable::PATH))
}

/// The text of one of the user's files.
fn read(config: &Config, file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(absolute(config, file)).map_err(|error| {
        let message = format!("`{}` cannot be read: {error}", file.display());
        Failure::new(ErrorType::HandlerLoadFailed, message)
    })
}

/// What to say where a file that defines a function ran and answered nothing.
fn only_defines(file: &Path, function: &str, handler: &str) -> String {
    let file = file.display();
    format!(
        "`{file}` ran as a program and answered nothing; it defines `{function}`: to call that, the handler is \
         `{handler}`"
    )
}
