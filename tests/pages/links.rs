//! Links between the pages of the repository: each leads to a file, and to a heading of it.

use std::{fs, path::Path};

use crate::support::pages;

/// A page without its code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap();
    let prose: Vec<_> = text.split("\n```").step_by(2).collect();
    prose.join("\n")
}

/// The anchors of a page's headings, as forges make them: the second of two that are the same ends in `-1`.
fn anchors(page: &Path) -> Vec<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let headings = headings.filter_map(|line| line.trim_start_matches('#').strip_prefix(' '));
    let mut anchors = Vec::new();
    for heading in headings {
        let kept = heading.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let second = anchors.contains(&anchor).then(|| format!("{anchor}-1"));
        anchors.push(second.unwrap_or(anchor));
    }
    anchors
}

/// The targets of a page's links that lead somewhere in the repository.
fn targets(page: &Path) -> Vec<String> {
    let prose = prose(page);
    let links = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

#[test]
fn each_link_leads_to_a_file_and_a_heading() {
    let mut count = 0;
    for page in pages() {
        for target in targets(&page) {
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(file.exists(), "{}: {target}", page.display());
            let found = anchor.is_empty() || anchors(&file).iter().any(|heading| heading == anchor);
            assert!(found, "{}: no heading {anchor} in {}", page.display(), file.display());
            count += 1;
        }
    }
    assert!(count > 50, "{count}");
}
