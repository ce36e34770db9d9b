//! Files in memory that other processes open by their descriptor here.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::{Result, pwrite},
};

/// A new, empty file.
pub(super) fn memory_file(name: &str) -> Result<OwnedFd> {
    memfd_create(name, MemfdFlags::CLOEXEC)
}

/// Makes this the content of an empty file, whose offset stays at its beginning.
pub(super) fn fill(file: impl AsFd, bytes: &[u8]) -> Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        written += pwrite(&file, &bytes[written..], written as u64)?;
    }
    Ok(())
}
