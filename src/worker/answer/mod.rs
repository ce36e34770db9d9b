//! The standard output of a handler that is a process of its own: its answer, once the handler has ended well.

mod end;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use memchr::memmem;
use tokio::{
    net::unix::pipe,
    task::coop::consume_budget,
    time::{Instant, sleep},
};

pub(super) use self::end::{End, Ended, Farewell, with_lines};
use crate::{
    event::invocation::Invocation,
    event::stream::Sink,
    failure::Failure,
    limits::{BLOCK, BLOCKS, PAYLOAD_LIMIT, STREAM_LIMIT},
    process::{Children, Writers},
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

/// The most bytes of the end of a handler: the token, a status, a process id, a newline.
const END: usize = 60;

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
    /// How many bytes at the end of `bytes` may be the begin of a token.
    held: usize,
    /// Where the handler said that it ended. What stands behind that came later.
    end: Option<usize>,
    looks: u32,
    next_look: Instant,
    block: Vec<u8>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            size: 0,
            sink: None,
            keeps_newlines: false,
            passed_on: 0,
            held: 0,
            end: None,
            looks: 0,
            next_look: Instant::now(),
            block: vec![0; BLOCK],
        }
    }

    /// Forgets what another event has written. What comes now is this one's.
    pub(super) fn begin(&mut self, invocation: &Invocation) {
        (self.bytes, self.size, self.end, self.looks) = (BytesMut::new(), 0, None, 0);
        (self.sink, self.passed_on, self.held) = (invocation.sink.clone(), 0, 0);
        self.keeps_newlines = invocation.request.is_some();
    }

    /// Passes on nothing any more: what comes now is too late.
    pub(super) fn stop(&mut self) {
        self.sink = None;
    }

    /// Takes what comes out of the pipe until the handler says there that it ended: the token, its status and its process,
    /// a newline. Without a token it never does. May be dropped and called again.
    pub(super) async fn receive(&mut self, pipe: &pipe::Receiver, token: Option<&str>) -> Farewell {
        loop {
            self.pass_on().await;
            if self.looks >= EAGER_LOOKS && self.sink.is_none() {
                tokio::time::sleep_until(self.next_look).await;
            }
            if pipe.readable().await.is_err() {
                return std::future::pending().await;
            }
            // a handler that writes faster than this reads must not keep its deadline from being seen
            consume_budget().await;
            let read = |block: &mut [u8]| pipe.try_read(block).unwrap_or(0);
            // of an answer that is streamed, what has been read is passed on before more is
            let blocks = if self.sink.is_some() { 1 } else { BLOCKS };
            if let Some(farewell) = self.look(token, blocks, read) {
                return farewell;
            }
            self.looks += 1;
            self.next_look = Instant::now() + LOOK_INTERVAL;
        }
    }

    /// Takes what is in the pipe now, also where the event loop has not seen it; what comes later, from a child in the
    /// background, is no answer.
    pub(super) fn receive_rest(&mut self, pipe: &pipe::Receiver, token: Option<&str>) {
        self.look(token, BLOCKS, |block| rustix::io::read(pipe, block).unwrap_or(0));
    }

    /// Passes on what there is of an answer that is streamed, as the caller takes it. May be dropped and called again.
    pub(super) async fn pass_on(&mut self) {
        let Some(sink) = &self.sink else { return };
        let count = self.end.unwrap_or(self.bytes.len() - self.held).min(STREAM_LIMIT - self.passed_on);
        if count > 0 {
            sink.send(|| self.bytes.split_to(count).freeze()).await;
            self.passed_on += count;
            self.end = self.end.map(|end| end - count);
        }
    }

    /// Takes what comes through processes that belong to the answer of a handler that has ended, for as long as there are
    /// any. May be dropped and called again.
    pub(super) async fn receive_filtered(
        &mut self,
        pipe: &pipe::Receiver,
        ended: &mut Ended,
        children: &Children,
    ) {
        if !ended.is_success() {
            return;
        }
        let has_rest = loop {
            let writers = children.writers(pipe, ended.process, ended.at);
            ended.has_filters |= writers == Writers::Filters;
            let has_rest = writers != Writers::Others || ended.has_filters;
            if has_rest {
                // also behind the handler's own end: a filter may have been done, or gone, before the first look
                self.end = None;
            }
            if writers != Writers::Filters {
                break has_rest;
            }
            tokio::select! {
                _ = self.receive(pipe, None) => {}
                () = sleep(FILTER_INTERVAL) => {}
            }
        };
        if has_rest {
            self.receive_rest(pipe, None);
        }
    }

    /// Takes what is in the pipe, as `read` sees it; says if the handler ends in it.
    fn look(
        &mut self,
        token: Option<&str>,
        blocks: usize,
        read: impl Fn(&mut [u8]) -> usize,
    ) -> Option<Farewell> {
        for _ in 0..blocks {
            let mut block = std::mem::take(&mut self.block);
            let count = read(&mut block);
            let farewell = self.take(&block[..count], token);
            // an end is one write of less than a page, so that a block cuts it only where more can be read
            self.held = match token {
                Some(token) if count == block.len() => begun(&self.bytes, token.as_bytes()),
                _ => 0,
            };
            self.block = block;
            if count == 0 || farewell.is_some() {
                return farewell;
            }
        }
        None
    }

    /// Takes a block of output; says if the handler ends in it.
    fn take(&mut self, block: &[u8], token: Option<&str>) -> Option<Farewell> {
        // the end may come in parts
        let from = self.bytes.len().saturating_sub(END);
        self.size += block.len();
        self.bytes.extend_from_slice(block);
        if let Some(token) = token
            && let Some(at) = memmem::find(&self.bytes[from..], token.as_bytes())
        {
            let begin = from + at;
            let words = begin + token.len();
            let line_end = words + self.bytes[words..].iter().position(|&byte| byte == b'\n')?;
            let farewell = Farewell::parse(&self.bytes[words..line_end])?;
            let later = self.bytes.split_off(line_end + 1);
            self.bytes.truncate(begin);
            self.size -= line_end + 1 - begin;
            self.bytes.extend_from_slice(&later);
            self.end = Some(begin);
            return Some(farewell);
        }
        let kept = if self.sink.is_some() { STREAM_LIMIT - self.passed_on } else { KEPT };
        if let dropped @ 1.. = self.bytes.len().saturating_sub(kept + END) {
            self.bytes.copy_within(kept + dropped.., kept);
            self.bytes.truncate(kept + END);
        }
        None
    }

    /// The answer, without its trailing newlines but for CGI; nothing of one that is streamed.
    pub(super) fn finish(&mut self) -> Result<Bytes, Failure> {
        let mut bytes = std::mem::take(&mut self.bytes);
        if let Some(end) = self.end {
            self.size -= bytes.len() - end;
            bytes.truncate(end);
        }
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

/// How many bytes at the end of these may be the begin of a handler's end.
fn begun(bytes: &[u8], token: &[u8]) -> usize {
    let last = &bytes[bytes.len().saturating_sub(END)..];
    let fits = |at: &usize| last[*at..].iter().zip(token).all(|(own, other)| own == other);
    (0..last.len()).find(fits).map_or(0, |at| last.len() - at)
}

#[cfg(test)]
mod tests {
    use rustix::process::Pid;

    use super::*;

    const TOKEN: Option<&str> = Some("TOKEN");

    #[test]
    fn an_answer_loses_its_trailing_newlines_and_keeps_its_limit() {
        let answer = |parts: &[&[u8]]| {
            let mut output = Output::new();
            for part in parts {
                assert_eq!(output.take(part, TOKEN), None);
            }
            output.finish()
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
            let mut output = Output::new();
            let said = parts.iter().map(|part| output.take(part, TOKEN).map(|farewell| farewell.status));
            (said.collect::<Vec<_>>(), output.finish().unwrap())
        };
        let whole = Bytes::from_static(b"a TO TOKE");
        assert_eq!(ended(&[b"a TO TOKETOKEN3\nlater"]), (vec![Some(3)], whole.clone()));
        assert_eq!(
            ended(&[b"a TO TOKETOK", b"EN", b"25", b"5\n"]),
            (vec![None, None, None, Some(255)], whole)
        );
        let mut output = Output::new();
        let farewell = Farewell { status: 0, process: Pid::from_raw(77) };
        assert_eq!(output.take(b"now TOKEN0 77\nlater", TOKEN), Some(farewell));
        output.end = None;
        assert_eq!(output.finish().unwrap(), Bytes::from_static(b"now later"));
        let large = vec![b'x'; KEPT + 10 * END];
        let mut output = Output::new();
        for part in [&large[..], b"xTOK", b"EN0\n"] {
            output.take(part, TOKEN);
        }
        let size = large.len() + 1;
        assert!(output.finish().unwrap_err().error_message.contains(&format!("{size} bytes")));
    }
}
