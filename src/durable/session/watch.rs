//! Decides when to end an invocation: its handler only waits, or its time is over.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{Session, state::Ending, step::interrupt};
use crate::process::handler::Home;

/// The START of a step that runs longer than this is recorded.
const SHORT_STEP: Duration = Duration::from_millis(100);

/// The shortest and the longest pause between two checks of a waiting handler's processes.
const LOOKS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(50));

/// The time between two checks of running steps and timers.
const TICK: Duration = Duration::from_millis(50);

/// The longest pause without requests.
const IDLE_TICK: Duration = Duration::from_secs(60);

/// The shortest time between two requests for changes.
const POLL: Duration = Duration::from_millis(500);

impl Session {
    /// Decides how the invocation ends, unless the handler ends by itself.
    pub async fn watch(&self) -> Ending {
        let (mut pause, mut polled) = (LOOKS.0, None);
        let mut changes = self.changes.subscribe();
        loop {
            if let Some(ending) = self.ending() {
                return ending;
            }
            if self.limit.is_some_and(|limit| limit <= Instant::now()) {
                return self.end_in_time().await;
            }
            self.record_long_steps();
            let (waits, has_steps) = {
                let mut state = self.state();
                (!state.blocked.is_empty(), state.steps().next().is_some())
            };
            let may_be_quiet = waits && !has_steps;
            if may_be_quiet && self.is_quiet().await {
                if self.state().has_queued() {
                    // first record the contexts that have begun
                    self.checkpoint([]).await;
                } else {
                    self.end(Ending::Pending);
                }
                continue;
            }
            polled = self.poll_if_due(polled);
            pause = if may_be_quiet { (pause * 2).min(LOOKS.1) } else { LOOKS.0 };
            let tick = match (may_be_quiet, has_steps) {
                (true, _) => pause,
                (false, true) => TICK,
                (false, false) => IDLE_TICK,
            };
            let left = self.limit.map_or(tick, |limit| limit.saturating_duration_since(Instant::now()));
            // the pause also ends without a change
            drop(timeout(tick.min(left), changes.changed()).await);
        }
    }

    /// Whether the handler only waits, in two checks.
    async fn is_quiet(&self) -> bool {
        for look in 0..2 {
            let blocked = {
                let mut state = self.state();
                if state.blocked.is_empty() || state.steps().next().is_some() || state.is_wanted() {
                    return false;
                }
                if self.suspension.home() == Some(Home::InWorker) {
                    return state.contexts_wait();
                }
                state.blocked.values().filter_map(|blocked| blocked.process).collect::<Vec<_>>()
            };
            if !self.suspension.is_quiet(&blocked) {
                return false;
            }
            if look == 0 {
                sleep(LOOKS.0).await;
            }
        }
        true
    }

    /// Sends the START of steps that take long.
    fn record_long_steps(&self) {
        let mut state = self.state();
        let is_long = |since: Instant| since.elapsed() >= SHORT_STEP;
        let long = state.steps().filter(|step| is_long(step.since)).filter_map(|step| step.start.take());
        let starts: Vec<_> = long.collect();
        if !starts.is_empty() {
            for start in starts {
                state.queue(start);
            }
            state.want();
            drop(state);
            self.has_changed();
        }
    }

    /// Asks for changes while other parts of the handler run: no new invocation would come. Returns the time of the
    /// request.
    fn poll_if_due(&self, last: Option<Instant>) -> Option<Instant> {
        let now = self.service.now();
        let mut state = self.state();
        if state.is_due(now) && !state.is_wanted() && last.is_none_or(|last| last.elapsed() >= POLL) {
            state.poll = true;
            drop(state);
            self.has_changed();
            return Some(Instant::now());
        }
        last
    }

    /// Ends the invocation at its time limit. Steps that still run fail, or are tried again.
    async fn end_in_time(&self) -> Ending {
        let (is_over, steps) = {
            let mut state = self.state();
            let ids: Vec<_> = state.steps().map(|step| step.operation.id.clone()).collect();
            // a step that ends during the last checkpoint gets no reply: its handler would continue
            state.is_over_time = !ids.is_empty() || !state.blocked.is_empty();
            let steps: Vec<_> = ids.iter().filter_map(|id| state.running.remove(id)).collect();
            (state.is_over_time, steps)
        };
        if !is_over {
            // the handler itself takes too long: its worker kills it
            return std::future::pending().await;
        }
        let (mut updates, mut has_failed) = (Vec::new(), false);
        for mut step in steps {
            let began_late = step.since > self.began + self.began.elapsed() / 2;
            let (ended, is_retry) = interrupt(&mut step, began_late, self.service.now());
            updates.extend(ended);
            has_failed |= !is_retry;
        }
        self.checkpoint(updates).await;
        self.end(if has_failed {
            // retry at once, without waiting for other operations
            Ending::Retry("a step had not ended when the time of the invocation was over".to_owned())
        } else {
            Ending::Pending
        });
        self.ending().unwrap_or(Ending::Pending)
    }
}
