//! A streamed answer, on its way from the handler's output to the caller.
//!
//! Always true: at most [`WAITING`] parts wait for the caller. Then the handler's output is not read, so a slow caller
//! slows the handler.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use tokio::sync::mpsc;

/// How many parts wait for the caller.
const WAITING: usize = 2;

pub type Parts = mpsc::Receiver<Bytes>;

/// The sender of an answer's parts.
#[derive(Clone, Debug)]
pub struct Sink {
    sender: mpsc::Sender<Bytes>,
    has_had_any: Arc<AtomicBool>,
}

pub fn channel() -> (Sink, Parts) {
    let (sender, parts) = mpsc::channel(WAITING);
    (Sink { sender, has_had_any: Arc::default() }, parts)
}

impl Sink {
    /// Waits until there is room, and then sends the bytes that `part` returns. Without a receiver they are dropped.
    /// Cancel-safe: a call that is dropped early has sent nothing.
    pub async fn send(&self, part: impl FnOnce() -> Bytes) {
        let room = self.sender.reserve().await;
        let part = part();
        self.has_had_any.store(true, Ordering::Relaxed);
        if let Ok(room) = room {
            room.send(part);
        }
    }

    pub fn has_had_any(&self) -> bool {
        self.has_had_any.load(Ordering::Relaxed)
    }
}
