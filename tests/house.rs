//! The shape of the source: which file uses which, where files lie, and how comments begin. `make lint` runs this.

#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The most files directly in `src/`.
const LOOSE_FILES: usize = 6;

/// No comment begins with these: they make a clause of what should be a sentence.
const REFUSED_WORDS: [&str; 3] = ["what", "who", "those"];

/// A module by its path from the crate's root; the root's own is empty.
type Module = Vec<String>;

/// Which modules each one uses.
type Uses = BTreeMap<Module, BTreeSet<Module>>;

/// One file of the crate.
struct Source {
    children: Vec<String>,
    /// The names that `use` binds, with the paths behind them.
    imports: Vec<(String, Vec<String>)>,
    /// All paths in its code, as they are written.
    paths: Vec<Vec<String>>,
}

#[test]
fn no_files_and_no_folders_use_each_other_in_a_circle() {
    let house = sources();
    let (mut files, mut folders) = (Uses::new(), Uses::new());
    for (module, source) in &house {
        let imported = source.imports.iter().map(|(_, path)| path);
        for used in imported.chain(&source.paths).filter_map(|path| resolve(&house, module, path, 0)) {
            // `super` is Rust's own way to share within a folder: a file may use the `mod.rs` above it
            if !is_in_folder_of(module, &used) {
                files.entry(module.clone()).or_default().insert(used.clone());
            }
            if module.first() != used.first() {
                folders.entry(folder(module)).or_default().insert(folder(&used));
            }
        }
    }
    let circles: Vec<_> = [files, folders].iter().flat_map(circles).collect();
    assert!(circles.is_empty(), "circles:\n{}", circles.join("\n"));
}

#[test]
fn few_files_lie_outside_of_a_folder() {
    let loose = fs::read_dir(repository().join("src")).unwrap().map(|entry| entry.unwrap().path());
    let loose: Vec<_> = loose.filter(|path| path.is_file()).collect();
    assert!(loose.len() <= LOOSE_FILES, "{loose:?}");
}

