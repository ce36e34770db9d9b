//! Settings that are missing or wrong.

use crate::failure::{ErrorType, Failure};

/// A setting that is missing or does not parse: one line that names the variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("`{0}` is not set: {1}")]
    Missing(&'static str, &'static str),
    #[error("`{name}` is `{value}`: it takes {takes}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// The values that it takes.
        takes: &'static str,
    },
    #[error(
        "`{0}` is `{1}`: an event on the command line and `--serve` are for runs without it; unset it or drop them"
    )]
    NotLocal(&'static str, String),
    #[error(
        "`{0}` is `{1}`, which cannot be run ({2}): copy what the layer brings into the image's `/opt`, or unset it"
    )]
    Wrapper(&'static str, String, String),
    #[error("`LAMBDA_TASK_ROOT` is not set and the working directory cannot be read: {0}")]
    WorkingDirectory(String),
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(ErrorType::InvalidConfiguration, error.to_string())
    }
}
