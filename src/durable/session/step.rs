//! Steps: attempts, their ends, and the pauses between them.

use std::time::Instant;

use rustix::process::Pid;

use super::{
    Session,
    fields::{Answered, Refused, done, invalid_result, number, text},
    policy::{Policy, whole_seconds},
    requests::Active,
    state::Running,
};
use crate::durable::{
    message::Message,
    operation::{ErrorObject, Kind, Status},
    update::{Action, StepOptions, Update},
};

/// The end of an attempt.
enum Attempt {
    Succeeded(String),
    /// `until` is not fulfilled yet. The state for its next run.
    Again(String),
    Failed(i64, ErrorObject),
}

impl Session {
    pub(super) async fn step(&self, request: &Message, process: Option<Pid>) -> Answered {
        let policy = policy(request)?;
        let sub_type = if policy.every.is_some() { "WaitForCondition" } else { "Step" };
        let at_most_once = request.value("at-most-once").is_some();
        let active = self.identified(request, (Kind::Step, sub_type), process)?;
        let Some(recorded) = self.recorded(&active.operation) else {
            return Ok(self.begin(active, policy, 1, at_most_once).await);
        };
        let attempt = recorded.step_details.map_or(0, |details| details.attempt) + 1;
        match recorded.status {
            Status::Started if at_most_once => {
                let message = format!("the step `{}` was interrupted, and runs at most once", active.operation.name);
                let error = ErrorObject::new("Durable.StepInterrupted", message);
                let operation = active.operation.clone();
                let (since, start, poll, began) = (Instant::now(), None, None, None);
                let running = Running { operation, since, start, policy, attempt, poll, began };
                self.finish(active, running, Attempt::Failed(1, error)).await
            }
            // an interrupted step: it runs again, and its START is already recorded
            Status::Started => Ok(self.run(active, policy, attempt, None)),
            Status::Ready => Ok(self.begin(active, policy, attempt, at_most_once).await),
            Status::Pending => self.after_pause(active, policy, at_most_once).await,
            _ => Ok(self.outcome(&active.operation, active.process).await),
        }
    }

    /// Begins an attempt. Sends its START now if the step runs at most once, else with its end.
    async fn begin(&self, active: Active<'_>, policy: Policy, attempt: u64, at_most_once: bool) -> Message {
        let start = active.operation.update(Action::Start);
        if !at_most_once {
            return self.run(active, policy, attempt, Some(start));
        }
        self.checkpoint([start]).await;
        if self.ending().is_some() {
            return Message::new("suspend");
        }
        self.run(active, Policy { at_most_once, ..policy }, attempt, None)
    }

    /// Waits for the time of the next attempt, and begins it.
    async fn after_pause(&self, active: Active<'_>, policy: Policy, at_most_once: bool) -> Answered {
        let is_over = |status: Status| status == Status::Ready || status.is_final();
        let Some(operation) =
            self.blocked_until(&active.operation, active.process, |operation| is_over(operation.status)).await
        else {
            return Ok(Message::new("suspend"));
        };
        if operation.status.is_final() {
            return Ok(self.outcome(&active.operation, active.process).await);
        }
        let attempt = operation.step_details.map_or(0, |details| details.attempt) + 1;
        Ok(self.begin(active, policy, attempt, at_most_once).await)
    }

    pub(super) async fn end_attempt(&self, active: Active<'_>, running: Running, request: &Message) -> Answered {
        let attempt = match (text(request, "result"), text(request, "again")) {
            (Err(Refused(message)), _) | (_, Err(Refused(message))) => Attempt::Failed(1, invalid_result(message)),
            (Ok(Some(result)), _) => Attempt::Succeeded(result),
            (_, Ok(Some(state))) => Attempt::Again(state),
            (Ok(None), Ok(None)) => {
                let status = request.text("status").and_then(|status| status.parse().ok());
                Attempt::Failed(status.unwrap_or(1), self.error_of(request))
            }
        };
        self.finish(active, running, attempt).await
    }

