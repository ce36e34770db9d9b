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
    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, Failure>;

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

/// A meaning of a handler's text.
#[derive(Debug)]
pub struct Candidate {
    /// It holds if this exists, relative to the task root or absolute; without a place, it always holds.
    pub place: Option<PathBuf>,
    /// The end of the handler that can mean nothing else; it follows the place.
    pub suffix: String,
    pub runnable: Box<dyn Runnable>,
}

impl Candidate {
    pub fn new(
        place: impl Into<PathBuf>,
        suffix: impl Into<String>,
        runnable: impl Runnable + 'static,
    ) -> Self {
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
    /// Files that are there, relative to the task root.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }
    /// The end of the error where no file fits: a reason that the task root gives for it.
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
