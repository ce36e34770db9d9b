//! The processes below the bootstrap. As their reaper it is an ancestor of all of them.

use rustix::process::{Pid, getpid};

use super::proc::{Status, pids};

/// All running processes below the bootstrap, without these children and all below them.
pub(super) fn running(inherited: &[Pid]) -> Vec<Status> {
    let all: Vec<_> = pids().filter_map(Status::read).collect();
    let mut parents = vec![getpid()];
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        for status in all.iter().filter(|status| status.parent == Some(parent)) {
            if !inherited.contains(&status.pid) {
                parents.push(status.pid);
                if !status.has_ended() {
                    found.push(*status);
                }
            }
        }
    }
    found
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
}
