//! What a worker logs: read from its pipe, and passed on to standard error line by line. Nothing here grows with what
//! a handler writes.

use std::{collections::VecDeque, io, os::fd::OwnedFd};

use tokio::{net::unix::pipe, task::coop::consume_budget};

use crate::{
    event::invocation::Invocation,
    limits::BLOCK,
    logs::{Origin, write_lines},
    settings::LogFormat,
};

/// How much is read at once in JSON mode, in bytes: if its lines are empty, it takes as long as some megabytes of text.
const JSON_BLOCK: usize = 8 * 1024;

/// How many units tokio gives a task before the others have their turn: a block costs all of them.
const UNITS: usize = 128;

/// A line longer than this is cut into several objects in JSON mode: the most that a log event can hold, in bytes.
const LONGEST_LINE: usize = 256 * 1024;

/// How much of an event's log an error may quote, in bytes and in lines.
const QUOTED: (usize, usize) = (16 * 1024, 10);

/// What one worker writes to its standard error, and to its standard output outside of events.
pub struct Log {
    receiver: pipe::Receiver,
    format: LogFormat,
    /// How the interpreter begins its last words, where it says more behind them than is quoted.
    last_words: &'static [&'static str],
    buffer: Vec<u8>,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    tail: VecDeque<u8>,
    origin: Origin,
    open: bool,
}

impl Log {
    /// Reads from this end of a pipe.
    pub fn new(pipe: OwnedFd, format: LogFormat, last_words: &'static [&'static str]) -> io::Result<Self> {
        Ok(Self {
            receiver: pipe::Receiver::from_owned_fd(pipe)?,
            format,
            last_words,
            buffer: match format {
                LogFormat::Text => vec![0; BLOCK],
                LogFormat::Json => vec![0; JSON_BLOCK],
            },
            line: Vec::new(),
            tail: VecDeque::new(),
            origin: Origin::default(),
            open: true,
        })
    }

    /// What comes from now on belongs to this event, or to none.
    pub fn begin(&mut self, invocation: Option<&Invocation>) {
        invocation.map(Invocation::request_id).unwrap_or_default().clone_into(&mut self.origin.request_id);
        self.origin.tenant_id = invocation.and_then(Invocation::tenant_id).map(str::to_owned);
        self.tail.clear();
    }

    /// Waits for output and passes on what is there; for ever once nobody can write any more.
    pub async fn pump(&mut self) {
        if !self.open || self.receiver.readable().await.is_err() {
            return std::future::pending().await;
        }
        match self.receiver.try_read(&mut self.buffer) {
            Ok(0) => self.open = false,
            Ok(count) => {
                self.pass(count);
                // who writes faster than this passes it on must not keep all else, as deadlines, from its turn
                for _ in 0..=count * UNITS / self.buffer.len() {
                    consume_budget().await;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.open = false,
        }
    }

    /// Passes on all that was written up to now, the beginning of a line too.
    pub fn drain(&mut self) {
        // not `try_read`: it knows only what the event loop has seen
        let mut there = rustix::io::ioctl_fionread(&self.receiver).unwrap_or(0);
        while there > 0 {
            match rustix::io::read(&self.receiver, &mut self.buffer[..]) {
                Ok(count) if count > 0 => {
                    self.pass(count);
                    there = there.saturating_sub(count as u64);
                }
                _ => break,
            }
        }
        self.flush();
    }

    /// The last lines of the current event, or those that begin with an interpreter's last words.
    #[must_use]
    pub fn last_lines(&self) -> String {
        let bytes: Vec<u8> = self.tail.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<_> = text.lines().collect();
        let begin = lines
            .iter()
            .rposition(|line| self.last_words.iter().any(|words| line.starts_with(words)))
            .unwrap_or(lines.len().saturating_sub(QUOTED.1));
        lines[begin..lines.len().min(begin + QUOTED.1)].join("\n")
    }

    fn pass(&mut self, count: usize) {
        let begin = count.saturating_sub(QUOTED.0);
        self.tail.extend(&self.buffer[begin..count]);
        self.tail.drain(..self.tail.len().saturating_sub(QUOTED.0));

        let new = &self.buffer[..count];
        let whole = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        if whole > 0 {
            if self.line.is_empty() {
                write_lines(self.format, &self.origin, &new[..whole]);
            } else {
                self.line.extend_from_slice(&new[..whole]);
                write_lines(self.format, &self.origin, &self.line);
                self.line = Vec::new();
            }
        }
        self.line.extend_from_slice(&new[whole..]);
        let held = match self.format {
            LogFormat::Text => BLOCK,
            LogFormat::Json => LONGEST_LINE,
        };
        if self.line.len() >= held {
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
