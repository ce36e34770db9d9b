//! The bootstrap's side of the two pipes to a shim: one for requests, one for messages.

use std::{
    future::{pending, poll_fn},
    io,
    os::fd::{AsRawFd, OwnedFd},
    pin::Pin,
    task::{Poll, ready},
};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::unix::pipe,
};

use super::frame::{Decoder, FrameError, Message};
use crate::{
    limits::{BLOCKS, PIPE_SIZE},
    process::proc::descriptors,
    worker::buffer::buffer,
};

/// The pipes of one worker. All four ends stay open here, because the shim opens its ends by path.
pub(super) struct Pipes {
    requests: pipe::Sender,
    requests_end: OwnedFd,
    /// The parts that are still to be written, the last one first.
    parts: Vec<Bytes>,
    messages: pipe::Receiver,
    messages_end: OwnedFd,
    decoder: Decoder,
    worker_has_ended: bool,
}

impl Pipes {
    pub(super) fn new() -> io::Result<Self> {
        let (requests_end, requests) = pipe_with(PipeFlags::CLOEXEC)?;
        let (messages, messages_end) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self {
            requests: pipe::Sender::from_owned_fd(requests)?,
            requests_end,
            parts: Vec::new(),
            messages: pipe::Receiver::from_owned_fd(messages)?,
            messages_end,
            decoder: Decoder::default(),
            worker_has_ended: false,
        })
    }

    /// The shim's first arguments: the directory of its ends, and their descriptors.
    pub(super) fn arguments(&self) -> [String; 3] {
        let descriptor = |end: &OwnedFd| end.as_raw_fd().to_string();
        [descriptors(), descriptor(&self.requests_end), descriptor(&self.messages_end)]
    }

    /// A part of the shim's command line that only the shim and processes forked from it have.
    pub(super) fn mark(&self) -> Vec<u8> {
        format!("\0{}\0", self.arguments().join("\0")).into_bytes()
    }

    /// Sets the parts of the next request, the last part first.
    pub(super) fn send(&mut self, parts: Vec<Bytes>) {
        self.parts = parts;
    }

    /// Whether the shim has read the whole request. Also `true` if that is unknown.
    pub(super) fn request_was_taken(&self) -> bool {
        let unread = rustix::io::ioctl_fionread(&self.requests_end);
        self.parts.is_empty() && unread.map_or(true, |unread| unread == 0)
    }

    /// The next complete message. Fails if the worker ended in the middle of a message.
    pub(super) fn next(&mut self) -> Result<Option<Message>, FrameError> {
        let message = self.decoder.next_message()?;
        if message.is_none() && self.worker_has_ended {
            self.decoder.finish()?;
        }
        Ok(message)
    }

    /// Writes the request while the shim reads it, and reads messages. Cancel-safe.
    pub(super) async fn transfer(&mut self) {
        let read = poll_fn(|context| {
            let mut buffer = buffer();
            let mut block = ReadBuf::new(&mut buffer[..]);
            // `try_read` would read once more to find out that the pipe is empty
            if ready!(Pin::new(&mut self.messages).poll_read(context, &mut block)).is_err() {
                return Poll::Pending;
            }
            self.decoder.feed(block.filled());
            Poll::Ready(())
        });
        tokio::select! {
            () = read => {}
            () = write(&self.requests, &mut self.parts) => {}
        }
    }

    /// Records the worker's end, and reads all its messages, also those that the event loop has not noticed.
    pub(super) fn end(&mut self) {
        if std::mem::replace(&mut self.worker_has_ended, true) {
            return;
        }
        let mut buffer = buffer();
        for _ in 0..BLOCKS {
            let Ok(count @ 1..) = rustix::io::read(&self.messages, &mut buffer[..]) else { return };
            self.decoder.feed(&buffer[..count]);
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.worker_has_ended
    }
}

/// Writes the parts, beginning with the last one, while the shim reads them. Pending once all are written.
async fn write(requests: &pipe::Sender, parts: &mut Vec<Bytes>) {
    if parts.is_empty() || requests.writable().await.is_err() {
        return pending().await;
    }
    while let Some(part) = parts.last_mut() {
        match requests.try_write(part) {
            Ok(count) if count == part.len() => {
                parts.pop();
            }
            Ok(count) => {
                let _ = part.split_to(count);
            }
            Err(_) => return,
        }
    }
}

/// A pipe for an answer, and its other end.
pub(super) fn answer_pipe() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (answer, answer_end) = pipe_with(PipeFlags::CLOEXEC)?;
    // a smaller pipe works, too, but is slower
    let _ = fcntl_setpipe_size(&answer, PIPE_SIZE);
    Ok((pipe::Receiver::from_owned_fd(answer)?, answer_end))
}
