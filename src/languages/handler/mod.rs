//! Handlers: the text, and the languages that can run it. `grammar` reads it.

mod grammar;
mod suggestion;
mod text;

use std::{
    fmt::Debug,
    future::ready,
    path::{Path, PathBuf},
};

use futures_util::future::{BoxFuture, FutureExt};

pub use self::{
    grammar::resolve,
    text::{inside_task_root, invalid, is_name},
};
use crate::{failure::Failure, process::Children, settings::Settings, worker::Launch};

/// A function or a file that a language can run.
pub trait Runnable: Debug + Send + Sync {
    /// Creates files that workers need and the image lacks. Called before [`Self::launch`].
    fn prepare<'a>(&'a self, _settings: &'a Settings, _children: &'a Children) -> BoxFuture<'a, Result<(), Failure>> {
        ready(Ok(())).boxed()
    }

    /// The start of a worker for it.
    fn launch(&self, settings: &Settings) -> Result<Launch, Failure>;
}

/// A language, for the grammar.
pub trait Language: Sync {
    /// Its name in messages.
    fn name(&self) -> &'static str;

    /// The meanings of a text, read in this way.
    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, Failure>;

    /// Whether one of its own places exists; `None` if it is not one.
    fn has_place(&self, _settings: &Settings, _place: &Path) -> Option<bool> {
        None
    }

    /// The handlers that run this file or its `function`, to suggest if no file matches.
    fn handlers(&self, _file: &str, _function: &str) -> Vec<String> {
        Vec::new()
    }
}

/// The ways to read the text of a handler, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// By its form, independent of files.
    Shape(&'a str),
    /// As the name of a file, or of a script without its extension.
    File(&'a str),
    /// As a file with its extension, and a function.
    FunctionOfFile(&'a str, &'a str),
    /// As a file without its extension, and a function.
    FunctionOfStem(&'a str, &'a str),
}

/// A meaning of a handler's text.
#[derive(Debug)]
pub struct Candidate {
    /// The candidate applies if this exists, relative to the task root or absolute; without a place, it always applies.
    pub place: Option<PathBuf>,
    /// The end of an unambiguous handler, which follows the place.
    pub suffix: String,
    pub runnable: Box<dyn Runnable>,
}

impl Candidate {
    pub fn new(place: impl Into<PathBuf>, suffix: impl Into<String>, runnable: impl Runnable + 'static) -> Self {
        Self { place: Some(place.into()), suffix: suffix.into(), runnable: Box::new(runnable) }
    }
}

/// The files of the task root, and the modules of layers and interpreters.
pub trait Places {
    /// Whether this is a file, or a directory or link to it of any kind.
    fn exists(&self, place: &Path) -> bool;
    /// Whether this is a file.
    fn is_file(&self, place: &Path) -> bool {
        self.exists(place)
    }
    /// The existing files, relative to the task root.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }
    /// The end of the error if no file matches: a reason, if the task root shows one.
    fn reason(&self) -> String {
        String::new()
    }
}

impl<F: Fn(&Path) -> bool> Places for F {
    fn exists(&self, place: &Path) -> bool {
        self(place)
    }
}

#[cfg(test)]
mod tests;
