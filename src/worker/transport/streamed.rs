//! Events as frames on a pipe, answers as frames on another: one process of the shim's runs them all. An answer that is
//! streamed has a pipe of its own.

use std::{
    convert::Infallible,
    future::pending,
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use bytes::Bytes;
use rustix::io::{DupFlags, dup3};
use tokio::net::unix::pipe;

use super::{
    Message, TransportError,
    frame::{FrameError, Report, encode},
    pipes::{self, Reports, Requests, answer_pipe},
};
use crate::{
    event::invocation::Invocation,
    failure::Failure,
    limits::PAYLOAD_LIMIT,
    settings::ResponseMode,
    worker::{
        Step,
        answer::{End, Output},
    },
};

/// An event that is copied in front of the pipe, in bytes.
const SMALL_EVENT: usize = 16 * 1024;

pub(crate) struct Streamed {
    requests: Requests,
    reports: Reports,
    answer: Option<Answer>,
    /// What the worker has said, until the answer before it has been passed on.
    said: Option<Message>,
    has_ended: bool,
    /// The meta-variables that the last event has set.
    last_variables: Vec<String>,
}

/// The pipe of the current answer. The shim's end keeps its number for as long as the worker lives.
struct Answer {
    pipe: pipe::Receiver,
    end: OwnedFd,
    output: Output,
}

impl Streamed {
    pub(super) fn new(mode: ResponseMode) -> io::Result<Self> {
        let answer = match mode {
            ResponseMode::Buffered => None,
            ResponseMode::Streaming => Some(Answer::new()?),
        };
        let (requests, reports) = (Requests::new()?, Reports::new()?);
        Ok(Self { requests, reports, answer, said: None, has_ended: false, last_variables: Vec::new() })
    }

    pub(super) fn pipe_arguments(&self) -> [String; 3] {
        pipes::arguments(&self.requests, &self.reports)
    }

    /// The pipes, and the descriptor of that for answers, or `-` where they are not streamed.
    pub(super) fn arguments(&self) -> Vec<String> {
        let answer = self.answer.as_ref().map(|answer| answer.end.as_raw_fd().to_string());
        self.pipe_arguments().into_iter().chain([answer.unwrap_or_else(|| "-".to_owned())]).collect()
    }

    pub(super) fn send_event(&mut self, invocation: &Invocation) -> io::Result<()> {
        self.said = None;
        if let Some(answer) = &mut self.answer {
            answer.begin(invocation)?;
        }
        let mut request = encode("context", &invocation.context(&self.last_variables));
        self.last_variables = invocation.meta_variables().map(|(name, _)| name.to_owned()).collect();
        let input = invocation.input();
        request.extend_from_slice(format!("event {}\n", input.len()).as_bytes());
        let mut parts = Vec::new();
        if input.len() <= SMALL_EVENT {
            // one write and one wake-up for what is small
            request.extend_from_slice(input);
        } else {
            parts.push(input.clone());
        }
        parts.push(request.into());
        self.requests.send(parts);
        Ok(())
    }

    pub(super) fn send_step(&mut self, step: Step) {
        self.requests.send(vec![encode(step.name(), b"").into()]);
    }

    pub(super) async fn message(&mut self) -> Result<Option<Message>, TransportError> {
        loop {
            if self.said.is_some() || self.has_ended {
                // what it has written before that
                if let Some(answer) = &mut self.answer {
                    answer.pass_on_rest().await;
                }
            }
            if let Some(message) = self.said.take() {
                return Ok(Some(self.checked(message)));
            }
            match self.reports.next()? {
                Some(report) => self.said = Some(understood(report)?),
                None if self.has_ended => {
                    self.reports.finish()?;
                    return Ok(None);
                }
                None => tokio::select! {
                    never = pass_on(&mut self.answer) => match never {},
                    () = self.reports.fill() => {}
                    () = self.requests.write() => {}
                },
            }
        }
    }

    /// A message, or the error of an answer that was too large to be passed on whole.
    fn checked(&mut self, message: Message) -> Message {
        match (message, &mut self.answer) {
            (Message::Answer(rest), Some(answer)) => {
                answer.output.finish().map_or_else(Message::Failed, |_| Message::Answer(rest))
            }
            (message, _) => message,
        }
    }

    pub(super) fn worker_has_ended(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.reports.fill_rest();
        }
    }

    pub(super) fn stop_streaming(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.output.stop();
        }
    }

    pub(super) fn event_was_taken(&self) -> bool {
        self.requests.taken()
    }
}

impl Answer {
    fn new() -> io::Result<Self> {
        let (pipe, end) = answer_pipe()?;
        Ok(Self { pipe, end, output: Output::new() })
    }

    /// Begins the answer of an event, in a fresh pipe: what an earlier one has left behind may still hold the last.
    fn begin(&mut self, invocation: &Invocation) -> io::Result<()> {
        let (pipe, end) = answer_pipe()?;
        dup3(&end, &mut self.end, DupFlags::CLOEXEC)?;
        self.pipe = pipe;
        self.output.begin(invocation);
        Ok(())
    }

    /// Passes on what has been written up to now. May be dropped and called again.
    async fn pass_on_rest(&mut self) {
        self.output.receive_rest(&self.pipe, None);
        self.output.pass_on().await;
    }
}

/// Passes on what comes of an answer, if it is streamed, for ever. May be dropped and called again.
async fn pass_on(answer: &mut Option<Answer>) -> Infallible {
    if let Some(answer) = answer {
        answer.output.receive(&answer.pipe, None).await;
    }
    pending().await
}

fn understood(report: Report) -> Result<Message, FrameError> {
    Ok(match report {
        Report::ShutdownHook => Message::ShutdownHook,
        Report::Ready => Message::Ready,
        Report::Answer(answer) => Message::Answer(answer),
        Report::AnswerTooLarge(size) => Message::Failed(Failure::too_large(size, PAYLOAD_LIMIT)),
        Report::Failed(failure) => Message::Failed(failure),
        Report::Undefined(names) => Message::Undefined(names),
        // of a handler that has asked for this status
        Report::Exited(_, status, _) => Message::Ended(End::Exited(status), Ok(Bytes::new())),
        other @ (Report::Trace(..) | Report::Ended(..)) => return Err(FrameError::Foreign(other.name())),
    })
}
