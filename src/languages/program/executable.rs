//! Whether this machine can run a file: its kind, its permissions, its first bytes.
//!
//! Otherwise the kernel would report only `Exec format error`, at each event. Here, init fails with the reason.

use std::{
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
};

use rustix::{
    fs::{Access, access},
    process::getuid,
};

use super::{Unrunnable, elf, shebang::Shebang};
use crate::languages::quoted;

/// How many levels of interpreters Linux follows.
const DEPTH: usize = 4;

/// How much of a file Linux reads to find its interpreter, in bytes.
const HEAD: usize = 256;

/// Checks a file before its start, and its interpreter. Relative paths are relative to `directory`.
pub(in crate::languages) fn check(file: &Path, directory: &Path) -> Result<(), Unrunnable> {
    check_below(file, directory, DEPTH)
}

fn check_below(file: &Path, directory: &Path, depth: usize) -> Result<(), Unrunnable> {
    let metadata = fs::metadata(file).map_err(|error| match fs::read_link(file) {
        Ok(target) => Unrunnable::BrokenLink(target),
        Err(_) if error.kind() == io::ErrorKind::NotFound => Unrunnable::Missing,
        Err(_) => Unrunnable::Unreadable(error),
    })?;
    if metadata.is_dir() {
        return Err(Unrunnable::Directory);
    }
    if !metadata.is_file() {
        return Err(Unrunnable::NotRegular);
    }
    if access(file, Access::EXEC_OK).is_err() {
        let shown = file.strip_prefix(directory).unwrap_or(file);
        return Err(Unrunnable::NotPermitted(permissions(shown, &metadata, 'x')));
    }
    // Linux runs an executable file even if it cannot be read
    let Ok(opened) = File::open(file) else { return Ok(()) };
    let mut head = [0; HEAD];
    let length = opened.read_at(&mut head, 0)?;
    let head = &head[..length];
    if elf::is_elf(head) {
        let Some(loader) = elf::check(&opened, metadata.len())? else { return Ok(()) };
        return check_below(&directory.join(&loader), directory, depth.saturating_sub(1))
            .map_err(|reason| Unrunnable::Loader { loader, reason: Box::new(reason), present: loaders() });
    }
    if let Some(system) = other_system(head) {
        return Err(Unrunnable::OtherSystem { system });
    }
    let Some(Shebang { program, .. }) = Shebang::of(head) else { return Err(Unrunnable::NoProgram) };
    if depth == 0 {
        return Err(Unrunnable::NoProgram);
    }
    check_below(&directory.join(&program), directory, depth - 1)
        .map_err(|reason| Unrunnable::Interpreter { interpreter: program.into(), reason: Box::new(reason) })
}

/// The loaders of this image.
fn loaders() -> String {
    let mut found: Vec<_> = ["/lib", "/lib64"]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(Iterator::flatten)
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("ld-") && name.contains(".so.")
        })
        .map(|entry| format!("`{}`", entry.path().display()))
        .collect();
    found.sort();
    if found.is_empty() { "this image has none".to_owned() } else { format!("this image has {}", found.join(", ")) }
}

/// The system whose programs begin with these bytes.
pub(super) fn other_system(head: &[u8]) -> Option<&'static str> {
    match head {
        [b'M', b'Z', ..] => Some("Windows"),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, ..] => Some("macOS"),
        _ => None,
    }
}

/// The advice for a file that this user may not execute (`x`) or read (`r`).
pub(in crate::languages) fn permissions(file: &Path, metadata: &Metadata, wanted: char) -> String {
    let (bits, change, all) = if wanted == 'x' { (0o111, "+x", "a+rx") } else { (0o444, "a+r", "a+r") };
    let (mode, file) = (metadata.mode() & 0o777, quoted(file));
    if mode & bits == 0 {
        return format!("run `chmod {change} {file}` before it is copied");
    }
    let advice = if mode & bits == bits {
        "; its file system is mounted with `noexec`, or has rules of its own".to_owned()
    } else {
        format!(": run `chmod {all} {file}` before it is copied")
    };
    let (owner, own) = (metadata.uid(), getuid().as_raw());
    format!("its mode is {mode:03o}, its owner user {owner}, and this is user {own}{advice}")
}
