//! The answer of a handler that is a process of its own: what it writes to its standard output, and how it ends.

use std::{
    convert::Infallible, future::pending, os::unix::process::ExitStatusExt, process::ExitStatus,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::{
    net::unix::pipe,
    task::coop::consume_budget,
    time::{Instant, sleep},
};

use super::buffer::buffer;
use crate::{
    event::{invocation::Invocation, stream::Sink},
    failure::{ErrorType, Failure},
    limits::{BLOCK, BLOCKS, PAYLOAD_LIMIT, STREAM_LIMIT},
    process::{Children, PipeName, Shell, Writers},
};

/// The least time between two looks at a handler's output, after the first [`EAGER_LOOKS`]. Bash writes 4 KiB at a
/// time, and a look at each of them made 6 MiB five times as slow.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// How many looks follow each other at once: a small answer and its end are taken as they come.
const EAGER_LOOKS: u32 = 64;

/// How often is looked whether the processes that an answer runs through are gone.
const FILTER_INTERVAL: Duration = Duration::from_millis(1);

/// The most bytes of an answer that are kept: one block more than allowed, as it may be newlines, which do not count.
const KEPT: usize = PAYLOAD_LIMIT + BLOCK;

/// The output of one event.
pub(super) struct Output {
    /// The part that has not been passed on: all of it, if there is no sink.
    bytes: BytesMut,
    /// All that was written, also what is no longer kept, in bytes.
    size: usize,
    /// Where the output goes while it is written.
    sink: Option<Sink>,
    /// Whether newlines at the end belong to the answer.
    keeps_newlines: bool,
    /// How much of it has gone there, in bytes.
    passed_on: usize,
    looks: u32,
    next_look: Instant,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            size: 0,
            sink: None,
            keeps_newlines: false,
            passed_on: 0,
            looks: 0,
            next_look: Instant::now(),
        }
    }

    /// Forgets what another event has written. What comes now is this one's.
    pub(super) fn begin(&mut self, invocation: &Invocation) {
        (self.bytes, self.size, self.looks) = (BytesMut::new(), 0, 0);
        (self.sink, self.passed_on) = (invocation.sink.clone(), 0);
        self.keeps_newlines = invocation.request.is_some();
    }

    /// Passes on nothing any more: what comes now is too late.
    pub(super) fn stop(&mut self) {
        self.sink = None;
    }

    /// Takes what comes out of the pipe, for ever. May be dropped and called again.
    pub(super) async fn receive(&mut self, pipe: &pipe::Receiver) -> Infallible {
        loop {
            self.pass_on().await;
            if self.looks >= EAGER_LOOKS && self.sink.is_none() {
                tokio::time::sleep_until(self.next_look).await;
            }
            if pipe.readable().await.is_err() {
                return pending().await;
            }
            // a handler that writes faster than this reads must not keep its deadline from being seen
            consume_budget().await;
            // of an answer that is streamed, what has been read is passed on before more is
            let blocks = if self.sink.is_some() { 1 } else { BLOCKS };
            self.take(blocks, |block| pipe.try_read(block).unwrap_or(0));
            self.looks += 1;
            self.next_look = Instant::now() + LOOK_INTERVAL;
        }
    }

    /// Takes what is in the pipe now, also where the event loop has not seen it.
    pub(super) fn receive_rest(&mut self, pipe: &pipe::Receiver) {
        self.take(BLOCKS, |block| rustix::io::read(pipe, block).unwrap_or(0));
    }

    /// Passes on what there is of an answer that is streamed, as the caller takes it. May be dropped and called again.
    pub(super) async fn pass_on(&mut self) {
        let Some(sink) = &self.sink else { return };
        let count = self.bytes.len().min(STREAM_LIMIT - self.passed_on);
        if count > 0 {
            sink.send(|| self.bytes.split_to(count).freeze()).await;
            self.passed_on += count;
        }
    }

    /// Takes the rest of the answer of a handler that has ended, and waits for the processes that the answer or the
    /// `log` run through. Where the handler has failed, its answer is not waited for. May be dropped and called again.
    pub(super) async fn close(
        &mut self,
        pipe: &pipe::Receiver,
        closing: &mut Closing,
        log: &PipeName,
        children: &Children,
        shell: Option<&Shell>,
    ) {
        let answer = PipeName::of(pipe);
        let has_failed = closing.exit != ExitKind::Exited(0);
        let last = loop {
            let (mut writers, log_is_filtered) = children.writers(&answer, log, shell, closing.since);
            if has_failed {
                writers = Writers::Others;
            }
            closing.has_filters |= writers == Writers::Filters;
            if writers != Writers::Filters && !log_is_filtered {
                break writers;
            }
            tokio::select! {
                never = self.receive(pipe) => match never {},
                () = sleep(FILTER_INTERVAL) => {}
            }
        };
        // otherwise children in the background alone have written since the handler's end
        if last != Writers::Others || closing.has_filters {
            self.receive_rest(pipe);
        }
        self.pass_on().await;
    }

    /// Takes what is in the pipe, as `read` gives it.
    fn take(&mut self, blocks: usize, read: impl Fn(&mut [u8]) -> usize) {
        let mut block = buffer();
        for _ in 0..blocks {
            let count = read(&mut block[..]);
            if count == 0 {
                return;
            }
            self.size += count;
            self.bytes.extend_from_slice(&block[..count]);
            let kept = if self.sink.is_some() { STREAM_LIMIT - self.passed_on } else { KEPT };
            self.bytes.truncate(kept);
        }
    }

    /// The answer, without its trailing newlines but for CGI; nothing of one that is streamed.
    pub(super) fn finish(&mut self) -> Result<Bytes, Failure> {
        let mut bytes = std::mem::take(&mut self.bytes);
        if self.sink.is_some() {
            return if self.size > STREAM_LIMIT {
                Err(Failure::too_large(self.size, STREAM_LIMIT))
            } else {
                Ok(Bytes::new())
            };
        }
        let last = bytes.iter().rposition(|&byte| self.keeps_newlines || byte != b'\n');
        let end = last.map_or(0, |last| last + 1);
        if end > PAYLOAD_LIMIT || self.size > bytes.len() {
            return Err(Failure::too_large(self.size, PAYLOAD_LIMIT));
        }
        bytes.truncate(end);
        Ok(bytes.freeze())
    }
}

