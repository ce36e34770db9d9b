//! Settings that are missing or wrong.

use super::variable;
use crate::failure::{ErrorType, Failure};

/// A setting that is missing or does not parse: one line that names the variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not set.
    #[error("`{0}` is not set: {1}")]
    Missing(&'static str, &'static str),
    /// Set to something else than it takes.
    #[error("`{name}` is `{value}`: {takes}")]
    Malformed {
        /// The variable.
        name: &'static str,
        /// What it is set to.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
    /// A wrapper that cannot be run, and why.
    #[error(
        "`{name}` is `{0}`, which cannot be run ({1}): copy what the layer brings into the image's `/opt`, or unset it",
        name = variable::EXEC_WRAPPER
    )]
    Wrapper(String, String),
    /// The working directory, which stands in for the task root, cannot be read.
    #[error("`LAMBDA_TASK_ROOT` is not set and the working directory cannot be read: {0}")]
    WorkingDirectory(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(ErrorType::InvalidConfiguration, error.to_string())
    }
}
