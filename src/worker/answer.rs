//! The answer of a handler that runs in its own process: its standard output, and its exit status.

use std::{
    convert::Infallible,
    future::pending,
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    net::unix::pipe,
    task::coop::consume_budget,
    time::{sleep, sleep_until},
};

use super::{buffer::buffer, log::Log, stack::Trace};
use crate::{
    event::{
        invocation::{Invocation, Outcome},
        stream::Sink,
    },
    failure::{ErrorType, Failure},
    limits::{BLOCK, BLOCKS, PAYLOAD_LIMIT, STREAM_LIMIT},
    process::{Children, PipeName, Shell, Writers},
};

/// The shortest time between two reads of a handler's output, after the first [`EAGER_LOOKS`]. Bash writes 4 KiB at a
/// time: reading each block at once made 6 MiB five times slower.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// How many reads follow each other without a pause, so that a small answer is read at once.
const EAGER_LOOKS: u32 = 64;

/// The time between two checks whether the filters of an answer have ended.
const FILTER_INTERVAL: Duration = Duration::from_millis(1);

/// The most bytes of an answer that are kept: one block more than allowed, because trailing newlines do not count.
const KEPT: usize = PAYLOAD_LIMIT + BLOCK;

/// The output of one event.
#[derive(Default)]
pub(super) struct Output {
    /// The bytes that have not been sent: all bytes, if there is no sink.
    bytes: BytesMut,
    /// The size of all output, in bytes.
    size: usize,
    /// Receives a streamed answer.
    sink: Option<Sink>,
    /// Whether newlines at the end belong to the answer.
    keeps_newlines: bool,
    /// How much has been sent, in bytes.
    passed_on: usize,
    looks: u32,
    next_look: Option<tokio::time::Instant>,
}

impl Output {
    /// Drops the output of an earlier event, and begins with this event.
    pub(super) fn begin(&mut self, invocation: &Invocation) {
        let (sink, keeps_newlines) = (invocation.sink.clone(), invocation.request.is_some());
        *self = Self { sink, keeps_newlines, ..Self::default() };
    }

    /// Sends nothing more: later output is too late.
    pub(super) fn stop(&mut self) {
        self.sink = None;
    }

    /// Reads from the pipe, and never returns. Cancel-safe.
    pub(super) async fn receive(&mut self, pipe: &pipe::Receiver) -> Infallible {
        loop {
            self.pass_on().await;
            if let Some(next_look) = self.next_look {
                sleep_until(next_look).await;
            }
            if pipe.readable().await.is_err() {
                return pending().await;
            }
            // a handler that writes without a pause must not delay the check of its deadline
            consume_budget().await;
            // a streamed answer is sent before more is read
            let blocks = if self.sink.is_some() { 1 } else { BLOCKS };
            self.take(blocks, |block| pipe.try_read(block).unwrap_or(0));
            self.looks += 1;
            let is_eager = self.looks < EAGER_LOOKS || self.sink.is_some();
            self.next_look = (!is_eager).then(|| tokio::time::Instant::now() + LOOK_INTERVAL);
        }
    }

    /// Reads the pipe empty, also if the event loop has not noticed the input.
    pub(super) fn receive_rest(&mut self, pipe: &pipe::Receiver) {
        self.take(BLOCKS, |block| rustix::io::read(pipe, block).unwrap_or(0));
    }

    /// Sends the available part of a streamed answer. Cancel-safe.
    pub(super) async fn pass_on(&mut self) {
        let Some(sink) = &self.sink else { return };
        let count = self.bytes.len().min(STREAM_LIMIT - self.passed_on);
        if count > 0 {
            sink.send(|| self.bytes.split_to(count).freeze()).await;
            self.passed_on += count;
        }
    }

    /// Reads the pipe empty with `read`.
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

