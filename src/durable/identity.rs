//! The ids of operations. An id consists of the context, the name and the number of earlier operations of that name. So
//! an operation is found again even if other parts of the script have changed.

use std::fmt::Write;

use ring::digest::{Context, SHA256};

/// The number of digits of the part that finds an operation.
const PLACE: usize = 24;

/// The number of digits of the part for the arguments.
const ARGUMENTS: usize = 8;

/// The part for arguments that may differ in each replay.
const ANY: &str = "00000000";

/// The longest name, in bytes.
const NAME_LIMIT: usize = 256;

/// The part of an id that finds the operation: the occurrence `number` of `name` in `context`.
#[must_use]
pub fn place(context: &str, name: &str, number: u32) -> String {
    digest(&[context.as_bytes(), name.as_bytes(), &number.to_le_bytes()], PLACE)
}

/// The place of an id.
#[must_use]
pub fn place_of(id: &str) -> &str {
    id.split('-').next().unwrap_or(id)
}

/// The part of an id for the arguments; `None` for an operation without arguments.
#[must_use]
pub fn arguments<'a>(arguments: impl IntoIterator<Item = &'a [u8]>, any: bool) -> Option<String> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    match (any, arguments.is_empty()) {
        (true, _) => Some(ANY.to_owned()),
        (false, true) => None,
        (false, false) => Some(digest(&arguments, ARGUMENTS)),
    }
}

/// Whether these arguments of a replay match the recorded id.
#[must_use]
pub fn same_arguments(recorded: &str, arguments: Option<&str>) -> bool {
    let recorded = recorded.split_once('-').map(|(_, arguments)| arguments);
    recorded == arguments || recorded == Some(ANY) || arguments == Some(ANY)
}

/// The reason why the service would refuse a name.
#[must_use]
pub fn refusal_of(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a name is missing".to_owned());
    }
    if name.len() > NAME_LIMIT {
        return Some(format!("the name `{name}` has {} bytes, and the service takes {NAME_LIMIT}", name.len()));
    }
    let is_plain = name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (!is_plain).then(|| format!("the name `{name}` has other characters than printable ASCII"))
}

/// The first hexadecimal digits of a digest of these parts.
fn digest(parts: &[&[u8]], digits: usize) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    let digest = context.finish();
    let mut text = String::with_capacity(digits);
    for byte in digest.as_ref().iter().take(digits / 2) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_part_of_an_id_unless_any_are_allowed() {
        let of = |words: &[&str], any| arguments(words.iter().map(|word| word.as_bytes()), any);
        let id = |arguments: Option<String>| match arguments {
            Some(arguments) => format!("{}-{arguments}", place("", "a", 1)),
            None => place("", "a", 1),
        };
        let (ab, cd, any, none) = (of(&["a", "b"], false), of(&["cd"], false), of(&["x"], true), of(&[], false));
        assert_ne!(of(&["ab"], false), ab);
        for (recorded, now, same) in [
            (&ab, &ab, true),
            (&ab, &cd, false),
            (&any, &cd, true),
            (&cd, &any, true),
            (&none, &none, true),
            (&none, &cd, false),
        ] {
            assert_eq!(same_arguments(&id(recorded.clone()), now.as_deref()), same, "{recorded:?} {now:?}");
        }
        assert_eq!(place_of(&id(ab)), place("", "a", 1));
        assert_ne!(place("", "a", 1), place("", "a", 2));
        assert_ne!(place("x", "a", 1), place("", "a", 1));
    }
}
