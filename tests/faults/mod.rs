//! Things that are broken on purpose, the same in each language. After each of them the next event is answered.

mod concurrency;
mod deadline;
mod growth;
mod hostile;
mod kills;
mod leaks;

use crate::support::{Running, language::Language};

/// The next event is answered, and by itself.
fn recovers(language: &Language, function: &Running, after: &str) {
    assert_eq!(function.text(language.fine).trim_end(), "fine", "{} after {after}", language.name);
}
