//! Filters: processes that an answer or a log passes through, as in `exec > >(tee log)`. A background process (`&`) is
//! none.
//!
//! The standard input shows the difference: a filter reads from a pipe, a background process from `/dev/null`.

use std::{
    collections::HashSet,
    fs,
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    fs::{FileType, Mode, OFlags, fstat, open, stat},
    io::ioctl_fionread,
    process::{Pid, getpid},
};

use super::{
    Children,
    proc::{Status, children_of, file, place},
};

/// How long to wait for a filter if a process that the handler left behind can still write to the filter's pipe.
const SHARED_LIMIT: Duration = Duration::from_millis(100);

/// How long to wait for a process that has both ends of its pipe: it was just forked and will close one, or it is no
/// filter, and the pipe is empty.
const OWN_LIMIT: Duration = Duration::from_secs(2);

/// How long to wait for a process whose only descriptor of the log is standard error: it may be a filter of the log or
/// of another file.
const UNCERTAIN_LIMIT: Duration = Duration::from_millis(300);

/// Descriptors by which a filter of standard error writes to the log, as `/proc` names them. From 10 on, they are
/// copies that Bash keeps for itself.
const OTHERS: [&str; 8] = ["1", "3", "4", "5", "6", "7", "8", "9"];

/// How often the processes are read, until two readings are the same.
const LOOKS: usize = 100;

/// The processes that can still write to the answer of a handler that has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// No process, or a filter that has passed on all of its input. No more output comes.
    Nobody,
    /// A filter. More output may come.
    Filters,
    /// Only background processes. Their output is no part of the answer.
    Others,
}

/// A pipe, by its device and its inode: a named one is found, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PipeName(u64, u64);

/// A shell that forks handlers. A child that it started while it loaded the file can be a filter, too.
pub struct Shell {
    pub pid: Pid,
    /// Pipes that the bootstrap writes to. A process that reads from one is no filter for that reason.
    pub requests: Vec<PipeName>,
}

impl PipeName {
    /// The name of this pipe; a name that no pipe has if `fstat` fails.
    pub fn of(pipe: impl AsFd) -> Self {
        fstat(pipe).map_or(Self(0, 0), |status| Self(status.st_dev, status.st_ino))
    }

    /// The pipe behind a link in `/proc`, if it is one.
    fn at(link: impl AsRef<Path>) -> Option<Self> {
        let status = stat(link.as_ref()).ok()?;
        let is_pipe = FileType::from_raw_mode(status.st_mode).is_fifo();
        is_pipe.then_some(Self(status.st_dev, status.st_ino))
    }
}

impl Children {
    /// The writers of the answer of a handler that has ended, and whether more output may come through a filter of its
    /// log. `shell` is the shell that forked the handler.
    pub fn writers(&self, answer: &PipeName, log: &PipeName, shell: Option<&Shell>, ended: Instant) -> (Writers, bool) {
        let requests = shell.map(|shell| &shell.requests[..]).unwrap_or_default();
        let mut before = Vec::new();
        for _ in 0..LOOKS {
            let left = self.left_behind(shell);
            if left.is_empty() {
                return (Writers::Nobody, false);
            }
            let read = |pid| Process::read(pid, requests);
            let processes: Vec<_> = with_all_below(left).into_iter().map(read).collect();
            let writers = writers_of(answer, &processes, ended.elapsed());
            let log_is_filtered = is_filtered(log, &processes, ended.elapsed());
            // during a reading, a process may end and leave others behind, or move a descriptor
            if writers == Writers::Filters || log_is_filtered || processes == before {
                return (writers, log_is_filtered);
            }
            before = processes;
        }
        (Writers::Filters, false)
    }

    /// The processes that have lost their parent, and the shell, if one of its children may be a filter. Mostly there
    /// are none.
    fn left_behind(&self, shell: Option<&Shell>) -> Vec<Pid> {
        let own = children_of(getpid());
        let exits = self.exits();
        let orphans = own.into_iter().filter(|pid| !exits.contains_key(pid) && !self.inherited.contains(pid));
        let shell = shell.map(|shell| shell.pid).filter(|&shell| children_of(shell).into_iter().any(reads_a_pipe));
        orphans.chain(shell).collect()
    }
}

