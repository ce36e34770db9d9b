//! How an event gets into a worker and its answer out: one interface, and a way of its own for each kind of worker.
//!
//! * [`Streamed`]: the shim reads events from a pipe and writes answers to another.
//! * [`Forking`]: the shim forks a process for each event, which finds it in files and writes to a pipe.
//! * [`Program`]: there is no shim; a program is started for each event.
//!
//! Each refuses messages of a shim that are not its own.

mod decoder;
mod forking;
pub mod frame;
mod lanes;
mod memory;
mod pipes;
mod program;
mod streamed;

use std::{io, process::ExitStatus};

use bytes::Bytes;

use self::{forking::Forking, frame::FrameError, program::Program, streamed::Streamed};
use super::{Launch, Starter, Step, answer::End, stack::Trace};
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
    Streamed,
    /// From files and pipes that a process of the shim's own opens for each event.
    Forking,
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

/// Stands in a prelude for the path of a file to which lines can be added: `PID STATUS`, the command that failed with
/// this status, as `at line 4: false`, and the frames of the call stack, innermost first, each behind a record
/// separator (30).
pub const REPORTS: &str = "@REPORTS@";

/// What a worker says.
#[derive(Debug)]
pub(super) enum Message {
    /// The file has hooks for the shutdown.
    ShutdownHook,
    /// The file is loaded, or the hooks have run.
    Ready,
    /// The handler's answer, whole.
    Answer(Bytes),
    /// The answer, or what was asked for, failed: the error as the caller gets it.
    Failed(Failure),
    /// The file was loaded but does not define the handler. Holds the names that it does define.
    Undefined(Vec<String>),
    /// The handler was a process of its own, which has ended: how, and what it has written as its answer.
    Ended(End, Result<Bytes, Failure>),
    /// The process that was to take the event has ended without it.
    Untaken,
}

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
pub(super) enum Transport {
    Streamed(Box<Streamed>),
    Forking(Box<Forking>),
    Program(Box<Program>),
}

impl Transport {
    pub(super) fn new(launch: &Launch, mode: ResponseMode, children: &Children) -> io::Result<Self> {
        Ok(match &launch.transport {
            Kind::Streamed => Self::Streamed(Box::new(Streamed::new(mode)?)),
            Kind::Forking => Self::Forking(Box::new(Forking::new(children)?)),
            Kind::Program(prelude) => Self::Program(Box::new(Program::new(prelude.as_ref(), children)?)),
        })
    }

    /// Whether there is a process that waits for events. If not, each event starts one.
    pub(super) fn has_worker(&self) -> bool {
        !matches!(self, Self::Program(_))
    }

    /// What the shim gets as arguments behind its own. `snapshot` says that the steps of one will be asked for.
    pub(super) fn arguments(&self, snapshot: bool) -> Vec<String> {
        match self {
            Self::Streamed(streamed) => streamed.arguments(),
            Self::Forking(forking) => forking.arguments(snapshot),
            Self::Program(_) => Vec::new(),
        }
    }

    /// Hands an event over, or begins to. Gives the process that `starter` has started for it alone, if that is how.
    pub(super) fn send_event(
        &mut self,
        invocation: &Invocation,
        starter: &Starter,
    ) -> io::Result<Option<Child>> {
        match self {
            Self::Streamed(streamed) => streamed.send_event(invocation)?,
            Self::Forking(forking) => forking.send_event(invocation)?,
            Self::Program(program) => return program.send_event(invocation, starter).map(Some),
        }
        Ok(None)
    }

    /// Whether the hooks for a shutdown are to be asked for. If not, the worker runs them when it gets SIGTERM.
    pub(super) fn asks_for_shutdown_hooks(&self) -> bool {
        matches!(self, Self::Streamed(_))
    }

    /// Asks for the user's hooks. Where nothing is loaded there are none.
    pub(super) fn send_step(&mut self, step: Step) {
        match self {
            Self::Streamed(streamed) => streamed.send_step(step),
            Self::Forking(forking) => forking.send_step(step),
            Self::Program(_) => {}
        }
    }

    /// The next message, while what was sent is written as the worker takes it; none once the worker has ended and all
    /// that it has said was heard. May be dropped and called again.
    pub(super) async fn message(&mut self) -> Result<Option<Message>, TransportError> {
        match self {
            Self::Streamed(streamed) => streamed.message().await,
            Self::Forking(forking) => forking.message().await,
            Self::Program(program) => Ok(Some(program.message().await)),
        }
    }

    /// The worker, or the program of the event, has ended with this status.
    pub(super) fn has_ended(&mut self, status: ExitStatus) {
        match self {
            Self::Streamed(streamed) => streamed.worker_has_ended(),
            Self::Forking(forking) => forking.worker_has_ended(),
            Self::Program(program) => program.has_ended(status),
        }
    }

    /// Lets a process that waits for an event see that there will be none.
    pub(super) fn close(&mut self) {
        if let Self::Forking(forking) = self {
            forking.close();
        }
    }

    /// Passes on nothing more of an answer that is streamed.
    pub(super) fn stop_streaming(&mut self) {
        match self {
            Self::Streamed(streamed) => streamed.stop_streaming(),
            Self::Forking(forking) => forking.stop_streaming(),
            Self::Program(program) => program.stop_streaming(),
        }
    }

    /// Whether the worker, which has ended, had taken all of the event.
    pub(super) fn event_was_taken(&mut self) -> bool {
        match self {
            Self::Streamed(streamed) => streamed.event_was_taken(),
            Self::Forking(forking) => forking.event_was_taken(),
            Self::Program(_) => true,
        }
    }

    /// Does ahead of the next event what can be done without it.
    pub(super) fn prepare(&mut self) -> io::Result<()> {
        match self {
            Self::Streamed(_) | Self::Program(_) => Ok(()),
            Self::Forking(forking) => forking.prepare(),
        }
    }

    /// Where it failed, as far as that was reported.
    pub(super) fn take_trace(&mut self) -> Trace {
        match self {
            Self::Streamed(_) => Trace::default(),
            Self::Forking(forking) => forking.take_trace(),
            Self::Program(program) => program.take_trace(),
        }
    }

    /// A part of the worker's command line, which it shares with what is forked from it and runs no other program.
    pub(super) fn mark(&self) -> Option<Vec<u8>> {
        let arguments = match self {
            Self::Streamed(streamed) => streamed.pipe_arguments(),
            Self::Forking(forking) => forking.pipe_arguments(),
            Self::Program(_) => return None,
        };
        Some(format!("\0{}\0", arguments.join("\0")).into_bytes())
    }
}
