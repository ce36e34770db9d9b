//! The two pipes between the bootstrap and a shim, from the bootstrap's side.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
};

use bytes::Bytes;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use tokio::{io::AsyncReadExt, net::unix::pipe};

use super::frame::{Decoder, FrameError, Report};
use crate::limits::{BLOCK, BLOCKS, PIPE_SIZE};

/// The pipe to the shim. Both ends are held: the shim opens its end by path.
pub(super) struct Requests {
    sender: pipe::Sender,
    end: OwnedFd,
    /// What is still to be written, the last part first.
    parts: Vec<Bytes>,
}

/// The pipe from the shim.
pub(super) struct Reports {
    receiver: pipe::Receiver,
    end: OwnedFd,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Requests {
    pub(super) fn new() -> io::Result<Self> {
        let (end, sender) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self { sender: pipe::Sender::from_owned_fd(sender)?, end, parts: Vec::new() })
    }

    /// The shim's end.
    pub(super) fn descriptor(&self) -> RawFd {
        self.end.as_raw_fd()
    }

    /// Makes these parts, the last one first, the next request.
    pub(super) fn send(&mut self, parts: Vec<Bytes>) {
        self.parts = parts;
    }

    /// Writes the request as the shim takes it; pending once all is written.
    pub(super) async fn write(&mut self) {
        if self.parts.is_empty() || self.sender.writable().await.is_err() {
            return std::future::pending().await;
        }
        while let Some(part) = self.parts.last_mut() {
            match self.sender.try_write(part) {
                Ok(count) if count == part.len() => {
                    self.parts.pop();
                }
                Ok(count) => {
                    let _ = part.split_to(count);
                }
                Err(_) => return,
            }
        }
    }

    /// Whether the shim has read all of the request. What cannot be asked counts as read.
    pub(super) fn taken(&self) -> bool {
        self.parts.is_empty() && rustix::io::ioctl_fionread(&self.end).map_or(true, |unread| unread == 0)
    }
}

impl Reports {
    pub(super) fn new() -> io::Result<Self> {
        let (receiver, end) = pipe_with(PipeFlags::CLOEXEC)?;
        let receiver = pipe::Receiver::from_owned_fd(receiver)?;
        Ok(Self { receiver, end, decoder: Decoder::default(), buffer: vec![0; BLOCK] })
    }

    /// The shim's end.
    pub(super) fn descriptor(&self) -> RawFd {
        self.end.as_raw_fd()
    }

    /// The next report that has come whole.
    pub(super) fn next(&mut self) -> Result<Option<Report>, FrameError> {
        self.decoder.next_report()
    }

    /// Waits for bytes and feeds them to the decoder.
    pub(super) async fn fill(&mut self) {
        // unlike `try_read` it knows from a short read that the pipe is empty, and does not read again to find out
        match self.receiver.read(&mut self.buffer).await {
            Ok(count) => self.decoder.feed(&self.buffer[..count]),
            Err(_) => std::future::pending().await,
        }
    }

    /// Feeds what a worker left behind when it ended, which the event loop may not have seen.
    pub(super) fn fill_rest(&mut self) {
        for _ in 0..BLOCKS {
            let Ok(count @ 1..) = rustix::io::read(&self.receiver, &mut self.buffer[..]) else { return };
            self.decoder.feed(&self.buffer[..count]);
        }
    }

    /// Whether the worker ended between two frames.
    pub(super) fn finish(&self) -> Result<(), FrameError> {
        self.decoder.finish()
    }
}

/// A pipe for an answer, and its other end.
pub(super) fn answer_pipe() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (answer, answer_end) = pipe_with(PipeFlags::CLOEXEC)?;
    // a smaller pipe does as well, only slower
    let _ = fcntl_setpipe_size(&answer, PIPE_SIZE);
    Ok((pipe::Receiver::from_owned_fd(answer)?, answer_end))
}

/// What a shim is told of its two pipes: the directory where it opens them, and their descriptors.
pub(super) fn arguments(requests: &Requests, reports: &Reports) -> [String; 3] {
    let directory = format!("/proc/{}/fd", std::process::id());
    [directory, requests.descriptor().to_string(), reports.descriptor().to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_is_taken_once_all_of_it_has_been_read() {
        let mut requests = Requests::new().unwrap();
        requests.send(vec![Bytes::from_static(b"56"), Bytes::from_static(b"1234")]);
        assert!(!requests.taken(), "it is not written");
        requests.write().await;
        rustix::io::read(&requests.end, &mut [0; 5]).unwrap();
        assert!(!requests.taken(), "it is read in part");
        rustix::io::read(&requests.end, &mut [0; 1]).unwrap();
        assert!(requests.taken());
    }
}
