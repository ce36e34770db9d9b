//! Handlers: the text, the languages that can run it, and the errors of a text that is no handler. `grammar` reads it.

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
    settings::Settings,
    worker::Launch,
};

/// The function or file that runs for each event.
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
    /// Makes the files that workers need and the image lacks. It comes before [`Self::launch`].
    fn prepare<'a>(
        &'a self,
        _settings: &'a Settings,
        _children: &'a Children,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        ready(Ok(())).boxed()
    }

    /// How a worker for it is started.
    fn launch(&self, settings: &Settings) -> Result<Launch, Failure>;
}

/// A language, as the grammar sees it.
pub trait Language: Sync {
    /// Its name for people.
    fn name(&self) -> &'static str;

    /// The meanings of a text, read in this way.
    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, HandlerError>;

    /// Whether one of its own places exists; `None` if it is not one.
    fn has_place(&self, _settings: &Settings, _place: &Path) -> Option<bool> {
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

/// A meaning that holds if one of its places exists; one without places always holds.
pub struct Candidate {
    /// Relative to the task root, or absolute.
    pub places: Vec<PathBuf>,
    /// The end of the handler that can mean nothing else; it follows the place.
    pub suffix: String,
    /// Makes the handler; the argument is the places that exist.
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
    /// A file, and the handler that is made of it.
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
        /// The fault, and the text to write instead.
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

/// The files of the task root, and the modules of layers and interpreters.
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
