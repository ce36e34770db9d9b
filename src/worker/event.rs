//! What is known of the event that runs: the files that carry it, its answer so far, its call stack.

use std::{
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    process::ExitStatus,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
};
use tokio::{net::unix::pipe, time::Instant};

use super::{pipes::BLOCK, with_lines};
use crate::{
    failure::{ErrorType, Failure},
    frame::PAYLOAD_LIMIT,
    invocation::Invocation,
};

/// The least time between two looks at a handler's output. Bash writes 4 KiB at a time, and a look at each of
/// them made 6 MiB five times as slow; what a handler wrote when it ended is taken without a look.
const PACE: Duration = Duration::from_millis(1);

/// How much of an answer fits into its pipe between two looks, in bytes: what Linux lets any user have.
const PIPE_SIZE: usize = 1024 * 1024;

/// What is added to an argument that Bash would change at its end.
const MARK: &str = "x";

/// One event on a worker.
#[derive(Default)]
pub(super) struct Event {
    /// The files of an event that is handed over by descriptor.
    files: Option<EventFiles>,
    answer: Answer,
    pub(super) stack_trace: Vec<String>,
}

/// How a handler's process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Of its own will, with this status.
    Exited(i32),
    /// With what a shell says of it: a status, or 128 + n for signal n.
    Ended(i32),
}

impl Event {
    /// An event that is handed over by descriptor, and the request line that names them.
    pub(super) fn by_descriptor(invocation: &Invocation) -> io::Result<(Self, Bytes)> {
        let files = EventFiles::new(invocation)?;
        let request = files.request().into();
        Ok((Self { files: Some(files), ..Self::default() }, request))
    }

    /// Takes what the handler writes to its standard output; pending where that is no pipe of ours. May be
    /// dropped and called again.
    pub(super) async fn receive(&mut self) {
        let Some(files) = &mut self.files else { return std::future::pending().await };
        tokio::time::sleep_until(files.next_look).await;
        if files.answer.readable().await.is_err() {
            return std::future::pending().await;
        }
        while let Ok(count @ 1..) = files.answer.try_read(&mut files.buffer) {
            self.answer.take(&files.buffer[..count]);
        }
        files.next_look = Instant::now() + PACE;
    }

    /// The end of a handler that is a process of its own. `last_lines` gives the end of its log, which only an
    /// error asks for.
    pub(super) fn ended(mut self, end: End, last_lines: impl FnOnce() -> String) -> Result<Bytes, Failure> {
        let (End::Exited(status) | End::Ended(status)) = end;
        if status == 0 {
            if let Some(files) = &mut self.files {
                files.drain(&mut self.answer);
            }
            return self.answer.finish();
        }
        let signal = (status > 128 && end == End::Ended(status))
            .then(|| ExitStatus::from_raw(status - 128))
            .filter(|signal| signal.to_string().contains("(SIG"));
        let failure = match signal {
            Some(signal) => Failure::new(ErrorType::Signal, format!("the handler was ended by {signal}")),
            None => Failure::new(
                ErrorType::ExitStatus,
                with_lines(format!("the handler ended with status {status}"), &last_lines()),
            ),
        };
        Err(failure.with_stack_trace(self.stack_trace))
    }
}

/// What a handler has written to its standard output.
#[derive(Default)]
struct Answer {
    bytes: BytesMut,
    /// All that was written, also what is no longer kept, in bytes.
    size: usize,
}

impl Answer {
    fn take(&mut self, block: &[u8]) {
        self.size += block.len();
        // one block more than allowed: it may be newlines, which do not count
        if self.bytes.len() <= PAYLOAD_LIMIT {
            self.bytes.extend_from_slice(block);
        }
    }

    /// The answer without its trailing newlines.
    fn finish(mut self) -> Result<Bytes, Failure> {
        let end = self.bytes.iter().rposition(|&byte| byte != b'\n').map_or(0, |last| last + 1);
        if end > PAYLOAD_LIMIT || self.size > self.bytes.len() {
            return Err(too_large(self.size));
        }
        self.bytes.truncate(end);
        Ok(self.bytes.freeze())
    }
}

/// The error of an answer of this many bytes.
pub(super) fn too_large(size: usize) -> Failure {
    let message = format!(
        "the answer has {size} bytes, and Lambda takes at most {PAYLOAD_LIMIT}: \
         put it into Amazon S3 and answer with its address"
    );
    Failure::new(ErrorType::ResponseSizeTooLarge, message)
}

/// The files and the pipe of one event that a shim opens by path.
struct EventFiles {
    context: OwnedFd,
    /// The event without NUL bytes and with a mark at its end, where it has any of them or ends in a newline.
    argument: Option<OwnedFd>,
    /// The size of the argument, in bytes.
    size: usize,
    event: OwnedFd,
    answer: pipe::Receiver,
    answer_end: OwnedFd,
    next_look: Instant,
    buffer: Vec<u8>,
}

