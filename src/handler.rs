//! What a handler is, and why a text is none. `grammar` reads the text.

mod grammar;

use std::path::{Path, PathBuf};

use crate::failure::{ErrorType, Failure};

/// What to run for each event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handler {
    /// A function of a Bash file.
    BashFunction {
        /// The file, relative to the task root.
        file: PathBuf,
        /// The function's name.
        function: String,
    },
    /// A Bash script, run afresh for each event.
    BashScript {
        /// The file, relative to the task root.
        file: PathBuf,
    },
    /// A function of a PowerShell module.
    PowerShellFunction {
        /// Where the module is.
        module: Module,
        /// The function's name.
        function: String,
        /// How the answer is made.
        answer: PowerShellAnswer,
    },
    /// A PowerShell script.
    PowerShellScript {
        /// The file, relative to the task root.
        file: PathBuf,
    },
    /// A function that a PowerShell script defines (`script.ps1::function`).
    PowerShellScriptFunction {
        /// The file, relative to the task root.
        file: PathBuf,
        /// The function's name.
        function: String,
    },
    /// A Lisp function of a file, by a symbol that the Lisp reader reads.
    LispFunction {
        /// The files of that stem, relative to the task root: `.fasl`, `.lisp`, or both.
        files: Vec<PathBuf>,
        /// The text of the symbol.
        symbol: String,
    },
    /// A Lisp script with a function `main`.
    LispScript {
        /// The file, relative to the task root.
        file: PathBuf,
    },
    /// Lisp forms, the last of which gives the function.
    LispForms {
        /// Their text.
        text: String,
    },
}

/// How a PowerShell handler names its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Module {
    /// A file, relative to the task root.
    File(PathBuf),
    /// A name to be found on `PSModulePath`.
    Name(String),
}

/// How a PowerShell function's pipeline becomes an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerShellAnswer {
    /// Text as `Out-String` gives it if all of it is strings, else JSON.
    Pipeline,
    /// One string as it is, else JSON: the rule of AWS's own PowerShell runtime.
    Value,
}

/// The languages, in the words of error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// GNU Bash.
    Bash,
    /// PowerShell 7.
    PowerShell,
    /// Common Lisp (SBCL).
    Lisp,
}

impl Language {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bash => "Bash",
            Self::PowerShell => "PowerShell",
            Self::Lisp => "Common Lisp",
        }
    }
}

/// Why a text is no handler. All of these end the init.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Nothing can ever fit this text.
    #[error("handler `{handler}` {reason}")]
    Invalid {
        /// The text.
        handler: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The text fits files of two languages.
    #[error("{0}")]
    Ambiguous(String),
    /// No file fits.
    #[error("{0}")]
    NotFound(String),
}

impl From<HandlerError> for Failure {
    fn from(error: HandlerError) -> Self {
        let error_type = match error {
            HandlerError::Invalid { .. } | HandlerError::Ambiguous(_) => ErrorType::InvalidHandler,
            HandlerError::NotFound(_) => ErrorType::HandlerNotFound,
        };
        Self::new(error_type, error.to_string())
    }
}

/// Where PowerShell looks for a module by name besides the task root: directories that hold modules.
pub const MODULE_DIRECTORIES: [&str; 3] = ["modules", "/opt/modules", MODULE_PATH];

/// Stands for the directories of modules that PowerShell itself brings and that the environment names.
pub const MODULE_PATH: &str = "$PSModulePath";

impl Handler {
    /// Reads the text of a handler; `exists` answers for paths relative to the task root, and for absolute
    /// ones of modules.
    pub fn resolve(text: &str, exists: impl Fn(&Path) -> bool) -> Result<Self, HandlerError> {
        grammar::resolve(text, exists)
    }

    /// The language that runs it.
    #[must_use]
    pub const fn language(&self) -> Language {
        match self {
            Self::BashFunction { .. } | Self::BashScript { .. } => Language::Bash,
            Self::PowerShellFunction { .. }
            | Self::PowerShellScript { .. }
            | Self::PowerShellScriptFunction { .. } => Language::PowerShell,
            Self::LispFunction { .. } | Self::LispScript { .. } | Self::LispForms { .. } => Language::Lisp,
        }
    }

    /// The user's files that it names, relative to the task root.
    #[must_use]
    pub fn files(&self) -> Vec<&Path> {
        match self {
            Self::BashFunction { file, .. }
            | Self::BashScript { file }
            | Self::PowerShellScript { file }
            | Self::PowerShellScriptFunction { file, .. }
            | Self::LispScript { file }
            | Self::PowerShellFunction { module: Module::File(file), .. } => vec![file],
            Self::LispFunction { files, .. } => files.iter().map(PathBuf::as_path).collect(),
            Self::PowerShellFunction { module: Module::Name(_), .. } | Self::LispForms { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
