//! Whether a Bash file can notice an ERR trap of the runtime: decided by the text of the file and of the files that it
//! sources.

use std::{
    collections::HashSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::settings::Settings;

/// Words by which a file reads the options of the shell.
const WORDS: [&str; 5] = ["SHELLOPTS", "BASH_XTRACEFD", "errtrace", "functrace", "extdebug"];

/// Traps that notice the runtime's trap: ERR itself, and traps that run for its commands.
const TRAPS: [&str; 4] = ["ERR", "SIGERR", "DEBUG", "RETURN"];

/// Words that can precede a command in its line.
const KEYWORDS: [&str; 10] = ["then", "do", "else", "if", "elif", "while", "until", "builtin", "command", "!"];

/// How many files are read at most.
const FILES: usize = 100;

/// The text of a file and of all files that it sources; `None` if these are not known before it runs.
pub(in crate::languages) fn whole_text(settings: &Settings, file: &Path) -> Option<String> {
    let mut whole = String::new();
    let mut seen = HashSet::new();
    let mut left = vec![file.to_owned()];
    left.extend(settings.environment.get(OsStr::new("BASH_ENV")).map(PathBuf::from));
    while let Some(file) = left.pop() {
        if !seen.insert(file.clone()) {
            continue;
        }
        // a missing file is not sourced
        let Ok(text) = std::fs::read(settings.task_root.join(&file)) else { continue };
        let text = String::from_utf8_lossy(&text);
        let folder = file.parent().unwrap_or(Path::new(""));
        for sourced in sourced(&text) {
            let (path, is_below) = sourced?;
            if is_below {
                let places = [folder.join(&path), path.clone(), folder.join("..").join(&path)];
                let before = left.len();
                left.extend(places.into_iter().filter(|place| settings.task_root.join(place).is_file()));
                if left.len() == before {
                    return None;
                }
            } else {
                left.push(path);
            }
        }
        whole.push_str(&text);
        whole.push('\n');
        if seen.len() > FILES {
            return None;
        }
    }
    Some(whole)
}

/// Whether this text can notice an ERR trap and `-E`.
pub(in crate::languages) fn may_notice(text: &str) -> bool {
    let has = |word: &str| occurrences(text, word).next().is_some();
    WORDS.into_iter().any(has)
        || has("trap") && (TRAPS.into_iter().any(has) || text.lines().any(traps_in_small_letters))
        || occurrences(text, "trap").any(|(before, rest)| {
            rest.trim_start_matches([' ', '\t', '\\']).starts_with("-p")
                || is_command(before) && ends(rest) && !is_label(before, rest)
        })
        || occurrences(text, "shopt").any(|(_, rest)| {
            rest.split_whitespace().next().is_some_and(|word| word.starts_with('-') && word.contains('o'))
        })
        || occurrences(text, "set").any(|(before, rest)| {
            is_command(before) && ends(rest) || ["-o", "+o"].iter().any(|option| lists(rest, option))
        })
        || text.contains("$-")
        || text.contains("${-")
        || ["$_", "${_"]
            .iter()
            .any(|name| text.match_indices(name).any(|(at, _)| !text[at + name.len()..].starts_with(is_word)))
}

/// Whether this text traces its commands; the trace would show those of a trap, too.
pub(in crate::languages) fn may_trace(text: &str) -> bool {
    let traces = |options: &str| options.starts_with(['-', '+']) && options.contains(['x', 'v']);
    occurrences(text, "xtrace").next().is_some()
        || occurrences(text, "verbose").next().is_some()
        || text.lines().next().is_some_and(|line| line.starts_with("#!") && line.split(' ').skip(1).any(traces))
        || occurrences(text, "set").any(|(_, rest)| {
            let line = rest.split(['\n', ';', '&', '|']).next().unwrap_or_default();
            line.split_whitespace().take_while(|word| *word != "--").any(traces)
        })
}

/// The files that a text sources: the path, and whether it is below a folder that is only known at run time; `None` for
/// an unknown path.
fn sourced(text: &str) -> Vec<Option<(PathBuf, bool)>> {
    let by_name = occurrences(text, "source");
    let by_dot = text.match_indices(". ").map(|(at, _)| (&text[..at], &text[at + 1..]));
    let commands = by_name.chain(by_dot).filter(|(before, rest)| is_command(before) && rest.starts_with([' ', '\t']));
    commands.map(|(_, rest)| sourced_by(&argument(rest.trim_start_matches([' ', '\t'])))).collect()
}

fn sourced_by(word: &str) -> Option<(PathBuf, bool)> {
    let is_dynamic = |text: &str| text.contains(['$', '`', '*', '?', '[', '<', '~']);
    if !is_dynamic(word) {
        return Some((word.into(), false));
    }
    let end = word.rfind([')', '}', '`', '$']).map_or(0, |end| end + 1);
    let (folder, below) = word[end..].split_once('/')?;
    let is_known = folder.chars().all(is_word) && !below.is_empty() && !is_dynamic(below);
    is_known.then(|| (below.into(), true))
}

/// The first word of a command's arguments, without its quotes.
fn argument(text: &str) -> String {
    let mut word = String::new();
    let mut depth = 0;
    for character in text.chars() {
        match character {
            '(' | '{' => depth += 1,
            ')' | '}' if depth > 0 => depth -= 1,
            ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' if depth == 0 => break,
            _ => {}
        }
        if !matches!(character, '"' | '\'' | '\\') {
            word.push(character);
        }
    }
    word
}

/// The places of a whole word outside of comment lines: the text before it, and the text after it.
fn occurrences<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    text.match_indices(word).map(move |(at, _)| (&text[..at], &text[at + word.len()..])).filter(|(before, rest)| {
        let line = before.rsplit('\n').next().unwrap_or_default();
        !before.ends_with(is_word) && !rest.starts_with(is_word) && !line.trim_start().starts_with('#')
    })
}

/// Whether a line may end a trap for errors or commands in lower case: Bash accepts these names in any case.
fn traps_in_small_letters(line: &str) -> bool {
    let names = ["err", "sigerr", "debug"];
    (line.contains(['\'', '"']) || line.contains("trap"))
        && line.split(|letter| !is_word(letter)).any(|word| names.iter().any(|name| word.eq_ignore_ascii_case(name)))
}

/// Whether a word is a pattern in a `case`.
fn is_label(before: &str, rest: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t']);
    rest.trim_start_matches([' ', '\t']).starts_with(')') && (before.ends_with(['\n', '|']) || before.ends_with(";;"))
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// Whether a command begins after this text.
fn is_command(before: &str) -> bool {
    let before = before.trim_end_matches([' ', '\t', '\\']);
    let word = before.rsplit([' ', '\t', '\n', ';', '&', '|', '(', '{']).next().unwrap_or_default();
    before.is_empty() || before.ends_with(['\n', ';', '&', '|', '(', '{', '`']) || KEYWORDS.contains(&word)
}

/// Whether a command without arguments ends here.
fn ends(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '\t']);
    rest.is_empty() || rest.starts_with(['\n', '\r', ';', '&', '|', ')', '}', '>', '<', '`', '#'])
}

/// Whether `set` prints its options, because no option follows.
fn lists(rest: &str, option: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '\t']);
    rest.strip_prefix(option).is_some_and(|rest| !rest.trim_start_matches([' ', '\t']).starts_with(is_word))
}
