//! The handler grammar: the meaning of a handler's text, given the files that are there.
//!
//! Pure: the file system comes in as a question, and so do the languages. A handler is decided by, in this order,
//!
//! 1. a file of just that name (`report.sh`, `bin/tool`);
//! 2. its shape: Lisp forms, `Module::name::function`, `script.ps1::function`;
//! 3. a script but for its extension (`MyScript`);
//! 4. an extension said in front of the function (`function.sh.handler`, `./My.psd1.My-Function`);
//! 5. the files that `STEM.FUNCTION` can mean, the longest stem first.

use std::path::PathBuf;

use serde::de::IgnoredAny;

use super::{
    Candidate, Found, Handler, HandlerError, Language, Places, Reading, suggestion,
    text::{inside_task_root, invalid, splits},
};

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
    let candidates = |reading| -> Result<Candidates, HandlerError> {
        let mut all = Vec::new();
        for &language in languages {
            all.extend(language.candidates(reading)?.into_iter().map(|candidate| (language, candidate)));
        }
        Ok(all)
    };
    let outside = inside_task_root(text);
    if outside.is_ok() {
        // one file is of one language: the first that knows it
        let exact =
            candidates(Reading::File(text))?.into_iter().find(|(_, candidate)| is_exact(candidate, text));
        if let Some(exact) = exact.filter(|(_, candidate)| places.is_file(&candidate.places[0])) {
            return Ok(handler_of(&exact, &exact.1.places));
        }
    }
    if text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        let reason = "is an event: name the handler before it, as in `docker run IMAGE function.handler '{}'`, or run the \
                      image without it and post it";
        return Err(invalid(text, reason));
    }
    let suggestion = || suggestion::of(text, languages, &places.files());
    if let Some(shape) = candidates(Reading::Shape(text))?.pop() {
        if shape.1.places.is_empty() {
            return Ok(handler_of(&shape, &[]));
        }
        let shape = [shape];
        return found(text, &shape, places)?
            .ok_or_else(|| not_found(text, &all_places(&shape), &suggestion()));
    }
    outside?;
    let mut others = candidates(Reading::File(text))?;
    others.retain(|(_, candidate)| !is_exact(candidate, text));
    let mut looked_at = vec![PathBuf::from(text)];
    let mut said = Vec::new();
    for (stem, function) in splits(text) {
        said.extend(candidates(Reading::FunctionOfFile(stem, function))?);
    }
    let mut groups = vec![others, said];
    for (stem, function) in splits(text) {
        groups.push(candidates(Reading::FunctionOfStem(stem, function))?);
    }
    for group in groups {
        if let Some(handler) = found(text, &group, places)? {
            return Ok(handler);
        }
        looked_at.extend(all_places(&group));
    }
    Err(not_found(text, &looked_at, &suggestion()))
}

/// Whether this is the file of just that name.
fn is_exact(candidate: &Candidate, text: &str) -> bool {
    candidate.places.iter().all(|place| place.as_os_str() == text)
}

fn all_places(group: &[(&'static dyn Language, Candidate)]) -> Vec<PathBuf> {
    group.iter().flat_map(|(_, candidate)| candidate.places.iter().cloned()).collect()
}

fn handler_of((language, candidate): &(&'static dyn Language, Candidate), places: &[PathBuf]) -> Handler {
    let Found { files, runnable } = (candidate.make)(places);
    Handler { language: language.name(), files, runnable }
}

/// The one candidate that has a place, if there is any; an error if two are of different languages.
fn found(
    text: &str,
    candidates: &[(&'static dyn Language, Candidate)],
    places: &dyn Places,
) -> Result<Option<Handler>, HandlerError> {
    let mut fitting = Vec::new();
    for own in candidates {
        let present: Vec<_> = own.1.places.iter().filter(|place| places.exists(place)).cloned().collect();
        if !present.is_empty() {
            fitting.push((own, present));
        }
    }
    let Some((first, present)) = fitting.first() else { return Ok(None) };
    let other = fitting.iter().find(|(other, _)| other.0.name() != first.0.name());
    let Some((other, other_present)) = other else { return Ok(Some(handler_of(first, present))) };
    let (file, other_file) = (present[0].display(), other_present[0].display());
    Err(HandlerError::Ambiguous(format!(
        "handler `{text}` fits `{file}` ({}) and `{other_file}` ({}): write `{file}{}` or `{other_file}{}`",
        first.0.name(),
        other.0.name(),
        first.1.suffix,
        other.1.suffix,
    )))
}

fn not_found(text: &str, looked_at: &[PathBuf], suggestion: &str) -> HandlerError {
    let mut places: Vec<String> = Vec::new();
    for place in looked_at.iter().map(|place| format!("`{}`", place.display())) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    HandlerError::NotFound(format!(
        "handler `{text}` fits no file: {suggestion}; looked for {}",
        places.join(", ")
    ))
}
