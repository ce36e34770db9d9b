//! What a handler is, and why a text is none. `grammar` reads the text, and asks each language what it can run.

mod grammar;
mod suggestion;
mod text;

use std::{
    fmt::Debug,
    future::ready,
    path::{Path, PathBuf},
};

use futures_util::future::{BoxFuture, FutureExt};

pub use self::text::{inside_task_root, invalid, is_name};
use crate::{
    failure::{ErrorType, Failure},
    process::Children,
    settings::Config,
    worker::Launch,
};

/// What to run for each event.
#[derive(Debug)]
pub struct Handler {
    /// The language's name for people.
    pub language: &'static str,
    /// The user's files that it names, relative to the task root.
    pub files: Vec<PathBuf>,
    /// How a worker for it is started.
    pub runnable: Box<dyn Runnable>,
}

/// A function or a file, as its language knows it.
pub trait Runnable: Debug + Send + Sync {
    /// Makes what workers need and the image lacks; before [`Self::launch`].
    fn prepare<'a>(
        &'a self,
        _config: &'a Config,
        _children: &'a Children,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        ready(Ok(())).boxed()
    }

    /// How a worker for it is started.
    fn launch(&self, config: &Config) -> Result<Launch, Failure>;
}

/// What the grammar asks a language.
pub trait Language: Sync {
    /// Its name for people.
    fn name(&self) -> &'static str;

    /// What a text can mean, read in this way.
    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, HandlerError>;

    /// Whether one of its own places exists; `None` if it is not one.
    fn has_place(&self, _config: &Config, _place: &Path) -> Option<bool> {
        None
    }

    /// The handlers that run this file or its `function`, where nothing fits and the file may have been meant.
    fn handlers(&self, _file: &str, _function: &str) -> Vec<String> {
        Vec::new()
    }
}

/// One way to read the text of a handler, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// By its shape, whatever files there are.
    Shape(&'a str),
    /// As the name of a file, or of a script without its extension.
    File(&'a str),
    /// As a file with its extension, and a function.
    FunctionOfFile(&'a str, &'a str),
    /// As a file without its extension, and a function.
    FunctionOfStem(&'a str, &'a str),
}

/// What a handler could mean if one of its places exists; without places, what it means.
pub struct Candidate {
    /// Relative to the task root, or absolute.
    pub places: Vec<PathBuf>,
    /// What follows a place in the form of the handler that can only mean it.
    pub suffix: String,
    /// Makes it of those of the places that exist.
    pub make: Box<Make>,
}

/// Makes a handler of the places that exist.
pub type Make = dyn Fn(&[PathBuf]) -> Found;

/// A candidate that is there.
pub struct Found {
    /// The user's files that it names, relative to the task root.
    pub files: Vec<PathBuf>,
    /// How a worker for it is started.
    pub runnable: Box<dyn Runnable>,
}

impl Candidate {
    /// A file, and what is made of it.
    pub fn of_file<R: Runnable + 'static>(
        place: impl Into<PathBuf>,
        suffix: impl Into<String>,
        make: impl Fn(PathBuf) -> R + 'static,
    ) -> Self {
        Self {
            places: vec![place.into()],
            suffix: suffix.into(),
            make: Box::new(move |files| Found {
                files: vec![files[0].clone()],
                runnable: Box::new(make(files[0].clone())),
            }),
        }
    }
}

/// Why a text is no handler. All of these end the init.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Nothing can ever fit this text.
    #[error("handler `{handler}` {reason}")]
    Invalid {
        /// The text.
        handler: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The text fits files of two languages.
    #[error("{0}")]
    Ambiguous(String),
    /// No file fits.
    #[error("{0}")]
    NotFound(String),
}

impl From<HandlerError> for Failure {
    fn from(error: HandlerError) -> Self {
        let error_type = match error {
            HandlerError::Invalid { .. } | HandlerError::Ambiguous(_) => ErrorType::InvalidHandler,
            HandlerError::NotFound(_) => ErrorType::HandlerNotFound,
        };
        Self::new(error_type, error.to_string())
    }
}

/// What there is in the task root, and beyond it.
pub trait Places {
    /// Whether this is a file, or a directory or link to it of any kind.
    fn exists(&self, place: &Path) -> bool;
    /// Whether this is a file.
    fn is_file(&self, place: &Path) -> bool;
    /// Files that are there, relative to the task root.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }
}

impl<F: Fn(&Path) -> bool> Places for F {
    fn exists(&self, place: &Path) -> bool {
        self(place)
    }

    fn is_file(&self, place: &Path) -> bool {
        self(place)
    }
}

impl Handler {
    /// Reads the text of a handler.
    pub fn resolve(
        text: &str,
        languages: &[&'static dyn Language],
        places: &dyn Places,
    ) -> Result<Self, HandlerError> {
        grammar::resolve(text, languages, places)
    }
}

#[cfg(test)]
mod tests;
