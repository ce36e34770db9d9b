//! Processes that an answer runs through: those of `exec > >(tee log)` belong to it, a child sent off with `&` does
//! not.
//!
//! They are told apart by what they read: a filter reads from a pipe, a child in the background from `/dev/null`.

use std::{
    collections::HashSet,
    fs,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use rustix::{
    fs::{Mode, OFlags, fstat, open},
    io::ioctl_fionread,
    process::{Pid, getpid},
};

use super::{
    Children,
    proc::{Status, children_of, file},
};

/// How long a filter is waited for whose pipe a process left behind can still write to.
const SHARED_LIMIT: Duration = Duration::from_millis(100);

/// The same of one that holds both ends of its pipe: it has just been forked and closes one of them, or the pipe is
/// no filter's, and empty.
const OWN_LIMIT: Duration = Duration::from_secs(2);

/// How often is looked at what is there until it is twice the same.
const LOOKS: usize = 100;

/// The processes that can still write to the answer of a handler that has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// No process: what is in its pipe is the answer's, and more does not come.
    Nobody,
    /// A process that it runs through: more may come.
    Filters,
    /// One that has passed on all that there was: what is in its pipe is the answer's.
    IdleFilters,
    /// Children in the background alone: what they write is no answer.
    Others,
}

impl Children {
    /// The holders of the pipe of the answer of a handler that has ended. `handler` is the handler's process, if it is not gone
    /// yet.
    #[must_use]
    pub fn writers(&self, answer: impl AsFd, handler: Option<Pid>, ended: Instant) -> Writers {
        let Ok(answer) = fstat(answer).map(|status| format!("pipe:[{}]", status.st_ino)) else {
            return Writers::Others;
        };
        let mut before = Vec::new();
        for _ in 0..LOOKS {
            let left = self.left_behind(handler);
            if left.is_empty() {
                return Writers::Nobody;
            }
            let processes: Vec<_> = with_all_below(left).into_iter().map(Process::read).collect();
            let writers = writers_of(&answer, &processes, ended.elapsed());
            // while they are looked at, one may end and leave others behind, or move a descriptor
            if writers == Writers::Filters || processes == before {
                return writers;
            }
            before = processes;
        }
        Writers::Filters
    }

    /// The children of the handler, and what has lost its parent: most of the time there are none.
    fn left_behind(&self, handler: Option<Pid>) -> Vec<Pid> {
        let mut left: Vec<_> = handler.map(children_of).unwrap_or_default();
        let own = children_of(getpid());
        let exits = self.exits();
        left.extend(own.into_iter().filter(|pid| !exits.contains_key(pid) && !self.inherited.contains(pid)));
        left
    }
}

fn writers_of(answer: &str, processes: &[Process], since: Duration) -> Writers {
    let mut found = Writers::Nobody;
    for process in processes.iter().filter(|process| process.writes(answer)) {
        let mut inputs = process.inputs.iter().filter(|input| input.pipe != answer).peekable();
        let is_filter = inputs.peek().is_some();
        if inputs.any(|input| may_pass_on_more(process, input, processes, since)) {
            return Writers::Filters;
        }
        if is_filter {
            found = Writers::IdleFilters;
        } else if found == Writers::Nobody {
            found = Writers::Others;
        }
    }
    found
}

/// Whether more may come out of a filter by this pipe.
fn may_pass_on_more(filter: &Process, input: &Input, processes: &[Process], since: Duration) -> bool {
    let mut others = processes.iter().filter(|other| other.pid != filter.pid);
    let limit = if others.any(|other| other.writes(&input.pipe)) {
        SHARED_LIMIT
    } else if filter.writes(&input.pipe) {
        OWN_LIMIT
    } else {
        return true;
    };
    since < limit && !filter.is_idle_at(input)
}

/// A process and the pipes that it has open.
#[derive(PartialEq, Eq)]
struct Process {
    pid: Pid,
    /// Whether it does not only wait to be reaped.
    runs: bool,
    inputs: Vec<Input>,
    /// The pipes that it can write to.
    outputs: Vec<String>,
}

/// A pipe that is read. Right after a fork it is not the standard input yet.
#[derive(PartialEq, Eq)]
struct Input {
    descriptor: String,
    pipe: String,
}

impl Process {
    fn read(pid: Pid) -> Self {
        let directory = format!("/proc/{}/fd", pid.as_raw_nonzero());
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(target) = fs::read_link(entry.path()) else { continue };
            let Some(pipe) = target.to_str().filter(|target| target.starts_with("pipe:[")) else { continue };
            let descriptor = entry.file_name().to_string_lossy().into_owned();
            let info = file(pid, &format!("fdinfo/{descriptor}"));
            let info = String::from_utf8_lossy(&info);
            // the last octal digit is the access mode
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
            if flags.trim_end().ends_with(['1', '2']) {
                outputs.push(pipe.to_owned());
            } else {
                inputs.push(Input { descriptor, pipe: pipe.to_owned() });
            }
        }
        let runs = Status::read(pid).is_some_and(|status| !status.has_ended());
        Self { pid, runs, inputs, outputs }
    }

    fn writes(&self, pipe: &str) -> bool {
        self.outputs.iter().any(|own| own == pipe)
    }

    /// Whether it has read all that is there, and sleeps.
    fn is_idle_at(&self, input: &Input) -> bool {
        let path = format!("/proc/{}/fd/{}", self.pid.as_raw_nonzero(), input.descriptor);
        let pipe = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
        let is_empty = pipe.is_ok_and(|pipe| ioctl_fionread(pipe).is_ok_and(|unread| unread == 0));
        is_empty && Status::read(self.pid).is_none_or(|status| status.is_idle())
    }
}

/// These processes and all below them.
fn with_all_below(mut pids: Vec<Pid>) -> Vec<Pid> {
    let mut seen: HashSet<_> = pids.iter().copied().collect();
    let mut next = 0;
    while next < pids.len() {
        pids.extend(children_of(pids[next]).into_iter().filter(|pid| seen.insert(*pid)));
        next += 1;
    }
    pids
}
