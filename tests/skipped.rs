//! The last line of `make test`, which counts the skipped tests.

use std::{fs, process::Command};

use tempfile::NamedTempFile;

use crate::support::repository;

#[test]
fn skipped_tests_are_counted_by_what_they_lacked() {
    let list = NamedTempFile::new().unwrap();
    for (lines, summary) in [
        ("", "0 tests skipped\n"),
        ("a::b: skipped: no pwsh\na::b: skipped: no pwsh\n", "1 test skipped: no pwsh (1)\n"),
        (
            "a: skipped: no docker\nb: skipped: no pwsh\nc: skipped: no pwsh\nc: skipped: no docker\nd: skipped: no pwsh\n",
            "4 tests skipped: no pwsh (3), no docker (2)\n",
        ),
        ("a: skipped: no sbcl\nb: skipped: no docker\n", "2 tests skipped: no docker (1), no sbcl (1)\n"),
    ] {
        fs::write(&list, lines).unwrap();
        let output = Command::new(repository().join(".ci/skipped")).arg(list.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), summary, "{output:?}");
    }
}
