//! How an event gets into a worker and its answer out: one interface, and a way of its own for each kind of worker.
//!
//! * [`Resident`]: the shim reads events from a pipe and writes answers to another.
//! * [`Forking`]: the shim forks a process for each event, which finds it in files and writes to a pipe.
//! * [`Program`]: there is no shim; a program is started for each event.
//!
//! Each refuses messages of a shim that are not its own.

pub mod decoder;
mod forking;
pub mod frame;
mod lanes;
mod memory;
mod pipes;
mod program;
mod resident;

use std::{io, path::PathBuf, process::ExitStatus};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use rustix::process::Pid;

pub(super) use self::frame::Message;
use self::{decoder::FrameError, forking::Forking, program::Program, resident::Resident};
use super::{Starter, Step, answer::ExitKind, log::Log, stack::Trace};
use crate::{
    event::invocation::Invocation,
    failure::Failure,
    process::{Child, Children},
    settings::ResponseMode,
};

/// How a language's workers get their events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As frames, from a pipe.
    Resident,
    /// From files and pipes that a process of the shim's own opens for each event.
    /// Holds the file, where the reason of its failing to load may not be known.
    Forking(Option<PathBuf>),
    /// As the argument and the standard input of a program.
    Program(Option<Prelude>),
}

/// A file that an interpreter runs before a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prelude {
    /// The environment variable that names the file.
    pub variable: &'static str,
    /// The file's text, in which [`REPORTS`] stands for the path to which it reports.
    pub text: String,
}

/// Stands in a prelude for the path of a file to which lines can be added, each of them a
/// [`FailedCommand`](super::stack::FailedCommand).
pub const REPORTS: &str = "@REPORTS@";

/// Why nothing more can be said to a worker or heard of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    /// What it says is no message.
    #[error("{0}")]
    Frame(#[from] FrameError),
    /// Descriptors or memory are short.
    #[error("the next event cannot be prepared for: {0}")]
    Io(#[from] io::Error),
}

/// The way to one worker.
pub(super) trait Transport: Send {
    /// Whether there is a process that waits for events. If not, each event starts one.
    fn has_worker(&self) -> bool {
        true
    }

    /// The worker has been started.
    fn has_started(&mut self, _worker: Pid) {}

    /// What the shim gets as arguments behind its own. `snapshot` says that the steps of one will be asked for.
    fn arguments(&self, _snapshot: bool) -> Vec<String> {
        Vec::new()
    }

    /// A part of the worker's command line, which it shares with what is forked from it and runs no other program.
    fn mark(&self) -> Option<Vec<u8>> {
        None
    }

    /// Hands an event over, or begins to. Gives the process that `starter` has started for it alone, if that is how.
    fn send_event(&mut self, invocation: &Invocation, starter: &Starter) -> io::Result<Option<Child>>;

    /// Asks for the user's hooks. Where nothing is loaded there are none.
    fn send_step(&mut self, _step: Step) {}

    /// The next message, while what was sent is written as the worker takes it; none once the worker has ended and all
    /// its messages were taken. The future may be dropped before its end.
    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>>;

    /// The worker, or the program of the event, has ended with this status.
    fn has_ended(&mut self, status: ExitStatus);

    /// Lets a process that waits for an event see that there will be none.
    fn close(&mut self) {}

    /// Passes on nothing more of an answer that is streamed.
    fn stop_streaming(&mut self);

    /// Whether the worker, which has ended, had taken all of the event.
    fn event_was_taken(&mut self) -> bool {
        true
    }

    /// Does ahead of the next event what can be done without it.
    fn prepare(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// What led to the worker's end with this status, as far as that was reported.
    fn take_trace(&mut self, _status: Option<i32>) -> Trace {
        Trace::default()
    }
}

impl Kind {
    /// The way to a worker of this kind.
    pub(super) fn open(
        &self,
        mode: ResponseMode,
        children: &Children,
        log: &Log,
    ) -> io::Result<Box<dyn Transport>> {
        Ok(match self {
            Self::Resident => Box::new(Resident::new(mode, log)?),
            Self::Forking(file) => Box::new(Forking::new(file.as_deref(), children, log)?),
            Self::Program(prelude) => Box::new(Program::new(prelude.as_ref(), children, log)?),
        })
    }
}

/// What the end of a handler that has a status is: its answer, or a failure.
fn answered(exit: ExitKind, trace: Trace, log: &Log, answer: Result<Bytes, Failure>) -> Message {
    let failure = exit.failure(&trace.place, || log.last_lines());
    match (failure, answer) {
        (Some(failure), _) => Message::Failed(failure.with_stack_trace(trace.stack)),
        (None, Ok(answer)) => Message::Answer(answer),
        (None, Err(failure)) => Message::Failed(failure),
    }
}
