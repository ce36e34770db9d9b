//! Events that no program can have.

use super::sender::Sender;

/// Why an event is no request for a program.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("the event is no HTTP request: {0}")]
    Event(String),
    #[error("its path has the character {1}")]
    Path(Sender, u8),
}
