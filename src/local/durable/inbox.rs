//! Answers for the run that has locked the state file. They are in a file beside it until the run reads them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::{
    execution::CallbackError,
    file::{FileError, beside},
    state::State,
};
use crate::durable::operation::ErrorObject;

/// An answer to a callback.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Answer {
    /// The callback.
    pub id: String,
    /// The answer or the heartbeat.
    pub kind: AnswerKind,
}

/// The kinds of answers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub enum AnswerKind {
    /// A result.
    Success(String),
    /// An error.
    Failure(ErrorObject),
    /// A heartbeat.
    Heartbeat,
}

impl Answer {
    /// Applies the answer to its callback.
    pub fn deliver(&self, state: &mut State, now: f64) -> Result<(), CallbackError> {
        let execution = state.with_callback(&self.id)?;
        match &self.kind {
            AnswerKind::Success(result) => execution.answer_callback(&self.id, Ok(result.clone()), now),
            AnswerKind::Failure(error) => execution.answer_callback(&self.id, Err(error.clone()), now),
            AnswerKind::Heartbeat => execution.heartbeat(&self.id, now),
        }
    }

    /// Writes the answer for the run that has locked the state file.
    pub fn leave(&self, state_file: &Path) -> Result<(), FileError> {
        let path = place(state_file);
        let failed = |error: io::Error| FileError::Io("answered in", path.clone(), error.to_string());
        let mut line = serde_json::to_vec(self).expect("BUG: text always serializes");
        line.push(b'\n');
        loop {
            let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
            let mut file = file.map_err(failed)?;
            if hold(&file, &path).map_err(failed)? {
                return file.write_all(&line).map_err(failed);
            }
        }
    }
}

/// Reads the answers beside a state file. Removes them once `keep` has stored them.
pub fn take(state_file: &Path, keep: impl FnOnce(Vec<Answer>) -> Result<(), FileError>) -> Result<(), FileError> {
    let path = place(state_file);
    let failed = |error: io::Error| FileError::Io("read from", path.clone(), error.to_string());
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !hold(&file, &path).map_err(failed)? {
        return Ok(());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    // a writer that was killed within a line has not reported success
    keep(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())?;
    fs::remove_file(&path).map_err(failed)
}

fn place(state_file: &Path) -> PathBuf {
    beside(state_file, "answers")
}

/// Locks the file; `false` if it is no longer at its place.
fn hold(file: &File, path: &Path) -> io::Result<bool> {
    flock(file, FlockOperation::LockExclusive)?;
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    Ok(file.metadata().ok().map(place) == fs::metadata(path).ok().map(place))
}
