//! `AWS_LAMBDA_EXEC_WRAPPER`: a program of a layer, an observability agent say, that starts the runtime. Lambda's managed
//! runtimes start through it; for others it does nothing itself, so the bootstrap does.

use std::{env, ffi::OsStr, io, os::unix::process::CommandExt, process::Command};

use crate::settings::{ConfigError, Environment, variable};

/// Says that the wrapper has had its turn. No worker sees it.
const WRAPPED: &str = "__LAMBDA_WRAPPED";

/// Becomes the wrapper, once, with the bootstrap and its arguments as its own. Returns where there is none, where it has
/// had its turn, and with an error where it cannot be run.
pub fn enter(environment: &mut Environment) -> Result<(), ConfigError> {
    let has_run = environment.remove(OsStr::new(WRAPPED)).is_some();
    let own = variable::EXEC_WRAPPER;
    match own.of(environment) {
        Some(wrapper) if !has_run => {
            let error = become_wrapper(wrapper).to_string();
            Err(ConfigError::Wrapper(own.name, wrapper.to_string_lossy().into_owned(), error))
        }
        _ => Ok(()),
    }
}

/// Gives an error, or does not come back.
fn become_wrapper(wrapper: &OsStr) -> io::Error {
    match env::current_exe() {
        Ok(own) => Command::new(wrapper).arg(own).args(env::args_os().skip(1)).env(WRAPPED, "1").exec(),
        Err(error) => error,
    }
}
