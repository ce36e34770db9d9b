//! Transports carry an event into a worker and its answer out: one trait, and a type for each kind of worker.
//!
//! * [`Resident`]: the shim reads events from a pipe and writes answers to another.
//! * [`Forking`]: the shim forks a process for each event. It finds the event in files, and writes the answer to a pipe.
//! * [`Program`]: there is no shim; a program is started for each event.
//!
//! Each transport refuses messages that its kind of shim does not send.

mod forking;
pub mod frame;
mod lanes;
mod memory;
mod pipes;
mod program;
mod resident;

use std::{io, process::ExitStatus};

use futures_util::future::BoxFuture;
use rustix::process::Pid;

pub(super) use self::frame::Message;
use self::{forking::Forking, frame::FrameError, program::Program, resident::Resident};
use super::{Kind, Step, launch::Setup, log::Log, stack::Trace};
use crate::{event::invocation::Invocation, process::Child};

/// The reason why a transport cannot continue. Its worker cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum TransportError {
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("the preparation for the next event failed: {0}")]
    Io(#[from] io::Error),
}

pub(super) trait Transport: Send {
    fn has_started(&mut self, _worker: Pid) {}

    /// The last arguments of the shim. `snapshot` tells it to wait for the steps of a snapshot.
    fn arguments(&self, _snapshot: bool) -> Vec<String> {
        Vec::new()
    }

    /// A part of the worker's command line, which processes forked from it share.
    fn mark(&self) -> Option<Vec<u8>> {
        None
    }

    /// Sends an event, or begins to. Returns the process, if one was started for this event.
    fn send_event(&mut self, invocation: &Invocation) -> io::Result<Option<Child>>;

    /// Asks the worker to run the user's hooks. A program has none.
    fn send_step(&mut self, _step: Step) {}

    /// Writes the request while the worker reads it, and returns the next message; `None` once the worker has ended and
    /// all its messages were read. Cancel-safe.
    fn message(&mut self) -> BoxFuture<'_, Result<Option<Message>, TransportError>>;

    /// Records the end of the worker, or of the event's program, with this status.
    fn has_ended(&mut self, status: ExitStatus);

    /// Ends a process that waits for an event.
    fn close(&mut self) {}

    /// Stops sending a streamed answer.
    fn stop_streaming(&mut self);

    /// Whether the worker, which has ended, had taken the whole event.
    fn event_was_taken(&mut self) -> bool {
        true
    }

    fn prepare(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The reported failure that ended the worker with this status, if any.
    fn take_trace(&mut self, _status: Option<i32>) -> Trace {
        Trace::default()
    }
}

impl Kind {
    pub(super) fn open(&self, setup: &Setup, log: &Log) -> io::Result<Box<dyn Transport>> {
        Ok(match self {
            Self::Resident => Box::new(Resident::new(setup.settings.transport_mode(), log)?),
            Self::Forking { file, function, has_stack } => {
                Box::new(Forking::new(file, function, *has_stack, &setup.children, log)?)
            }
            Self::Program(prelude) => Box::new(Program::new(prelude.as_ref(), setup, log)?),
        })
    }
}
