//! Finds the files of a directory that have changed since the last look, by the metadata of each file.
//!
//! Rejected: the kernel's notifications (crate `notify`). They miss changes on the other side of a mount, as on a Mac
//! that shares a directory with a container, and cannot say at the time of an event whether a file has changed.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs::{self, Metadata},
    io,
    os::fd::AsFd,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The shortest time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Looks take at most this part of the time: one in twenty.
const SHARE: u32 = 20;

/// A directory tree as it was at the last look.
pub(super) struct Files {
    root: PathBuf,
    /// Files that this process writes its output to: a new line in the log is no change.
    own: Vec<Place>,
    seen: BTreeSet<(PathBuf, Mark)>,
    took: Duration,
}

type Place = (u64, u64);

/// Metadata that differs once a file has been written or replaced: place, mode, size and times.
type Mark = (Place, u32, u64, [i64; 4]);

impl Files {
    pub(super) fn below(root: &Path) -> Self {
        let own = [place_of(io::stdout()), place_of(io::stderr())].into_iter().flatten().collect();
        let mut files = Self { root: root.to_owned(), own, seen: BTreeSet::new(), took: Duration::ZERO };
        let _ = files.changed();
        files
    }

    /// The first file, in the order of names, that was added, changed or deleted since the last look.
    pub(super) fn changed(&mut self) -> Option<PathBuf> {
        let began = Instant::now();
        let mut now = BTreeSet::new();
        collect(&self.root, &mut now);
        now.retain(|(_, mark)| !self.own.contains(&mark.0));
        let before = std::mem::replace(&mut self.seen, now);
        self.took = began.elapsed();
        let (first, _) = self.seen.symmetric_difference(&before).next()?;
        Some(first.strip_prefix(&self.root).unwrap_or(first).to_owned())
    }

    pub(super) fn pause(&self) -> Duration {
        LOOK_INTERVAL.max(self.took * SHARE)
    }
}

fn place_of(output: impl AsFd) -> Option<Place> {
    let status = rustix::fs::fstat(output).ok()?;
    Some((status.st_dev, status.st_ino))
}

/// Leaves out files that vanish meanwhile, and directories that cannot be read.
fn collect(directory: &Path, files: &mut BTreeSet<(PathBuf, Mark)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !name.as_bytes().starts_with(b".") {
                collect(&path, files);
            }
        } else if !is_passing(&name)
            && let Ok(metadata) = fs::metadata(&path)
        {
            files.insert((path, mark(&metadata)));
        }
    }
}

/// Whether this is a log file, or a swap, lock or backup file of Vim or Emacs.
fn is_passing(name: &OsStr) -> bool {
    let name = name.as_bytes();
    [&b".log"[..], b".swp", b"~"].iter().any(|end| name.ends_with(end)) || name.starts_with(b".#")
}

fn mark(metadata: &Metadata) -> Mark {
    let (modified, changed) = (metadata.mtime(), metadata.ctime());
    let times = [modified, metadata.mtime_nsec(), changed, metadata.ctime_nsec()];
    ((metadata.dev(), metadata.ino()), metadata.mode(), metadata.size(), times)
}
