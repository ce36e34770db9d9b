//! An answer that is passed on while it is written, by whoever has the handler's output to whoever has the caller.
//!
//! Always true: no more than [`WAITING`] parts wait for the caller. A handler whose caller is slow is not read from, and
//! so it waits, too.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use lambda_runtime::MetadataPrelude;
use tokio::sync::mpsc;

/// How many parts wait for the caller.
const WAITING: usize = 2;

/// A part of an answer.
#[derive(Debug)]
pub enum Part {
    /// Status and headers of an HTTP response: before all else, if at all.
    Head(MetadataPrelude),
    /// Bytes.
    Body(Bytes),
}

impl Part {
    /// The part as Lambda has it in the body of a response: behind a head stand eight NUL bytes.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Body(bytes) => bytes,
            Self::Head(head) => {
                let mut json = serde_json::to_vec(&head).expect("BUG: status and headers always serialize");
                json.extend_from_slice(&[0; 8]);
                json.into()
            }
        }
    }
}

/// Where the parts come out.
pub type Parts = mpsc::Receiver<Part>;

/// Where the parts go in.
#[derive(Clone, Debug)]
pub struct Sink {
    sender: mpsc::Sender<Part>,
    has_had_any: Arc<AtomicBool>,
}

/// A way for one answer.
#[must_use]
pub fn channel() -> (Sink, Parts) {
    let (sender, parts) = mpsc::channel(WAITING);
    (Sink { sender, has_had_any: Arc::default() }, parts)
}

impl Sink {
    /// Waits until there is room, and passes on what `part` gives then. Where nobody takes any more it goes nowhere. May
    /// be dropped before it is done, and has passed on nothing then.
    pub async fn send(&self, part: impl FnOnce() -> Part) {
        let room = self.sender.reserve().await;
        let part = part();
        self.has_had_any.store(true, Ordering::Relaxed);
        if let Ok(room) = room {
            room.send(part);
        }
    }

    /// Whether anything has been passed on.
    #[must_use]
    pub fn has_had_any(&self) -> bool {
        self.has_had_any.load(Ordering::Relaxed)
    }
}
