//! A shim that forks a process for each event: it is handed over in files, and the answer is the process's output.
//!
//! Always true: no two processes write to the same pipe. The process of number n uses lane n mod 2.

use std::{io, process::ExitStatus};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use rustix::process::Pid;
use uuid::Uuid;

use super::{
    Transport, TransportError, answered, decoder::FrameError, frame::Message, lanes::Lanes, pipes::Pipes,
};
use crate::{
    event::invocation::Invocation,
    process::{Child, Children},
    worker::{
        Starter, Step,
        answer::{End, Ended, Output},
        log::Log,
        stack::Trace,
    },
};

pub(super) struct Forking {
    pipes: Pipes,
    lanes: Lanes,
    /// The first bytes of the end of a handler; its answer stands before them.
    token: String,
    output: Output,
    trace: Trace,
    /// Whether an event has been handed over and its process has not ended.
    runs_event: bool,
    /// The end of the process that has the event, until its answer is whole.
    ended: Option<Ended>,
    children: Children,
    log: Log,
}

impl Forking {
    pub(super) fn new(children: &Children, log: &Log) -> io::Result<Self> {
        Ok(Self {
            pipes: Pipes::new()?,
            lanes: Lanes::new()?,
            token: Uuid::new_v4().simple().to_string(),
            output: Output::new(),
            trace: Trace::default(),
            runs_event: false,
            ended: None,
            children: children.clone(),
            log: log.clone(),
        })
    }

    async fn next(&mut self) -> Result<Option<Message>, TransportError> {
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
            if self.pipes.has_ended() {
                self.receive_rest();
                self.output.pass_on().await;
                return Ok(None);
            }
            tokio::select! {
                biased;
                said = self.output.receive(self.lanes.answer(), Some(&self.token)), if self.runs_event => {
                    self.ends(End::Exited(said.status), said.process);
                }
                () = self.pipes.transfer() => {}
            }
        }
    }

    /// The next message that is for others, too.
    fn decoded(&mut self) -> Result<Option<Message>, TransportError> {
        while let Some(message) = self.pipes.next()? {
            if let Some(message) = self.understood(message)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn understood(&mut self, message: Message) -> Result<Option<Message>, TransportError> {
        Ok(match message {
            Message::Trace(number, place, stack) => {
                if number == 0 || self.lanes.is_current(number) {
                    self.trace.note(place, stack);
                }
                None
            }
            // of a process that an earlier event left behind
            Message::Exited(number, ..) | Message::Ended(number, _) if !self.lanes.is_current(number) => None,
            Message::Exited(_, status, process) => {
                if self.runs_event {
                    self.receive_rest();
                    self.ends(End::Exited(status), process);
                }
                None
            }
            Message::Ended(_, status) if self.runs_event => {
                self.receive_rest();
                if self.lanes.event_was_taken()? {
                    self.ends(End::Ended(status.into()), None);
                    None
                } else {
                    self.runs_event = false;
                    self.lanes.next()?;
                    Some(Message::Untaken)
                }
            }
            // its end is known
            Message::Ended(..) if self.ended.is_some() => None,
            // it had waited for an event: the next one does
            Message::Ended(..) => {
                self.lanes.next()?;
                self.lanes.renew()?;
                None
            }
            Message::Answer(_) => return Err(FrameError::Foreign(message.name()).into()),
            message => Some(message),
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
            self.pipes.take_rest();
            while let Ok(Some(message)) = self.pipes.next() {
                if let Message::Trace(number, place, stack) = message
                    && self.lanes.is_current(number)
                {
                    self.trace.note(place, stack);
                }
            }
        }
        self.ended = None;
        // the next event is not sent before the next lane is there
        let _ = self.lanes.next();
        answered(end, self.take_trace(), &self.log, self.output.finish())
    }
}

impl Transport for Forking {
    /// The pipes, the token, of each lane its four descriptors, and whether there will be a snapshot.
    fn arguments(&self, snapshot: bool) -> Vec<String> {
        let lanes = self.lanes.descriptors().map(|descriptor| descriptor.to_string());
        let arguments = self.pipes.arguments().into_iter().chain([self.token.clone()]).chain(lanes);
        arguments.chain(snapshot.then(|| "snapshot".to_owned())).collect()
    }

    fn mark(&self) -> Option<Vec<u8>> {
        Some(self.pipes.mark())
    }

    fn send_event(&mut self, invocation: &Invocation, _starter: &Starter) -> io::Result<Option<Child>> {
        self.output.begin(invocation);
        self.trace = Trace::default();
        self.ended = None;
        self.lanes.send_event(invocation)?;
        self.runs_event = true;
        Ok(None)
    }

    fn send_step(&mut self, step: Step) {
        self.trace = Trace::default();
        self.pipes.send(vec![Bytes::from(format!("{}\n", step.name()))]);
    }

    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>> {
        self.next().boxed()
    }

    fn has_ended(&mut self, _status: ExitStatus) {
        self.pipes.end();
    }

    fn close(&mut self) {
        // it may only be the last to hear of the end
        let _ = self.lanes.close();
    }

    fn stop_streaming(&mut self) {
        self.output.stop();
    }

    fn event_was_taken(&mut self) -> bool {
        self.lanes.event_was_taken().unwrap_or(true)
    }

    fn prepare(&mut self) -> io::Result<()> {
        // bytes that come before the event are no answer: a handler has written them to the wrong descriptor
        self.output.receive_rest(self.lanes.answer(), None);
        self.lanes.renew()
    }

    fn take_trace(&mut self) -> Trace {
        std::mem::take(&mut self.trace)
    }
}
