//! Timers: the ends of waits, the next attempts, the timeouts of callbacks.

use super::{EventType, Execution, Record, apply::seconds, error};
use crate::durable::operation::{Kind, Status};

impl Execution {
    /// Completes all operations that are due.
    pub fn complete_due(&mut self, now: f64) {
        if self.end.is_some() {
            return;
        }
        for position in 0..self.records.len() {
            let record = &self.records[position];
            if let Some((_, error_type, message)) = callback_limit(record).filter(|(time, ..)| *time <= now) {
                self.change(position, Some(EventType::CallbackTimedOut), now, |operation| {
                    operation.status = Status::TimedOut;
                    operation.callback_details.get_or_insert_default().error = Some(error(error_type, message));
                });
            } else if timer(record).is_some_and(|time| time <= now) {
                let is_wait = record.operation.kind == Kind::Wait;
                let event = is_wait.then_some(EventType::WaitSucceeded);
                self.change(position, event, now, |operation| {
                    operation.status = if is_wait { Status::Succeeded } else { Status::Ready };
                    if let Some(details) = &mut operation.step_details {
                        details.next_attempt_timestamp = None;
                    }
                });
            }
        }
    }

    /// The time at which the next wait is over, the next attempt of a step is due, or the next invocation may begin.
    pub fn next_timer(&self) -> Option<f64> {
        self.earliest(self.records.iter().filter_map(timer).chain(self.retry_at))
    }

    /// The time of the next callback timeout.
    pub fn next_callback_limit(&self) -> Option<f64> {
        self.earliest(self.records.iter().filter_map(|record| Some(callback_limit(record)?.0)))
    }

    fn earliest(&self, times: impl Iterator<Item = f64>) -> Option<f64> {
        if self.end.is_some() { None } else { times.min_by(f64::total_cmp) }
    }
}

fn timer(record: &Record) -> Option<f64> {
    let operation = &record.operation;
    match (operation.kind, operation.status) {
        (Kind::Wait, Status::Started) => operation.wait_details.as_ref()?.scheduled_end_timestamp,
        (Kind::Step, Status::Pending) => operation.step_details.as_ref()?.next_attempt_timestamp,
        _ => None,
    }
}

/// The time of a callback's timeout, and its error.
fn callback_limit(record: &Record) -> Option<(f64, &'static str, &'static str)> {
    let Record { operation, limits: Some(limits), heard: Some(heard), .. } = record else { return None };
    if operation.status != Status::Started {
        return None;
    }
    let end = |limit: u64, from: f64| (limit > 0).then(|| from + seconds(limit));
    let timeout = end(limits.timeout_seconds, operation.start_timestamp.unwrap_or_default());
    let heartbeat = end(limits.heartbeat_timeout_seconds, *heard);
    let timeout = timeout.map(|time| (time, "Callback.Timeout", "Callback timed out"));
    let heartbeat = heartbeat.map(|time| (time, "Callback.Heartbeat", "Callback timed out on heartbeat"));
    timeout.into_iter().chain(heartbeat).min_by(|a, b| a.0.total_cmp(&b.0))
}
