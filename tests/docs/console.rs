//! The console blocks of all pages, run as they stand: what they show is what comes.
//!
//! Each page has a folder of its own, with copies of the folders that pages speak of. A code block that begins with a
//! comment like `# hello.sh` is written there as that file. Ids, times and sizes are not compared, nor is the port.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{BOOTSTRAP, http::free_port, language::lisp_core, needs::has, on_path, pages, repository};

/// The blocks that are not run here, by a word in their commands, and why.
const SKIPPED: [(&str, &str); 1] = [("aws-lambda-rie", "downloads the emulator, which tests/emulator.rs runs")];

/// The port of all pages.
const PORT: &str = "9000";

/// Functions for all commands: curl with its output as a terminal shows it, and a wait for a number of lines.
const PRELUDE: &str = r#"
curl() { command curl -sS "$@"; echo; }
wait_for_lines() {
    local i
    for ((i = 0; i < 1500; i++)); do
        if (($(grep -c . "$OUT") >= $1)); then return; fi
        sleep 0.02
    done
}
"#;

/// A fenced block: the word behind its fence, and its text.
struct Block {
    language: String,
    text: String,
}

impl Block {
    fn all(page: &str) -> Vec<Self> {
        let blocks = page.split("\n```").skip(1).step_by(2);
        let parts = blocks.filter_map(|block| block.split_once('\n'));
        parts.map(|(language, text)| Self { language: language.to_owned(), text: text.to_owned() + "\n" }).collect()
    }

    /// The file that its first comment names.
    fn file(&self) -> Option<&str> {
        let line = self.text.lines().find(|line| !line.starts_with("#!"))?;
        let name = line.strip_prefix("# ").or(line.strip_prefix(";; "))?.split([',', ':', ' ']).next()?;
        Path::new(name).extension().map(|_| name)
    }

    fn is_console(&self) -> bool {
        self.language == "console"
    }

    /// The word for which it is not run here.
    fn skipping_word(&self) -> Option<&'static str> {
        SKIPPED.into_iter().find(|(word, _)| self.text.contains(word)).map(|(word, _)| word)
    }

    /// The script of its commands, and the lines that they are to print.
    fn script(&self) -> (String, Vec<&str>) {
        let (mut script, mut expected, mut continued) = (String::new(), Vec::new(), false);
        for line in self.text.lines() {
            if let Some(command) = line.strip_prefix("$ ").or(continued.then_some(line)) {
                script += command;
                script.push('\n');
                continued = command.ends_with('\\');
            } else if !line.is_empty() {
                expected.push(line);
            }
            if line.ends_with(" &") {
                // it says where it serves
                script += "wait_for_lines 1\n";
            }
        }
        (script, expected)
    }

    /// Whether the interpreters are here that its handlers need.
    fn can_run(&self, files: &BTreeSet<String>) -> bool {
        let named = |extensions: &[&str]| {
            files.iter().any(|file| {
                let (stem, extension) = file.rsplit_once('.').unwrap();
                extensions.contains(&extension) && self.text.contains(&format!(" {stem}."))
            })
        };
        let runs = |program: &str| self.text.contains(&format!("$ {program} "));
        if named(&["psm1", "ps1"]) || runs("pwsh") {
            return has("pwsh");
        }
        if named(&["lisp", "ros"]) {
            return has("sbcl");
        }
        // the examples parse JSON
        !runs("sbcl") || (has("sbcl") && has("yason"))
    }
}

/// A folder with copies of what pages speak of.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in ["function", "examples", "tests/events"] {
        let to = folder.path().join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-r").arg(repository().join(name)).arg(to).status();
        assert!(copied.unwrap().success(), "{name}");
    }
    fs::create_dir_all(folder.path().join("target/release")).unwrap();
    symlink(BOOTSTRAP, folder.path().join("target/release/bootstrap")).unwrap();
    folder
}

/// The output of a block, without empty lines.
fn run(block: &Block, folder: &Path) -> String {
    let output = TempDir::new().unwrap();
    let (script, expected) = block.script();
    let port = free_port().to_string();
    // an answer and the last line of its log may come in either order
    let end =
        format!("wait_for_lines {}\ncp \"$OUT\" \"$OUT.taken\"\nkill $(jobs -p) 2>/dev/null\nwait\n", expected.len());
    let script = format!("{PRELUDE}{}{end}", script.replace(PORT, &port));
    let out = output.path().join("out");
    let file = fs::File::create(&out).unwrap();
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(folder).env("OUT", &out);
    command.stdout(file.try_clone().unwrap()).stderr(file);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}:{path}", folder.join("target/release").display()));
    if on_path("sbcl") {
        command.env("SCRIPT_RUNTIME_LISP_CORE", lisp_core());
    }
    command.env_remove("AWS_LAMBDA_RUNTIME_API").status().unwrap();
    let printed = fs::read_to_string(output.path().join("out.taken")).unwrap();
    let root = fs::canonicalize(folder).unwrap().display().to_string();
    let printed = printed.replace(&root, "/var/task").replace(&format!(":{port}/"), &format!(":{PORT}/"));
    printed.lines().filter(|line| !line.is_empty()).fold(String::new(), |text, line| text + line + "\n")
}

