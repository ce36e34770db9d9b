//! One environment variable: its name, the values that it takes, and how a value is read. Also the settings whose value
//! is one of a few words.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt::{self, Display, Formatter},
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

use tracing::level_filters::LevelFilter;

use super::SettingsError;
use crate::named::named;

/// The variables of a process.
pub type Environment = BTreeMap<OsString, OsString>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    /// The values that it takes: "it takes …".
    pub takes: &'static str,
    /// Its meaning in `docs/settings.md`.
    pub meaning: &'static str,
}

impl Variable {
    /// Its value in an environment; `None` if it is not set or empty.
    pub fn of(self, environment: &Environment) -> Option<&OsString> {
        environment.get(OsStr::new(self.name)).filter(|value| !value.is_empty())
    }

    /// Its value, or its default.
    pub(super) fn read<T: Value>(self, environment: &Environment, default: Option<T>) -> Result<T, SettingsError> {
        match self.of(environment) {
            Some(value) => T::of(value).ok_or_else(|| self.malformed(value)),
            None => {
                default.or_else(T::missing).ok_or(SettingsError::Missing(self.name, "Lambda and its emulator set it"))
            }
        }
    }

    /// The error of a value that it does not take.
    pub(super) fn malformed(self, value: &OsStr) -> SettingsError {
        SettingsError::Malformed { name: self.name, value: value.to_string_lossy().into_owned(), takes: self.takes }
    }
}

impl Display for Variable {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// The type of a setting.
pub(super) trait Value: Sized {
    /// `None` if the text is no such value.
    fn of(text: &OsStr) -> Option<Self>;

    /// The value of a variable that is not set and has no default; `None` if the variable must be set.
    fn missing() -> Option<Self> {
        None
    }
}

impl<T: Value> Value for Option<T> {
    fn of(text: &OsStr) -> Option<Self> {
        T::of(text).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }
}

macro_rules! parsed {
    ($($type:ty),+) => {
        $(impl Value for $type {
            fn of(text: &OsStr) -> Option<Self> {
                text.to_str()?.parse().ok()
            }
        })+
    };
}

parsed!(i32, u64, NonZeroU64, NonZeroUsize, String);

impl Value for Duration {
    fn of(milliseconds: &OsStr) -> Option<Self> {
        u64::of(milliseconds).map(Self::from_millis)
    }
}

macro_rules! chosen {
    ($($type:ty),+) => {
        $(impl Value for $type {
            fn of(text: &OsStr) -> Option<Self> {
                Self::ALL.iter().copied().find(|choice| text.eq_ignore_ascii_case(choice.name()))
            }
        })+
    };
}

chosen!(Interface, LispConvention, LogFormat, ResponseMode);

impl Value for OsString {
    fn of(text: &OsStr) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Value for PathBuf {
    fn of(text: &OsStr) -> Option<Self> {
        Some(text.into())
    }
}

impl Value for LevelFilter {
    fn of(text: &OsStr) -> Option<Self> {
        match text.to_str()?.to_ascii_uppercase().as_str() {
            "TRACE" => Some(Self::TRACE),
            "DEBUG" => Some(Self::DEBUG),
            "INFO" => Some(Self::INFO),
            "WARN" => Some(Self::WARN),
            "ERROR" | "FATAL" => Some(Self::ERROR),
            _ => None,
        }
    }
}

named! {
    /// How log lines look.
    LogFormat {
        /// A handler's lines unchanged.
        Text = "text",
        /// One JSON object for each line.
        Json = "json",
    }
    /// When an answer is passed on.
    ResponseMode {
        /// As a whole, once the handler has ended.
        Buffered = "buffered",
        /// While the handler writes it.
        Streaming = "streaming",
    }
    /// The input of a handler, and the form of its answer.
    Interface {
        /// The event, and bytes.
        Event = "event",
        /// An HTTP request by RFC 3875, and its response.
        Cgi = "cgi",
    }
    /// How a Lisp handler gets its event and gives its answer.
    LispConvention {
        /// A string, and a string or octets.
        String = "string",
        /// Standard input and standard output, as strings.
        StandardIo = "standard-io",
        /// A vector of octets, and a string or octets.
        Octets = "octets",
        /// A string, and standard output.
        Stream = "stream",
        /// JSON as the library jsown reads and writes it.
        Jsown = "jsown",
        /// JSON as the library yason reads and writes it.
        Yason = "yason",
    }
}
