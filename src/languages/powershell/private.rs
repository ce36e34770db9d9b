//! A private directory, which only this user can write to, for files that later starts use.

use std::{
    fs::{self, DirBuilder, Metadata},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::fnv;
use crate::settings::Settings;

const NAME: &str = "lambda-script-runtime";

/// The directory, created if it is missing: in the user's cache, else in `/tmp`. `None` if another user may have
/// created it, or can change it.
pub(super) fn directory(settings: &Settings) -> Option<PathBuf> {
    let home = settings.home.is_absolute().then(|| settings.home.join(".cache"));
    let cache = settings.cache_home.clone().filter(|cache| cache.is_absolute()).or(home);
    let user = rustix::process::geteuid().as_raw();
    let places = [cache.map(|cache| cache.join(NAME)), Some(format!("/tmp/{NAME}-{user}").into())];
    places.into_iter().flatten().find(|place| make(place).is_ok() && is_ours(place, user))
}

/// A name for data that is derived from a file. It changes with the file.
pub(super) fn identity(file: &Path) -> String {
    let stamp = fs::metadata(file).map(|metadata| (metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
    let text = format!("{} {:?}", file.display(), stamp.ok());
    format!("{:016x}", fnv(text.as_bytes()))
}

fn make(place: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(place)?;
    // on a read-only file system, it may already exist
    rustix::fs::access(place, rustix::fs::Access::WRITE_OK)?;
    Ok(())
}

/// Whether this is a directory, not a link, that no other user can write to or replace.
fn is_ours(place: &Path, user: u32) -> bool {
    let own = |metadata: Metadata| metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o777 == 0o700;
    let Some(parent) = place.parent().and_then(|parent| fs::canonicalize(parent).ok()) else { return false };
    fs::symlink_metadata(place).is_ok_and(own)
        && parent.ancestors().all(|above| fs::metadata(above).is_ok_and(|metadata| is_safe(&metadata, user)))
}

/// Whether only its owners can replace files of a directory.
fn is_safe(metadata: &Metadata, user: u32) -> bool {
    let others_write = metadata.mode() & 0o022 != 0;
    let sticky = metadata.mode() & 0o1000 != 0;
    [0, user].contains(&metadata.uid()) && (!others_write || sticky)
}
