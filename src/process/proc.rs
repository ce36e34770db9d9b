//! Reads `/proc`: the state of processes, the paths by which other processes open the bootstrap's files, and the
//! processes of an event, also those that have left their group.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::fd::AsRawFd,
    thread::sleep,
};

use memchr::memmem;
use rustix::{
    fs::{Mode, OFlags, open},
    io::read,
    process::{Pid, Signal, getpid, kill_process, kill_process_group},
};

use super::{KILL_ROUNDS, LOOK_INTERVAL};

const LIST: usize = 4096;

/// The most parents between a process of an event and its worker.
const DEPTH: usize = 64;

/// The folder with the descriptors of this process, for other processes.
pub fn descriptors() -> String {
    format!("/proc/{}/fd", std::process::id())
}

/// The path by which other processes can open this file while it is open here.
pub fn path_of(file: &impl AsRawFd) -> String {
    format!("{}/{}", descriptors(), file.as_raw_fd())
}

/// All processes except this one.
fn processes() -> impl Iterator<Item = Status> {
    listed("/proc").filter(|&pid| pid != getpid()).filter_map(Status::read)
}

/// The threads of a process, each with its own status.
pub(super) fn threads(pid: Pid) -> impl Iterator<Item = Status> {
    listed(&place(pid, "task")).filter_map(Status::read)
}

/// The processes or threads that have folders in this one.
fn listed(folder: &str) -> impl Iterator<Item = Pid> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// The path of a file of a process in `/proc`.
pub(super) fn place(pid: Pid, name: &str) -> String {
    format!("/proc/{}/{name}", pid.as_raw_nonzero())
}

/// A file of a process; empty if the process has ended.
pub(super) fn file(pid: Pid, name: &str) -> Vec<u8> {
    fs::read(place(pid, name)).unwrap_or_default()
}

/// The peak resident memory of a process, in bytes; 0 if it has ended.
pub(super) fn peak_memory(pid: Pid) -> u64 {
    let status = file(pid, "status");
    let status = String::from_utf8_lossy(&status);
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    peak.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) * 1024
}

pub(super) fn children_of(parent: Pid) -> Vec<Pid> {
    let path = place(parent, &format!("task/{}/children", parent.as_raw_nonzero()));
    let Ok(file) = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return if parent == getpid() || Status::read(parent).is_some() {
            // for a kernel without these lists
            processes().filter(|status| status.parent == Some(parent)).map(|status| status.pid).collect()
        } else {
            Vec::new()
        };
    };
    let mut list = Vec::new();
    let mut block = [0; LIST];
    while let Ok(count @ 1..) = read(&file, &mut block) {
        list.extend_from_slice(&block[..count]);
        if count < LIST {
            break;
        }
    }
    let list = String::from_utf8_lossy(&list);
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// The `stat` of a process.
#[derive(Clone, Copy)]
pub(super) struct Status {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    pub(super) group: Option<Pid>,
    state: u8,
}

impl Status {
    pub(super) fn read(pid: Pid) -> Option<Self> {
        let line = file(pid, "stat");
        // the name before it may contain any bytes
        let end = line.iter().rposition(|&byte| byte == b')')?;
        let rest = String::from_utf8_lossy(&line[end + 1..]);
        let mut fields = rest.split_whitespace();
        let state = *fields.next()?.as_bytes().first()?;
        // the kernel shows 0 and -1 for a process that is being removed
        let mut next = || Some(Pid::from_raw(fields.next()?.parse::<i32>().ok()?.max(0)));
        Some(Self { pid, parent: next()?, group: next()?, state })
    }

    /// Whether it is a zombie.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }

    /// Whether it waits for something, or has ended.
    pub(super) fn is_idle(&self) -> bool {
        self.state == b'S' || self.has_ended()
    }
}

