//! Bash functions: one process that has sourced the user's file, and one of its subshells for each event.

pub(super) mod notice;
mod text;

use std::path::{Path, PathBuf};

use super::{absolute, check_spoiled, extension, interpreter, read, shell_word};
use crate::{
    event::invocation::ENVIRONMENT,
    failure::Failure,
    languages::handler::{Candidate, Language, Reading, Runnable},
    settings::{Settings, variable},
    worker::{Kind, Launch},
};

const SHIM: &str = include_str!("shim.sh");

/// The shim's placeholder for the function's name: traces and traps show the name itself, not a variable.
const HANDLER: &str = "@HANDLER@";

/// The function `durable` of durable events.
const DURABLE: &str = include_str!("durable.sh");

/// The placeholder for the path of the bootstrap, quoted for the shell.
const BOOTSTRAP: &str = "@BOOTSTRAP@";

/// Words that are no function's name at the beginning of a command.
const RESERVED: [&str; 22] = [
    "!", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
    "select", "then", "time", "until", "while", "{", "}",
];

/// The Bash of the images. It is newer than that of the base images, and forks faster, because it is static.
const OF_THE_IMAGE: &str = "/var/lang/bin/bash";

pub(super) struct Bash;

/// A function in a file.
#[derive(Debug)]
struct Function {
    file: PathBuf,
    function: String,
}

impl Language for Bash {
    fn name(&self) -> &'static str {
        "Bash"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, Failure> {
        let (file, function) = match reading {
            Reading::FunctionOfFile(file, function) if extension(file) == "sh" && !function.contains('/') => {
                (file.to_owned(), function)
            }
            Reading::FunctionOfStem(stem, function) if !function.contains('/') => (format!("{stem}.sh"), function),
            _ => return Ok(Vec::new()),
        };
        let runnable = Function { file: file.clone().into(), function: function.to_owned() };
        Ok(vec![Candidate::new(file, format!(".{function}"), runnable)])
    }

    fn handlers(&self, file: &str, function: &str) -> Vec<String> {
        let stem = file.strip_suffix(".sh");
        stem.map(|stem| vec![file.to_owned(), format!("{stem}.{function}")]).unwrap_or_default()
    }
}

/// The Bash of the setting, else that of the image, else that on the `PATH`.
fn program(settings: &Settings) -> Result<PathBuf, Failure> {
    let chosen = settings.bash.as_ref().map(|program| (variable::BASH, program));
    if chosen.is_none() && Path::new(OF_THE_IMAGE).is_file() {
        return Ok(OF_THE_IMAGE.into());
    }
    interpreter("bash", "a Bash handler", chosen, settings)
}

/// The text of the function `durable`.
fn durable() -> String {
    let bootstrap = std::env::current_exe().unwrap_or_else(|_| "bootstrap".into());
    DURABLE.replace(BOOTSTRAP, &shell_word(&bootstrap.to_string_lossy()))
}

/// A function's name, written so that Bash reads it as a command.
fn command_word(name: &str) -> String {
    if RESERVED.contains(&name) { format!("'{name}'") } else { shell_word(name) }
}

impl Runnable for Function {
    fn launch(&self, settings: &Settings) -> Result<Launch, Failure> {
        let text = read(settings, &self.file)?;
        check_spoiled(&text, &self.file, text::windows_line(&text))?;
        let has_stack = notice::whole_text(settings, &self.file).is_some_and(|whole| !notice::may_notice(&whole));
        let options = [("stack", has_stack), ("shutdown", text::may_have_shutdown_hook(&text))];
        let options = options.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| *name);
        let options = options.collect::<Vec<_>>().join(" ");
        let is_named = memchr::memmem::find(&text, self.function.as_bytes()).is_some();
        let file = absolute(settings, &self.file)?;
        let variables = ENVIRONMENT.map(|(variable, _)| variable).join(" ");
        Ok(Launch {
            program: program(settings)?,
            arguments: vec![
                "-c".into(),
                SHIM.replace(HANDLER, &command_word(&self.function)).into(),
                file.as_os_str().to_owned(),
                self.function.as_str().into(),
                variables.into(),
                options.into(),
                durable().into(),
            ],
            takes_cgi: true,
            transport: Kind::Forking { file, function: self.function.clone(), has_stack },
            as_program: (!is_named).then(|| self.file.display().to_string()),
            ..Launch::default()
        })
    }
}
