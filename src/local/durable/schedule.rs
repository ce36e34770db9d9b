//! Starts invocations: each execution has one at a time, which begins when one of its operations has changed.

use std::{io::Write, time::Duration};

use bytes::Bytes;
use futures_util::{
    StreamExt,
    future::{BoxFuture, FutureExt},
    stream::FuturesUnordered,
};
use tokio::time::sleep;

use super::{
    desk::Desk,
    execution::{Execution, Reply},
    file::FileError,
    state::{Start, State},
};
use crate::{
    durable::operation::ErrorObject,
    event::{headers::Headers, invocation::TENANT_ID},
    failure::Failure,
    logs::own_line,
};

/// The longest sleep until the clock is read again: the time of a suspended machine counts, too.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// The time between two checks for answers beside the state file.
const ANSWER_INTERVAL: Duration = Duration::from_millis(250);
/// The shortest wait that is announced, in seconds.
const ANNOUNCED: f64 = 2.0;

/// Runs the invocations of executions.
pub trait Invoke: Send + Sync {
    /// Runs an event with a function; `None` is the handler of the command line.
    fn invoke<'a>(&'a self, function: Option<&'a str>, headers: Headers, event: Bytes) -> BoxFuture<'a, Invoked>;
}

/// An invocation that is over.
pub struct Invoked {
    /// Its id.
    pub request_id: String,
    /// The answer or the error.
    pub outcome: Result<Bytes, Failure>,
    /// Whether further attempts would fail, too.
    pub is_final: bool,
}

/// The end of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The first execution has ended, or waits only for callbacks.
    FirstEnds,
    /// Never.
    Forever,
}

/// The schedule of a desk.
pub struct Schedule<'a> {
    /// The service.
    pub desk: &'a Desk,
    /// Runs the events.
    pub invoke: &'a dyn Invoke,
    /// Whether waits take no time.
    pub skip_time: bool,
    /// When it ends.
    pub until: Until,
}

impl Schedule<'_> {
    /// Starts all due invocations, until the end.
    pub async fn run(&self) -> Result<(), FileError> {
        let mut running = FuturesUnordered::new();
        let mut changes = self.desk.changes();
        let mut announced = None;
        loop {
            changes.mark_unchanged();
            self.desk.take_answers()?;
            let starts = self.desk.change(State::begin)?;
            running.extend(starts.into_iter().map(|start| self.invoke_one(start).boxed()));
            let (has_ended, timer, callback, now) = self.desk.look(|state, now| {
                let first = state.executions.first().and_then(Execution::end);
                (first.is_some(), state.next_timer(), state.next_callback_limit(), now)
            });
            if has_ended && self.until == Until::FirstEnds {
                return Ok(());
            }
            let is_idle = running.is_empty();
            if is_idle && self.waits_for_answer(timer, callback) {
                return Ok(());
            }
            if is_idle
                && self.skip_time
                && let Some(time) = timer
            {
                self.desk.change(|state, now| {
                    state.ahead += (time - now).max(0.0);
                    ((), true)
                })?;
                continue;
            }
            let due = [timer, callback].into_iter().flatten().min_by(f64::total_cmp);
            if is_idle && self.until == Until::FirstEnds && announced != due {
                announced = due;
                self.announce(due, now);
            }
            tokio::select! {
                biased;
                Some(done) = running.next() => done?,
                _ = changes.changed() => {}
                () = sleep(pause(due, now).min(self.longest_sleep())) => {}
            }
        }
    }

    /// Whether the run can only continue after a callback was answered.
    fn waits_for_answer(&self, timer: Option<f64>, callback: Option<f64>) -> bool {
        let comes_first = |timer: f64| self.skip_time && callback.is_some_and(|limit| limit < timer);
        self.until == Until::FirstEnds && timer.is_none_or(comes_first)
    }

    fn longest_sleep(&self) -> Duration {
        let is_asked = self.desk.file().is_some()
            && self
                .desk
                .look(|state, _| state.executions.iter().any(|execution| execution.open_callbacks().next().is_some()));
        if is_asked { ANSWER_INTERVAL } else { LONGEST_SLEEP }
    }

    fn announce(&self, due: Option<f64>, now: f64) {
        let Some(left) = due.map(|due| due - now).filter(|left| *left >= ANNOUNCED) else { return };
        let end =
            if self.desk.file().is_some() { "; Ctrl-C ends this run, and the same command continues it" } else { "" };
        let line = format!("waiting for {}{end}\n", super::table::duration(left));
        // a closed standard error has no reader
        let _ = own_line().write_all(line.as_bytes());
    }

    async fn invoke_one(&self, start: Start) -> Result<(), FileError> {
        let began = self.desk.look(|_, now| now);
        let mut headers = Headers::default();
        if let Some(tenant) = start.tenant {
            headers.append(TENANT_ID, tenant);
        }
        let Invoked { request_id, outcome, is_final } =
            self.invoke.invoke(start.function.as_deref(), headers, start.envelope.into()).await;
        let error = self.desk.change(|state, now| {
            let Some(execution) = state.execution_mut(&start.arn) else { return (None, false) };
            let answer = outcome.as_ref().map(|answer| &answer[..]).map_err(object);
            let again = match answer {
                Err(error) if is_final => {
                    execution.fail(error, now);
                    None
                }
                answer => execution.end_invocation(Reply { answer, request_id: &request_id, began }, now),
            };
            (again, true)
        })?;
        if let Some(error) = error {
            let message = error.error_message.unwrap_or_default();
            let error_type = error.error_type.unwrap_or_default();
            tracing::warn!("the invocation is tried again: {error_type}: {message}");
        }
        Ok(())
    }
}

fn pause(due: Option<f64>, now: f64) -> Duration {
    let left = due.map_or(f64::MAX, |due| (due - now).max(0.001));
    Duration::try_from_secs_f64(left).unwrap_or(LONGEST_SLEEP)
}

fn object(failure: &Failure) -> ErrorObject {
    ErrorObject {
        error_type: Some(failure.diagnostic.error_type.clone()),
        error_message: Some(failure.diagnostic.error_message.clone()),
        stack_trace: (!failure.stack_trace.is_empty()).then(|| failure.stack_trace.clone()),
        ..ErrorObject::default()
    }
}
