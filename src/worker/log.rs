//! The log of a worker: read from its pipe, and written to standard error line by line. It takes a fixed amount of
//! memory.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    os::fd::OwnedFd,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, ready},
};

use rustix::pipe::{PipeFlags, pipe_with};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::unix::pipe,
    task::yield_now,
};

use super::buffer::buffer;
use crate::{
    event::invocation::Invocation,
    limits::BLOCK,
    logs::{Origin, write_lines},
    process::PipeName,
    settings::LogFormat,
};

/// How much is read at once in JSON mode, in bytes: a block of empty lines takes as long as some megabytes of text.
const JSON_BLOCK: usize = 8 * 1024;

/// A line longer than this is cut into several objects in JSON mode: the largest log event, in bytes.
const LONGEST_LINE: usize = 256 * 1024;

/// How much of an event's log an error may quote, in bytes and in lines.
const QUOTED: (usize, usize) = (16 * 1024, 10);

/// The log of one worker: its standard error, and its standard output outside of events. A task copies it, until the
/// last process that can write to it has ended.
#[derive(Clone)]
pub struct Log {
    reader: Arc<Mutex<Reader>>,
    /// The write end of the pipe, for processes.
    end: Arc<OwnedFd>,
}

pub struct Reader {
    pipe: pipe::Receiver,
    format: LogFormat,
    /// How much is read at once, and how much of an unfinished line is kept, in bytes.
    limits: (usize, usize),
    /// The beginnings of the interpreter's crash report.
    last_words: &'static [&'static str],
    /// The beginning of an unfinished line.
    line: Vec<u8>,
    tail: VecDeque<u8>,
    origin: Origin,
}

impl Log {
    pub fn new(format: LogFormat, last_words: &'static [&'static str]) -> io::Result<Self> {
        let (pipe, end) = pipe_with(PipeFlags::CLOEXEC)?;
        let limits = match format {
            LogFormat::Text => (BLOCK, BLOCK),
            LogFormat::Json => (JSON_BLOCK, LONGEST_LINE),
        };
        let reader = Arc::new(Mutex::new(Reader {
            pipe: pipe::Receiver::from_owned_fd(pipe)?,
            format,
            limits,
            last_words,
            line: Vec::new(),
            tail: VecDeque::new(),
            origin: Origin::default(),
        }));
        let passed_on = Arc::clone(&reader);
        tokio::spawn(async move {
            while poll_fn(|context| locked(&passed_on).poll(context)).await {
                // a handler that writes without end must not block other tasks, such as deadlines
                yield_now().await;
            }
        });
        Ok(Self { reader, end: Arc::new(end) })
    }

    /// The write end of its pipe, for a process.
    pub fn end(&self) -> io::Result<OwnedFd> {
        self.end.try_clone()
    }

    pub fn lock(&self) -> MutexGuard<'_, Reader> {
        locked(&self.reader)
    }
}

fn locked(reader: &Mutex<Reader>) -> MutexGuard<'_, Reader> {
    reader.lock().expect("BUG: no code panics while it holds this lock")
}

impl Reader {
    /// Later lines belong to this event, or to none.
    pub fn set_origin(&mut self, invocation: Option<&Invocation>) {
        self.origin = invocation.map(Origin::of).unwrap_or_default();
        self.tail.clear();
    }

    /// Adds a line of the runtime after all lines so far.
    pub fn add(&mut self, line: &str) {
        self.drain();
        self.pass(line.as_bytes());
    }

    pub fn pipe(&self) -> PipeName {
        PipeName::of(&self.pipe)
    }

    /// Copies one block as soon as it comes. Returns whether more can come.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut buffer = buffer();
        let mut block = ReadBuf::new(&mut buffer[..self.limits.0]);
        // `try_read` would need a second read to find out that the pipe is empty
        let read = ready!(Pin::new(&mut self.pipe).poll_read(context, &mut block));
        self.pass(block.filled());
        Poll::Ready(read.is_ok() && !block.filled().is_empty())
    }

    /// Copies all that was written so far, also an unfinished line.
    pub fn drain(&mut self) {
        // `try_read` would return only input that the event loop has noticed
        let mut there = rustix::io::ioctl_fionread(&self.pipe).unwrap_or(0);
        while there > 0 {
            let mut buffer = buffer();
            let Ok(count @ 1..) = rustix::io::read(&self.pipe, &mut buffer[..self.limits.0]) else { break };
            self.pass(&buffer[..count]);
            there = there.saturating_sub(count as u64);
        }
        self.flush();
    }

    /// The last lines of the current event, or an interpreter's crash report.
    pub fn last_lines(&mut self) -> String {
        self.drain();
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        let begin = lines
            .iter()
            .rposition(|line| self.last_words.iter().any(|words| line.starts_with(words)))
            .unwrap_or(lines.len().saturating_sub(QUOTED.1));
        lines[begin..lines.len().min(begin + QUOTED.1)].join("\n")
    }

    fn pass(&mut self, new: &[u8]) {
        self.tail.extend(&new[new.len().saturating_sub(QUOTED.0)..]);
        self.tail.drain(..self.tail.len().saturating_sub(QUOTED.0));
        let whole = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole > 0 {
            if self.line.is_empty() {
                write_lines(self.format, &self.origin, &new[..whole]);
            } else {
                self.line.extend_from_slice(&new[..whole]);
                self.flush();
            }
        }
        self.line.extend_from_slice(&new[whole..]);
        if self.line.len() >= self.limits.1 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.line.is_empty() {
            write_lines(self.format, &self.origin, &self.line);
            self.line = Vec::new();
        }
    }
}

impl Drop for Reader {
    /// When the runtime ends, the task may not have copied everything.
    fn drop(&mut self) {
        self.drain();
    }
}
