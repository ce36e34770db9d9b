//! Reads the first line of a program by Linux's rules.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// `#!PROGRAM ARGUMENT`.
pub(super) struct Shebang {
    /// The interpreter.
    pub(super) program: OsString,
    /// The rest of the line, as one argument.
    pub(super) argument: Option<OsString>,
}

impl Shebang {
    /// Reads the first line of a text; `None` if it names no interpreter.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let line = text.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?.trim_ascii();
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
        let (program, argument) = (&line[..end], line[end..].trim_ascii());
        let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        (!program.is_empty())
            .then(|| Self { program: owned(program), argument: (!argument.is_empty()).then(|| owned(argument)) })
    }
}

/// The command that `env` searches on the `PATH`; `None` if its argument has options, quotes, escapes, variables or its
/// own `PATH`, which only `env` reads.
pub(super) fn command_of_env(argument: &OsStr) -> Option<OsString> {
    let argument = argument.as_bytes();
    let split = argument.strip_prefix(b"-S").or(argument.strip_prefix(b"--split-string="));
    let Some(split) = split else {
        let is_command = !argument.starts_with(b"-") && !argument.contains(&b'=');
        return is_command.then(|| OsString::from_vec(argument.to_vec()));
    };
    if split.iter().any(|byte| b"\\'\"$#".contains(byte)) {
        return None;
    }
    let mut words = split.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let command = words.find(|word| !word.contains(&b'=') || word.starts_with(b"PATH="))?;
    let is_command = !command.starts_with(b"-") && !command.contains(&b'=');
    is_command.then(|| OsString::from_vec(command.to_vec()))
}

/// Whether the name or the argument of the interpreter ends in a carriage return.
pub(super) fn has_windows_end(text: &[u8]) -> bool {
    text.starts_with(b"#!") && text.split(|&byte| byte == b'\n').next().is_some_and(|line| line.ends_with(b"\r"))
}