#[test]
fn comments_are_sentences() {
    let mut refused = Vec::new();
    for file in files(repository(), &["rs", "cs", "lisp", "sh"]) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for (number, line) in text.lines().enumerate() {
            if comment(line).is_some_and(begins_as_a_clause) {
                let file = file.strip_prefix(repository()).unwrap().display();
                refused.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(refused.is_empty(), "comments that begin with {REFUSED_WORDS:?}:\n{}", refused.join("\n"));
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a module is, or lies in, the folder of another; the crate's root is no such folder.
fn is_in_folder_of(module: &Module, folder: &Module) -> bool {
    module == folder || !folder.is_empty() && module.starts_with(folder)
}

fn folder(module: &Module) -> Module {
    module.iter().take(1).cloned().collect()
}

fn circles(uses: &Uses) -> Vec<String> {
    let shown = |module: &Module| if module.is_empty() { "lib".to_owned() } else { module.join("/") };
    let ways = uses.keys().filter_map(|module| way_back(uses, module));
    ways.map(|way| way.iter().map(shown).collect::<Vec<_>>().join(" -> ")).collect()
}

/// The text of a line that is a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let text = line.strip_prefix("//").map(|text| text.trim_start_matches('/'));
    let text = text.or_else(|| line.starts_with([';', '#']).then(|| line.trim_start_matches([';', '#'])))?;
    Some(text.trim_start_matches('!').trim_start())
}

fn begins_as_a_clause(text: &str) -> bool {
    let word: String = text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    REFUSED_WORDS.contains(&word.to_lowercase().as_str())
}

/// The files below a folder that have one of these extensions, without builds and hidden folders.
fn files(folder: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() && !name.starts_with('.') && name != "target" {
            found.extend(files(&path, extensions));
        } else if path.is_file() && extensions.contains(&extension.as_str()) {
            found.push(path);
        }
    }
    found
}

/// Every module of the crate that is not a test.
fn sources() -> BTreeMap<Module, Source> {
    let root = repository().join("src");
    let mut house = BTreeMap::new();
    for file in files(&root, &["rs"]) {
        let inside = file.strip_prefix(&root).unwrap().with_extension("");
        let mut module: Module = inside.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if module == ["lib"] || module.last().is_some_and(|name| name == "mod") {
            module.pop();
        }
        if module != ["main"] && module.last().is_none_or(|name| name != "tests") {
            let text = fs::read_to_string(&file).unwrap();
            house.insert(module, source(&text));
        }
    }
    house
}

fn source(text: &str) -> Source {
    let words = words(text);
    let (mut children, mut imports, mut paths) = (Vec::new(), Vec::new(), Vec::new());
    let mut index = 0;
    while index < words.len() {
        match words[index].as_str() {
            "mod" if words.get(index + 2).is_some_and(|word| word == ";") => {
                children.push(words[index + 1].clone());
            }
            // a type may say what it captures: `use<T>`
            "use" if words[index + 1] != "<" => {
                index += 1;
                import(&words, &mut index, &[], &mut imports);
            }
            _ if words.get(index + 1).is_some_and(|word| word == "::") => {
                let mut path = vec![words[index].clone()];
                while words.get(index + 1).is_some_and(|word| word == "::") && is_name(&words[index + 2]) {
                    path.push(words[index + 2].clone());
                    index += 2;
                }
                paths.push(path);
            }
            _ => {}
        }
        index += 1;
    }
    Source { children, imports, paths }
}

/// Reads one tree of `use`, up to the word behind it.
fn import(words: &[String], index: &mut usize, before: &[String], imports: &mut Vec<(String, Vec<String>)>) {
    let mut path = before.to_vec();
    loop {
        let word = words[*index].clone();
        *index += 1;
        match word.as_str() {
            "::" => {}
            "{" => {
                while words[*index] != "}" {
                    import(words, index, &path, imports);
                    assert!([",", "}"].contains(&words[*index].as_str()), "a `use` that is not understood: {path:?}");
                    *index += usize::from(words[*index] == ",");
                }
                *index += 1;
                return;
            }
            "as" => {
                imports.push((words[*index].clone(), path));
                *index += 1;
                return;
            }
            "self" if !path.is_empty() => {}
            _ if is_name(&word) || word == "*" => path.push(word),
            _ => {
                *index -= 1;
                imports.push((path.last().cloned().unwrap_or_default(), path));
                return;
            }
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

/// The names and signs of a file's code, without strings, comments and unit tests.
fn words(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = hashes + 2;
            begin + rest[begin..].find(&end).unwrap() + end.len()
        } else if first == '"' {
            string(rest)
        } else if first == '\'' {
            character(rest)
        } else if is_name(rest) {
            rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let word = &rest[..length];
        if is_name(word) && raw_string(rest).is_none() || ["::", "{", "}", ",", ";", "*", "<"].contains(&word) {
            words.push(word.to_owned());
        }
        rest = &rest[length..];
    }
    words
}

/// How many signs stand between the `r` and the quote of a raw string.
fn raw_string(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r').or(text.strip_prefix("br"))?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    (rest[hashes..].starts_with('"') && !text.starts_with("br")).then_some(hashes)
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

/// A character between quotes, or the quote before a lifetime.
fn character(text: &str) -> usize {
    if let Some(escape) = text.strip_prefix("'\\") {
        return escape[1..].find('\'').map_or(1, |end| end + 4);
    }
    let mut letters = text[1..].char_indices().skip(1);
    letters.next().filter(|(_, letter)| *letter == '\'').map_or(1, |(end, _)| end + 2)
}

/// The module whose file says what a path names, with the names that others pass on followed to their own.
fn resolve(house: &BTreeMap<Module, Source>, from: &Module, path: &[String], depth: usize) -> Option<Module> {
    let mut at = from.clone();
    let mut names = path.iter();
    let first = names.clone().next()?;
    if depth > 8 {
        return None;
    }
    match first.as_str() {
        "crate" => at.clear(),
        "self" => {}
        "super" => {
            at.pop();
        }
        _ if house[from].children.contains(first) => at.push(first.clone()),
        _ => {
            // another crate, or a name that this file has imported
            let (_, known) = house[from].imports.iter().find(|(name, known)| name == first && **known != path[..1])?;
            return resolve(house, from, &[known.as_slice(), &path[1..]].concat(), depth + 1);
        }
    }
    names.next();
    let mut names = names.peekable();
    while names.peek().is_some_and(|name| *name == "super" || *name == "self") {
        if names.next().unwrap() == "super" {
            at.pop();
        }
    }
    while let Some(name) = names.next() {
        let mut child = at.clone();
        child.push(name.clone());
        if house.contains_key(&child) {
            at = child;
            continue;
        }
        let passed_on = house[&at].imports.iter().find(|(own, _)| own == name);
        return match passed_on {
            Some((_, known)) => {
                let rest: Vec<_> = names.cloned().collect();
                resolve(house, &at, &[known.as_slice(), &rest].concat(), depth + 1).or(Some(at))
            }
            None => Some(at),
        };
    }
    Some(at)
}

/// The shortest way from a module back to itself.
fn way_back(uses: &Uses, start: &Module) -> Option<Vec<Module>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in uses.get(way.last().unwrap()).into_iter().flatten() {
                let way = [way.as_slice(), std::slice::from_ref(next)].concat();
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}
