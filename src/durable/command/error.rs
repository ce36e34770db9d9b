//! The errors of the command `durable`.

use std::io;

/// An error of the command itself, not of a step.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The command line is wrong: the reason and the usage.
    #[error("{0}: the form is `durable {1}`")]
    Usage(String, &'static str),
    /// There is no such verb.
    #[error("{0}; `durable --help` shows what there is")]
    Verb(String),
    /// There is no durable execution.
    #[error(
        "this is no durable execution: on Lambda the function needs a `DurableConfig`, elsewhere \
         `bootstrap --durable HANDLER EVENT` runs one"
    )]
    NotDurable,
    /// The command runs inside of a step.
    #[error(
        "this is a part of the step `{0}`, which is recorded as one: call `durable` outside of it, or make it a \
         `durable context`"
    )]
    InStep(String),
    /// The socket cannot be reached.
    #[error("the bootstrap does not answer at `{0}`, the event may be over: {1}")]
    Connect(String, io::Error),
    /// The event is over, and this process still runs.
    #[error("the bootstrap has ended the connection, the event is over")]
    Closed,
    /// The request cannot be sent.
    #[error("{0}: give the command a file, or the address of an object in Amazon S3")]
    TooLarge(String),
    /// The bootstrap's message.
    #[error("{0}")]
    Refused(String),
    /// A reply that this version does not know.
    #[error("the bootstrap has sent `{0}`, which is unknown here: use `durable` and `bootstrap` of one version")]
    Unexpected(String),
    /// Another error.
    #[error("{0}: {1}")]
    Io(String, io::Error),
}

impl CommandError {
    /// The exit status, by the numbers of `sysexits.h`.
    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Usage(..) | Self::Verb(_) => 64,
            _ => 70,
        }
    }
}
