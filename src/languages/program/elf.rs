//! The header of an ELF file: the machine and the loader that it needs.

use std::{
    env::consts::ARCH,
    ffi::OsString,
    fs::{self, File},
    os::unix::{ffi::OsStringExt, fs::FileExt},
    path::PathBuf,
};

use super::Unrunnable;

/// The first bytes of every ELF file.
const MAGIC: &[u8] = b"\x7fELF";

/// The kinds of segments that are read here, and the kinds of files that are no programs.
const LOADED: u64 = 1;
const LOADER: u64 = 3;
const OBJECT: u64 = 1;
const CORE: u64 = 4;

/// The longest path in Linux.
const PATH_LIMIT: u64 = 4096;

pub(super) fn is_elf(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Checks that this machine can load the file; returns the loader that the file needs.
pub(super) fn check(file: &File, size: u64) -> Result<Option<PathBuf>, Unrunnable> {
    let mut header = [0; 64];
    let read = file.read_at(&mut header, 0)?;
    let is_64 = header[4] == 2;
    let wanted = if is_64 { 64 } else { 52 };
    if read < wanted {
        return Err(Unrunnable::CutOff { wanted: wanted as u64, size });
    }
    match (header[4], header[5]) {
        (1 | 2, 1) => {}
        (1 | 2, 2) => return Err(Unrunnable::OtherMachine("another byte order".to_owned())),
        _ => return Err(Unrunnable::Malformed),
    }
    let machine = machine(number(&header, 18, 2));
    if !fits(&machine) {
        return Err(Unrunnable::OtherMachine(machine));
    }
    if [OBJECT, CORE].contains(&number(&header, 16, 2)) {
        return Err(Unrunnable::NotLinked);
    }
    let (at, sizes) = if is_64 { (number(&header, 32, 8), 54) } else { (number(&header, 28, 4), 42) };
    let (entry, count) = (number(&header, sizes, 2), number(&header, sizes + 2, 2));
    if entry < if is_64 { 56 } else { 32 } || count == 0 {
        return Err(Unrunnable::Malformed);
    }
    let table = bytes(file, at, entry * count, size)?;
    let entry = usize::try_from(entry).map_err(|_| Unrunnable::Malformed)?;
    let mut loader = None;
    for segment in table.chunks_exact(entry) {
        loader = loader_of(segment, is_64, file, size)?.or(loader);
    }
    Ok(loader)
}

/// The loader, if this segment names one. An error if the file ends before the segment does.
fn loader_of(segment: &[u8], is_64: bool, file: &File, size: u64) -> Result<Option<PathBuf>, Unrunnable> {
    let (offset, length) = if is_64 {
        (number(segment, 8, 8), number(segment, 32, 8))
    } else {
        (number(segment, 4, 4), number(segment, 16, 4))
    };
    let wanted = offset.saturating_add(length);
    match number(segment, 0, 4) {
        LOADED | LOADER if wanted > size => Err(Unrunnable::CutOff { wanted, size }),
        LOADER if length > PATH_LIMIT => Err(Unrunnable::Malformed),
        LOADER => {
            let mut path = bytes(file, offset, length, size)?;
            path.truncate(path.iter().position(|&byte| byte == 0).unwrap_or(path.len()));
            Ok(Some(OsString::from_vec(path).into()))
        }
        _ => Ok(None),
    }
}

/// A part of the file. `size` is the file's size.
fn bytes(file: &File, at: u64, length: u64, size: u64) -> Result<Vec<u8>, Unrunnable> {
    let wanted = at.saturating_add(length);
    if wanted > size {
        return Err(Unrunnable::CutOff { wanted, size });
    }
    let mut bytes = vec![0; usize::try_from(length).map_err(|_| Unrunnable::Malformed)?];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

/// A number of up to eight bytes, little-endian.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    bytes[at..at + length].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Whether the kernel runs programs for this machine: the same machine, its 32-bit variant, or one with an emulator.
fn fits(machine: &str) -> bool {
    let of_32_bits = matches!((ARCH, machine), ("x86_64", "i386") | ("aarch64", "arm"));
    let emulator = format!("/proc/sys/fs/binfmt_misc/qemu-{machine}");
    let is_emulated = || fs::read_to_string(emulator).is_ok_and(|state| state.starts_with("enabled"));
    machine == ARCH || of_32_bits || is_emulated()
}

/// The machine's name in Rust, uname and QEMU.
fn machine(number: u64) -> String {
    let name = match number {
        3 => "i386",
        40 => "arm",
        62 => "x86_64",
        183 => "aarch64",
        243 => "riscv64",
        other => return format!("machine number {other}"),
    };
    name.to_owned()
}
