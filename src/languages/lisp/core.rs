//! The saved core that SBCL is started from. SBCL itself refuses one of another version, and one that is none.

use std::{fs::File, path::PathBuf};

use crate::{
    failure::{ErrorType, Failure},
    settings::{Settings, variable},
};

/// Where the image has its core.
const DEFAULT_CORE: &str = "/var/lang/lisp/runtime.core";

/// A core, and the words for an error about it.
pub(super) struct Core {
    pub(super) path: PathBuf,
    name: String,
    remedy: &'static str,
}

impl Core {
    /// The core to start from; `None` for SBCL's own.
    pub(super) fn find(settings: &Settings) -> Result<Option<Self>, Failure> {
        let core = match settings.lisp_core.clone() {
            Some(path) => Self {
                name: format!("`{}` is `{}`", variable::LISP_CORE, path.display()),
                path,
                remedy: "unset the variable",
            },
            None if PathBuf::from(DEFAULT_CORE).exists() => Self {
                name: format!("the Lisp core `{DEFAULT_CORE}`"),
                path: DEFAULT_CORE.into(),
                remedy: "remove it",
            },
            None => return Ok(None),
        };
        match File::open(&core.path) {
            Ok(_) => Ok(Some(core)),
            Err(error) => {
                let message = core.unfit(&format!("it cannot be read: {error}"));
                Err(Failure::new(ErrorType::InvalidConfiguration, message))
            }
        }
    }

    /// Why SBCL does not start from it, and what to do.
    pub(super) fn unfit(&self, reason: &str) -> String {
        format!("{}: {reason}; build it again with `make lisp-core`, or {}", self.name, self.remedy)
    }
}
