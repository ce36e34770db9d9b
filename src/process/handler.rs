//! The processes of an event whose handler may be suspended: tells whether one of them still works, and kills them.

use std::collections::{HashMap, HashSet};

use rustix::process::Pid;

use super::{
    KILL_ROUNDS, LOOK_INTERVAL, Marks,
    filters::Process,
    proc::{Status, ancestors, belonging, file, kill, parents, threads},
};

/// Where the handler of an event runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In its own process, as a program.
    Program,
    /// In a process that the worker has forked.
    ForkedFromWorker,
    /// In the worker itself.
    InWorker,
}

/// The handler of one event.
#[derive(Debug)]
pub struct Handler {
    home: Home,
    worker: Pid,
    marks: Marks,
    /// The process that the worker forked for it. It is known once one of its descendants was recorded.
    forked: Option<Pid>,
}

impl Handler {
    /// The handler of this worker.
    #[must_use]
    pub fn new(home: Home, worker: Pid, marks: Marks) -> Self {
        Self { home, worker, marks, forked: None }
    }

    /// Where it runs.
    #[must_use]
    pub fn home(&self) -> Home {
        self.home
    }

    /// Records a process of the event. Its ancestors include the process that the worker has forked.
    pub fn note(&mut self, process: Pid) {
        if self.home == Home::ForkedFromWorker && self.forked.is_none() {
            let line = ancestors(process, |pid| Status::read(pid).and_then(|status| status.parent));
            let below = line.iter().position(|&pid| pid == self.worker);
            self.forked = below.and_then(|at| line.get(at.checked_sub(1)?)).copied();
        }
    }

    /// Whether each process of the event waits. A process waits if it is one of the `blocked`, is an ancestor of one,
    /// reads a pipe that only waiting processes write, writes to a full pipe that they read, or waits for waiting
    /// children.
    #[must_use]
    pub fn is_quiet(&self, blocked: &[Pid]) -> bool {
        if self.home == Home::ForkedFromWorker && self.forked.is_none() {
            // only processes that have lost their parents have asked: whether the handler works is not known
            return false;
        }
        let all: HashMap<_, _> = self.processes().into_iter().map(|status| (status.pid, status)).collect();
        let mut quiet: HashSet<Pid> = blocked.iter().copied().collect();
        for ancestor in waiting(blocked, &all) {
            if !quiet.contains(&ancestor) && !is_asleep(ancestor) {
                return false;
            }
            quiet.insert(ancestor);
        }
        let mut others: Vec<_> = all.values().filter(|status| !quiet.contains(&status.pid)).collect();
        if others.is_empty() {
            return true;
        }
        let pipes: Vec<_> = all.keys().map(|&pid| Process::read(pid, &[])).collect();
        loop {
            let before = others.len();
            others.retain(|status| !waits_for(status, &quiet, &all, &pipes));
            quiet = all.keys().copied().filter(|pid| others.iter().all(|other| other.pid != *pid)).collect();
            if others.is_empty() || others.len() == before {
                return others.is_empty();
            }
        }
    }

    /// Kills these processes and their ancestors, which a handler that has ended has left: the code after a wait must not
    /// run. Other processes that it has left stay.
    pub fn kill_waiting(&self, blocked: &[Pid]) {
        let all: HashMap<_, _> = self.processes().into_iter().map(|status| (status.pid, status)).collect();
        let waiting: Vec<_> = waiting(blocked, &all).map(|pid| all[&pid]).collect();
        kill(&waiting, Some(self.worker));
    }

    /// Kills the processes of the event, but not the worker. `false` if the process that the worker has forked is not
    /// known.
    pub async fn kill(&self) -> bool {
        if self.home == Home::ForkedFromWorker && self.forked.is_none() {
            return false;
        }
        // do not kill the group of a worker that stays
        let kept = (self.home != Home::Program).then_some(self.worker);
        for _ in 0..KILL_ROUNDS {
            if !kill(&self.processes(), kept) {
                break;
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        true
    }

    /// The running processes of the event, without the worker and its other children.
    fn processes(&self) -> Vec<Status> {
        let all = belonging(self.worker, &self.marks);
        if self.home == Home::Program {
            return all;
        }
        let parent = parents(&all);
        let is_others = |status: &Status| {
            let line = ancestors(status.pid, &parent);
            let below = line.iter().position(|&pid| pid == self.worker);
            below.is_some_and(|at| at == 0 || Some(line[at - 1]) != self.forked)
        };
        all.into_iter().filter(|status| !is_others(status)).collect()
    }
}

/// The `blocked` and their ancestors, as far as they run. A process may be among them more than once.
fn waiting<'a>(blocked: &'a [Pid], all: &'a HashMap<Pid, Status>) -> impl Iterator<Item = Pid> + 'a {
    let parent = |pid| all.get(&pid).and_then(|status| status.parent);
    blocked.iter().flat_map(move |&pid| ancestors(pid, parent)).filter(|pid| all.contains_key(pid))
}

/// Whether all threads of a process sleep.
fn is_asleep(process: Pid) -> bool {
    threads(process).all(|status| status.is_idle())
}

fn waits_for(status: &Status, quiet: &HashSet<Pid>, all: &HashMap<Pid, Status>, pipes: &[Process]) -> bool {
    if !is_asleep(status.pid) {
        return false;
    }
    let place = file(status.pid, "wchan");
    let place = String::from_utf8_lossy(&place);
    // a kernel that hides this gives nothing, or 0
    let is_at = |name: &str| place.is_empty() || place == "0" || place.contains(name);
    let is_told = |name: &str| place.contains(name);
    let mut children = all.values().filter(|other| other.parent == Some(status.pid)).peekable();
    if children.peek().is_some() && is_at("wait") && children.all(|child| quiet.contains(&child.pid)) {
        return true;
    }
    let Some(own) = pipes.iter().find(|process| process.pid == status.pid) else { return true };
    let only_quiet = |mut others: Vec<&Process>| {
        others.retain(|other| other.pid != status.pid);
        !others.is_empty() && others.iter().all(|other| quiet.contains(&other.pid))
    };
    let reads =
        own.inputs.iter().any(|input| only_quiet(pipes.iter().filter(|other| other.writes(&input.pipe)).collect()));
    let writes =
        own.outputs.iter().any(|output| only_quiet(pipes.iter().filter(|other| other.reads(&output.pipe)).collect()));
    reads && is_at("pipe") || writes && is_told("pipe")
}
