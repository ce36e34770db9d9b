//! What is known of the event that runs: its answer so far, its call stack.

use std::{os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use tokio::{task::coop::consume_budget, time::Instant};

use super::{
    lanes::Lanes,
    pipes::{BLOCK, BLOCKS},
    with_lines,
};
use crate::{
    failure::{ErrorType, Failure},
    frame::PAYLOAD_LIMIT,
};

/// The least time between two looks at a handler's output, after the first [`EAGER_LOOKS`]. Bash writes 4 KiB at a
/// time, and a look at each of them made 6 MiB five times as slow.
const PACE: Duration = Duration::from_millis(1);

/// How many looks follow each other at once: a small answer and its end are taken as they come.
const EAGER_LOOKS: u32 = 64;

/// The most bytes of an answer that are kept: one block more than allowed, as it may be newlines, which do not count.
const KEPT: usize = PAYLOAD_LIMIT + BLOCK;

/// The most bytes of the end of a handler: the token, a status, a newline.
const END: usize = 40;

/// One event on a worker.
pub(super) struct Event {
    answer: Answer,
    looks: u32,
    next_look: Instant,
    pub(super) stack_trace: Vec<String>,
    /// The command that ended the handler, as `at line 4: …`; empty where it is not known.
    place: String,
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
    pub(super) fn new() -> Self {
        Self {
            answer: Answer::default(),
            looks: 0,
            next_look: Instant::now(),
            stack_trace: Vec::new(),
            place: String::new(),
        }
    }

    /// Takes what the handler writes to its standard output until it says that it ended, with a status; pending
    /// where that is no pipe of ours. May be dropped and called again.
    pub(super) async fn receive(&mut self, lanes: Option<&mut Lanes>) -> i32 {
        let Some(lanes) = lanes else { return std::future::pending().await };
        loop {
            if self.looks >= EAGER_LOOKS {
                tokio::time::sleep_until(self.next_look).await;
            }
            lanes.readable().await;
            // a handler that writes faster than this reads must not keep its deadline from being seen
            consume_budget().await;
            if let Some(status) = self.look(lanes, Lanes::read) {
                return status;
            }
            self.looks += 1;
            self.next_look = Instant::now() + PACE;
        }
    }

    /// Takes what is in the pipe now; what comes later, from a child in the background, is no answer.
    pub(super) fn receive_rest(&mut self, lanes: Option<&mut Lanes>) {
        if let Some(lanes) = lanes {
            self.look(lanes, Lanes::read_rest);
        }
    }

    /// Takes what is in the pipe, as `read` sees it; gives the handler's status if it ends in it.
    fn look(&mut self, lanes: &mut Lanes, read: fn(&mut Lanes) -> (&str, &[u8])) -> Option<i32> {
        for _ in 0..BLOCKS {
            let (token, block) = read(lanes);
            if block.is_empty() {
                break;
            }
            if let Some(status) = self.answer.take(block, token) {
                return Some(status);
            }
        }
        None
    }

    /// Takes the place of a failure and its call stack, unless a failure further in has led to it.
    pub(super) fn failed(&mut self, place: String, stack: Vec<String>) {
        let known = !self.stack_trace.is_empty() && !self.place.is_empty();
        if keep_innermost(&mut self.stack_trace, stack) || !known {
            self.place = place;
        }
    }

    /// The end of a handler that is a process of its own. `last_lines` gives the end of its log, which only an
    /// error asks for.
    pub(super) fn ended(self, end: End, last_lines: impl FnOnce() -> String) -> Result<Bytes, Failure> {
        let (End::Exited(status) | End::Ended(status)) = end;
        if status == 0 {
            return self.answer.finish();
        }
        let signal = (status > 128 && end == End::Ended(status))
            .then(|| ExitStatus::from_raw(status - 128))
            .filter(|signal| signal.to_string().contains("(SIG"));
        let failure = match signal {
            Some(signal) => Failure::new(ErrorType::Signal, format!("the handler was ended by {signal}")),
            None => Failure::new(ErrorType::ExitStatus, with_lines(self.status(status), &last_lines())),
        };
        Err(failure.with_stack_trace(self.stack_trace))
    }

    fn status(&self, status: i32) -> String {
        let place = &self.place;
        format!("the handler ended with status {status}{}{place}", if place.is_empty() { "" } else { " " })
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
    /// Takes a block of output; gives the handler's status if it ends in it: the token, the status, a newline.
    fn take(&mut self, block: &[u8], token: &str) -> Option<i32> {
        // the end may come in parts
        let from = self.bytes.len().saturating_sub(END);
        self.size += block.len();
        self.bytes.extend_from_slice(block);
        if let Some(at) = memmem::find(&self.bytes[from..], token.as_bytes()) {
            let behind = &self.bytes[from + at + token.len()..];
            let digits = behind.iter().position(|&byte| byte == b'\n')?;
            let status = std::str::from_utf8(&behind[..digits]).ok()?.parse().ok()?;
            self.size -= self.bytes.len() - from - at;
            self.bytes.truncate(from + at);
            return Some(status);
        }
        if let dropped @ 1.. = self.bytes.len().saturating_sub(KEPT + END) {
            self.bytes.copy_within(KEPT + dropped.., KEPT);
            self.bytes.truncate(KEPT + END);
        }
        None
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

/// Keeps the stack if the new one is only the outer part of it, else takes the new one. Frames of the new one may
/// lack their file or line. Says whether it was taken.
pub(super) fn keep_innermost(stack: &mut Vec<String>, new: Vec<String>) -> bool {
    let outer = stack.len().checked_sub(new.len()).map(|begin| &stack[begin..]);
    if outer.is_some_and(|outer| outer.iter().zip(&new).all(|(old, new)| old.starts_with(new.as_str()))) {
        return false;
    }
    *stack = new;
    true
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
                assert_eq!(answer.take(part, "TOKEN"), None);
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
    fn an_answer_ends_where_the_handler_says_so() {
        let ended = |parts: &[&[u8]]| {
            let mut answer = Answer::default();
            let statuses: Vec<_> = parts.iter().map(|part| answer.take(part, "TOKEN")).collect();
            (statuses, answer.finish().unwrap())
        };
        let whole = Bytes::from_static(b"a TO TOKE");
        assert_eq!(ended(&[b"a TO TOKETOKEN3\nlater"]), (vec![Some(3)], whole.clone()));
        assert_eq!(
            ended(&[b"a TO TOKETOK", b"EN", b"25", b"5\n"]),
            (vec![None, None, None, Some(255)], whole)
        );
        let large = vec![b'x'; KEPT + 10 * END];
        let mut answer = Answer::default();
        for part in [&large[..], b"xTOK", b"EN0\n"] {
            answer.take(part, "TOKEN");
        }
        let size = large.len() + 1;
        assert!(answer.finish().unwrap_err().error_message.contains(&format!("{size} bytes")));
    }

    #[test]
    fn tells_a_signal_from_a_status_over_128() {
        let kind = |end| Event::new().ended(end, String::new).unwrap_err().to_string();
        assert_eq!(kind(End::Ended(137)), "Function.Signal: the handler was ended by signal: 9 (SIGKILL)");
        assert_eq!(kind(End::Exited(137)), "Function.ExitStatus: the handler ended with status 137");
        assert_eq!(kind(End::Ended(255)), "Function.ExitStatus: the handler ended with status 255");
    }
}
