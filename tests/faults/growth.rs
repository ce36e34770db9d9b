//! Restarts of workers leave nothing behind in the bootstrap.

use super::recovers;
use crate::support::{
    Event,
    language::BASH,
    processes::{self, SIGKILL},
    until,
};

/// How many workers are killed in each half.
const KILLS: usize = 1000;

#[test]
fn two_thousand_restarts_leave_nothing_behind() {
    let function = BASH.evaluator().unwrap().start();
    recovers(&BASH, &function, "init");
    let kill_workers = |count: usize| {
        for _ in 0..count {
            until("a worker", || !function.children().is_empty());
            function.children().into_iter().for_each(|worker| processes::kill(worker, SIGKILL));
            function.api.take(&function.api.send(Event::new(BASH.fine)));
        }
        recovers(&BASH, &function, "kills");
        (processes::resident(function.pid()), processes::descriptors(function.pid()))
    };
    let (_, descriptors) = kill_workers(KILLS / 10);
    let (before, _) = kill_workers(KILLS);
    let (after, descriptors_after) = kill_workers(KILLS);
    assert_eq!(descriptors_after, descriptors);
    // 0.36 KiB for each restart would be 360 KiB
    let grown = after.saturating_sub(before);
    assert!(grown <= 96, "{grown} KiB in {KILLS} restarts, {after} KiB in all");
}
