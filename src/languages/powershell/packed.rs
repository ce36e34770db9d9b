//! Packed modules, as in AWS's own PowerShell runtime: `modules.zip`, whose folders are modules, and packages of a
//! gallery, `module-nupkgs/NAME.VERSION.nupkg`. The host unpacks them at init.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use memchr::memmem;

use super::private;
use crate::{
    failure::{ErrorType, Failure},
    settings::Settings,
};

/// The directory that is searched after the task root.
const LAYERS: &str = "/opt";

/// An archive, and the directory into which it is unpacked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Archive {
    pub(super) file: PathBuf,
    pub(super) target: PathBuf,
}

/// The archives of a function, each with its directory of modules.
pub(super) fn archives(settings: &Settings) -> Result<Vec<Archive>, Failure> {
    let files = files(&settings.task_root);
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let directory = private::directory(settings).ok_or_else(|| {
        let message = format!("`{}` cannot be unpacked: make `/tmp` writable", files[0].display());
        Failure::new(ErrorType::HandlerLoadFailed, message)
    })?;
    Ok(files
        .into_iter()
        .map(|file| Archive { target: directory.join("modules").join(private::identity(&file)), file })
        .collect())
}

/// Whether an archive contains a module of this name.
pub(super) fn hold(settings: &Settings, module: &Path) -> bool {
    let name = module.to_string_lossy().to_ascii_lowercase();
    files(&settings.task_root).iter().any(|file| {
        if is_package(file) {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
            let version = stem.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
            return version.is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit()));
        }
        holds_folder(file, &name).unwrap_or(false)
    })
}

fn files(task_root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for root in [task_root, Path::new(LAYERS)] {
        let zip = root.join("modules.zip");
        found.extend(zip.is_file().then_some(zip));
        let entries = fs::read_dir(root.join("module-nupkgs")).into_iter().flatten().flatten();
        let mut packages: Vec<_> = entries.map(|entry| entry.path()).collect();
        packages.retain(|file| is_package(file));
        packages.sort();
        found.append(&mut packages);
    }
    found
}

fn is_package(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("nupkg"))
}

/// Whether an archive has an entry below this folder, whose name is in lower case. Reads the list of entries at the
/// archive's end.
fn holds_folder(file: &Path, folder: &str) -> io::Result<bool> {
    const HEADER: &[u8] = b"PK\x01\x02";
    // the offsets of the name's length, and of the name, in a header
    const LENGTH: usize = 28;
    const NAME: usize = 46;
    let bytes = fs::read(file)?;
    let prefix = format!("{folder}/");
    Ok(memmem::find_iter(&bytes, HEADER).any(|at| {
        let length = bytes.get(at + LENGTH).zip(bytes.get(at + LENGTH + 1));
        let length = length.map_or(0, |(&low, &high)| usize::from(u16::from_le_bytes([low, high])));
        let name = bytes.get(at + NAME..at + NAME + length).unwrap_or_default();
        String::from_utf8_lossy(name).replace('\\', "/").to_ascii_lowercase().starts_with(&prefix)
    }))
}
