//! The core that SBCL is started from, and whether it fits the SBCL at hand.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    failure::{ErrorType, Failure},
    settings::{Config, variable},
};

/// Where the image has its core.
const DEFAULT_CORE: &str = "/var/lang/lisp/runtime.core";

/// The first word of a core, and the type of its first entry.
const MAGIC: usize = 0x5342_434c; // "SBCL"
const BUILD_ID: usize = 3860;

/// The last word in which the length of the id has been.
const LAST_LENGTH: usize = 7;

/// The core to start from; `None` for SBCL's own.
pub(super) fn find(config: &Config, program: &Path) -> Result<Option<PathBuf>, Failure> {
    let said = config.path(variable::LISP_CORE)?;
    let is_said = said.is_some();
    let core = said.unwrap_or_else(|| DEFAULT_CORE.into());
    if !is_said && !core.exists() {
        return Ok(None);
    }
    let unfit = |reason: String| {
        let core = core.display();
        let message = if is_said {
            let variable = variable::LISP_CORE;
            format!(
                "`{variable}` is `{core}`: {reason}; build it again with `make lisp-core`, or unset the variable"
            )
        } else {
            format!("the Lisp core `{core}`: {reason}; build it again with `make lisp-core`, or remove it")
        };
        Failure::new(ErrorType::InvalidConfiguration, message)
    };
    let id = build_id(&core).map_err(|error| unfit(format!("it cannot be read: {error}")))?;
    let id = id.ok_or_else(|| unfit("it is no SBCL core".to_owned()))?;
    // what cannot be read here cannot be started either, which is told then
    if std::fs::read(program).is_ok_and(|bytes| is_runtime(&bytes) && !holds(&bytes, &id)) {
        let id = String::from_utf8_lossy(&id).into_owned();
        return Err(unfit(format!("it was saved by SBCL `{id}`, and `{}` is another", program.display())));
    }
    Ok(Some(core))
}

/// The id of the SBCL that saved this core, which is in its first words; `None` if it is no core.
fn build_id(core: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    File::open(core)?.take(1024).read_to_end(&mut head)?;
    Ok(id_in(&head).map(<[u8]>::to_vec))
}

/// The id in the head of a core. Its length is in the third word of an entry, or behind two or three words more,
/// depending on the version; where the id, padded to words, ends with the entry is where it is.
fn id_in(head: &[u8]) -> Option<&[u8]> {
    const WORD: usize = size_of::<u64>();
    let word = |index: usize| {
        let bytes = head.get(index * WORD..(index + 1) * WORD)?;
        usize::try_from(u64::from_ne_bytes(bytes.try_into().expect("BUG: eight bytes are a word"))).ok()
    };
    if word(0) != Some(MAGIC) || word(1) != Some(BUILD_ID) {
        return None;
    }
    let entry_end = word(2)?.checked_add(1)?;
    (3..=LAST_LENGTH).find_map(|index| {
        let (begin, length) = (index + 1, word(index)?);
        let id = head.get(begin * WORD..(begin * WORD).checked_add(length)?)?;
        let fits = length > 0 && begin + length.div_ceil(WORD) == entry_end;
        (fits && id.iter().all(u8::is_ascii_graphic)).then_some(id)
    })
}

/// Whether this is SBCL itself, and no script that starts it.
fn is_runtime(program: &[u8]) -> bool {
    program.starts_with(b"\x7fELF")
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len().max(1)).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &[u8] = b"x86-ubc-01-buildd-2022-10-05-17-50-07";

    /// A head with the length of the id behind this many words of the entry.
    fn head(before: usize, id: &[u8]) -> Vec<u8> {
        let words = id.len().div_ceil(8);
        let mut head = [MAGIC, BUILD_ID, 3 + before + words].to_vec();
        head.extend(vec![11; before]);
        head.push(id.len());
        let mut head: Vec<u8> = head.into_iter().flat_map(|word| (word as u64).to_ne_bytes()).collect();
        head.extend_from_slice(id);
        head.resize(head.len() + words * 8 - id.len(), 0xff);
        head.extend_from_slice(&3861_u64.to_ne_bytes());
        head
    }

    #[test]
    fn finds_the_id_in_the_cores_of_all_versions() {
        for before in [0, 2, 3] {
            assert_eq!(id_in(&head(before, ID)), Some(ID), "{before} words before");
            assert_eq!(id_in(&head(before, b"12345678")), Some(&b"12345678"[..]), "{before} words before");
        }
    }

    #[test]
    fn what_is_no_core_has_no_id() {
        let good = head(0, ID);
        assert_eq!(id_in(&good[..40]), None);
        assert_eq!(id_in(b""), None);
        assert_eq!(id_in(&[0; 200]), None);
        let mut long = good.clone();
        long[24..32].copy_from_slice(&u64::MAX.to_ne_bytes());
        assert_eq!(id_in(&long), None);
    }
}
