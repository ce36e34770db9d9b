//! The handler grammar: what the text of a handler means, given which files there are.
//!
//! Pure: the file system comes in as a question, and so do the languages. A handler is decided by, in this order,
//!
//! 1. its shape: Lisp forms, `Module::name::function`, `script.ps1::function`;
//! 2. a file of just that name (`report.sh`, `bin/tool`), then one that is a script but for its extension (`MyScript`);
//! 3. an extension said in front of the function (`function.sh.handler`, `./My.psd1.My-Function`);
//! 4. the files that `STEM.FUNCTION` can mean, the longest stem first.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use serde::de::IgnoredAny;

use super::{Candidate, Found, Handler, HandlerError, Language, Places, Reading};

/// Candidates with their languages.
type Candidates = Vec<(&'static dyn Language, Candidate)>;

/// Reads the text of a handler.
pub(super) fn resolve(
    text: &str,
    languages: &[&'static dyn Language],
    places: &dyn Places,
) -> Result<Handler, HandlerError> {
    if text.is_empty() {
        return Err(invalid("", "is empty: write, for example, `function.handler`"));
    }
    if text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        let reason = "is an event: name the handler before it, as in `docker run IMAGE function.handler '{}'`, or run the \
                      image without it and post it";
        return Err(invalid(text, reason));
    }
    let candidates = |reading| -> Result<Candidates, HandlerError> {
        let mut all = Vec::new();
        for &language in languages {
            all.extend(language.candidates(reading)?.into_iter().map(|candidate| (language, candidate)));
        }
        Ok(all)
    };
    if let Some((language, candidate)) = candidates(Reading::Shape(text))?.pop() {
        if candidate.places.is_empty() {
            return Ok(handler(language, (candidate.make)(&[])));
        }
        return found(text, &[(language, candidate)], |place| places.exists(place));
    }
    inside_task_root(text)?;
    let (exact, others): (Candidates, Candidates) = candidates(Reading::File(text))?
        .into_iter()
        .partition(|(_, candidate)| candidate.places.iter().all(|place| place.as_os_str() == text));
    // one file is of one language: the first that knows it
    if let Some(first) = exact.into_iter().find(|(_, candidate)| places.is_file(&candidate.places[0])) {
        return found(text, &[first], |_| true);
    }
    let mut looked_at = vec![PathBuf::from(text)];
    let mut said = Vec::new();
    for (stem, function) in splits(text) {
        said.extend(candidates(Reading::FunctionOfFile(stem, function))?);
    }
    for group in [others, said] {
        match found(text, &group, |place| places.exists(place)) {
            Err(HandlerError::NotFound(_)) => looked_at.extend(all_places(&group)),
            decided => return decided,
        }
    }
    for (stem, function) in splits(text) {
        let group = candidates(Reading::FunctionOfStem(stem, function))?;
        match found(text, &group, |place| places.exists(place)) {
            Err(HandlerError::NotFound(_)) => looked_at.extend(all_places(&group)),
            decided => return decided,
        }
    }
    Err(not_found(text, looked_at, &similar(text, languages, places)))
}

fn all_places(group: &Candidates) -> Vec<PathBuf> {
    group.iter().flat_map(|(_, candidate)| candidate.places.iter().cloned()).collect()
}

fn handler(language: &'static dyn Language, found: Found) -> Handler {
    Handler { language: language.name(), files: found.files, runnable: found.runnable }
}

/// An error of a text that nothing can ever fit.
#[must_use]
pub fn invalid(handler: &str, reason: &str) -> HandlerError {
    HandlerError::Invalid { handler: handler.to_owned(), reason: reason.to_owned() }
}

/// Refuses a path that leads out of the task root, or names a directory.
pub fn inside_task_root(text: &str) -> Result<(), HandlerError> {
    for component in Path::new(text).components() {
        let reason = match component {
            Component::RootDir | Component::Prefix(_) => {
                "is an absolute path: write it relative to the task root"
            }
            Component::ParentDir => "leaves the task root with `..`: move the file into the task root",
            Component::CurDir | Component::Normal(_) => continue,
        };
        return Err(invalid(text, reason));
    }
    if text.ends_with('/') {
        let reason = "names a directory: add the file and the function, as in `src/function.handler`";
        return Err(invalid(text, reason));
    }
    Ok(())
}

/// Whether these can be a file, with or without its extension, and a function.
#[must_use]
pub fn is_name(stem: &str, function: &str) -> bool {
    !stem.is_empty() && !stem.ends_with('/') && !function.is_empty()
}

/// Every `STEM.NAME` in the text, the longest stem first. A package before `::` belongs to the name.
fn splits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let stems_end = text.find("::").unwrap_or(text.len());
    let file_begins = text.rfind('/').map_or(0, |slash| slash + 1);
    text[..stems_end]
        .rmatch_indices('.')
        .filter(move |&(dot, _)| dot > file_begins)
        .map(|(dot, _)| (&text[..dot], &text[dot + 1..]))
        .filter(|(stem, name)| is_name(stem, name))
}

/// The one candidate that has a place; an error if there is none, or if there are two of different languages.
fn found(
    text: &str,
    candidates: &[(&'static dyn Language, Candidate)],
    exists: impl Fn(&Path) -> bool,
) -> Result<Handler, HandlerError> {
    let mut fitting = Vec::new();
    for (language, candidate) in candidates {
        let places: Vec<_> = candidate.places.iter().filter(|place| exists(place)).cloned().collect();
        if !places.is_empty() {
            fitting.push((*language, candidate, places));
        }
    }
    let Some((language, candidate, places)) = fitting.first() else {
        return Err(not_found(text, Vec::new(), &[]));
    };
    let other = fitting.iter().find(|(other, ..)| other.name() != language.name());
    let Some((other_language, other, other_places)) = other else {
        return Ok(handler(*language, (candidate.make)(places)));
    };
    let (file, other_file) = (places[0].display(), other_places[0].display());
    Err(HandlerError::Ambiguous(format!(
        "handler `{text}` fits `{file}` ({}) and `{other_file}` ({}): write `{file}{}` or `{other_file}{}`",
        language.name(),
        other_language.name(),
        candidate.suffix,
        other.suffix,
    )))
}

/// What to write for the files that are there.
fn similar(
    text: &str,
    languages: &[&'static dyn Language],
    places: &dyn Places,
) -> Vec<(PathBuf, Vec<String>)> {
    let stems = splits(text).map(|(stem, function)| (stem, Some(function))).chain([(text, None)]);
    stems
        .flat_map(|(stem, function)| {
            languages.iter().flat_map(move |language| language.similar(stem, function))
        })
        .filter(|(file, _)| places.is_file(file))
        .collect()
}

fn not_found(text: &str, looked_at: Vec<PathBuf>, similar: &[(PathBuf, Vec<String>)]) -> HandlerError {
    let mut message = format!("handler `{text}` fits no file; looked for");
    let mut separator = " ";
    let mut seen: Vec<PathBuf> = Vec::new();
    for place in looked_at {
        if !seen.contains(&place) {
            let _ = write!(message, "{separator}`{}`", place.display());
            separator = ", ";
            seen.push(place);
        }
    }
    message.push_str(" in the task root: ");
    if similar.is_empty() {
        message.push_str("write FILE.FUNCTION, or the file of a script with its extension");
    }
    for (number, (file, handlers)) in similar.iter().enumerate() {
        let and = if number > 0 { "; " } else { "" };
        let _ = write!(message, "{and}for `{}` write {}", file.display(), handlers.join(" or "));
    }
    HandlerError::NotFound(message)
}
