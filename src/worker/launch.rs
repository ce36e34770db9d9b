//! How a worker's process is started.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use super::log::Log;
use crate::{
    process::{Children, handler::Home},
    settings::Settings,
};

/// The kind of a language's transport.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// As frames, from a pipe.
    #[default]
    Resident,
    /// From files and pipes that a process opens which the shim forks for each event.
    Forking {
        /// The user's file.
        file: PathBuf,
        /// The function in it that is the handler.
        function: String,
        /// Whether the shim reports the commands that fail.
        has_stack: bool,
    },
    /// As the argument and the standard input of a program.
    Program(Option<Prelude>),
}

impl Kind {
    /// Whether there is a process that waits for events. If not, each event starts one.
    pub(super) fn has_worker(&self) -> bool {
        self.home() != Home::Program
    }

    /// Where a handler of this kind runs.
    pub(super) fn home(&self) -> Home {
        match self {
            Self::Resident => Home::InWorker,
            Self::Forking { .. } => Home::ForkedFromWorker,
            Self::Program(_) => Home::Program,
        }
    }
}

/// A file that an interpreter runs before a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prelude {
    /// The environment variable that names the file.
    pub variable: &'static str,
    /// The file's text. It writes to the path that is put in the place of [`REPORTS`].
    pub text: String,
}

/// Stands in a prelude for the path of a file to which lines can be added, each of them a
/// [`FailedCommand`](super::stack::FailedCommand).
pub const REPORTS: &str = "@REPORTS@";

/// How a language starts its workers.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The interpreter, or the program.
    pub program: PathBuf,
    /// Its arguments. For a shim, those of its transport follow.
    pub arguments: Vec<OsString>,
    /// Environment variables beside the user's.
    pub environment: Vec<(OsString, OsString)>,
    /// The kind of its transport.
    pub transport: Kind,
    /// The beginnings of an interpreter's crash report. An error quotes the log from there on.
    pub last_words: &'static [&'static str],
    /// The durable operations of the language, where it has them in place of the command `durable`.
    pub durable_library: Option<&'static str>,
    /// Whether it has the standard streams of a CGI program.
    pub takes_cgi: bool,
    /// The hint to log, once, where an event succeeds with an empty answer: the file may only define functions.
    pub empty_answer: Option<String>,
    /// The handler that runs the user's file as a program, where the file does not mention the function.
    pub as_program: Option<String>,
    /// The error where the interpreter does not start from its saved core.
    pub unfit_core: Option<String>,
}

/// All that the workers of one handler are started and ended with.
#[derive(Clone)]
pub struct Setup {
    pub launch: Arc<Launch>,
    pub settings: Arc<Settings>,
    pub children: Children,
}

impl Setup {
    /// The command of a process with this log, without the transport's part.
    pub(super) fn command(&self, log: &Log) -> io::Result<Command> {
        let mut command = Command::new(&self.launch.program);
        command
            .args(&self.launch.arguments)
            .env_clear()
            .envs(&self.settings.environment)
            .envs(self.launch.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.settings.task_root)
            .stdin(Stdio::null())
            .stdout(log.end()?)
            .stderr(log.end()?);
        Ok(command)
    }
}
