//! Suggestions for a handler that matches no file: files of the task root with similar names.

use std::path::Path;

use super::{Language, text::splits};
use crate::languages::extension;

/// The least similarity of a name to a misspelt one; 1 is equality.
const LIKENESS: f64 = 0.7;

/// How many files a message names.
const NAMED_FILES: usize = 10;

/// The advice: the handlers that may be meant, and the existing files.
pub(super) fn of(text: &str, languages: &[&'static dyn Language], files: &[String]) -> String {
    let nearest = files
        .iter()
        .map(|file| (likeness(text, file), file))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        // of several with the same similarity, the first
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    let advice = match nearest {
        Some((_, file)) => format!("did you mean {}", quoted(&handlers(text, languages, file), " or ")),
        None => "write FILE.FUNCTION, or the file of a script with its extension".to_owned(),
    };
    if files.is_empty() {
        return advice;
    }
    let named = &files[..NAMED_FILES.min(files.len())];
    let more = if files.len() > named.len() { ", …" } else { "" };
    format!("{advice}: the task root has {}{more}", quoted(named, ", "))
}

/// The handlers for a file that a text may mean.
fn handlers(text: &str, languages: &[&'static dyn Language], file: &str) -> Vec<String> {
    let function = splits(text).next().or(text.rsplit_once("::")).map(|(_, function)| function);
    let of_function = |language: &&dyn Language| language.handlers(file, function.unwrap_or("FUNCTION"));
    let all: Vec<_> = languages.iter().flat_map(of_function).collect();
    // a file of no language may be a program
    if all.is_empty() || function == Some(extension(file)) { vec![file.to_owned()] } else { all }
}

/// The similarity of a text to a file's name, with or without its folder and its extension.
fn likeness(text: &str, file: &str) -> f64 {
    let (text, file) = (text.to_lowercase(), file.to_lowercase());
    let stem = Path::new(&file).with_extension("").display().to_string();
    let texts = splits(&text).map(|(stem, _)| stem).chain([&*text]).chain(text.split("::"));
    let pairs = texts.flat_map(|text| [(text, &*file), (text, &*stem)]);
    pairs
        .flat_map(|(text, file)| [(name(text), name(file)), (text, file)])
        .map(|(text, file)| strsim::normalized_damerau_levenshtein(text, file))
        .fold(0.0, f64::max)
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn quoted(names: &[String], separator: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(separator)
}
