//! A shim that forks a process for each event: it is handed over in files, and the answer is the process's output.
//!
//! Always true: no two processes write to the same pipe. The process of number n uses lane n mod 2.

use std::io;

use bytes::Bytes;
use rustix::process::Pid;
use uuid::Uuid;

use super::{
    Message, TransportError,
    frame::{FrameError, Report},
    lanes::Lanes,
    pipes::{self, Reports, Requests},
};
use crate::{
    event::invocation::Invocation,
    process::Children,
    worker::{
        Step,
        answer::{End, Ended, Output},
        stack::Trace,
    },
};

pub(crate) struct Forking {
    requests: Requests,
    reports: Reports,
    lanes: Lanes,
    /// What the end of a handler begins with, behind its answer.
    token: String,
    output: Output,
    trace: Trace,
    /// Whether an event has been handed over and its process has not ended.
    runs_event: bool,
    /// The end of the process that has the event, until its answer is whole.
    ended: Option<Ended>,
    /// Whether the worker itself has ended.
    has_ended: bool,
    children: Children,
}

impl Forking {
    pub(super) fn new(children: &Children) -> io::Result<Self> {
        Ok(Self {
            requests: Requests::new()?,
            reports: Reports::new()?,
            lanes: Lanes::new()?,
            token: Uuid::new_v4().simple().to_string(),
            output: Output::new(),
            trace: Trace::default(),
            runs_event: false,
            ended: None,
            has_ended: false,
            children: children.clone(),
        })
    }

    /// The pipes, the token, of each lane its four descriptors, and whether there will be a snapshot.
    pub(super) fn arguments(&self, snapshot: bool) -> Vec<String> {
        let lanes = self.lanes.descriptors().map(|descriptor| descriptor.to_string());
        let arguments = self.pipe_arguments().into_iter().chain([self.token.clone()]).chain(lanes);
        arguments.chain(snapshot.then(|| "snapshot".to_owned())).collect()
    }

    pub(super) fn pipe_arguments(&self) -> [String; 3] {
        pipes::arguments(&self.requests, &self.reports)
    }

    pub(super) fn send_event(&mut self, invocation: &Invocation) -> io::Result<()> {
        self.output.begin(invocation);
        self.trace = Trace::default();
        self.ended = None;
        self.lanes.send_event(invocation)?;
        self.runs_event = true;
        Ok(())
    }

    pub(super) fn send_step(&mut self, step: Step) {
        self.trace = Trace::default();
        self.requests.send(vec![Bytes::from(format!("{}\n", step.name()))]);
    }

    pub(super) async fn message(&mut self) -> Result<Option<Message>, TransportError> {
        loop {
            if let Some(ended) = &mut self.ended {
                self.output.receive_filtered(self.lanes.answer(), ended, &self.children).await;
                self.output.pass_on().await;
                let end = ended.end;
                return Ok(Some(self.answered(end)));
            }
            if let Some(message) = self.decoded()? {
                return Ok(Some(message));
            }
            if self.ended.is_some() {
                continue;
            }
            if self.has_ended {
                self.reports.finish()?;
                self.receive_rest();
                self.output.pass_on().await;
                return Ok(None);
            }
            tokio::select! {
                biased;
                said = self.output.receive(self.lanes.answer(), Some(&self.token)), if self.runs_event => {
                    self.ends(End::Exited(said.status), said.process);
                }
                () = self.reports.fill() => {}
                () = self.requests.write() => {}
            }
        }
    }

    pub(super) fn worker_has_ended(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.reports.fill_rest();
        }
    }

    pub(super) fn close(&mut self) {
        // it may only be the last to hear of the end
        let _ = self.lanes.close();
    }

    pub(super) fn stop_streaming(&mut self) {
        self.output.stop();
    }

    pub(super) fn event_was_taken(&mut self) -> bool {
        self.lanes.event_was_taken().unwrap_or(true)
    }

    pub(super) fn prepare(&mut self) -> io::Result<()> {
        // what is there before the event has come, a handler has written where it should not
        self.output.receive_rest(self.lanes.answer(), None);
        self.lanes.renew()
    }

    pub(super) fn take_trace(&mut self) -> Trace {
        std::mem::take(&mut self.trace)
    }

    /// The next of the reports that have come which says something to others.
    fn decoded(&mut self) -> Result<Option<Message>, TransportError> {
        while let Some(report) = self.reports.next()? {
            if let Some(message) = self.understood(report)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn understood(&mut self, report: Report) -> Result<Option<Message>, TransportError> {
        Ok(match report {
            Report::ShutdownHook => Some(Message::ShutdownHook),
            Report::Ready => Some(Message::Ready),
            Report::Failed(failure) => Some(Message::Failed(failure)),
            Report::Undefined(names) => Some(Message::Undefined(names)),
            Report::Trace(number, place, stack) => {
                if number == 0 || self.lanes.is_current(number) {
                    self.trace.note(place, stack);
                }
                None
            }
            // of a process that an earlier event left behind
            Report::Exited(number, ..) | Report::Ended(number, _) if !self.lanes.is_current(number) => None,
            Report::Exited(_, status, process) => {
                if self.runs_event {
                    self.receive_rest();
                    self.ends(End::Exited(status), process);
                }
                None
            }
            Report::Ended(_, status) if self.runs_event => {
                self.receive_rest();
                if self.lanes.event_was_taken()? {
                    self.ends(End::Ended(status), None);
                    None
                } else {
                    self.runs_event = false;
                    self.lanes.next()?;
                    Some(Message::Untaken)
                }
            }
            // its end is known
            Report::Ended(..) if self.ended.is_some() => None,
            // it had waited for an event: the next one does
            Report::Ended(..) => {
                self.lanes.next()?;
                self.lanes.renew()?;
                None
            }
            other @ (Report::Answer(_) | Report::AnswerTooLarge(_)) => {
                return Err(FrameError::Foreign(other.name()).into());
            }
        })
    }

    /// Takes what the process that has the event has written up to its end.
    fn receive_rest(&mut self) {
        self.output.receive_rest(self.lanes.answer(), Some(&self.token));
    }

    /// The process that has the event ends, or has ended.
    fn ends(&mut self, end: End, process: Option<Pid>) {
        self.runs_event = false;
        self.ended = Some(Ended::now(end, process));
    }

    /// The answer of the process that has ended.
    fn answered(&mut self, end: End) -> Message {
        if end != End::Exited(0) {
            // where it failed, which it reported before its end
            self.reports.fill_rest();
            while let Ok(Some(report)) = self.reports.next() {
                if let Report::Trace(number, place, stack) = report
                    && self.lanes.is_current(number)
                {
                    self.trace.note(place, stack);
                }
            }
        }
        self.ended = None;
        // the next event is not sent before the next lane is there
        let _ = self.lanes.next();
        Message::Ended(end, self.output.finish())
    }
}