fn writers_of(pipe: &PipeName, processes: &[Process], since: Duration) -> Writers {
    let writing: Vec<_> = processes.iter().filter(|process| process.writes(pipe)).collect();
    let filters = writing.iter().flat_map(|process| {
        let inputs = process.inputs.iter().filter(|input| input.pipe != *pipe);
        inputs.map(|input| may_pass_on_more(process, input, processes, since))
    });
    match filters.max() {
        Some(true) => Writers::Filters,
        None if !writing.is_empty() => Writers::Others,
        Some(false) | None => Writers::Nobody,
    }
}

/// Whether more output may come to the log through a filter.
fn is_filtered(log: &PipeName, processes: &[Process], since: Duration) -> bool {
    let mut writers = processes.iter().filter(|process| process.writes(log));
    writers.any(|process| {
        let by_more = process.outputs.iter().any(|end| end.pipe == *log && OTHERS.contains(&&*end.descriptor));
        let mut inputs = process.inputs.iter();
        (by_more || since < UNCERTAIN_LIMIT) && inputs.any(|input| may_pass_on_more(process, input, processes, since))
    })
}

/// Whether a filter may write more because of this input.
fn may_pass_on_more(filter: &Process, input: &End, processes: &[Process], since: Duration) -> bool {
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

#[derive(PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: Pid,
    /// Whether the process is not a zombie.
    runs: bool,
    /// The pipes that it reads. Right after a fork, a filter's pipe is not its standard input yet.
    pub(super) inputs: Vec<End>,
    pub(super) outputs: Vec<End>,
}

#[derive(PartialEq, Eq)]
pub(super) struct End {
    descriptor: String,
    pub(super) pipe: PipeName,
}

impl Process {
    /// The process and its pipes; reading from `requests` does not count.
    pub(super) fn read(pid: Pid, requests: &[PipeName]) -> Self {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(place(pid, "fd")).into_iter().flatten().flatten() {
            let Some(pipe) = PipeName::at(entry.path()) else { continue };
            let descriptor = entry.file_name().to_string_lossy().into_owned();
            let info = file(pid, &format!("fdinfo/{descriptor}"));
            let info = String::from_utf8_lossy(&info);
            // the last octal digit is the access mode
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap_or_default();
            if flags.trim_end().ends_with(['1', '2']) {
                outputs.push(End { descriptor, pipe });
            } else if !requests.contains(&pipe) {
                inputs.push(End { descriptor, pipe });
            }
        }
        let runs = Status::read(pid).is_some_and(|status| !status.has_ended());
        Self { pid, runs, inputs, outputs }
    }

    pub(super) fn writes(&self, pipe: &PipeName) -> bool {
        self.outputs.iter().any(|end| end.pipe == *pipe)
    }

    pub(super) fn reads(&self, pipe: &PipeName) -> bool {
        self.inputs.iter().any(|end| end.pipe == *pipe)
    }

    /// Whether the pipe is empty and the process sleeps.
    fn is_idle_at(&self, input: &End) -> bool {
        let path = place(self.pid, &format!("fd/{}", input.descriptor));
        let pipe = open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty());
        let is_empty = pipe.is_ok_and(|pipe| ioctl_fionread(pipe).is_ok_and(|unread| unread == 0));
        is_empty && Status::read(self.pid).is_none_or(|status| status.is_idle())
    }
}

/// Whether the standard input of a process is a pipe. A subshell that waits for an event has a file.
fn reads_a_pipe(pid: Pid) -> bool {
    PipeName::at(place(pid, "fd/0")).is_some()
}

/// These processes and their descendants.
fn with_all_below(mut pids: Vec<Pid>) -> Vec<Pid> {
    let mut seen: HashSet<_> = pids.iter().copied().collect();
    let mut next = 0;
    while next < pids.len() {
        pids.extend(children_of(pids[next]).into_iter().filter(|pid| seen.insert(*pid)));
        next += 1;
    }
    pids
}
