//! A second process of the bootstrap's binary, which kills the workers if the bootstrap is killed.
//!
//! The bootstrap writes to a pipe when a process group begins, and when its leader has ended. When the pipe closes, the
//! guard kills the remaining groups. It is no child of the bootstrap, so that the bootstrap reaps only workers.
//!
//! Only local runs have a guard: on Lambda, and in a container whose main process is the bootstrap, all processes end
//! with the bootstrap.

use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, BufRead},
    os::{fd::OwnedFd, unix::process::CommandExt},
    process::{Child, Command, ExitCode, Stdio},
    sync::Mutex,
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::write,
    pipe::{PipeFlags, pipe_with},
    process::{Pid, test_kill_process_group},
};

use super::proc::{Status, kill_all, with_all_below};

/// The argument that makes a bootstrap a guard.
const GUARD: &str = "--guard-workers";

/// The argument that makes a bootstrap start a guard and end.
const START: &str = "--start-guard";

pub(super) struct Guard {
    pipe: OwnedFd,
    starter: Mutex<Option<Child>>,
}

impl Guard {
    /// Starts a guard. If that fails, the run continues without one.
    pub(super) fn start() -> Option<Self> {
        Self::by_starter()
            .inspect_err(|error| tracing::warn!("workers will not end if the bootstrap is killed: {error}"))
            .ok()
    }

    /// Starts a process that starts the guard and ends, so that the guard is no child of the bootstrap.
    fn by_starter() -> io::Result<Self> {
        let (end, pipe) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        let mut command = bootstrap(START);
        command.env_clear().current_dir("/").process_group(0);
        let starter = command.stdin(end).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self { pipe, starter: Mutex::new(Some(starter)) })
    }

    /// Waits, once, until the starter has ended: if the bootstrap became a reaper earlier, the guard would be its
    /// child.
    pub(super) fn wait_for_start(&self) -> bool {
        let mut starter = self.starter.lock().expect("BUG: no code panics while it holds this lock");
        // the starter may have been reaped already
        starter.take().map(|mut starter| starter.wait()).is_some()
    }

    /// `+`: a group begins. `-`: its leader has ended.
    pub(super) fn tell(&self, sign: char, group: Pid) {
        // a guard that has ended is no error: the bootstrap still runs
        let _ = write(&self.pipe, format!("{sign}{}\n", group.as_raw_nonzero()).as_bytes());
    }
}

fn bootstrap(argument: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("bootstrap").arg(argument);
    command
}

/// Runs as a guard, if the arguments say so. The guard's standard input is the pipe.
pub fn run(arguments: &[OsString]) -> Option<ExitCode> {
    match arguments {
        [start] if start == START => {
            let started = bootstrap(GUARD).spawn();
            Some(if started.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        [guard] if guard == GUARD => {
            let mut groups = Groups::default();
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                groups.note(&line);
            }
            groups.kill();
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}

#[derive(Default)]
struct Groups {
    /// The groups whose leaders run.
    led: HashSet<Pid>,
    /// The groups whose leaders have ended, and in which other processes run.
    left: HashSet<Pid>,
}

impl Groups {
    fn note(&mut self, line: &str) {
        let Some((sign, group)) = line.split_at_checked(1) else { return };
        let Some(group) = group.parse().ok().and_then(Pid::from_raw) else { return };
        if sign == "+" {
            self.led.insert(group);
        } else if self.led.remove(&group) {
            self.left.insert(group);
            self.left.retain(|&group| test_kill_process_group(group).is_ok());
        }
    }

    fn kill(mut self) {
        // if the leader's number is in use, it belongs to another group
        self.left.retain(|&leader| Status::read(leader).is_none());
        let is_ours = |group| self.led.contains(&group) || self.left.contains(&group);
        kill_all(|| with_all_below(|process| process.group.is_some_and(is_ours)));
    }
}
