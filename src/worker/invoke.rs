//! One event on a worker: hands it over, waits for its answer, ends what has run into its deadline.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::{task::coop::unconstrained, time::Instant};

use super::{
    Happening, Worker, WorkerError, broken,
    event::{End, Event, too_large},
    exhausted, happening,
    lanes::Lanes,
    pipe_arguments, with_lines,
};
use crate::{
    failure::{ErrorType, Failure},
    frame::{self, Report},
    invocation::{Invocation, REQUEST_ID_VARIABLE},
    process::Marks,
};

/// An event that is copied in front of the pipe, in bytes.
const SMALL_EVENT: usize = 16 * 1024;

impl Worker {
    /// Runs one event. Whatever the handler logged before it ended has been passed on when this returns.
    pub async fn invoke(&mut self, invocation: &Invocation) -> Result<Bytes, WorkerError> {
        self.log.begin(invocation.request_id());
        let limit = self.deadline_margin.and_then(|margin| {
            let left = invocation.time_left(SystemTime::now())?;
            // a timeout as short as the margin still leaves the handler some of it
            Some(left.saturating_sub(margin).max(left / 2))
        });
        if let Some(limit) = limit {
            self.limit.as_mut().reset(Instant::now() + limit);
        }
        let result = self.exchange(invocation, limit).await;
        let result = match result {
            Err(WorkerError::Gone(failure)) => {
                let ended = self.child.has_ended();
                self.child.kill_event(&self.marks(invocation)).await;
                // only now nobody is left who could take it
                Err(if ended && !self.event_was_taken() {
                    WorkerError::Untaken(failure)
                } else {
                    WorkerError::Gone(failure)
                })
            }
            result => result,
        };
        self.log.drain();
        result
    }

    /// Whether the worker, which has ended, had taken all of the event.
    fn event_was_taken(&mut self) -> bool {
        match &mut self.lanes {
            Some(lanes) => lanes.event_was_taken().unwrap_or(true),
            None => self.requests.taken(),
        }
    }

    fn marks(&self, invocation: &Invocation) -> Marks {
        Marks {
            variable: format!("{REQUEST_ID_VARIABLE}={}", invocation.request_id()).into_bytes(),
            arguments: format!("\0{}\0", pipe_arguments(&self.requests, &self.reports).join("\0"))
                .into_bytes(),
        }
    }

    async fn exchange(
        &mut self,
        invocation: &Invocation,
        limit: Option<Duration>,
    ) -> Result<Bytes, WorkerError> {
        self.begin(invocation).map_err(WorkerError::Failed)?;
        let mut event = Event::new();
        loop {
            let happening = tokio::select! {
                biased;
                status = event.receive(self.lanes.as_mut()) => {
                    return self.handler_ended(event, End::Exited(status)).map_err(WorkerError::Failed);
                }
                happening = happening(&mut self.child, &mut self.log, &mut self.reports) => happening,
                () = self.requests.send() => continue,
                // also where the others have used up the task's budget
                () = unconstrained(self.limit.as_mut()), if limit.is_some() => {
                    return Err(WorkerError::Gone(deadline_exceeded(limit.unwrap_or_default())));
                }
            };
            match happening {
                Happening::Report(Report::Trace(number, place, lines)) if self.is_current(number) => {
                    event.failed(place, lines);
                }
                Happening::Report(Report::Exited(number, status)) if self.is_current(number) => {
                    event.receive_rest(self.lanes.as_mut());
                    return self.handler_ended(event, End::Exited(status)).map_err(WorkerError::Failed);
                }
                Happening::Report(Report::Ended(number, status)) if self.is_current(number) => {
                    event.receive_rest(self.lanes.as_mut());
                    if !self.hand_on(invocation)? {
                        return self.handler_ended(event, End::Ended(status)).map_err(WorkerError::Failed);
                    }
                }
                Happening::Report(Report::Answer(answer)) => return Ok(answer),
                Happening::Report(Report::AnswerTooLarge(size)) => {
                    return Err(WorkerError::Failed(too_large(size)));
                }
                Happening::Report(Report::Failed(failure)) => return Err(WorkerError::Failed(failure)),
                // of a process that an earlier event left behind, or what has no meaning in an event
                Happening::Report(_) => {}
                Happening::Malformed(error) => return Err(WorkerError::Gone(broken(&error))),
                Happening::Exited(status) => {
                    self.log.drain();
                    let message = format!("the worker ended ({status}) before it answered");
                    let message = with_lines(message, &self.log.last_lines());
                    let failure = Failure::new(ErrorType::WorkerExited, message);
                    return Err(WorkerError::Gone(failure.with_stack_trace(event.stack_trace)));
                }
            }
        }
    }

    /// Whether this is the handler's process that has the event, or is to have the next one. A worker without lanes
    /// has no other than itself.
    pub(super) fn is_current(&self, number: u64) -> bool {
        self.lanes.as_ref().is_none_or(|lanes| lanes.is_current(number))
    }

    /// The answer, or the failure, of a handler that says how it ended.
    fn handler_ended(&mut self, mut event: Event, end: End) -> Result<Bytes, Failure> {
        if end != End::Exited(0) {
            // where it failed, which it reported before its end
            self.reports.fill_rest();
            while let Ok(Some(report)) = self.reports.next() {
                if let Report::Trace(number, place, stack) = report
                    && self.is_current(number)
                {
                    event.failed(place, stack);
                }
            }
        }
        // the next event is not begun before the next lane is there
        let _ = self.lanes.as_mut().map(Lanes::next);
        let log = &mut self.log;
        event.ended(end, || {
            log.drain();
            log.last_lines()
        })
    }

    /// Hands the event to the next process if the current one has ended without having taken it.
    fn hand_on(&mut self, invocation: &Invocation) -> Result<bool, WorkerError> {
        let Some(lanes) = &mut self.lanes else { return Ok(false) };
        let handed_on = lanes.event_was_taken().and_then(|taken| {
            if !taken {
                lanes.next()?;
                lanes.begin(invocation)?;
            }
            Ok(!taken)
        });
        handed_on.map_err(|error| WorkerError::Gone(exhausted("the event cannot be handed over", &error)))
    }

    /// Hands this event over, or begins to.
    fn begin(&mut self, invocation: &Invocation) -> Result<(), Failure> {
        if let Some(lanes) = &mut self.lanes {
            return lanes
                .begin(invocation)
                .map_err(|error| exhausted("the event cannot be handed over", &error));
        }
        let mut request = frame::encode("context", &invocation.context());
        request.extend_from_slice(format!("event {}\n", invocation.event.len()).as_bytes());
        let mut parts = Vec::new();
        if invocation.event.len() <= SMALL_EVENT {
            // one write and one wake-up for what is small
            request.extend_from_slice(&invocation.event);
        } else {
            parts.push(invocation.event.clone());
        }
        parts.push(request.into());
        self.requests.begin(parts);
        Ok(())
    }
}

fn deadline_exceeded(limit: Duration) -> Failure {
    let message = format!("the handler had not answered after {} ms", limit.as_millis());
    Failure::new(ErrorType::DeadlineExceeded, message)
}