/// The marks by which a process of an event is found after it has left its worker's group and lost its parent.
#[derive(Debug)]
pub struct Marks {
    /// A variable in the environment of all programs that the event has started, as `NAME=VALUE`.
    pub variable: Vec<u8>,
    /// A part of the worker's command line, which processes forked from it share.
    pub arguments: Option<Vec<u8>>,
}

/// Kills all processes that are found. Repeated, because each may fork while `/proc` is read.
pub(super) fn kill_all(find: impl Fn() -> Vec<Status>) {
    for _ in 0..KILL_ROUNDS {
        if !kill(&find(), None) {
            return;
        }
        sleep(LOOK_INTERVAL);
    }
}

/// Kills these processes, and their groups except `kept_group`: a process that forks all the time would have a new
/// number before its own signal comes. All are stopped first, parents before children, so that no process can react to
/// another one's end. `false` if there are none.
pub(super) fn kill(processes: &[Status], kept_group: Option<Pid>) -> bool {
    if processes.is_empty() {
        return false;
    }
    let parent = parents(processes);
    let mut parents_first = processes.to_vec();
    parents_first.sort_by_cached_key(|status| ancestors(status.pid, &parent).len());
    // `getpgrp` returns 0 if the group was created outside of the container
    let own = Status::read(getpid()).and_then(|own| own.group);
    let is_killed = |group: &Pid| Some(*group) != own && Some(*group) != kept_group;
    let send = |process: &Status, signal| {
        // a process that has ended meanwhile is no error
        let _ = kill_process(process.pid, signal);
        if let Some(group) = process.group.filter(is_killed) {
            let _ = kill_process_group(group, signal);
        }
    };
    for process in &parents_first {
        send(process, Signal::STOP);
    }
    // children first: the kernel sends SIGHUP and SIGCONT to a stopped group that has lost its parents
    for process in parents_first.iter().rev() {
        send(process, Signal::KILL);
    }
    true
}

/// Finds the parent of a process among these.
pub(super) fn parents(processes: &[Status]) -> impl Fn(Pid) -> Option<Pid> + use<> {
    let parents: HashMap<_, _> = processes.iter().map(|status| (status.pid, status.parent)).collect();
    move |pid| parents.get(&pid).copied().flatten()
}

/// A process and its ancestors.
pub(super) fn ancestors(process: Pid, parent: impl Fn(Pid) -> Option<Pid>) -> Vec<Pid> {
    std::iter::successors(Some(process), |&pid| parent(pid)).take(DEPTH).collect()
}

/// The running processes of a worker: itself, its group, all with a mark, and the descendants of all these.
pub(super) fn belonging(worker: Pid, marks: &Marks) -> Vec<Status> {
    with_all_below(|process| process.pid == worker || process.group == Some(worker) || is_marked(process.pid, marks))
}

/// All running descendants of the bootstrap, except these children and their descendants.
pub(super) fn below_bootstrap(inherited: &[Pid]) -> Vec<Status> {
    let own = getpid();
    with_all_below(|process| process.parent == Some(own) && !inherited.contains(&process.pid))
}

/// These processes and their descendants, without zombies.
pub(super) fn with_all_below(is_one: impl FnMut(&Status) -> bool) -> Vec<Status> {
    let running = processes().filter(|process| !process.has_ended());
    let (mut found, mut others): (Vec<_>, Vec<_>) = running.partition(is_one);
    let mut parents: HashSet<_> = found.iter().map(|process| process.pid).collect();
    loop {
        let is_below = |process: &Status| process.parent.is_some_and(|parent| parents.contains(&parent));
        let (below, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(is_below);
        if below.is_empty() {
            return found;
        }
        parents.extend(below.iter().map(|process| process.pid));
        found.extend(below);
        others = rest;
    }
}

fn is_marked(pid: Pid, marks: &Marks) -> bool {
    file(pid, "environ").split(|&byte| byte == 0).any(|variable| variable == marks.variable)
        || marks.arguments.as_ref().is_some_and(|part| memmem::find(&file(pid, "cmdline"), part).is_some())
}
