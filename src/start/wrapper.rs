//! `AWS_LAMBDA_EXEC_WRAPPER`: a program of a layer that starts the runtime, such as an observability agent. Lambda runs
//! it only for managed runtimes, so the bootstrap runs it itself.

use std::{env, ffi::OsStr, io, os::unix::process::CommandExt, process::Command};

use crate::settings::{Environment, SettingsError, variable};

/// Set once the wrapper has run. No worker sees this variable.
const WRAPPED: &str = "__LAMBDA_WRAPPED";

/// Becomes the wrapper, whose arguments are the bootstrap and its arguments. Returns if there is no wrapper or it has
/// already run, and with an error if it cannot be run.
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
