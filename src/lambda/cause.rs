//! The cause of an error for X-Ray, in the form of its SDKs: one exception with its stack.
//!
//! Always true: it is ASCII, as a header has to be, and not longer than [`LIMIT`].

use std::fmt::Write;

use serde::Serialize;

use crate::failure::Failure;

/// The longest cause, in bytes. Lambda takes up to 1 MiB and X-Ray documents of 64 KB.
const LIMIT: usize = 60 * 1024;

/// The longest message or line of the stack, in bytes of JSON.
const LONGEST_TEXT: usize = 8 * 1024;

#[derive(Serialize)]
struct Cause<'a> {
    working_directory: &'a str,
    exceptions: [Exception<'a>; 1],
    paths: Vec<&'a str>,
}

#[derive(Serialize)]
struct Exception<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    error_type: &'a str,
    stack: Vec<Frame<'a>>,
}

/// One call. In Lisp, files outside of the task root have neither path nor line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct Frame<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    label: &'a str,
}

/// The cause of a failure.
pub fn of(failure: &Failure, task_root: &str) -> String {
    let mut frames: Vec<_> = failure.stack_trace.iter().map(|line| frame(cut(line))).collect();
    loop {
        let mut paths = Vec::new();
        for path in frames.iter().filter_map(|frame| frame.path) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let exception = Exception {
            message: cut(&failure.diagnostic.error_message),
            error_type: cut(&failure.diagnostic.error_type),
            stack: frames.clone(),
        };
        let cause = Cause { working_directory: cut(task_root), exceptions: [exception], paths };
        let text = ascii(&serde_json::to_string(&cause).expect("BUG: strings always serialize"));
        if text.len() <= LIMIT {
            return text;
        }
        // drops the outermost frames: the innermost come first
        frames.truncate(frames.len() / 2);
    }
}

/// `at LABEL, PATH: line N`, as shells have it, `(LABEL), PATH: line N` of Lisp, or whatever else.
fn frame(line: &str) -> Frame<'_> {
    let call = match line.strip_prefix("at ") {
        Some(call) => call.split_once(", "),
        None => {
            line.rsplit_once(", ").filter(|(call, place)| call.ends_with(')') && place.contains(": line "))
        }
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

/// The same JSON without characters beyond ASCII.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ErrorType;

    #[test]
    fn has_a_message_a_type_and_frames() {
        let lines = [
            "at f, /var/task/a, b.sh: line 3",
            "at main, /var/task/a, b.sh",
            "(HANDLER \"x, y: line 3\")",
            "(F 1), a/b.lisp: line 7",
        ];
        let failure = Failure::new(ErrorType::ExitStatus, "no \u{e4}\u{1f600}\n\u{7f}")
            .with_stack_trace(lines.map(str::to_owned).into());
        assert_eq!(
            of(&failure, "/var/task"),
            concat!(
                r#"{"working_directory":"/var/task","exceptions":[{"message":"no \u00e4\ud83d\ude00\n\u007f","#,
                r#""type":"Function.ExitStatus","stack":["#,
                r#"{"path":"/var/task/a, b.sh","line":3,"label":"f"},{"path":"/var/task/a, b.sh","label":"main"},"#,
                r#"{"label":"(HANDLER \"x, y: line 3\")"},{"path":"a/b.lisp","line":7,"label":"(F 1)"}]}],"#,
                r#""paths":["/var/task/a, b.sh","a/b.lisp"]}"#
            )
        );
    }
}
