//! The events that the small Runtime API hands out, and the posts that it receives.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A post of the bootstrap.
#[derive(Clone, Debug)]
pub struct Post {
    /// The end of the path: `response`, `error`, `init/error` or `restore/error`.
    pub kind: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
    /// The time from just before the event was written until the post was read.
    pub time: Duration,
    /// The time at which the post was read.
    pub at: Instant,
    /// The chunks of a streamed body, with their times.
    pub chunks: Vec<Chunk>,
    /// The trailers.
    pub trailers: HashMap<String, String>,
}

/// A part of a streamed answer.
#[derive(Clone, Debug)]
pub struct Chunk {
    pub bytes: Vec<u8>,
    pub at: Instant,
}

/// An event to hand out.
#[derive(Clone, Debug, Default)]
pub struct Event {
    pub body: Vec<u8>,
    /// Headers that replace the usual ones, or are added; an empty value removes a header.
    pub headers: Vec<(String, String)>,
}

impl Event {
    pub fn new(body: impl AsRef<[u8]>) -> Self {
        Self { body: body.as_ref().to_vec(), headers: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    pub fn deadline_in(self, time: Duration) -> Self {
        let deadline = (SystemTime::now() + time).duration_since(UNIX_EPOCH).unwrap().as_millis();
        self.header("lambda-runtime-deadline-ms", &deadline.to_string())
    }

    pub(super) fn id(&self) -> &str {
        self.headers.iter().find(|(name, _)| name == "lambda-runtime-aws-request-id").map_or("", |(_, id)| id)
    }
}

/// The ways to receive a post, other than with `202`.
#[derive(Clone, Debug)]
pub enum Reception {
    /// This status line and body.
    Status(&'static str),
    /// The connection is closed after half of the body.
    Reset,
    /// Half of the body is read, and nothing more happens.
    Never,
    /// `202`, but only after [`Api::release`].
    Held,
    /// Like [`Reception::Held`], but only the first chunk of a streamed body is read before that.
    Slow,
}
