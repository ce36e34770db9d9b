//! Files in memory that other processes open by their descriptor here.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::{Result, pwrite},
};

use crate::event::invocation::Invocation;

pub(super) fn memory_file(name: &str) -> Result<OwnedFd> {
    memfd_create(name, MemfdFlags::CLOEXEC)
}

/// Makes an event the content of an empty file, as a handler reads it from its standard input.
pub(super) fn fill_with_input(file: &OwnedFd, invocation: &Invocation) -> Result<()> {
    fill(file, invocation.input())?;
    if invocation.lacks_newline() {
        pwrite(file, b"\n", invocation.event.len() as u64)?;
    }
    Ok(())
}

/// Makes this the content of an empty file, whose offset stays at its beginning.
pub(super) fn fill(file: impl AsFd, bytes: &[u8]) -> Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        written += pwrite(&file, &bytes[written..], written as u64)?;
    }
    Ok(())
}