/// How a handler's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    /// With this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

/// A handler that has ended, and whose answer may not be whole yet.
pub(super) struct Closing {
    pub(super) exit: ExitKind,
    since: std::time::Instant,
    /// Whether its answer ran through other processes.
    has_filters: bool,
}

impl Closing {
    /// Of a handler that has ended just now.
    pub(super) fn begin(exit: ExitKind) -> Self {
        Self { exit, since: std::time::Instant::now(), has_filters: false }
    }
}

impl ExitKind {
    /// How a process ended that was waited for.
    pub(super) fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Signalled(signal.unwrap_or_default()),
        }
    }

    /// The status, unless a signal ended it.
    pub(super) fn status(self) -> Option<i32> {
        match self {
            Self::Exited(status) => Some(status),
            Self::Signalled(_) => None,
        }
    }

    /// The failure that it is, if it is one. `place` is the command that ended the handler, or empty; `last_lines` gives
    /// the end of the handler's log.
    pub(super) fn failure(self, place: &str, last_lines: impl FnOnce() -> String) -> Option<Failure> {
        match self {
            Self::Exited(0) => None,
            Self::Exited(status) => {
                let message = with_place(format!("the handler ended with status {status}"), place);
                let failure = Failure::new(ErrorType::ExitStatus, with_lines(message, &last_lines()));
                Some(Failure { status: Some(status), ..failure })
            }
            Self::Signalled(signal) => {
                let signal = ExitStatus::from_raw(signal);
                Some(Failure::new(ErrorType::Signal, format!("the handler was ended by {signal}")))
            }
        }
    }
}

/// A message with the place of a failure behind it, if there is one.
pub(super) fn with_place(message: String, place: &str) -> String {
    if place.is_empty() { message } else { format!("{message} {place}") }
}

/// A message with the last lines of the log behind it.
pub(super) fn with_lines(message: String, lines: &str) -> String {
    if lines.is_empty() { message } else { format!("{message}: {lines}") }
}
