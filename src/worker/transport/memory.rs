//! Files in memory that other processes open by their descriptor.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::{Result, pwrite},
};

use crate::event::invocation::Invocation;

pub(super) fn memory_file(name: &str) -> Result<OwnedFd> {
    memfd_create(name, MemfdFlags::CLOEXEC)
}

/// Writes an event into an empty file, for a handler's standard input.
pub(super) fn fill_with_input(file: &OwnedFd, invocation: &Invocation) -> Result<()> {
    fill(file, invocation.input())?;
    if invocation.lacks_newline() {
        pwrite(file, b"\n", invocation.event.len() as u64)?;
    }
    Ok(())
}

/// Writes bytes into an empty file. The file's offset stays at the beginning.
pub(super) fn fill(file: impl AsFd, bytes: &[u8]) -> Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        written += pwrite(&file, &bytes[written..], written as u64)?;
    }
    Ok(())
}
