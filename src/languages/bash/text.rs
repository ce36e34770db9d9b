//! Facts about a Bash file that are read from its text, before Bash runs it.

/// The number of the first line with a Windows line end, if the first line or most lines of the file have one.
pub(super) fn windows_line(text: &[u8]) -> Option<usize> {
    let mut lines = text.split_inclusive(|&byte| byte == b'\n').map(|line| line.ends_with(b"\r\n"));
    let (windows, all) = (lines.clone().filter(|&is_windows| is_windows).count(), lines.clone().count());
    let first = lines.position(|is_windows| is_windows)?;
    (first == 0 || windows * 2 > all).then_some(first + 1)
}

/// Whether the text may contain a hook for the shutdown.
pub(super) fn may_have_shutdown_hook(text: &[u8]) -> bool {
    let words = || text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let is_signal = |word: &[u8]| [&b"TERM"[..], b"SIGTERM", b"15"].iter().any(|name| word.eq_ignore_ascii_case(name));
    words().any(|word| word == b"on_shutdown") || words().any(|word| word == b"trap") && words().any(is_signal)
}
