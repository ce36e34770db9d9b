//! Bash functions: one process that has sourced the user's file, and a subshell of it for each event.

mod text;

use std::path::{Path, PathBuf};

use super::{absolute, chosen, interpreter, read};
use crate::{
    event::invocation::ENVIRONMENT,
    failure::{ErrorType, Failure},
    languages::handler::{Candidate, HandlerError, Language, Reading, Runnable},
    settings::{Config, variable},
    worker::{Kind, Launch},
};

const SHIM: &str = include_str!("shim.sh");

/// The Bash of the images, which is newer than that of their bases and, being static, forks faster.
const OF_THE_IMAGE: &str = "/var/lang/bin/bash";

/// GNU Bash.
pub(super) struct Bash;

/// A function of a file.
#[derive(Debug)]
struct Function {
    file: PathBuf,
    function: String,
}

impl Language for Bash {
    fn name(&self) -> &'static str {
        "Bash"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, HandlerError> {
        let (file, function) = match reading {
            Reading::FunctionOfFile(file, function) if is_bash(file) && !function.contains('/') => {
                (file.to_owned(), function)
            }
            Reading::FunctionOfStem(stem, function) if !function.contains('/') => {
                (format!("{stem}.sh"), function)
            }
            _ => return Ok(Vec::new()),
        };
        let function = function.to_owned();
        Ok(vec![Candidate::of_file(file, format!(".{function}"), move |file| Function {
            file,
            function: function.clone(),
        })])
    }

    fn handlers(&self, file: &str, function: &str) -> Vec<String> {
        let stem = file.strip_suffix(".sh");
        stem.map(|stem| vec![file.to_owned(), format!("{stem}.{function}")]).unwrap_or_default()
    }
}

/// The Bash that the setting names, else that of the image, else that of the `PATH`.
fn program(config: &Config) -> Result<PathBuf, Failure> {
    if let Some(program) = chosen(variable::BASH, config.bash.as_ref(), config)? {
        return Ok(program);
    }
    let of_the_image = Path::new(OF_THE_IMAGE);
    if of_the_image.is_file() {
        return Ok(of_the_image.to_owned());
    }
    interpreter("bash", "a Bash handler", config)
}

fn is_bash(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "sh")
}

impl Runnable for Function {
    fn launch(&self, config: &Config) -> Result<Launch, Failure> {
        let text = read(config, &self.file)?;
        text::check(&text, &self.file).map_err(|reason| {
            Failure::new(ErrorType::HandlerLoadFailed, format!("`{}` {reason}", self.file.display()))
        })?;
        let traps = if text::may_trap_errors(&text) { "traps" } else { "" };
        let traps = format!("{traps}{}", if text::may_have_shutdown_hook(&text) { " shutdown" } else { "" });
        let file = absolute(config, &self.file);
        let variables = ENVIRONMENT.map(|(variable, _)| variable).join(" ");
        Ok(Launch {
            program: program(config)?,
            arguments: vec![
                "-c".into(),
                SHIM.into(),
                file.into(),
                self.function.as_str().into(),
                variables.into(),
                traps.into(),
            ],
            environment: Vec::new(),
            takes_cgi: true,
            transport: Kind::Forking,
            last_words: &[],
            empty_answer: None,
            as_program: (!text::names(&text, &self.function)).then(|| self.file.display().to_string()),
            unfit_core: None,
        })
    }
}
