//! The page on security, against the code.

use std::fs;

use script_runtime::internals::variable;

use crate::support::repository;

#[test]
fn names_every_credential_that_is_masked() {
    let page = fs::read_to_string(repository().join("docs/security.md")).unwrap();
    for name in variable::CREDENTIALS {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
