//! The protocol between `bootstrap` and a shim: what goes over the two pipes of a worker.
//!
//! Nothing is inherited. A shim opens both pipes by path, `/proc/PID/fd/N` of the bootstrap, so that no
//! descriptor of ours is there for a handler to close, write to, or pass on to its children.
//!
//! A frame is a head line `NAME LENGTH\n` and then LENGTH bytes of payload. In a frame of a shim, the head may end in a
//! space as well: Bash writes line by line, and frames that several processes write at the same time must not mix.
//! LENGTH may be `-` there: then the payload ends at the next newline. Bash cannot count bytes without changing its
//! locale.
//!
//! **Requests** (bootstrap to shim) come in one of two forms, as the language asks ([`crate::worker::Kind`]):
//!
//! * *resident*: a frame `context`, then a frame `event` with the event's bytes. The shim gets one argument more: `-`, or
//!   where answers are streamed the descriptor of a pipe. It opens that anew for each event, writes the answer to it
//!   as it comes, and ends with an empty frame `answer`.
//! * *forking*: the shim forks a process for each event, and counts them from 1 on. Process n opens the
//!   descriptors of lane n mod 2 under `/proc/PID/fd`: `event` as its standard input, `answer` as its standard output,
//!   and waits until there is a newline to be read from `wake`. By then the event and the context, in `context`, have
//!   been written. The shim waits for the process, and reports its end. Bash reads a file by the block and a pipe byte by
//!   byte; hence the files. A shim gets these arguments more: the descriptor of a file for its own notes, and for each
//!   lane the four descriptors, in the order `wake`, `context`, `event`, `answer`.
//!
//! Before the first event, a SnapStart snapshot asks for the user's hooks: `checkpoint` before it and `restore` after
//! it, each answered with `ready` or `failure`; so does the shutdown of a worker that has hooks to be asked for, by
//! `shutdown`. Resident: an empty frame of that name. Forking: a line of it. There, a snapshot is for a shim that was
//! started with one more argument, `snapshot`, whose waiting for events begins after the second step; and the process
//! that waits for an event ends, without one, for the shutdown.
//!
//! The context is text. Resident: lines `NAME=VALUE` (set this environment variable) or `NAME` (unset it), an
//! empty line, and the headers of the event as lines `name: value`. Forking: a line `COUNT [ARGUMENT [MARK]]`,
//! COUNT lines `NAME=VALUE` (the other variables are not set), and the event without NUL bytes. Of a large event,
//! which Bash reads faster as a whole, ARGUMENT is the descriptor; MARK, where it is given, has
//! been added to its end, as Bash takes trailing newlines off what it reads.
//!
//! **Messages** (shim to bootstrap) are the frames of [`Message`].
//!
//! This module does no IO. A frame's size is checked before anything is allocated for it.

use bytes::Bytes;

use crate::{
    failure::Failure,
    worker::{answer::ExitKind, stack::FailedCommand},
};

/// A message of a shim.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// The file has hooks for the shutdown. Sent before the worker is ready.
    ShutdownHook {
        /// Whether they are to be asked for. If not, the worker runs them when it gets SIGTERM.
        asked: bool,
    },
    /// The handler is loaded, or the hooks have run; the worker waits for an event.
    Ready,
    /// The handler's answer, whole; of one that is streamed nothing, behind all that was written to its pipe.
    Answer(Bytes),
    /// The handler, or loading it, failed: the error as the caller gets it.
    Failed(Failure),
    /// The file was loaded but does not define the handler. Holds the names that it does define.
    Undefined(Vec<String>),
    /// Where a command has failed.
    Trace(FailedCommand),
    /// The handler has asked for this exit status, in a worker that goes on.
    Exited(i32),
    /// The handler's process of this number has ended, as the shell that has waited for it says.
    Ended(u64, ExitKind),
    /// The process that was to take the event has ended without it. No shim sends this: its transport finds it out.
    Untaken,
}

/// One frame for a shim: the head line and the payload.
pub fn encode(name: &str, payload: &[u8]) -> Vec<u8> {
    let mut frame = format!("{name} {}\n", payload.len()).into_bytes();
    frame.extend_from_slice(payload);
    frame
}
