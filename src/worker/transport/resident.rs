//! A shim that runs all events in one process (PowerShell, Lisp): events are frames on one pipe, answers are frames on
//! another. Each streamed answer has its own pipe.

use std::{
    convert::Infallible,
    future::pending,
    io,
    os::fd::{AsRawFd, OwnedFd},
    process::ExitStatus,
};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use rustix::io::{DupFlags, dup3};
use tokio::net::unix::pipe;

use super::{
    Transport, TransportError,
    frame::{FrameError, Message, encode},
    pipes::{Pipes, answer_pipe},
};
use crate::{
    event::invocation::Invocation,
    process::Child,
    settings::ResponseMode,
    worker::{
        Step,
        answer::{Output, ended_with},
        log::Log,
    },
};

/// Up to this size, an event is copied into one buffer with its context, in bytes.
const SMALL_EVENT: usize = 16 * 1024;

pub(super) struct Resident {
    pipes: Pipes,
    answer: Option<Answer>,
    /// The worker's last message, kept until the streamed answer before it has been sent.
    message: Option<Message>,
    /// The meta-variables of the last event.
    last_variables: Vec<String>,
    log: Log,
}

/// The pipe of the current answer. The shim's end keeps its number while the worker runs.
struct Answer {
    pipe: pipe::Receiver,
    end: OwnedFd,
    output: Output,
}

impl Resident {
    pub(super) fn new(mode: ResponseMode, log: &Log) -> io::Result<Self> {
        let answer = match mode {
            ResponseMode::Buffered => None,
            ResponseMode::Streaming => Some(Answer::new()?),
        };
        let pipes = Pipes::new()?;
        Ok(Self { pipes, answer, message: None, last_variables: Vec::new(), log: log.clone() })
    }

    async fn next(&mut self) -> Result<Option<Message>, TransportError> {
        loop {
            let has_ended = self.pipes.has_ended();
            if self.message.is_some() || has_ended {
                // the answer was written before the message
                if let Some(answer) = &mut self.answer {
                    answer.pass_on_rest().await;
                }
            }
            if let Some(message) = self.message.take() {
                return Ok(Some(self.checked(message)?));
            }
            match self.pipes.next()? {
                None if has_ended => return Ok(None),
                None => tokio::select! {
                    never = pass_on(&mut self.answer) => match never {},
                    () = self.pipes.transfer() => {}
                },
                message => self.message = message,
            }
        }
    }

    /// The message for the worker.
    fn checked(&mut self, message: Message) -> Result<Message, FrameError> {
        match message {
            Message::Answer(rest) => {
                let streamed = self.answer.as_mut().map_or(Ok(Bytes::new()), |answer| answer.output.finish());
                Ok(streamed.map_or_else(Message::Failed, |_| Message::Answer(rest)))
            }
            // the handler has ended itself with this status
            Message::Exited(0) => Ok(Message::Answer(Bytes::new())),
            Message::Exited(status) => Ok(Message::Failed(ended_with(status, "", &self.log))),
            Message::Trace(..) | Message::Ended(..) | Message::Untaken => Err(FrameError::Foreign),
            message => Ok(message),
        }
    }
}

impl Transport for Resident {
    /// The pipes, and the descriptor of the answer's pipe, or `-` if answers are not streamed.
    fn arguments(&self, _snapshot: bool) -> Vec<String> {
        let answer = self.answer.as_ref().map(|answer| answer.end.as_raw_fd().to_string());
        self.pipes.arguments().into_iter().chain([answer.unwrap_or_else(|| "-".to_owned())]).collect()
    }

    fn mark(&self) -> Option<Vec<u8>> {
        Some(self.pipes.mark())
    }

    fn send_event(&mut self, invocation: &Invocation) -> io::Result<Option<Child>> {
        self.message = None;
        if let Some(answer) = &mut self.answer {
            answer.begin(invocation)?;
        }
        let mut request = encode("context", &invocation.context(&self.last_variables));
        self.last_variables = invocation.meta_variables().map(|(name, _)| name.to_owned()).collect();
        let input = invocation.input();
        request.extend_from_slice(format!("event {}\n", input.len()).as_bytes());
        let mut parts = Vec::new();
        if input.len() <= SMALL_EVENT {
            // a small event needs one write and one wake-up
            request.extend_from_slice(input);
        } else {
            parts.push(input.clone());
        }
        parts.push(request.into());
        self.pipes.send(parts);
        Ok(None)
    }

    fn send_step(&mut self, step: Step) {
        self.pipes.send(vec![encode(step.name, b"").into()]);
    }

    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>> {
        self.next().boxed()
    }

    fn has_ended(&mut self, _status: ExitStatus) {
        self.pipes.end();
    }

    fn event_was_taken(&mut self) -> bool {
        self.pipes.request_was_taken()
    }

    fn stop_streaming(&mut self) {
        if let Some(answer) = &mut self.answer {
            answer.output.stop();
        }
    }
}

impl Answer {
    fn new() -> io::Result<Self> {
        let (pipe, end) = answer_pipe()?;
        Ok(Self { pipe, end, output: Output::default() })
    }

    /// Begins the answer of an event with a new pipe: a process of an earlier event may still have the last one open.
    fn begin(&mut self, invocation: &Invocation) -> io::Result<()> {
        let (pipe, end) = answer_pipe()?;
        dup3(&end, &mut self.end, DupFlags::CLOEXEC)?;
        self.pipe = pipe;
        self.output.begin(invocation);
        Ok(())
    }

    /// Sends the rest of the answer. Cancel-safe.
    async fn pass_on_rest(&mut self) {
        self.output.receive_rest(&self.pipe);
        self.output.pass_on().await;
    }
}

/// Sends a streamed answer while it is written, and never returns. Cancel-safe.
async fn pass_on(answer: &mut Option<Answer>) -> Infallible {
    match answer {
        Some(answer) => answer.output.receive(&answer.pipe).await,
        None => pending().await,
    }
}
