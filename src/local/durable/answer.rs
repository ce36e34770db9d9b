//! `bootstrap durable answer FILE ID …`: answers a callback through a run's state file.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use lexopt::prelude::*;

use super::{
    execution::{CallbackError, error},
    file::{FileError, StateFile},
    inbox::{Answer, AnswerKind},
    state::State,
};
use crate::{
    local::durable::desk::clock,
    start::cli::{EventSource, event_source},
};

const USAGE: &str = "\
Usage: bootstrap durable answer FILE ID RESULT
       bootstrap durable answer FILE ID --error TYPE MESSAGE
       bootstrap durable answer FILE ID --heartbeat

  FILE     the file of `--state`
  ID       the callback's id, or its name if only one of that name is open
  RESULT   a text; @FILE reads it from a file, - from standard input
";

/// The reason why a callback is not answered.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error("{0}; `bootstrap durable answer --help` shows what there is")]
    Arguments(#[from] lexopt::Error),
    #[error("{0}")]
    File(#[from] FileError),
    #[error("{0}{1}")]
    Callback(CallbackError, String),
    #[error("the result cannot be read: {0}")]
    Result(io::Error),
}

/// Answers, if the command line says so.
pub fn run(program: Option<&OsStr>, arguments: &[OsString]) -> Option<ExitCode> {
    let is_command = Path::new(program?).file_name() == Some(OsStr::new("durable"));
    let rest = if is_command { arguments } else { arguments.strip_prefix(&[OsString::from("durable")])? };
    let rest = rest.strip_prefix(&[OsString::from("answer")])?;
    match answer(rest) {
        Ok(message) => {
            print!("{message}");
            Some(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("bootstrap: {error}");
            Some(ExitCode::FAILURE)
        }
    }
}

fn answer(arguments: &[OsString]) -> Result<String, AnswerError> {
    let Some((file, called, kind)) = parse(arguments)? else { return Ok(USAGE.to_owned()) };
    match StateFile::take(&file) {
        Ok((mut held, Some(mut state))) => {
            let answer = Answer { id: callback(&state, &called)?, kind };
            let now = clock(&state);
            answer.deliver(&mut state, now).map_err(|error| explained(error, &state))?;
            held.save(&state)?;
            Ok("answered: run the same command again to continue\n".to_owned())
        }
        Ok((_, None)) => {
            let missing = io::Error::from(io::ErrorKind::NotFound);
            Err(FileError::Io("read from", file, missing.to_string()).into())
        }
        Err(FileError::InUse(_)) => {
            let state = StateFile::read(&file)?;
            let answer = Answer { id: callback(&state, &called)?, kind };
            let file = std::fs::canonicalize(&file)
                .map_err(|error| FileError::Io("read from", file.clone(), error.to_string()))?;
            answer.leave(&file)?;
            Ok("answered: the waiting run continues\n".to_owned())
        }
        Err(error) => Err(error.into()),
    }
}

/// The file, the callback's id or name, and the answer; `None` for `--help`.
fn parse(arguments: &[OsString]) -> Result<Option<(PathBuf, String, AnswerKind)>, AnswerError> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut words, mut is_error, mut is_heartbeat) = (Vec::new(), false, false);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("error") => is_error = true,
            Long("heartbeat") => is_heartbeat = true,
            Value(word) => words.push(word),
            unexpected => return Err(unexpected.unexpected().into()),
        }
    }
    let text = |word: &OsString| word.clone().string();
    let (file, called, kind) = match (&words[..], is_error, is_heartbeat) {
        ([file, called, result], false, false) => {
            (file, called, AnswerKind::Success(read(event_source(result.clone()))?))
        }
        ([file, called, error_type, message], true, false) => {
            (file, called, AnswerKind::Failure(error(&text(error_type)?, text(message)?)))
        }
        ([file, called], false, true) => (file, called, AnswerKind::Heartbeat),
        _ => {
            let usage = "`durable answer` takes FILE ID RESULT, FILE ID --error TYPE MESSAGE, or FILE ID --heartbeat";
            return Err(lexopt::Error::from(usage).into());
        }
    };
    Ok(Some((file.into(), text(called)?, kind)))
}

fn read(source: EventSource) -> Result<String, AnswerError> {
    let bytes = match source {
        EventSource::Text(text) => return Ok(text.string()?),
        EventSource::File(path) => std::fs::read(path),
        EventSource::StandardInput => {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes).map(|_| bytes)
        }
    };
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
    text.map_err(AnswerError::Result)
}

fn callback(state: &State, called: &str) -> Result<String, AnswerError> {
    state.callback(called).map_err(|error| explained(error, state))
}

/// An error with the open callbacks.
fn explained(error: CallbackError, state: &State) -> AnswerError {
    let open = state.executions.iter().flat_map(super::execution::Execution::open_callbacks);
    let open: Vec<_> = open.map(|(id, operation)| super::report::named(id, operation)).collect();
    let hint = if open.is_empty() { "none is open".to_owned() } else { format!("open: {}", open.join(", ")) };
    AnswerError::Callback(error, format!("; {hint}"))
}