    async fn finish(&self, active: Active<'_>, mut running: Running, attempt: Attempt) -> Answered {
        let large = match &attempt {
            Attempt::Succeeded(result) => Some(result.clone()),
            Attempt::Again(_) | Attempt::Failed(..) => None,
        };
        let start = running.start.take();
        let end = ended(&running, attempt, self.service.now());
        let is_retry = end.action == Action::Retry;
        self.checkpoint(start.into_iter().chain([end])).await;
        if is_retry {
            let at_most_once = running.policy.at_most_once;
            return self.after_pause(active, running.policy, at_most_once).await;
        }
        let outcome = self.outcome(&active.operation, active.process).await;
        // the service does not return a payload that it has received
        match (outcome.verb.as_str(), large) {
            ("done", Some(result)) => Ok(done(result)),
            _ => Ok(outcome),
        }
    }
}

/// Ends a step that still runs at the end of the invocation. Also returns whether it is tried again: an `until` step
/// always is, and once a step that began late, because it has more time in the next invocation.
pub(super) fn interrupt(running: &mut Running, began_late: bool, now: f64) -> (Vec<Update>, bool) {
    let message = format!(
        "the step `{}` had not ended when the time of the invocation was over: raise the function's timeout",
        running.operation.name
    );
    let attempt = if running.policy.every.is_some() {
        Attempt::Again(running.poll.take().unwrap_or_default())
    } else {
        Attempt::Failed(1, ErrorObject::new("Durable.StepTimedOut", message))
    };
    let mut end = ended(running, attempt, now);
    let Policy { retries, every, at_most_once, .. } = running.policy;
    if began_late && every.is_none() && !at_most_once && running.attempt <= retries + 1 {
        end.action = Action::Retry;
        end.step_options.get_or_insert(StepOptions { next_attempt_delay_seconds: 1 });
    }
    let is_retry = end.action == Action::Retry;
    (running.start.take().into_iter().chain([end]).collect(), is_retry)
}

/// The update that ends an attempt at this time.
fn ended(running: &Running, attempt: Attempt, now: f64) -> Update {
    let mut update = running.operation.update(Action::Fail);
    let policy = &running.policy;
    match attempt {
        Attempt::Succeeded(result) => {
            update.action = Action::Succeed;
            update.payload = Some(result);
        }
        Attempt::Again(state) => {
            let asked = running.began.map_or(0.0, |began| now - began);
            match policy.timeout {
                Some(timeout) if asked >= timeout => {
                    let message = format!("`{}` was not so after {timeout} s", running.operation.name);
                    update.error = Some(ErrorObject::new("Durable.TimedOut", message));
                }
                _ => {
                    update.action = Action::Retry;
                    update.payload = Some(state);
                    let next_attempt_delay_seconds = whole_seconds(policy.every.unwrap_or(1.0));
                    update.step_options = Some(StepOptions { next_attempt_delay_seconds });
                }
            }
        }
        Attempt::Failed(status, error) => {
            // the next attempt would not print less
            let is_final = error.error_type.as_deref() == Some("Durable.ResultTooLarge");
            update.error = Some(error);
            if let Some(next_attempt_delay_seconds) = policy.delay(running.attempt, status).filter(|_| !is_final) {
                update.action = Action::Retry;
                update.step_options = Some(StepOptions { next_attempt_delay_seconds });
            }
        }
    }
    update
}

fn policy(request: &Message) -> Result<Policy, Refused> {
    let retry_on = request.values("retry-on").map(|status| {
        let status = String::from_utf8_lossy(status);
        status.parse().map_err(|_| Refused(format!("`retry-on` is an exit status, not `{status}`")))
    });
    // a cast saturates
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let retries = number(request, "retry")?.unwrap_or(0.0) as u64;
    Ok(Policy {
        retries,
        retry_on: retry_on.collect::<Result<_, _>>()?,
        backoff: number(request, "backoff")?.unwrap_or(1.0),
        rate: number(request, "rate")?.unwrap_or(2.0),
        max_delay: number(request, "max-delay")?.unwrap_or(300.0),
        every: number(request, "every")?,
        timeout: number(request, "timeout")?,
        at_most_once: false,
    })
}
