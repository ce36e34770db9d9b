//! How a worker's process is started.

use std::{
    ffi::OsString,
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
};

use super::transport::Kind;
use crate::{
    process::{Child, Children},
    settings::Config,
};

/// What a language says of its worker.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The interpreter, or the program.
    pub program: PathBuf,
    /// Its arguments. A shim gets those of its transport behind them.
    pub arguments: Vec<OsString>,
    /// What it needs in its environment beside the user's.
    pub environment: Vec<(OsString, OsString)>,
    /// How it gets its events.
    pub transport: Kind,
    /// How an interpreter begins its last words, where it says more behind them than is quoted in an error.
    pub last_words: &'static [&'static str],
    /// Whether it can be a CGI program: it has the standard streams of one.
    pub takes_cgi: bool,
    /// What to log, once, where an event succeeds with an empty answer: the file may only define functions.
    pub empty_answer: Option<String>,
    /// The handler that runs the user's file as a program, where the file does not speak of the function.
    pub as_program: Option<String>,
}

/// Starts processes of one worker.
pub(super) struct Starter {
    pub(super) launch: Arc<Launch>,
    pub(super) config: Arc<Config>,
    pub(super) children: Children,
    /// Where they write their log.
    pub(super) log: OwnedFd,
}

impl Starter {
    /// The command, up to what the transport adds.
    pub(super) fn command(&self) -> io::Result<Command> {
        let mut command = Command::new(&self.launch.program);
        command
            .args(&self.launch.arguments)
            .env_clear()
            .envs(&self.config.environment)
            .envs(self.launch.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.config.task_root)
            .stdin(Stdio::null())
            .stdout(self.log.try_clone()?)
            .stderr(self.log.try_clone()?);
        Ok(command)
    }

    pub(super) fn start(&self, command: &mut Command) -> io::Result<Child> {
        self.children.spawn(command)
    }
}
