//! The parts of an answer.

use bytes::Bytes;

use super::prelude::Prelude;

#[derive(Debug)]
pub enum Part {
    /// Status and headers of an HTTP response: the first part, if at all.
    Head(Prelude),
    Body(Bytes),
}

impl Part {
    /// The part as Lambda has it in the body of a streamed response: eight NUL bytes follow a head.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Body(bytes) => bytes,
            Self::Head(head) => (head.to_json().to_string() + &"\0".repeat(8)).into(),
        }
    }
}
