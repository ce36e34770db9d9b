//! The state file: it is complete or missing, and only one run uses it at a time.
//!
//! The lock is on the file itself. Each new version is locked before it replaces the last one.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use super::state::State;

/// The reason why a state file cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FileError {
    /// Another run uses it.
    #[error("another run has `{0}`: wait for its end, or give `--state` another file")]
    InUse(PathBuf),
    /// It has other content.
    #[error("`{0}` is no state of a durable function ({1}): give `--state` another file")]
    Malformed(PathBuf, String),
    /// It belongs to another handler.
    #[error("`{0}` is the state of the handler `{1}`: give `--state` another file, or remove this one")]
    OtherHandler(PathBuf, String),
    /// It belongs to another event.
    #[error("`{0}` is the state of another event: give `--state` another file, or remove this one")]
    OtherEvent(PathBuf),
    /// It belongs to a server, or to a run.
    #[error("`{0}` is the state of {1}: give `--state` another file")]
    OtherUse(PathBuf, &'static str),
    /// A function that it needs is missing.
    #[error("`{0}` has an open invocation of `{1}`: give `--function {1}=DIR:HANDLER` again")]
    MissingFunction(PathBuf, String),
    /// It cannot be read or written.
    #[error("the state cannot be {0} `{1}`: {2}")]
    Io(&'static str, PathBuf, String),
}

/// A state file that this process has locked.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// The current version, locked.
    current: Option<File>,
}

impl StateFile {
    /// Locks the file, and returns its state; `None` if it is missing or empty.
    pub fn take(path: &Path) -> Result<(Self, Option<State>), FileError> {
        // a link is not replaced
        let path = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
        let path = path.map_err(|error| cannot("read from", Path::new(""), &error))?;
        loop {
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok((Self { path, current: None }, None));
                }
                Err(error) => return Err(cannot("read from", &path, &error)),
            };
            lock(&file, &path)?;
            if !is_at(&file, &path) {
                // another run has replaced the file meanwhile
                continue;
            }
            let mut text = Vec::new();
            file.read_to_end(&mut text).map_err(|error| cannot("read from", &path, &error))?;
            let state = if text.is_empty() { None } else { Some(parse(&text, &path)?) };
            return Ok((Self { path, current: Some(file) }, state));
        }
    }

    /// Reads the state of a file that another run may use.
    pub fn read(path: &Path) -> Result<State, FileError> {
        let text = fs::read(path).map_err(|error| cannot("read from", path, &error))?;
        parse(&text, path)
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the file by a new version.
    pub fn save(&mut self, state: &State) -> Result<(), FileError> {
        let text = serde_json::to_vec(state).expect("BUG: a state always serializes");
        let beside = beside(&self.path, "new");
        let failed = |error: &io::Error| cannot("written to", &self.path, error);
        // always the same name, so that killed runs do not leave many files behind
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(0o600).open(&beside);
        let mut file = file.map_err(|error| failed(&error))?;
        match &self.current {
            // a run that has just opened it may lock it for a moment
            Some(_) => flock(&file, FlockOperation::LockExclusive).map_err(|error| failed(&error.into()))?,
            None => lock(&file, &self.path)?,
        }
        file.set_len(0).and_then(|()| file.write_all(&text)).map_err(|error| failed(&error))?;
        if self.current.is_none() && self.path.exists() {
            return Err(FileError::InUse(self.path.clone()));
        }
        fs::rename(&beside, &self.path).map_err(|error| failed(&error))?;
        self.current = Some(file);
        Ok(())
    }
}

/// A hidden file of this kind beside the state file.
pub fn beside(path: &Path, kind: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(kind);
    path.with_file_name(name)
}

fn parse(text: &[u8], path: &Path) -> Result<State, FileError> {
    let mut state: State =
        serde_json::from_slice(text).map_err(|error| FileError::Malformed(path.to_path_buf(), error.to_string()))?;
    for execution in &mut state.executions {
        execution.resume();
    }
    Ok(state)
}

fn lock(file: &File, path: &Path) -> Result<(), FileError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(FileError::InUse(path.to_path_buf())),
        Err(error) => Err(cannot("locked in", path, &error.into())),
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().ok().map(place) == fs::metadata(path).ok().map(place)
}

fn cannot(doing: &'static str, path: &Path, error: &io::Error) -> FileError {
    FileError::Io(doing, path.to_path_buf(), error.to_string())
}
