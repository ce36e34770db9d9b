//! `AWS_LAMBDA_EXEC_WRAPPER`: a program of a layer that starts the runtime, as an observability agent. Lambda starts only
//! its managed runtimes through it, so the bootstrap does the same for itself.

use std::{env, ffi::OsStr, io, os::unix::process::CommandExt, process::Command};

use crate::settings::{Environment, SettingsError, variable};

/// Says that the wrapper has had its turn. No worker sees it.
const WRAPPED: &str = "__LAMBDA_WRAPPED";

/// Becomes the wrapper, whose arguments are the bootstrap and its arguments. Returns if there is no wrapper, if it has
/// had its turn, and with an error if it cannot be run.
pub fn enter(environment: &mut Environment) -> Result<(), SettingsError> {
    let has_run = environment.remove(OsStr::new(WRAPPED)).is_some();
    let own = variable::EXEC_WRAPPER;
    match own.of(environment) {
        Some(wrapper) if !has_run => {
            let error = become_wrapper(wrapper);
            Err(SettingsError::Wrapper(own.name, wrapper.to_string_lossy().into_owned(), error))
        }
        _ => Ok(()),
    }
}

/// Replaces this process; returns only with an error.
fn become_wrapper(wrapper: &OsStr) -> io::Error {
    match env::current_exe() {
        Ok(own) => Command::new(wrapper).arg(own).args(env::args_os().skip(1)).env(WRAPPED, "1").exec(),
        Err(error) => error,
    }
}
