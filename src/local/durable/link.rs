//! The command `durable` on the `PATH` of handlers: a link to this program, in a folder of its own.

use std::{io, os::unix::fs::symlink, sync::Arc};

use tempfile::TempDir;

use crate::{
    failure::{ErrorType, Failure},
    settings::{Config, variable},
};

/// Puts the command before all others. It is there for as long as the folder is kept.
pub fn put_on_path(config: &Config) -> Result<(Arc<Config>, TempDir), Failure> {
    let mut config = config.clone();
    let folder = link().map_err(|error| {
        let message = format!("the command `durable` cannot be put on the `PATH`: {error}");
        Failure::new(ErrorType::ResourceExhausted, message)
    })?;
    let path = config.environment.entry(variable::PATH.name.into()).or_default();
    let others = std::mem::replace(path, folder.path().into());
    path.push(":");
    path.push(others);
    Ok((Arc::new(config), folder))
}

fn link() -> io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("durable-command-").tempdir()?;
    symlink(std::env::current_exe()?, folder.path().join("durable"))?;
    Ok(folder)
}
