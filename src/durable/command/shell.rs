//! A shell that runs the functions of steps itself: the function `durable` of Bash's shim.
//!
//! The shell has started this process with a pipe at descriptor 3. It reads fields from the pipe that each end in a
//! NUL:
//!
//! - `run`, three files for standard output, standard error (`-`: unchanged) and standard input, a file for the status,
//!   the variables as `NAME=VALUE`, and an empty field: the shell runs the function once. It first prints a dot, which
//!   shows that it has opened the file, and writes the status at the end.
//! - a number: the exit status of the command `durable`. It is the last field.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{ffi::OsStrExt, process::ExitStatusExt},
    },
    process::ExitStatus,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{PipeFlags, pipe_with},
};

use super::{
    body::{Body, Variable},
    ended::Ended,
    error::CommandError,
    pipes::Pipes,
};

/// The first argument of a shell that runs functions.
const SHELL: &str = "--shell";

/// The same if the arguments of the function come on a pipe, each with a NUL at its end.
const SHELL_WORDS: &str = "--shell-words";

/// The pipe to the shell.
const CONTROL: &str = "/proc/self/fd/3";

/// The pipe with the arguments.
const WORDS: &str = "/proc/self/fd/4";

/// The shell.
pub(super) struct Shell(File);

impl Shell {
    /// The shell that started this process, if one did, and the rest of the arguments.
    pub(super) fn of(arguments: &[OsString]) -> Result<Option<(Self, Vec<OsString>)>, CommandError> {
        let Some((first, rest)) = arguments.split_first() else { return Ok(None) };
        let mut arguments = rest.to_vec();
        if first == SHELL_WORDS {
            let words = fs::read(WORDS).map_err(|error| unusable(WORDS, error))?;
            let words = words.strip_suffix(b"\0").map(|words| words.split(|&byte| byte == 0));
            arguments.extend(words.into_iter().flatten().map(|word| OsStr::from_bytes(word).to_owned()));
        } else if first != SHELL {
            return Ok(None);
        }
        let control = OpenOptions::new().write(true).open(CONTROL);
        control.map(|control| Some((Self(control), arguments))).map_err(|error| unusable(CONTROL, error))
    }

    /// Sends the status with which `durable` ends.
    pub(super) fn end(mut self, status: u8) {
        // a shell that has ended needs none
        let _ = self.0.write_all(format!("{status}\0").as_bytes());
    }

    /// Lets the shell run a function.
    pub(super) fn run(&self, body: &Body<'_>, variables: &[Variable]) -> Result<Ended, CommandError> {
        let name = body.name();
        let failed = |error| CommandError::Io(format!("`{name}` cannot be run to its end"), error);
        let (status, pipes) = self.run_to_end(body, variables).map_err(failed)?;
        Ok(Ended::of(&name, status, pipes))
    }

    fn run_to_end(&self, body: &Body<'_>, variables: &[Variable]) -> io::Result<(ExitStatus, Pipes)> {
        let (output, to_output) = pipe_with(PipeFlags::CLOEXEC)?;
        let (status, to_status) = pipe_with(PipeFlags::CLOEXEC)?;
        // does not poll during a context, so that the bootstrap sees that this process waits for the operations inside
        let errors = (!body.is_context).then(|| pipe_with(PipeFlags::CLOEXEC)).transpose()?;
        let input = body.input_file()?;
        let path = |file: i32| format!("/proc/{}/fd/{file}", std::process::id());
        let mut fields = vec!["run".to_owned(), path(to_output.as_raw_fd())];
        fields.push(errors.as_ref().map_or("-".to_owned(), |(_, to)| path(to.as_raw_fd())));
        fields.push(input.as_ref().map_or("/dev/null".to_owned(), |file| path(file.as_raw_fd())));
        fields.push(path(to_status.as_raw_fd()));
        fields.extend(variables.iter().map(|(name, value)| format!("{name}={value}")));
        (&self.0).write_all((fields.join("\0") + "\0\0").as_bytes())?;
        // the shell has opened the pipe now
        (&File::from(output.try_clone()?)).read_exact(&mut [0])?;
        drop(to_output);
        let errors = errors.map(|(errors, _)| errors);
        let mut pipes = Pipes::new(Some(output), errors);
        pipes.pass_on(|| has_input(&status).map(|has| has.then_some(())))?;
        let mut line = String::new();
        BufReader::new(File::from(status)).read_line(&mut line)?;
        drop(to_status);
        let code: i32 = line.trim_end().parse().map_err(|_| io::Error::other("the shell tells no status"))?;
        Ok((ExitStatus::from_raw(code << 8), pipes))
    }
}

fn unusable(path: &str, error: io::Error) -> CommandError {
    CommandError::Io(format!("`{path}` cannot be opened"), error)
}

fn has_input(pipe: &OwnedFd) -> io::Result<bool> {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    Ok(poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&now))? > 0)
}
