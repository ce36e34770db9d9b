//! The command of a step: how it runs, and the end it comes to.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read, Seek, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{MemfdFlags, memfd_create},
};

use super::error::CommandError;
use crate::{
    durable::message::Message,
    failure::ErrorType,
    limits::{BLOCK, PAYLOAD_LIMIT},
};

/// The argument that makes this program pass on its standard input.
pub(super) const PASS_ON: &str = "--pass-on";

/// How much of standard error is kept for the message of an error, in bytes.
const TAIL: usize = 2048;

/// How often a command that has closed its standard output is looked at.
const LOOK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A command with the standard input that it gets, where it gets one.
pub(super) struct Body<'a> {
    pub(super) command: &'a [OsString],
    pub(super) input: Option<&'a [u8]>,
}

/// A variable of a command.
pub(super) type Variable = (&'static str, String);

/// The end of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// What it has printed, without the newlines at its end.
    pub(super) output: Vec<u8>,
    /// The error, where there is one.
    pub(super) failed: Option<Failed>,
}

/// The error of a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    pub(super) status: i32,
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

impl Ended {
    /// The fields of `end`.
    pub(super) fn message(self, id: &str) -> Message {
        let end = Message::new("end").with("id", id);
        match self.failed {
            None => end.with("result", self.output),
            Some(failed) => end
                .with("status", failed.status.to_string())
                .with("type", failed.error_type)
                .with("message", failed.message),
        }
    }

    /// The exit status, where it is one that is not 0.
    pub(super) fn exit_status(&self) -> Option<i32> {
        let failed = self.failed.as_ref()?;
        (failed.error_type == ErrorType::ExitStatus.as_str()).then_some(failed.status)
    }

    /// The same, or the error of a result that cannot be kept.
    fn checked(mut self, name: &str, is_over_limit: bool) -> Self {
        while self.output.last() == Some(&b'\n') {
            self.output.pop();
        }
        let (error_type, message) = if is_over_limit {
            ("Durable.ResultTooLarge", too_large(name))
        } else if std::str::from_utf8(&self.output).is_err() {
            ("Durable.InvalidResult", not_text(name))
        } else {
            return self;
        };
        self.failed.get_or_insert(Failed { status: 1, error_type, message });
        self
    }
}

fn too_large(name: &str) -> String {
    format!(
        "`{name}` has printed more than {PAYLOAD_LIMIT} bytes, which no step can keep: put them into Amazon S3 and \
         print their address"
    )
}

fn not_text(name: &str) -> String {
    format!(
        "`{name}` has printed bytes that are no UTF-8, and results are text: encode them, as with `base64`"
    )
}

impl Body<'_> {
    /// Runs it to its end.
    pub(super) fn run(&self, variables: &[Variable]) -> Result<Ended, CommandError> {
        let name = self.command[0].to_string_lossy().into_owned();
        let failed = |error| CommandError::Io(format!("`{name}` cannot be run to its end"), error);
        let mut child = match self.spawn(variables).map_err(failed)? {
            Ok(child) => child,
            Err(error) => {
                let status = if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 };
                let message = format!("`{name}` cannot be run: {error}");
                let error_type = ErrorType::ExitStatus.as_str();
                let failed = Some(Failed { status, error_type, message });
                return Ok(Ended { output: Vec::new(), failed });
            }
        };
        let mut pipes = Pipes::of(&mut child);
        let status = pipes.pass_on(&mut child).map_err(failed)?;
        let failed = failure(&name, status, &pipes.tail);
        let is_over_limit = pipes.output.len() > PAYLOAD_LIMIT;
        Ok(Ended { output: pipes.output, failed }.checked(&name, is_over_limit))
    }

    /// Starts it. The inner error is one of the command.
    fn spawn(&self, variables: &[Variable]) -> io::Result<io::Result<Child>> {
        let (program, arguments) = (&self.command[0], &self.command[1..]);
        let input = || self.input.map_or_else(|| Ok(Stdio::null()), |bytes| file_of(bytes).map(Stdio::from));
        let spawn = |mut command: Command, arguments: &[OsString]| {
            command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
            io::Result::Ok(command.stdin(input()?).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
        };
        let started = spawn(Command::new(program), arguments)?;
        let is_script = started
            .as_ref()
            .is_err_and(|error| error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()));
        match which::which(program) {
            // a file without `#!`, which a shell takes for a script of its own
            Ok(path) if is_script => spawn(shell(path.as_os_str()), arguments),
            _ => Ok(started),
        }
    }
}

fn shell(script: &OsStr) -> Command {
    let mut shell = Command::new("sh");
    shell.arg(script);
    shell
}

