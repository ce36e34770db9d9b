//! Events that no program can have.

use super::sender::Sender;

/// Why an event is no request for a program.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is no HTTP request.
    #[error("the event is no HTTP request: {0}")]
    Event(String),
    /// The caller has sent a path with this character, which no variable can have.
    #[error("its path has the character {1}")]
    Path(Sender, u8),
}
