//! The processes below the bootstrap, wherever they have gone: as their reaper it is an ancestor of all of them.

use std::fs;

use rustix::process::{Pid, getpid};

/// What the bootstrap has as children before it starts any: those of the script that has become it by `exec`.
pub(super) fn inherited() -> Vec<Pid> {
    let pid = getpid().as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// All that run below the bootstrap, but for these and what is below them.
pub(super) fn running(inherited: &[Pid]) -> Vec<Status> {
    let all: Vec<_> = super::processes().filter_map(Status::read).collect();
    let mut parents = vec![getpid()];
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        for status in all.iter().filter(|status| status.parent == Some(parent)) {
            if !inherited.contains(&status.pid) {
                parents.push(status.pid);
                if !status.ended {
                    found.push(*status);
                }
            }
        }
    }
    found
}

/// One process.
#[derive(Clone, Copy)]
pub(super) struct Status {
    pub(super) pid: Pid,
    pub(super) parent: Option<Pid>,
    pub(super) group: Option<Pid>,
    /// It only waits to be reaped.
    pub(super) ended: bool,
}

impl Status {
    pub(super) fn read(pid: Pid) -> Option<Self> {
        Self::parse(pid, &fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    fn parse(pid: Pid, line: &[u8]) -> Option<Self> {
        // the name in front may hold anything
        let end = line.iter().rposition(|&byte| byte == b')')?;
        let rest = String::from_utf8_lossy(&line[end + 1..]).into_owned();
        let mut fields = rest.split_whitespace();
        let ended = matches!(fields.next()?, "Z" | "X");
        // of one that is being cleared away the kernel says 0 and -1
        let mut next = || Some(Pid::from_raw(fields.next()?.parse::<i32>().ok()?.max(0)));
        Some(Self { pid, parent: next()?, group: next()?, ended })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_has_left_its_session_and_leaves_out_what_was_there() {
        let mut child = std::process::Command::new("setsid").args(["-w", "sleep", "60"]).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let is_there = |inherited: &[Pid]| running(inherited).iter().any(|found| found.pid == pid);
        assert!(is_there(&[]));
        assert!(!is_there(&[pid]));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!is_there(&[]));
    }

    #[test]
    fn reads_parent_and_group_behind_any_name() {
        let read = |line: &[u8]| Status::parse(getpid(), line);
        for line in [&b"7 (sleep) S 1 5 5 0 -1\n"[..], b"7 (a) R 2 3 (\xff) R 1 5 5 0 -1\n"] {
            let status = read(line).unwrap();
            assert_eq!(
                (status.parent, status.group, status.ended),
                (Pid::from_raw(1), Pid::from_raw(5), false)
            );
        }
        assert!(read(b"7 (sleep) Z 1 5 5 0 -1\n").unwrap().ended);
        let gone = read(b"7 (sleep) R 0 -1 -1 0 -1\n").unwrap();
        assert_eq!((gone.parent, gone.group), (None, None));
        assert!(read(b"").is_none());
    }
}