/// A file in memory that holds these bytes.
fn file_of(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// The error of a command that has ended with this status.
fn failure(name: &str, status: ExitStatus, tail: &[u8]) -> Option<Failed> {
    let (code, error_type, end) = match (status.code(), status.signal()) {
        (Some(0), _) => return None,
        (Some(code), _) => (code, ErrorType::ExitStatus, format!("ended with status {code}")),
        (None, signal) => (128 + signal.unwrap_or(0), ErrorType::Signal, format!("was ended by {status}")),
    };
    let message = format!("`{name}` {end}{}", last_line(tail));
    Some(Failed { status: code, error_type: error_type.as_str(), message })
}

/// The last line that says something, behind a colon.
pub(super) fn last_line(tail: &[u8]) -> String {
    let tail = String::from_utf8_lossy(tail);
    let line = tail.trim_end().lines().last().map(str::trim_end).filter(|line| !line.is_empty());
    line.map(|line| format!(": {line}")).unwrap_or_default()
}

/// The pipes from a command.
struct Pipes {
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    output: Vec<u8>,
    tail: Vec<u8>,
    block: Vec<u8>,
}

impl Pipes {
    fn of(child: &mut Child) -> Self {
        Self {
            stdout: child.stdout.take().map(OwnedFd::from),
            stderr: child.stderr.take().map(OwnedFd::from),
            output: Vec::new(),
            tail: Vec::new(),
            block: vec![0; BLOCK],
        }
    }

    /// Collects the output until the last process has closed it, as `$( )` does, and passes on standard error until the
    /// command has ended.
    fn pass_on(&mut self, child: &mut Child) -> io::Result<ExitStatus> {
        while self.stdout.is_some() || self.stderr.is_some() {
            let is_ready = self.read(self.stdout.is_none().then_some(&LOOK_INTERVAL))?;
            if self.stdout.is_none()
                && !is_ready
                && let Some(status) = child.try_wait()?
            {
                // a process that is left behind still has standard error
                self.stderr.take().map(|rest| leave(rest.into())).transpose()?;
                return Ok(status);
            }
        }
        child.wait()
    }

    /// Waits for one of the pipes, and reads it; false at the end of the time.
    fn read(&mut self, limit: Option<&Timespec>) -> io::Result<bool> {
        let pipes: Vec<_> = [&self.stdout, &self.stderr].into_iter().flatten().collect();
        let mut polled: Vec<_> = pipes.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN)).collect();
        match poll(&mut polled, limit) {
            Err(rustix::io::Errno::INTR) => return Ok(true),
            ready => _ = ready?,
        }
        let mut ready = polled.iter().map(|pipe| !pipe.revents().is_empty());
        let stdout = self.stdout.is_some() && ready.next().unwrap_or_default();
        let stderr = self.stderr.is_some() && ready.next().unwrap_or_default();
        drop(polled);
        if stdout {
            self.read_stdout()?;
        }
        if stderr {
            self.read_stderr()?;
        }
        Ok(stdout || stderr)
    }

    fn read_stdout(&mut self) -> io::Result<()> {
        let Some(pipe) = &self.stdout else { return Ok(()) };
        match rustix::io::read(pipe, &mut self.block[..])? {
            0 => self.stdout = None,
            // one byte more than the limit shows that there were more
            count => {
                let left = (PAYLOAD_LIMIT + 1).saturating_sub(self.output.len());
                self.output.extend_from_slice(&self.block[..count.min(left)]);
            }
        }
        Ok(())
    }

    fn read_stderr(&mut self) -> io::Result<()> {
        let Some(pipe) = &self.stderr else { return Ok(()) };
        match rustix::io::read(pipe, &mut self.block[..])? {
            0 => self.stderr = None,
            count => {
                // nobody may read it
                let _ = io::stderr().write_all(&self.block[..count]);
                self.tail.extend_from_slice(&self.block[..count]);
                let dropped = self.tail.len().saturating_sub(TAIL);
                self.tail.drain(..dropped);
            }
        }
        Ok(())
    }
}

/// Starts a process that passes on the rest of standard error, which has no end before that of a process left behind.
fn leave(rest: ChildStderr) -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("durable").arg(PASS_ON);
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    command.stdin(rest).stdout(stderr).stderr(Stdio::null()).spawn().map(drop)
}

/// Passes on standard input, in the process that was started for this.
pub(super) fn pass_on() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::stdout().lock()).map(drop)
}

/// All of standard input.
pub(super) fn standard_input() -> Result<Vec<u8>, CommandError> {
    let mut input = Vec::new();
    io::stdin()
        .lock()
        .read_to_end(&mut input)
        .map_err(|error| CommandError::Io("standard input cannot be read".to_owned(), error))?;
    Ok(input)
}
