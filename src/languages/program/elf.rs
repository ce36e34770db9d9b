//! The header of an ELF file: which machine and which loader it wants.

use std::{
    env::consts::ARCH,
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::{ffi::OsStringExt, fs::FileExt},
    path::PathBuf,
};

/// The first bytes of every ELF file.
const MAGIC: &[u8] = b"\x7fELF";

/// The kinds of segments that matter here, and of files that are no programs.
const LOADED: u32 = 1;
const LOADER: u32 = 3;
const OBJECT: u64 = 1;
const CORE: u64 = 4;

/// The longest path that Linux takes.
const PATH_LIMIT: u64 = 4096;

/// Why an ELF file cannot be run, as the rest of a sentence.
#[derive(Debug, thiserror::Error)]
pub(in crate::languages) enum ElfError {
    #[error("is a program for {0}, and this image is for {own}: build it for {own}", own = own())]
    OtherMachine(String),
    #[error("is cut off: its header speaks of {wanted} bytes and it has {size}: copy it again")]
    CutOff { wanted: u64, size: u64 },
    #[error("is an object file or a memory dump, not a program: link it")]
    NoProgram,
    #[error("has an ELF header that makes no sense: copy it again")]
    Malformed,
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// Whether a file begins as an ELF file.
pub(super) fn is_elf(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// The machine of this program.
pub(super) const fn own() -> &'static str {
    ARCH
}

/// Checks that this machine can map the file; gives the loader that it wants.
pub(super) fn check(file: &File, size: u64) -> Result<Option<PathBuf>, ElfError> {
    let header = Header::read(file, size)?;
    if !header.fits_machine() {
        return Err(ElfError::OtherMachine(header.machine()));
    }
    if [OBJECT, CORE].contains(&header.number(16, 2)) {
        return Err(ElfError::NoProgram);
    }
    let mut loader = None;
    for segment in header.segments(file, size)? {
        let end = segment.offset.saturating_add(segment.length);
        if matches!(segment.kind, LOADED | LOADER) && end > size {
            return Err(ElfError::CutOff { wanted: end, size });
        }
        if segment.kind == LOADER {
            if segment.length > PATH_LIMIT {
                return Err(ElfError::Malformed);
            }
            let mut path = vec![0; usize::try_from(segment.length).map_err(|_| ElfError::Malformed)?];
            file.read_exact_at(&mut path, segment.offset)?;
            path.truncate(path.iter().position(|&byte| byte == 0).unwrap_or(path.len()));
            loader = Some(PathBuf::from(OsString::from_vec(path)));
        }
    }
    Ok(loader)
}

struct Header {
    bytes: Vec<u8>,
    is_64: bool,
    is_little: bool,
}

struct Segment {
    kind: u32,
    offset: u64,
    length: u64,
}

impl Header {
    fn read(file: &File, size: u64) -> Result<Self, ElfError> {
        let mut bytes = vec![0; 64];
        let read = file.read_at(&mut bytes, 0)?;
        bytes.truncate(read);
        let is_64 = bytes.get(4) == Some(&2);
        let wanted = if is_64 { 64 } else { 52 };
        if bytes.len() < wanted {
            return Err(ElfError::CutOff { wanted: wanted as u64, size });
        }
        let (class, order) = (bytes[4], bytes[5]);
        if !matches!((class, order), (1 | 2, 1 | 2)) {
            return Err(ElfError::Malformed);
        }
        Ok(Self { is_little: order == 1, is_64, bytes })
    }

    fn number(&self, at: usize, length: usize) -> u64 {
        number(&self.bytes[at..at + length], self.is_little)
    }

    /// Whether the kernel can run it: of its own machine, of the 32 bits of that, or of another for which an
    /// emulator is registered.
    fn fits_machine(&self) -> bool {
        let machine = self.machine();
        let of_32_bits = matches!((ARCH, machine.as_str()), ("x86_64", "i386") | ("aarch64", "arm"));
        machine == ARCH && self.is_little || of_32_bits || is_emulated(&machine)
    }

    /// The machine by the name that Rust, uname and QEMU have for it.
    fn machine(&self) -> String {
        let name = match self.number(18, 2) {
            3 => "i386",
            8 => "mips",
            20 => "powerpc",
            21 => "powerpc64",
            22 => "s390x",
            40 => "arm",
            62 => "x86_64",
            183 => "aarch64",
            243 => "riscv64",
            258 => "loongarch64",
            other => return format!("machine number {other}"),
        };
        name.to_owned()
    }

    fn segments(&self, file: &File, size: u64) -> Result<Vec<Segment>, ElfError> {
        let (at, entry, count) = if self.is_64 {
            (self.number(32, 8), self.number(54, 2), self.number(56, 2))
        } else {
            (self.number(28, 4), self.number(42, 2), self.number(44, 2))
        };
        let least = if self.is_64 { 56 } else { 32 };
        if entry < least || count == 0 {
            return Err(ElfError::Malformed);
        }
        let wanted = at.saturating_add(entry * count);
        if wanted > size {
            return Err(ElfError::CutOff { wanted, size });
        }
        let length = usize::try_from(entry).map_err(|_| ElfError::Malformed)?;
        let mut bytes = vec![0; length * usize::try_from(count).map_err(|_| ElfError::Malformed)?];
        file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.chunks_exact(length).map(|entry| self.segment(entry)).collect())
    }

    fn segment(&self, entry: &[u8]) -> Segment {
        let number = |at: usize, length: usize| number(&entry[at..at + length], self.is_little);
        let (offset, length) =
            if self.is_64 { (number(8, 8), number(32, 8)) } else { (number(4, 4), number(16, 4)) };
        Segment { kind: u32::try_from(number(0, 4)).unwrap_or(0), offset, length }
    }
}

fn number(bytes: &[u8], is_little: bool) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if is_little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
}

fn is_emulated(machine: &str) -> bool {
    fs::read_to_string(format!("/proc/sys/fs/binfmt_misc/qemu-{machine}"))
        .is_ok_and(|state| state.starts_with("enabled"))
}
