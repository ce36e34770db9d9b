//! The handler grammar: the meaning of a handler's text, given the existing files.
//!
//! No IO: the file system and the languages are parameters. A handler is read in this order:
//!
//! 1. a file of just that name (`report.sh`, `bin/tool`);
//! 2. its shape: Lisp forms, `Module::name::function`, `script.ps1::function`;
//! 3. a script without its extension (`MyScript`);
//! 4. a file with its extension, and a function (`function.sh.handler`, `./My.psd1.My-Function`);
//! 5. the files that `STEM.FUNCTION` can mean, the longest stem first.

use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use super::{
    Candidate, Language, Places, Reading, suggestion,
    text::{inside_task_root, invalid, splits},
};
use crate::failure::{ErrorType, Failure};

/// Candidates with the names of their languages.
type Candidates = Vec<(&'static str, Candidate)>;

/// Reads the text of a handler.
pub fn resolve(text: &str, languages: &[&'static dyn Language], places: &dyn Places) -> Result<Candidate, Failure> {
    if text.is_empty() {
        return Err(invalid("", "is empty: write, for example, `function.handler`"));
    }
    let candidates = |reading| candidates(languages, reading);
    let outside = inside_task_root(text);
    let is_exact = |(_, file): &(_, Candidate)| file.place.as_ref().is_some_and(|place| place.as_os_str() == text);
    let (exact, others): (Candidates, Candidates) = candidates(Reading::File(text))?.into_iter().partition(is_exact);
    if outside.is_ok() && places.is_file(Path::new(text)) {
        // a file belongs to the first language that knows it
        return Ok(exact.into_iter().next().expect("BUG: any file can be a program").1);
    }
    if text.starts_with(['{', '[']) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        let reason = "is an event: name the handler before it, as in `docker run IMAGE function.handler '{}'`, or run the \
                      image without it and post it";
        return Err(invalid(text, reason));
    }
    let mut shapes = candidates(Reading::Shape(text))?;
    let (mut groups, mut looked_at) = (Vec::new(), Vec::new());
    if let Some(&(language, _)) = shapes.last() {
        shapes.retain(|(own, _)| *own == language);
        groups.push(shapes);
    } else {
        outside?;
        looked_at.push(PathBuf::from(text));
        let mut said = Vec::new();
        for (stem, function) in splits(text) {
            said.extend(candidates(Reading::FunctionOfFile(stem, function))?);
        }
        groups.extend([others, said]);
        for (stem, function) in splits(text) {
            groups.push(candidates(Reading::FunctionOfStem(stem, function))?);
        }
    }
    for group in groups {
        if let Some(candidate) = found(text, group, places, &mut looked_at)? {
            return Ok(candidate);
        }
    }
    let looked_at: Vec<_> = looked_at.iter().map(|place| format!("`{}`", place.display())).collect();
    let (suggestion, reason) = (suggestion::of(text, languages, &places.files()), places.reason());
    let message = format!("handler `{text}` fits no file: {suggestion}; looked for {}{reason}", looked_at.join(", "));
    Err(Failure::new(ErrorType::HandlerNotFound, message))
}

fn candidates(languages: &[&'static dyn Language], reading: Reading<'_>) -> Result<Candidates, Failure> {
    let mut all = Vec::new();
    for language in languages {
        all.extend(language.candidates(reading)?.into_iter().map(|candidate| (language.name(), candidate)));
    }
    Ok(all)
}

/// The first candidate whose place exists, if any; an error if a candidate of another language exists, too.
fn found(
    text: &str,
    candidates: Candidates,
    places: &dyn Places,
    looked_at: &mut Vec<PathBuf>,
) -> Result<Option<Candidate>, Failure> {
    for place in candidates.iter().filter_map(|(_, candidate)| candidate.place.as_ref()) {
        if !looked_at.contains(place) {
            looked_at.push(place.clone());
        }
    }
    let holds = |(_, candidate): &(_, Candidate)| candidate.place.as_ref().is_none_or(|place| places.exists(place));
    let mut fitting = candidates.into_iter().filter(holds);
    let Some((language, first)) = fitting.next() else { return Ok(None) };
    let Some((other_language, other)) = fitting.find(|(other, _)| *other != language) else {
        return Ok(Some(first));
    };
    let shown = |candidate: &Candidate| candidate.place.clone().unwrap_or_default().display().to_string();
    let (file, other_file) = (shown(&first), shown(&other));
    Err(Failure::new(
        ErrorType::InvalidHandler,
        format!(
            "handler `{text}` fits `{file}` ({language}) and `{other_file}` ({other_language}): write `{file}{}` or \
         `{other_file}{}`",
            first.suffix, other.suffix,
        ),
    ))
}
