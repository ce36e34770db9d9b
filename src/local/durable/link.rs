//! The command `durable` on the `PATH` of other handlers: its error says how to run a durable function.

use std::{ffi::OsStr, sync::Arc};

use tempfile::TempDir;

use crate::{
    durable::command,
    settings::{Settings, variable},
};

/// Adds the command at the end of `PATH`, if there is none. It exists until the folder is dropped.
pub fn offer(settings: &Arc<Settings>) -> (Arc<Settings>, Option<TempDir>) {
    let path = settings.environment.get(OsStr::new(variable::PATH.name)).cloned().unwrap_or_default();
    let has_command = std::env::split_paths(&path).any(|folder| folder.join(command::NAME).exists());
    let mut settings = Arc::clone(settings);
    // if the link cannot be created, the run continues without it
    let folder = if has_command { None } else { tempfile::Builder::new().prefix("durable-").tempdir().ok() };
    let folder = folder.filter(|folder| command::link(&folder.path().join("bin")).is_ok());
    if let Some(folder) = &folder {
        let path = Arc::make_mut(&mut settings).environment.entry(variable::PATH.name.into()).or_default();
        path.push(":");
        path.push(folder.path().join("bin"));
    }
    (settings, folder)
}