/// A line of a durable run without the times of its table, and the spaces that depend on them.
fn without_times(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let is_unit = |index: usize| {
        let is_time = |unit: &&str| ["ms", "s", "m", "h", "d"].contains(unit);
        words.get(index).is_some_and(is_time)
    };
    let is_number = |index: usize| words.get(index).is_some_and(|word| word.parse::<f64>().is_ok());
    let lasting = words.iter().enumerate().filter(|(index, word)| {
        let is_time =
            is_number(*index) && is_unit(index + 1) || is_unit(*index) && index.checked_sub(1).is_some_and(is_number);
        !is_time && **word != "<"
    });
    lasting.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
}

/// A line without what is never the same twice. One with a time has a single space between its words: columns are as wide
/// as the time is long.
fn lasting(line: &str) -> String {
    let words: Vec<_> = line.split_inclusive([' ', '\t']).collect();
    let unit = |index: usize| words.get(index + 1).is_some_and(|next| ["ms", "s", "MB"].contains(&next.trim_end()));
    let lasting = words.iter().enumerate().map(|(index, word)| {
        let number = word.trim_end().parse::<f64>().is_ok() && unit(index);
        if number { "N " } else { word }
    });
    let lasting = without_ids(&lasting.collect::<String>());
    if !lasting.contains("N ms") && !lasting.contains("N s") {
        return lasting;
    }
    let words: Vec<_> = lasting.split_whitespace().collect();
    // a step that takes longer has a time of its own
    words.join(" ").replace("< N ms", "N ms").replace("N s", "N ms")
}

/// A text with a mark for each id of the form 8-4-4-4-12, or of as many digits without hyphens.
fn without_ids(text: &str) -> String {
    let is_id = |piece: &str| {
        piece.chars().enumerate().all(|(index, digit)| match index {
            8 | 13 | 18 | 23 if piece.len() == 36 => digit == '-',
            _ => digit.is_ascii_hexdigit(),
        })
    };
    let mut rest = text;
    let mut result = String::new();
    while let Some(first) = rest.chars().next() {
        let id = [36, 32].into_iter().find(|&length| rest.get(..length).is_some_and(is_id));
        if id.is_some() {
            result += "ID";
        } else {
            result.push(first);
        }
        rest = &rest[id.unwrap_or(first.len_utf8())..];
    }
    result
}

/// Runs a console block, and compares.
fn check(page: &Path, block: &Block, folder: &Path) {
    let printed = run(block, folder);
    let (script, expected) = block.script();
    let is_durable = script.contains(" --durable ");
    let lasting = |line| if is_durable { lasting(&without_times(line)) } else { lasting(line) };
    let mut lines: Vec<_> = printed.lines().map(lasting).collect();
    let mut expected: Vec<_> = expected.into_iter().map(lasting).collect();
    if script.contains(" &\n") {
        lines.sort();
        expected.sort();
    }
    assert_eq!(lines, expected, "{}: of\n{}came\n{printed}", page.display(), block.text);
}

#[test]
fn console_blocks_show_what_comes() {
    needs!(bash, jq, curl, python3);
    let (mut run, mut skipped) = (0, BTreeSet::new());
    for page in pages() {
        let (folder, mut files) = (folder(), BTreeSet::new());
        let text = fs::read_to_string(&page).unwrap();
        for block in Block::all(&text) {
            if let Some(file) = block.file() {
                let path = folder.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &block.text).unwrap();
                files.insert(file.to_owned());
            } else if block.is_console() {
                skipped.extend(block.skipping_word());
                if block.skipping_word().is_none() && block.can_run(&files) {
                    check(&page, &block, folder.path());
                    run += 1;
                }
            }
        }
    }
    assert!(run >= 8, "{run} blocks");
    let all: BTreeSet<_> = SKIPPED.into_iter().map(|(word, _)| word).collect();
    assert_eq!(skipped, all, "words of blocks that are skipped");
}

#[test]
fn what_looks_like_a_terminal_is_a_console_block() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for block in Block::all(&text) {
            let prompt = block.text.lines().any(|line| line.starts_with("$ "));
            assert_eq!(prompt, block.is_console(), "{}:\n{}", page.display(), block.text);
        }
    }
}
