//! The pipes from the command of a step: its output is collected, and its standard error is copied.

use std::{
    io::{self, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    process::{ChildStderr, Command, Stdio},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::limits::{BLOCK, PAYLOAD_LIMIT};

/// The time between two checks of a command that has closed its standard output.
const LOOK_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// How much of standard error is kept for the message of an error, in bytes.
const TAIL: usize = 2048;

/// The argument that makes this program copy its standard input.
pub(super) const PASS_ON: &str = "--pass-on";

/// The pipes from a command.
pub(super) struct Pipes {
    stdout: Option<OwnedFd>,
    stderr: Option<OwnedFd>,
    pub(super) output: Vec<u8>,
    pub(super) tail: Vec<u8>,
    block: Vec<u8>,
}

impl Pipes {
    pub(super) fn new(stdout: Option<OwnedFd>, stderr: Option<OwnedFd>) -> Self {
        Self { stdout, stderr, output: Vec::new(), tail: Vec::new(), block: vec![0; BLOCK] }
    }

    /// Collects the output until the last process has closed it, as `$( )` does, and copies standard error until the
    /// command has ended. `end` returns whether it has.
    pub(super) fn pass_on<T>(&mut self, mut end: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
        while self.stdout.is_some() || self.stderr.is_some() {
            let is_ready = self.read(self.stdout.is_none().then_some(&LOOK_INTERVAL))?;
            if self.stdout.is_none()
                && !is_ready
                && let Some(status) = end()?
            {
                // a background process still has standard error open
                self.stderr.take().map(|rest| leave(rest.into())).transpose()?;
                return Ok(Some(status));
            }
        }
        Ok(None)
    }

    /// Whether the output is over the limit.
    pub(super) fn are_over_limit(&self) -> bool {
        self.output.len() > PAYLOAD_LIMIT
    }

    /// Waits for one of the pipes, and reads it; false at the time limit.
    fn read(&mut self, limit: Option<&Timespec>) -> io::Result<bool> {
        if self.stderr.is_none() {
            return self.read_stdout().map(|()| true);
        }
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
            // one byte over the limit shows that there was more
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
                // standard error may have no reader
                let _ = io::stderr().write_all(&self.block[..count]);
                self.tail.extend_from_slice(&self.block[..count]);
                let dropped = self.tail.len().saturating_sub(TAIL);
                self.tail.drain(..dropped);
            }
        }
        Ok(())
    }
}

/// Starts a process that copies the rest of standard error, until the last background process has ended.
fn leave(rest: ChildStderr) -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("durable").arg(PASS_ON);
    let stderr = io::stderr().as_fd().try_clone_to_owned()?;
    command.stdin(rest).stdout(stderr).stderr(Stdio::null()).spawn().map(drop)
}

/// Copies standard input, in that process.
pub(super) fn pass_on() -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut io::stdout().lock()).map(drop)
}