    /// The answer, without trailing newlines except for CGI; empty if the answer is streamed.
    pub(super) fn finish(&mut self) -> Result<Bytes, Failure> {
        if self.sink.is_some() {
            let is_whole = self.size <= STREAM_LIMIT;
            return is_whole.then(Bytes::new).ok_or_else(|| Failure::too_large(self.size, STREAM_LIMIT));
        }
        let mut bytes = std::mem::take(&mut self.bytes);
        let last = bytes.iter().rposition(|&byte| self.keeps_newlines || byte != b'\n');
        let end = last.map_or(0, |last| last + 1);
        if end > PAYLOAD_LIMIT || self.size > bytes.len() {
            return Err(Failure::too_large(self.size, PAYLOAD_LIMIT));
        }
        bytes.truncate(end);
        Ok(bytes.freeze())
    }
}

/// The process of one event: its answer, its failed commands, and its exit status.
pub(super) struct Run {
    pub(super) output: Output,
    pub(super) trace: Trace,
    end: Option<End>,
    children: Children,
    log: Log,
}

/// The end of a process whose answer may not be complete yet.
struct End {
    exit: ExitStatus,
    since: Instant,
    /// Whether its writers have been looked for.
    is_looked_at: bool,
    /// Whether the answer had filters.
    has_filters: bool,
}

impl Run {
    pub(super) fn new(children: &Children, log: &Log) -> Self {
        let (children, log) = (children.clone(), log.clone());
        Self { output: Output::default(), trace: Trace::default(), end: None, children, log }
    }

    /// Drops the process of an earlier event.
    pub(super) fn begin(&mut self, invocation: &Invocation) {
        self.output.begin(invocation);
        (self.trace, self.end) = (Trace::default(), None);
    }

    /// Records the end of the process.
    pub(super) fn end(&mut self, exit: ExitStatus, pipe: &pipe::Receiver) {
        self.output.receive_rest(pipe);
        self.end = Some(End { exit, since: Instant::now(), is_looked_at: false, has_filters: false });
    }

    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Reads from the pipe up to the end of the process, and of the filters of its answer and its log. Does not wait
    /// for the answer of a process that has failed. Cancel-safe.
    pub(super) async fn finish(&mut self, pipe: &pipe::Receiver, shell: Option<&Shell>) -> Outcome {
        let Some(end) = &mut self.end else { match self.output.receive(pipe).await {} };
        let (answer, log, exit) = (PipeName::of(pipe), self.log.lock().pipe(), end.exit);
        let last = loop {
            let (mut writers, log_is_filtered) = self.children.writers(&answer, &log, shell, end.since);
            if !std::mem::replace(&mut end.is_looked_at, true) {
                // a filter that ended before the first look is not seen, but has written its output
                self.output.receive_rest(pipe);
            }
            if !exit.success() {
                writers = Writers::Others;
            }
            end.has_filters |= writers == Writers::Filters;
            if writers != Writers::Filters && !log_is_filtered {
                break writers;
            }
            tokio::select! {
                never = self.output.receive(pipe) => match never {},
                () = sleep(FILTER_INTERVAL) => {}
            }
        };
        // otherwise, only background processes have written since the handler's end
        if last != Writers::Others || end.has_filters {
            self.output.receive_rest(pipe);
        }
        self.output.pass_on().await;
        self.end = None;
        let trace = std::mem::take(&mut self.trace).of(exit.code());
        let answer = self.output.finish();
        let failure = match exit.code() {
            Some(0) => return answer,
            Some(status) => ended_with(status, &trace.place, &self.log),
            None => {
                // without the core dump flag
                let signal = ExitStatus::from_raw(exit.signal().unwrap_or_default());
                Failure::new(ErrorType::Signal, format!("the handler was ended by {signal}"))
            }
        };
        Err(failure.with_stack_trace(trace.stack))
    }
}

/// The failure of a handler that ended with a status. `place` is the command that failed, or empty.
pub(super) fn ended_with(status: i32, place: &str, log: &Log) -> Failure {
    let message = with(format!("the handler ended with status {status}"), " ", place);
    let failure = Failure::new(ErrorType::ExitStatus, with(message, ": ", &log.lock().last_lines()));
    Failure { status: Some(status), ..failure }
}

/// A message, followed by more text if there is any: a place, or the last lines of the log.
pub(super) fn with(message: String, separator: &str, more: &str) -> String {
    if more.is_empty() { message } else { message + separator + more }
}
