//! The tables of the README and of the pages against the code.

use std::{collections::BTreeSet, fs};

use script_runtime::internals::{ENVIRONMENT, ErrorType, LANGUAGES, resolve, variable};

use crate::support::{documents, repository};

/// The most lines that the README may have.
const README_LINES: usize = 150;

fn read(page: &str) -> String {
    fs::read_to_string(repository().join(page)).unwrap()
}

/// The first cells of the table of a page that has this head, without the head.
fn table(page: &str, head: &str) -> Vec<String> {
    let text = read(page);
    let (_, table) = text.split_once(&format!("\n{head}\n")).unwrap_or_else(|| panic!("{page} has no table {head}"));
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.split('|').nth(1).unwrap().trim().to_owned()).collect()
}

/// Every text in backticks in these cells.
fn quoted(cells: &[String]) -> Vec<String> {
    cells.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn the_page_on_settings_is_the_table_of_the_code() {
    let rows: Vec<_> = variable::TABLE.iter().map(|own| format!("| `{own}` | {} |\n", own.meaning)).collect();
    let rows = rows.concat();
    let per_event = ENVIRONMENT.map(|(name, _)| format!("`{name}`")).join(", ");
    let table = format!(
        "| Variable | Meaning |\n|---|---|\n{rows}| {per_event} | set for each event from its headers; unset if the event \
         lacks the header |\n"
    );
    assert!(read("docs/settings.md").contains(&table), "docs/settings.md lacks this table:\n{table}");
}

#[test]
fn lists_every_error() {
    let listed: BTreeSet<_> = quoted(&table("docs/errors.md", "| `errorType` | What happened |")).into_iter().collect();
    let ours: BTreeSet<_> = ErrorType::ALL.iter().map(|error| error.name().to_owned()).collect();
    assert_eq!(listed, ours);
}

#[test]
fn lists_every_error_of_durable_functions() {
    fn find(directory: &std::path::Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                find(&path, found);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let names = text.split("\"Durable.").skip(1).filter_map(|rest| rest.split_once('"'));
                let names = names.filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphabetic()));
                found.extend(names.map(|(name, _)| format!("Durable.{name}")));
            }
        }
    }
    let mut ours = BTreeSet::new();
    find(&repository().join("src"), &mut ours);
    let listed: BTreeSet<_> = quoted(&table("docs/durable.md", "| Type | What happened |")).into_iter().collect();
    assert_eq!(listed, ours);
}

#[test]
fn lists_handlers_that_the_grammar_reads() {
    let handlers = quoted(&table("README.md", "| Handler | Runs |"));
    assert!(handlers.len() >= 15, "{handlers:?}");
    for handler in handlers {
        let files = ["function.sh", "src/deep/function.sh", "report.sh", "./bin/report.sh", "bin/tool", "report.R"];
        let more =
            ["MyModule.psm1", "./MyModule.psd1", "./src/MyModule.psm1", "./MyScript.ps1", "MyScript.ps1", "script.ps1"];
        let lisp = ["simple_handler.lisp", "main.lisp", "echo.ros", "script.lisp", "modules/Module"];
        let exists = |place: &std::path::Path| {
            files.iter().chain(&more).chain(&lisp).any(|file| std::path::Path::new(file) == place)
        };
        let resolved = resolve(&handler, &LANGUAGES, &exists);
        assert!(resolved.is_ok(), "{handler}: {resolved:?}");
    }
}

#[test]
fn every_sample_says_its_handler() {
    let function = repository().join("function");
    let mut samples = 0;
    for entry in fs::read_dir(&function).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = fs::read_to_string(&path).unwrap();
            let handler = text.lines().find_map(|line| line.split_once("Handler: ").map(|(_, name)| name.trim()));
            let handler = handler.unwrap_or_else(|| panic!("{} says no handler", path.display()));
            let resolved = resolve(handler, &LANGUAGES, &|place: &std::path::Path| function.join(place).exists());
            assert!(resolved.is_ok(), "{handler}: {resolved:?}");
            samples += 1;
        }
    }
    assert!(samples > 0);
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "{lines} lines");
}

#[test]
fn published_images_are_named_with_this_version() {
    let name = "ghcr.io/lambda-script-runtime/lambda-script-runtime:";
    let mut named = 0;
    for page in documents() {
        let Ok(text) = fs::read_to_string(&page) else { continue };
        for rest in text.split(name).skip(1) {
            assert!(rest.starts_with(concat!(env!("CARGO_PKG_VERSION"), "-")), "{}: {rest:.40}", page.display());
            named += 1;
        }
    }
    assert!(named >= 20, "{named}");
}
