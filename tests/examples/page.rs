//! The page on events shows the code of the examples as it is.

use super::triggers::read;

/// The file of each language of code blocks.
const FILES: [(&str, &str); 4] =
    [("bash", "function.sh"), ("powershell", "Function.psm1"), ("lisp", "function.lisp"), ("yaml", "template.yaml")];

#[test]
fn the_page_on_events_shows_the_files() {
    let page = read("docs/events.md");
    let (mut folder, mut shown) = (String::new(), 0);
    for (index, part) in page.split("\n```").enumerate() {
        if let Some((_, path)) = part.rsplit_once("](../examples/")
            && index % 2 == 0
        {
            path.split(')').next().unwrap().clone_into(&mut folder);
        }
        let Some((language, code)) = part.split_once('\n').filter(|_| index % 2 == 1) else { continue };
        let Some((_, file)) = FILES.into_iter().find(|(name, _)| *name == language) else { continue };
        let text = read(&format!("examples/{folder}/{file}"));
        assert!(text.contains(code), "not in examples/{folder}/{file}:\n{code}");
        shown += 1;
    }
    assert!(shown >= 12, "{shown}");
}
