//! Settings that are one of a few words.

use std::{convert::Infallible, str::FromStr};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// A handler's lines as they are.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

/// When an answer is passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResponseMode {
    /// Whole, once the handler has ended.
    #[default]
    Buffered,
    /// While the handler writes it.
    Streaming,
}

impl FromStr for ResponseMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "buffered" => Ok(Self::Buffered),
            "streaming" => Ok(Self::Streaming),
            _ => Err(()),
        }
    }
}

/// The input of a handler, and the form of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interface {
    /// The event, and bytes.
    #[default]
    Event,
    /// An HTTP request by RFC 3875, and its response.
    Cgi,
}

impl FromStr for Interface {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "event" => Ok(Self::Event),
            "cgi" => Ok(Self::Cgi),
            _ => Err(()),
        }
    }
}

/// How an environment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitializationType {
    /// Lambda takes a snapshot of it.
    SnapStart,
    /// Lambda Managed Instances: several events at a time, and nobody ends one at its deadline.
    ManagedInstances,
    /// Any other way.
    Other,
}

impl FromStr for InitializationType {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "snap-start" => Self::SnapStart,
            "lambda-managed-instances" => Self::ManagedInstances,
            _ => Self::Other,
        })
    }
}

/// How a Lisp handler gets its event and gives its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LispConvention {
    /// A string, and a string or octets.
    String,
    /// Standard input and standard output, as strings.
    StandardIo,
    /// A vector of octets, and a string or octets.
    Octets,
    /// A string, and standard output.
    Stream,
    /// JSON as the library jsown reads and writes it.
    Jsown,
    /// JSON as the library yason reads and writes it.
    Yason,
}

impl LispConvention {
    const ALL: [Self; 6] =
        [Self::String, Self::StandardIo, Self::Octets, Self::Stream, Self::Jsown, Self::Yason];

    /// Its name, as the variable takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::StandardIo => "standard-io",
            Self::Octets => "octets",
            Self::Stream => "stream",
            Self::Jsown => "jsown",
            Self::Yason => "yason",
        }
    }
}

impl FromStr for LispConvention {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|convention| convention.name() == text).ok_or(())
    }
}
