//! Files on Lambda, by the page on limits: `/dev` has no `fd`, and only the three standard streams.

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

use crate::support::{BOOTSTRAP, code_block, needs::has};

/// Lambda's `/dev`, over the one of a namespace of mounts. The place for the old one comes first.
const DEV: &str = r#"
set -e
mount --bind /dev "$1"
mount -t tmpfs tmpfs /dev
for name in null zero full random urandom; do : >"/dev/$name"; mount --bind "$1/$name" "/dev/$name"; done
ln -s /proc/self/fd/0 /dev/stdin; ln -s /proc/self/fd/1 /dev/stdout; ln -s /proc/self/fd/2 /dev/stderr
shift
exec "$@"
"#;

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash", "-c", DEV, "dev"]);
    command
}

/// Runs a handler on one event where `/dev` is as on Lambda.
fn run(files: &[(&str, &str)], handler: &str) -> Output {
    let (directory, old) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    let mut command = unshare();
    command.arg(old.path()).args([BOOTSTRAP, handler, "{}"]).current_dir(directory.path());
    command.env_remove("AWS_LAMBDA_RUNTIME_API").output().unwrap()
}

#[test]
fn handlers_run_where_dev_has_no_fd() {
    needs!(mounts);
    let bash = code_block("limits.md", "# files.sh");
    // programs have the base's Bash
    let substitution = "#!/bin/bash\ncat <(echo x)\n";
    let program = "#!/bin/bash\necho error >/dev/stderr\ncat\n";
    let lisp = "(defun main () (write-string (read-line)))\n";
    let mut runs = vec![
        ("files.sh", bash.as_str(), "files.handler", "2 b\n", ""),
        ("program.sh", program, "program.sh", "{}\n", "error\n"),
        ("substitution.sh", substitution, "substitution.sh", "", "/dev/fd/63: No such file or directory"),
    ];
    if has("sbcl") {
        runs.push(("script.lisp", lisp, "script.lisp", "{}\n", ""));
    }
    for (file, text, handler, answer, said) in runs {
        let output = run(&[(file, text)], handler);
        assert_eq!(String::from_utf8_lossy(&output.stdout), answer, "{file}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(said), "{file}: {output:?}");
    }
}
