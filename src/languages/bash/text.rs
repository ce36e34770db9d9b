//! Facts about a Bash file that its text shows before Bash has read it.

use std::path::Path;

use crate::languages::quoted;

/// Finds what editors on Windows leave in a file, which Bash takes for parts of names; the error says what to do.
pub(super) fn check(text: &[u8], file: &Path) -> Result<(), String> {
    let file = quoted(file);
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err(format!(
            "begins with a byte order mark, which Bash takes for a part of the first word: \
             save it as UTF-8 without one, or run `sed -i '1s/^\\xEF\\xBB\\xBF//' {file}`"
        ));
    }
    let mut lines = text.split_inclusive(|&byte| byte == b'\n');
    let is_windows = |line: &&[u8]| line.ends_with(b"\r\n");
    let first = lines.clone().next().is_some_and(|line| is_windows(&line));
    let (windows, all) = (lines.clone().filter(is_windows).count(), lines.clone().count());
    if !first && windows * 2 <= all {
        return Ok(());
    }
    let number = lines.position(|line| is_windows(&line)).map_or(1, |index| index + 1);
    Err(format!(
        "has Windows line ends (CRLF, first in line {number}), which Bash takes for parts of words: \
         run `sed -i 's/\\r$//' {file}` or `dos2unix {file}`"
    ))
}

/// Whether a file has the name of this function anywhere.
pub(super) fn names(text: &[u8], function: &str) -> bool {
    memchr::memmem::find(text, function.as_bytes()).is_some()
}

/// Whether a file may have a hook for the shutdown.
pub(super) fn may_have_shutdown_hook(text: &[u8]) -> bool {
    let words = || text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let is_signal =
        |word: &[u8]| [&b"TERM"[..], b"SIGTERM", b"15"].iter().any(|name| word.eq_ignore_ascii_case(name));
    words().any(|word| word == b"on_shutdown")
        || words().any(|word| word == b"trap") && words().any(is_signal)
}