impl EventFiles {
    fn new(invocation: &Invocation) -> io::Result<Self> {
        let (answer, answer_end) = pipe_with(PipeFlags::CLOEXEC)?;
        // a smaller pipe does as well, only slower
        let _ = fcntl_setpipe_size(&answer, PIPE_SIZE);
        let event = &invocation.event;
        let mut argument = None;
        let mut size = event.len();
        if event.ends_with(b"\n") || event.contains(&0) {
            let mut text: Vec<u8> = event.iter().copied().filter(|&byte| byte != 0).collect();
            text.extend_from_slice(MARK.as_bytes());
            size = text.len();
            argument = Some(memory_file(&text)?);
        }
        Ok(Self {
            context: memory_file(&invocation.environment())?,
            argument,
            size,
            event: memory_file(event)?,
            answer: pipe::Receiver::from_owned_fd(answer)?,
            answer_end,
            next_look: Instant::now() + PACE,
            buffer: vec![0; BLOCK],
        })
    }

    fn request(&self) -> String {
        let (argument, mark) = self.argument.as_ref().map_or((&self.event, ""), |file| (file, MARK));
        format!(
            "{} {} {} {} {} {mark}\n",
            self.context.as_raw_fd(),
            argument.as_raw_fd(),
            self.event.as_raw_fd(),
            self.answer_end.as_raw_fd(),
            self.size
        )
    }

    /// Takes what is in the pipe now; what comes later, from a child in the background, is no answer.
    fn drain(&mut self, answer: &mut Answer) {
        let mut there = rustix::io::ioctl_fionread(&self.answer).unwrap_or(0);
        while there > 0 {
            let Ok(count) = rustix::io::read(&self.answer, &mut self.buffer[..]) else { return };
            answer.take(&self.buffer[..count]);
            there = there.saturating_sub(count.max(1) as u64);
        }
    }
}

fn memory_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = memfd_create("event", MemfdFlags::CLOEXEC)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = &rest[rustix::io::write(&file, rest)?..];
    }
    Ok(file)
}

/// Keeps the stack if the new one is only the outer part of it, else takes the new one. Frames of the new one may
/// lack their file or line.
pub(super) fn keep_innermost(stack: &mut Vec<String>, new: Vec<String>) {
    let outer = stack.len().checked_sub(new.len()).map(|begin| &stack[begin..]);
    if !outer.is_some_and(|outer| outer.iter().zip(&new).all(|(old, new)| old.starts_with(new.as_str()))) {
        *stack = new;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(first: &[&str], second: &[&str]) -> Vec<String> {
        let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let mut stack = owned(first);
        keep_innermost(&mut stack, owned(second));
        stack
    }

    #[test]
    fn keeps_the_innermost_of_nested_stacks() {
        let inner = ["at g, f.sh: line 2", "at f, f.sh: line 7"];
        assert_eq!(kept(&inner, &["at f, f.sh: line 7"]), inner);
        assert_eq!(kept(&inner, &["at g, f.sh", "at f, f.sh: line 7"]), inner);
        assert_eq!(kept(&inner, &[]), inner);
        assert_eq!(kept(&inner, &["at f, f.sh: line 9"]), ["at f, f.sh: line 9"]);
        assert_eq!(kept(&[], &["at f, f.sh"]), ["at f, f.sh"]);
    }

    #[test]
    fn an_answer_loses_its_trailing_newlines_and_keeps_its_limit() {
        let answer = |parts: &[&[u8]]| {
            let mut answer = Answer::default();
            for part in parts {
                answer.take(part);
            }
            answer.finish()
        };
        assert_eq!(answer(&[b"\n a\n\n", b"\n"]).unwrap(), Bytes::from_static(b"\n a"));
        assert_eq!(answer(&[]).unwrap(), Bytes::new());
        let limit = vec![b'x'; PAYLOAD_LIMIT];
        assert_eq!(answer(&[&limit, b"\n"]).unwrap().len(), PAYLOAD_LIMIT);
        let error = answer(&[&limit, b"xx", b"yy"]).unwrap_err();
        assert!(error.error_message.contains("6291460 bytes"), "{error}");
    }

    #[test]
    fn tells_a_signal_from_a_status_over_128() {
        let kind = |end| Event::default().ended(end, String::new).unwrap_err().to_string();
        assert_eq!(kind(End::Ended(137)), "Function.Signal: the handler was ended by signal: 9 (SIGKILL)");
        assert_eq!(kind(End::Exited(137)), "Function.ExitStatus: the handler ended with status 137");
        assert_eq!(kind(End::Ended(255)), "Function.ExitStatus: the handler ended with status 255");
    }
}
