//! The body of a step: the command that it runs.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read, Seek, Write},
};

use rustix::fs::{MemfdFlags, memfd_create};

use super::error::CommandError;

/// A command, or a function of a shell.
pub(super) struct Body<'a> {
    pub(super) command: &'a [OsString],
    /// Its standard input, if it has one.
    pub(super) input: Option<&'a [u8]>,
    /// Whether it may contain operations.
    pub(super) is_context: bool,
}

/// A variable of a command.
pub(super) type Variable = (&'static str, String);

impl Body<'_> {
    /// Its name, for messages.
    pub(super) fn name(&self) -> String {
        self.command[0].to_string_lossy().into_owned()
    }

    /// A file in memory with its standard input.
    pub(super) fn input_file(&self) -> io::Result<Option<File>> {
        let Some(input) = self.input else { return Ok(None) };
        let mut file = File::from(memfd_create("input", MemfdFlags::CLOEXEC)?);
        file.write_all(input)?;
        file.rewind()?;
        Ok(Some(file))
    }
}

/// All of standard input.
pub(super) fn standard_input() -> Result<Vec<u8>, CommandError> {
    let mut input = Vec::new();
    io::stdin()
        .lock()
        .read_to_end(&mut input)
        .map_err(|error| CommandError::Io("standard input cannot be read".to_owned(), error))?;
    Ok(input)
}
