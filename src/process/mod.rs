//! Child processes: each in its own process group, killed as a group, always reaped.
//!
//! The bootstrap reaps all of its descendants: as process 1 of a container, or as a child subreaper. Processes that a
//! handler leaves behind become its children, and are reaped like workers.

mod filters;
pub mod guard;
pub mod handler;
pub mod proc;

use std::{
    collections::HashMap,
    io,
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use nix::sys::resource::{UsageWho, getrusage};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, kill_process_group, set_child_subreaper, wait};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tokio_util::sync::CancellationToken;

pub use self::{
    filters::{PipeName, Shell, Writers},
    proc::Marks,
};
use self::{
    guard::Guard,
    proc::{belonging, below_bootstrap, children_of, kill, kill_all, peak_memory},
};

/// The longest wait for the end of a process that was killed.
const REAP_LIMIT: Duration = Duration::from_secs(1);

/// The same for all remaining processes when the bootstrap ends.
const LAST_REAP_LIMIT: Duration = Duration::from_millis(100);

/// The time between two checks for the end of processes.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// How often processes to kill are read from `/proc`: each may have forked meanwhile.
const KILL_ROUNDS: usize = 10;

type Exits = HashMap<Pid, watch::Sender<Option<ExitStatus>>>;

/// All child processes of the bootstrap.
#[derive(Clone, Default)]
pub struct Children {
    exits: Arc<Mutex<Exits>>,
    /// Children that the bootstrap has not started: they belong to a script that became the bootstrap by `exec`.
    inherited: Arc<[Pid]>,
    guard: Option<Arc<Guard>>,
    holds: Arc<watch::Sender<()>>,
    /// Cancelled at the shutdown.
    pub shutdown: CancellationToken,
}

/// Keeps [`Children::terminate`] waiting.
pub type Hold = watch::Receiver<()>;

