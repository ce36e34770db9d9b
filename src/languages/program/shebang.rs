//! The first line of a program, as Linux reads it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::Path,
};

use crate::languages::quoted;

/// The bytes that some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// `#!PROGRAM ARGUMENT`.
pub(super) struct Shebang {
    /// The interpreter.
    pub(super) program: OsString,
    /// All that follows, as one argument.
    pub(super) argument: Option<OsString>,
}

impl Shebang {
    /// The first line of a text, if it names an interpreter.
    pub(super) fn of(text: &[u8]) -> Option<Self> {
        let line = text.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?.trim_ascii();
        let end = line.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
        let (program, argument) = (&line[..end], line[end..].trim_ascii());
        let owned = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        (!program.is_empty()).then(|| Self {
            program: owned(program),
            argument: (!argument.is_empty()).then(|| owned(argument)),
        })
    }
}

/// The command that `env` looks for on the `PATH`, where that can be told from its argument. The rest is left to `env`:
/// options, quotes, escapes, variables, and a `PATH` of the line's own.
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

/// Why Linux cannot read the first line, where an editor does not show it. `file` is the file's name.
pub(super) fn spoiled(text: &[u8], file: &Path) -> Option<String> {
    let file = quoted(file);
    if text.starts_with(BYTE_ORDER_MARK) {
        return Some(format!(
            "begins with a byte order mark, which Linux does not read past: save it as UTF-8 without one, or run \
             `sed -i '1s/^\\xEF\\xBB\\xBF//' {file}`"
        ));
    }
    let first = text.split(|&byte| byte == b'\n').next()?;
    (first.starts_with(b"#!") && first.ends_with(b"\r")).then(|| {
        format!(
            "has Windows line ends (CRLF): save it with Unix ones (LF), or run `sed -i 's/\\r$//' {file}`"
        )
    })
}
