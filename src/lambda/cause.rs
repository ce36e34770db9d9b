//! The cause of an error for X-Ray, in the form of its SDKs: one exception with its stack.
//!
//! Always true: it is ASCII, as a header has to be, and not longer than [`LIMIT`].

use std::{collections::BTreeSet, fmt::Write};

use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// The longest cause, in bytes. Lambda takes up to 1 MiB, and X-Ray documents of up to 64 KB.
const LIMIT: usize = 60 * 1024;

/// The longest message or line of the stack, in bytes of JSON.
const LONGEST_TEXT: usize = 8 * 1024;

/// One call. In Lisp, files outside of the task root have neither path nor line.
#[derive(Serialize)]
struct Frame<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    label: &'a str,
}

pub fn of(failure: &Failure, task_root: &str) -> String {
    let mut frames: Vec<_> = failure.stack_trace.iter().map(|line| frame(cut(line))).collect();
    loop {
        let paths: BTreeSet<_> = frames.iter().filter_map(|frame| frame.path).collect();
        let exception = json!({
            "message": cut(&failure.diagnostic.error_message),
            "type": cut(&failure.diagnostic.error_type),
            "stack": frames,
        });
        let cause = json!({ "working_directory": cut(task_root), "exceptions": [exception], "paths": paths });
        let text = ascii(&cause.to_string());
        if text.len() <= LIMIT {
            return text;
        }
        // drops the outermost frames, which come last
        frames.truncate(frames.len() / 2);
    }
}

/// Reads `at LABEL, PATH: line N` of Bash and PowerShell, `(LABEL), PATH: line N` of Lisp, or any other text.
fn frame(line: &str) -> Frame<'_> {
    let call = match line.strip_prefix("at ") {
        Some(call) => call.split_once(", "),
        None => line.rsplit_once(", ").filter(|(call, place)| call.ends_with(')') && place.contains(": line ")),
    };
    let Some((label, place)) = call else {
        return Frame { path: None, line: None, label: line };
    };
    let (path, number) = match place.rsplit_once(": line ") {
        Some((path, number)) => (path, number.parse().ok()),
        None => (place, None),
    };
    Frame { path: Some(path), line: number, label }
}

/// The beginning of a text, up to the limit.
fn cut(text: &str) -> &str {
    // a character takes up to six bytes, or twelve if it takes four itself
    let longest = text.len().min(LONGEST_TEXT / 6);
    let end = (0..=longest).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or_default()]
}

fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}
