//! The command `durable` on the `PATH` of handlers: a link to this program, in a folder of its own.

use std::{ffi::OsStr, io, os::unix::fs::symlink, sync::Arc};

use tempfile::TempDir;

use crate::{
    failure::{ErrorType, Failure},
    settings::{Config, variable},
};

/// The name of the command.
const NAME: &str = "durable";

/// Puts the command before all others. It is there for as long as the folder is kept.
pub fn put_on_path(config: &Config) -> Result<(Arc<Config>, TempDir), Failure> {
    let folder = link().map_err(|error| {
        let message = format!("the command `durable` cannot be put on the `PATH`: {error}");
        Failure::new(ErrorType::ResourceExhausted, message)
    })?;
    let mut config = config.clone();
    let path = config.environment.entry(variable::PATH.name.into()).or_default();
    let others = std::mem::replace(path, folder.path().into());
    path.push(":");
    path.push(others);
    Ok((Arc::new(config), folder))
}

/// Puts the command behind all others, where there is none: it tells how a durable function runs, and runs with AWS's
/// own runner.
pub fn offer(config: &Arc<Config>) -> (Arc<Config>, Option<TempDir>) {
    let mut config = Arc::clone(config);
    let path = config.environment.get(OsStr::new(variable::PATH.name)).cloned().unwrap_or_default();
    let has_command = std::env::split_paths(&path).any(|folder| folder.join(NAME).exists());
    // a run without a place for the link does without it
    let folder = if has_command { None } else { link().ok() };
    if let Some(folder) = &folder {
        let path = Arc::make_mut(&mut config).environment.entry(variable::PATH.name.into()).or_default();
        path.push(":");
        path.push(folder.path());
    }
    (config, folder)
}

fn link() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("durable-command-").tempdir()?;
    symlink(std::env::current_exe()?, folder.path().join(NAME))?;
    Ok(folder)
}
