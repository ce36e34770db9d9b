//! The environment that workers inherit: complete, and without the variables of an event.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use rustix::fs::{Access, access};

use super::{
    SettingsError,
    table::variable,
    value::{Environment, Interface, Variable},
};
use crate::event::invocation;

/// The variables that Lambda sets, in a local run with the values of the Runtime Interface Emulator.
const LOCAL_DEFAULTS: [(Variable, &str); 5] = [
    (variable::FUNCTION_NAME, "test_function"),
    (variable::FUNCTION_VERSION, "$LATEST"),
    (variable::MEMORY_SIZE, "3008"),
    (variable::LOG_GROUP, "/aws/lambda/Functions"),
    (variable::LOG_STREAM, "$LATEST"),
];

/// The initialization type of Lambda Managed Instances: several events at a time, none of which Lambda ends.
pub(super) const MANAGED_INSTANCES: &str = "lambda-managed-instances";

/// Where Lambda has a function's files.
const TASK_ROOT: &str = "/var/task";

/// The programs of the images. They are on the workers' `PATH` even without the image's `ENV` or its `/opt`.
const IMAGE_PROGRAMS: &str = "/var/lang/bin";

/// The default `PATH`, the same as Lambda's.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// Adds missing variables: the handler of the command line, the task root, a writable home, a `PATH`.
pub(super) fn complete(
    environment: &mut Environment,
    handler: Option<String>,
    local: bool,
) -> Result<(), SettingsError> {
    if local {
        for (variable, value) in LOCAL_DEFAULTS {
            environment.entry(variable.name.into()).or_insert_with(|| value.into());
        }
    }
    if variable::HANDLER.of(environment).is_none() {
        let handler = handler.filter(|handler| !handler.is_empty()).ok_or(SettingsError::Missing(
            variable::HANDLER.name,
            "set it, or give the handler as the first argument (an image's CMD), as in `function.handler`",
        ))?;
        set(environment, variable::HANDLER, handler);
    }
    // on Lambda, an image's working directory need not be the task root
    let usual = (!local && Path::new(TASK_ROOT).is_dir()).then(|| OsStr::new(TASK_ROOT));
    let root = variable::TASK_ROOT.of(environment).map(OsString::as_os_str).or(usual);
    let root = root.map_or_else(std::env::current_dir, std::path::absolute);
    set(environment, variable::TASK_ROOT, root.map_err(SettingsError::WorkingDirectory)?);
    let home = variable::HOME.of(environment);
    if !home.is_some_and(|home| Path::new(home).is_dir() && access(home, Access::WRITE_OK).is_ok()) {
        set(environment, variable::HOME, "/tmp");
    }
    let mut path = variable::PATH.of(environment).cloned().unwrap_or_else(|| USUAL_PATH.into());
    let has_programs = std::env::split_paths(&path).any(|directory| directory == Path::new(IMAGE_PROGRAMS));
    if !has_programs && Path::new(IMAGE_PROGRAMS).is_dir() {
        path.push(":");
        path.push(IMAGE_PROGRAMS);
    }
    set(environment, variable::PATH, path);
    let is_managed = variable::INITIALIZATION_TYPE.of(environment).is_some_and(|kind| kind == MANAGED_INSTANCES);
    if is_managed && variable::LOG_FORMAT.of(environment).is_none() {
        set(environment, variable::LOG_FORMAT, "JSON");
    }
    Ok(())
}

/// Removes the variables of an event, which a worker would inherit from the bootstrap.
pub(super) fn clean(environment: &mut Environment, interface: Interface) {
    for name in invocation::ENVIRONMENT.map(|(name, _)| name).into_iter().chain(invocation::DURABLE_VARIABLES) {
        environment.remove(OsStr::new(name));
    }
    if interface == Interface::Cgi {
        for name in invocation::REQUEST_VARIABLES {
            environment.remove(OsStr::new(name));
        }
    }
}

fn set(environment: &mut Environment, variable: Variable, value: impl Into<OsString>) {
    environment.insert(variable.name.into(), value.into());
}
