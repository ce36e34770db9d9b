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

/// The kind of a language's transport: how its workers get an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// As frames, from a pipe.
    #[default]
    Resident,
    /// In files and pipes. The shim forks a process for each event, which opens them.
    Forking {
        /// The user's file.
        file: PathBuf,
        /// The function in it that is the handler.
        function: String,
        /// Whether the shim reports failing commands.
        has_stack: bool,
    },
    /// As the argument and the standard input of a program.
    Program(Option<Prelude>),
}

impl Kind {
    /// Whether a process waits for events. If not, each event starts a process.
    pub(super) fn has_worker(&self) -> bool {
        self.home() != Home::Program
    }

    /// The process in which a handler of this kind runs.
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
    /// The file's text. It writes to the path that replaces [`REPORTS`].
    pub text: String,
}

/// A placeholder in preludes for the path of a file. A prelude appends lines to it, each a
/// [`FailedCommand`](super::stack::FailedCommand).
pub const REPORTS: &str = "@REPORTS@";

/// How a language starts its workers.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// The interpreter, or the program.
    pub program: PathBuf,
    /// Its arguments. For a shim, those of its transport follow.
    pub arguments: Vec<OsString>,
    /// Additional environment variables.
    pub environment: Vec<(OsString, OsString)>,
    pub transport: Kind,
    /// The beginnings of an interpreter's crash report. An error quotes the log from that line.
    pub last_words: &'static [&'static str],
    /// The durable operations of the language, if it has them instead of the command `durable`.
    pub durable_library: Option<&'static str>,
    /// Whether handlers have the standard streams of a CGI program.
    pub takes_cgi: bool,
    /// The hint to log, once, if an event has an empty answer: the file may only define functions.
    pub empty_answer: Option<String>,
    /// The handler that runs the user's file as a program, if the file does not mention the function.
    pub as_program: Option<String>,
    /// The error if the interpreter does not start from its saved core.
    pub unfit_core: Option<String>,
}

/// The setup for the workers of one handler.
#[derive(Clone)]
pub struct Setup {
    pub launch: Arc<Launch>,
    pub settings: Arc<Settings>,
    pub children: Children,
}

impl Setup {
    /// The command of a process with this log, without the transport's arguments.
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