/// One child process, the leader of its own process group.
pub struct Child {
    pid: Pid,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Children {
    /// Begins to reap. Call it once, inside a tokio runtime. With a guard, workers end if the bootstrap is killed.
    pub fn reap(with_guard: bool) -> io::Result<Self> {
        let inherited = children_of(getpid()).into();
        let guard = with_guard.then(Guard::start).flatten().map(Arc::new);
        if guard.is_none() {
            set_child_subreaper(Some(getpid()))?;
        }
        let children = Self { inherited, guard, ..Self::default() };
        let mut ended = signal(SignalKind::child())?;
        let reaped = children.clone();
        tokio::spawn(async move {
            while ended.recv().await.is_some() {
                reaped.collect();
            }
        });
        Ok(children)
    }

    /// Starts a child in its own process group.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        if self.guard.as_ref().is_some_and(|guard| guard.wait_for_start()) {
            set_child_subreaper(Some(getpid()))?;
        }
        // no other task runs between the start and the entry: the runtime has one thread
        let mut exits = self.exits();
        let child = command.process_group(0).spawn()?;
        let pid = Pid::from_child(&child);
        let (sender, exit) = watch::channel(None);
        exits.insert(pid, sender);
        if let Some(guard) = &self.guard {
            guard.tell('+', pid);
        }
        Ok(Child { pid, exit })
    }

    /// Delays [`Self::terminate`] until the hold is dropped, but at most for `grace`.
    pub fn hold(&self) -> Hold {
        self.holds.subscribe()
    }

    /// Sends SIGTERM to all descendants, also to those that have left their group, and SIGKILL after `grace`.
    pub async fn terminate(&self, grace: Duration) {
        let _ = tokio::time::timeout(grace, self.holds.closed()).await;
        if !self.any_runs() {
            return;
        }
        let groups: Vec<_> = self.exits().keys().copied().collect();
        for &group in &groups {
            signal_group(group, Signal::TERM);
        }
        for descendant in below_bootstrap(&self.inherited) {
            if !descendant.group.is_some_and(|group| groups.contains(&group)) {
                let _ = kill_process(descendant.pid, Signal::TERM);
            }
        }
        if tokio::time::timeout(grace, self.all_ended()).await.is_ok() {
            return;
        }
        kill_all(|| below_bootstrap(&self.inherited));
        let _ = tokio::time::timeout(LAST_REAP_LIMIT, self.all_ended()).await;
    }

    /// Waits until all descendants have ended.
    async fn all_ended(&self) {
        while self.any_runs() {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Whether any descendant runs. A process whose parent has ended becomes a child of the bootstrap.
    fn any_runs(&self) -> bool {
        let is_ours = |child: &Pid| !self.inherited.contains(child);
        self.collect() && (self.inherited.is_empty() || children_of(getpid()).iter().any(is_ours))
    }

    /// The peak resident memory of the bootstrap plus its largest descendant, in bytes. Grandchildren count once their
    /// parents have ended.
    pub fn peak_memory(&self) -> u64 {
        let peak = |whose| getrusage(whose).map_or(0, |usage| u64::try_from(usage.max_rss()).unwrap_or(0) * 1024);
        let running = self.exits().keys().map(|&pid| peak_memory(pid)).max();
        peak(UsageWho::RUSAGE_SELF) + peak(UsageWho::RUSAGE_CHILDREN).max(running.unwrap_or(0))
    }

    /// Reaps all children that have ended, also those whose signal has not come yet, and returns whether others run.
    /// Continues a worker that was stopped, because its next event would wait for it.
    pub fn collect(&self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
                Ok(Some((pid, status))) if status.stopped() => {
                    if self.exits().contains_key(&pid) {
                        tracing::warn!("a worker was stopped by a signal: continuing it");
                        let _ = kill_process(pid, Signal::CONT);
                    }
                }
                Ok(Some((pid, status))) => {
                    if let Some(sender) = self.exits().remove(&pid) {
                        if let Some(guard) = &self.guard {
                            guard.tell('-', pid);
                        }
                        sender.send_replace(Some(ExitStatus::from_raw(status.as_raw())));
                    }
                }
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn exits(&self) -> MutexGuard<'_, Exits> {
        self.exits.lock().expect("BUG: no code panics while it holds this lock")
    }
}

impl Child {
    /// Waits until the process has ended. May be dropped and called again.
    pub async fn exited(&mut self) -> ExitStatus {
        match self.exit.wait_for(Option::is_some).await {
            Ok(status) => status.unwrap_or_default(),
            Err(_) => ExitStatus::default(),
        }
    }

    /// Whether the process is known to have ended.
    pub fn has_ended(&self) -> bool {
        self.exit.borrow().is_some()
    }

    pub fn pid(&self) -> Pid {
        self.pid
    }

    pub fn kill_group(&self) {
        signal_group(self.pid, Signal::KILL);
    }

    /// Kills the group, and waits until the process has ended.
    pub async fn kill(&mut self) {
        self.kill_group();
        let _ = tokio::time::timeout(REAP_LIMIT, self.exited()).await;
    }

    /// Sends SIGTERM to all processes of an event, except this process if `keep` is set, and waits for their end.
    pub async fn terminate_event(&self, marks: &Marks, keep: bool, grace: Duration) {
        let others = || belonging(self.pid, marks).into_iter().filter(|other| !keep || other.pid != self.pid);
        for process in others() {
            let _ = kill_process(process.pid, Signal::TERM);
        }
        let ended = async {
            while others().next().is_some() {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let _ = tokio::time::timeout(grace, ended).await;
    }

    /// Kills this process and all processes of its event, and waits for their end.
    pub async fn kill_event(&mut self, marks: &Marks) {
        let gone = async {
            // repeated, because processes may fork while `/proc` is read
            while kill(&belonging(self.pid, marks), None) {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
            self.exited().await
        };
        let _ = tokio::time::timeout(REAP_LIMIT, gone).await;
    }
}

fn signal_group(leader: Pid, signal: Signal) {
    // this fails only if the group has ended
    let _ = kill_process_group(leader, signal);
}
