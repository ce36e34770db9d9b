//! Events as frames on a pipe, answers as frames on another: one process of the shim's runs them all.

use std::io;

use bytes::Bytes;

use super::{
    Message, TransportError,
    frame::{FrameError, Report, encode},
    pipes::{self, Reports, Requests},
};
use crate::{
    invocation::Invocation,
    worker::{
        Step,
        answer::{End, too_large},
    },
};

/// An event that is copied in front of the pipe, in bytes.
const SMALL_EVENT: usize = 16 * 1024;

pub(crate) struct Streamed {
    requests: Requests,
    reports: Reports,
}

impl Streamed {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { requests: Requests::new()?, reports: Reports::new()? })
    }

    pub(super) fn arguments(&self) -> [String; 3] {
        pipes::arguments(&self.requests, &self.reports)
    }

    pub(super) fn send_event(&mut self, invocation: &Invocation) {
        let mut request = encode("context", &invocation.context());
        request.extend_from_slice(format!("event {}\n", invocation.event.len()).as_bytes());
        let mut parts = Vec::new();
        if invocation.event.len() <= SMALL_EVENT {
            // one write and one wake-up for what is small
            request.extend_from_slice(&invocation.event);
        } else {
            parts.push(invocation.event.clone());
        }
        parts.push(request.into());
        self.requests.send(parts);
    }

    pub(super) fn send_step(&mut self, step: Step) {
        self.requests.send(vec![encode(step.name(), b"").into()]);
    }

    pub(super) async fn message(&mut self) -> Result<Message, TransportError> {
        loop {
            if let Some(message) = self.decoded()? {
                return Ok(message);
            }
            tokio::select! {
                () = self.reports.fill() => {}
                () = self.requests.write() => {}
            }
        }
    }

    pub(super) fn last_message(&mut self) -> Result<Option<Message>, TransportError> {
        self.reports.fill_rest();
        let message = self.decoded()?;
        if message.is_none() {
            self.reports.finish()?;
        }
        Ok(message)
    }

    pub(super) fn event_was_taken(&self) -> bool {
        self.requests.taken()
    }

    fn decoded(&mut self) -> Result<Option<Message>, FrameError> {
        let Some(report) = self.reports.next()? else { return Ok(None) };
        Ok(Some(match report {
            Report::Ready => Message::Ready,
            Report::Answer(answer) => Message::Answer(answer),
            Report::AnswerTooLarge(size) => Message::Failed(too_large(size)),
            Report::Failed(failure) => Message::Failed(failure),
            Report::Undefined(names) => Message::Undefined(names),
            // of a handler that has asked for this status
            Report::Exited(_, status, _) => Message::Ended(End::Exited(status), Ok(Bytes::new())),
            other @ (Report::Trace(..) | Report::Ended(..)) => return Err(FrameError::Foreign(other.name())),
        }))
    }
}
