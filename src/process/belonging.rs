//! The processes of an event, found in `/proc` also where they have left their group.

use std::collections::HashSet;

use memchr::memmem;
use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group};

use super::proc::{Status, file, pids};

/// The marks of processes that have left their worker's group and lost their parent.
#[derive(Debug)]
pub struct Marks {
    /// A variable in the environment of all programs that the event has started, as `NAME=VALUE`.
    pub variable: Vec<u8>,
    /// A part of the worker's command line, which processes forked from it share.
    pub arguments: Option<Vec<u8>>,
}

/// Kills a process and its group: one that forks again and again would be gone before its own signal comes.
pub(super) fn kill(process: &Status) {
    // one that has ended meanwhile is no error
    let _ = kill_process(process.pid, Signal::KILL);
    // `getpgrp` gives 0 in a container where the group is one of outside
    let own = Status::read(getpid()).and_then(|own| own.group);
    if let Some(group) = process.group.filter(|&group| Some(group) != own) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// The worker, its group, all that carry a mark, and all below any of them, as far as they have not ended.
pub(super) fn belonging(worker: Pid, marks: &Marks) -> Vec<Status> {
    with_all_below(|process| {
        process.pid == worker || process.group == Some(worker) || is_marked(process.pid, marks)
    })
}

/// All processes below the bootstrap, which is the reaper of all, without these children and all below them.
pub(super) fn below_bootstrap(inherited: &[Pid]) -> Vec<Status> {
    let own = getpid();
    with_all_below(|process| process.parent == Some(own) && !inherited.contains(&process.pid))
}

/// These processes and all below any of them, as far as they have not ended.
pub(super) fn with_all_below(is_one: impl FnMut(&Status) -> bool) -> Vec<Status> {
    let running = pids().filter_map(Status::read).filter(|process| !process.has_ended());
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
