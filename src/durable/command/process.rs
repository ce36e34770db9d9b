//! Runs a command as a separate process.

use std::{
    io,
    os::fd::OwnedFd,
    process::{Child, Command, Stdio},
};

use rustix::io::Errno;

use super::{
    body::{Body, Variable},
    ended::Ended,
    error::CommandError,
    pipes::Pipes,
};

/// Runs it to its end.
pub(super) fn run(body: &Body<'_>, variables: &[Variable]) -> Result<Ended, CommandError> {
    let name = body.name();
    let failed = |error| CommandError::Io(format!("`{name}` cannot be run to its end"), error);
    let mut child = match spawn(body, variables).map_err(failed)? {
        Ok(child) => child,
        Err(error) => return Ok(Ended::not_run(&name, &error)),
    };
    let mut pipes = Pipes::new(child.stdout.take().map(OwnedFd::from), child.stderr.take().map(OwnedFd::from));
    let status = pipes.pass_on(|| child.try_wait()).map_err(failed)?;
    let status = status.map_or_else(|| child.wait(), Ok).map_err(failed)?;
    Ok(Ended::of(&name, status, pipes))
}

/// Starts it. The inner error is the command's.
fn spawn(body: &Body<'_>, variables: &[Variable]) -> io::Result<io::Result<Child>> {
    let (program, arguments) = (&body.command[0], &body.command[1..]);
    let input = || body.input_file().map(|file| file.map_or_else(Stdio::null, Stdio::from));
    let spawn = |mut command: Command| {
        command.args(arguments).envs(variables.iter().map(|(name, value)| (name, value)));
        io::Result::Ok(command.stdin(input()?).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn())
    };
    let started = spawn(Command::new(program))?;
    let is_script = |error: &io::Error| error.raw_os_error() == Some(Errno::NOEXEC.raw_os_error());
    if started.as_ref().is_err_and(is_script)
        && let Ok(path) = which::which(program)
    {
        // a file without `#!`, which shells run as a script
        let mut shell = Command::new("sh");
        shell.arg(path);
        return spawn(shell);
    }
    Ok(started)
}
