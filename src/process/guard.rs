//! A process of our own that outlives the bootstrap where that is killed, and ends its workers.
//!
//! It is told on a pipe of each process group, when it begins and when its leader has ended. At the end of the pipe it
//! kills all that is left of them. It is no child of the bootstrap, which is the reaper of its workers alone.
//!
//! Local runs alone have one: on Lambda, and in a container whose main process is the bootstrap, all processes end with
//! the bootstrap.

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
    /// Starts one. Without it a run is as good, as long as it is not killed.
    pub(super) fn start() -> Option<Self> {
        Self::by_starter()
            .inspect_err(|error| tracing::warn!("no guard for a bootstrap that is killed: {error}"))
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

    /// Waits, once, until the starter has ended: only then the bootstrap may become a reaper, or the guard would be its
    /// child.
    pub(super) fn wait_for_start(&self) -> bool {
        let mut starter = self.starter.lock().expect("BUG: no code panics while it holds this lock");
        // the starter may have been reaped already
        starter.take().map(|mut starter| starter.wait()).is_some()
    }

    /// `+`: a group begins. `-`: its leader has ended.
    pub(super) fn tell(&self, sign: char, group: Pid) {
        // a guard that is gone is not missed while the bootstrap runs
        let _ = write(&self.pipe, format!("{sign}{}\n", group.as_raw_nonzero()).as_bytes());
    }
}

fn bootstrap(argument: &str) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("bootstrap").arg(argument);
    command
}

/// Does what these arguments say, if they are those of a guard. Its pipe is its standard input.
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
    /// The groups whose leaders have ended, and in which others run.
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
        // a group whose leader runs again is another one, with the same number
        self.left.retain(|&leader| Status::read(leader).is_none());
        let is_ours = |group| self.led.contains(&group) || self.left.contains(&group);
        kill_all(|| with_all_below(|process| process.group.is_some_and(is_ours)));
    }
}
