//! The first line of a program, as Linux reads it.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
};

/// The bytes that some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// `#!PROGRAM ARGUMENT`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shebang {
    /// The interpreter.
    pub(super) program: OsString,
    /// All that follows, as one argument.
    pub(super) argument: Option<OsString>,
}

impl Shebang {
    /// That of a text, if it has one.
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

/// The command in the argument of `env`, which may have variables and options before it, behind `-S`.
pub(super) fn command_of_env(argument: &OsStr) -> Option<OsString> {
    let split =
        argument.as_bytes().strip_prefix(b"-S").or(argument.as_bytes().strip_prefix(b"--split-string="));
    let Some(split) = split else {
        return (!argument.as_bytes().starts_with(b"-")).then(|| argument.to_owned());
    };
    let mut words = split.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let command = words.find(|word| !word.contains(&b'=') && !word.starts_with(b"-"))?;
    Some(OsString::from_vec(command.to_vec()))
}

/// What keeps the first line from being read, which people do not see in an editor.
pub(super) fn spoiled(text: &[u8]) -> Option<&'static str> {
    if text.starts_with(BYTE_ORDER_MARK) {
        return Some(
            "begins with a byte order mark, which Linux does not read past: save it as UTF-8 without one",
        );
    }
    let first = text.split(|&byte| byte == b'\n').next()?;
    (first.starts_with(b"#!") && first.ends_with(b"\r")).then_some(
        "has Windows line ends (CRLF): save it with Unix ones (LF), or run `sed -i 's/\\r$//'` on it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shebang(program: &str, argument: Option<&str>) -> Shebang {
        Shebang { program: program.into(), argument: argument.map(OsString::from) }
    }

    #[test]
    fn reads_a_program_and_one_argument() {
        assert_eq!(Shebang::of(b"#!/bin/sh\nexit"), Some(shebang("/bin/sh", None)));
        assert_eq!(
            Shebang::of(b"#! /usr/bin/env \t python3 -u \n"),
            Some(shebang("/usr/bin/env", Some("python3 -u")))
        );
        assert_eq!(Shebang::of(b"#!/bin/bash -eu"), Some(shebang("/bin/bash", Some("-eu"))));
        for text in [&b"exit"[..], b"", b"#!", b"#! \n", b"\n#!/bin/sh"] {
            assert_eq!(Shebang::of(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn finds_the_command_of_env() {
        let command =
            |argument: &str| command_of_env(OsStr::new(argument)).map(|name| name.into_string().unwrap());
        assert_eq!(command("python3").as_deref(), Some("python3"));
        assert_eq!(command("-S bash -eu").as_deref(), Some("bash"));
        assert_eq!(command("-S A=1 -i perl -w").as_deref(), Some("perl"));
        assert_eq!(command("-i"), None);
    }

    #[test]
    fn names_what_cannot_be_seen() {
        assert!(spoiled(b"\xef\xbb\xbf#!/bin/sh\n").unwrap().contains("byte order mark"));
        assert!(spoiled(b"#!/bin/sh\r\nexit\r\n").unwrap().contains("CRLF"));
        assert_eq!(spoiled(b"#!/bin/sh\necho '\r'\r\n"), None);
    }
}
