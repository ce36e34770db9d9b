//! Settings that are one of a few words.

use std::str::FromStr;

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

/// What a handler gets, and what it answers.
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
