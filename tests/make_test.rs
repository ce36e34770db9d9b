//! `make test`: its last line counts the skipped tests, and it leaves no images behind.

use std::process::Command;

use tempfile::NamedTempFile;

use crate::support::{Function, repository};

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
        std::fs::write(&list, lines).unwrap();
        let output = Command::new(repository().join(".ci/skipped")).arg(list.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), summary, "{output:?}");
    }
}

/// Stand-ins for the programs that `make test` calls. The engine has an image without a name, then a second one.
const STAND_INS: [(&str, &str); 3] = [
    (".ci/setup", "#!/bin/sh\n"),
    ("cargo", "#!/bin/sh\necho 'a: skipped: no pwsh' >>\"$SKIPPED\"\nexit 7\n"),
    (
        "docker",
        r#"#!/bin/sh
case "$*" in
    *dangling=*) [ ! -e looked ] || echo "sha256:b <none>:<none>"; echo "sha256:a <none>:<none>"; touch looked ;;
    *reference=lambda-script-runtime-test*) echo "sha256:1 lambda-script-runtime-test:x" ;;
    *) echo "docker $*" >>calls ;;
esac
"#,
    ),
];

#[test]
fn images_of_the_tests_are_removed_and_others_stay() {
    let folder = STAND_INS.into_iter().fold(Function::with(&[]), |folder, (name, text)| folder.file(name, text));
    let folder = [".ci/test", ".ci/skipped"].into_iter().fold(folder, |folder, name| folder.copy(name, name));
    let programs = folder.path("").display().to_string();
    let script = format!("chmod +x .ci/* cargo docker; PATH={programs}:$PATH .ci/test; echo $?; cat calls");
    let output = Command::new("bash").args(["-c", &script]).current_dir(folder.path("")).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1 test skipped: no pwsh (1)\n7\ndocker image rm --force lambda-script-runtime-test:x\n\
         docker image rm --force sha256:b\n",
        "{output:?}"
    );
}
