//! Build contexts that stand in for the Dockerfile's downloads and compilations, and the build with them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use super::IMAGE;
use crate::support::{BOOTSTRAP, find_on_path, repository};

/// Where the build contexts are made anew by each run.
pub(super) fn contexts() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("contexts")
}

/// Builds what can be built of what is installed here, and gives the targets.
pub(super) fn build() -> Vec<&'static str> {
    let contexts = contexts();
    let _ = fs::remove_dir_all(&contexts);
    fs::create_dir_all(&contexts).unwrap();
    let mut targets = vec!["bash-al2-amd64"];
    let mut command = Command::new("docker");
    command.args(["buildx", "bake"]).env("IMAGE", IMAGE).current_dir(repository());
    let mut bring = |target: &str, name: &str, directory: &Path| {
        command.arg("--set").arg(format!("{target}.contexts.{name}={}", directory.display()));
    };
    bring("*", "bootstrap", &bootstrap_context(&contexts));
    bring("*", "jq", &jq_context(&contexts));
    bring("*", "gnu-bash", &bash_context(&contexts));
    targets.push("bash-aws-al2-amd64");
    bring("*", "aws-cli", &aws_cli_context(&contexts));
    if let Some(context) = emulator_context(&contexts) {
        targets.push("rie-bash-al2-amd64");
        bring("rie-*", "rie", &context);
    }
    let sbcl = sbcl_context(&contexts);
    let powershell = powershell_context(&contexts);
    if let Some(context) = &sbcl {
        targets.push("lisp-al2-amd64");
        bring("*", "sbcl", context);
    }
    if let Some(context) = &powershell {
        targets.push("powershell-runtime-al2-amd64");
        bring("*", "powershell", context);
    }
    if sbcl.is_some() && powershell.is_some() {
        targets.push("all-al2-amd64");
    }
    let output = command.args(&targets).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    targets
}

/// A plain `docker build` of the repository, as far as what it takes was brought along.
pub(super) fn build_plainly(tag: &str) {
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--tag", tag, "."]).current_dir(repository());
    for name in ["bootstrap", "jq", "gnu-bash", "sbcl", "powershell"] {
        command.arg("--build-context").arg(format!("{name}={}", contexts().join(name).display()));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A file of a build context, executable, and the context.
fn context(contexts: &Path, name: &str, from: &Path, to: &str) -> PathBuf {
    let context = contexts.join(name);
    let file = context.join(to);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::copy(from, &file).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    context
}

fn bootstrap_context(contexts: &Path) -> PathBuf {
    // the release build where there is one, for the sizes
    let bootstrap = std::env::var_os("IMAGE_BOOTSTRAP").map_or_else(|| BOOTSTRAP.into(), PathBuf::from);
    context(contexts, "bootstrap", &bootstrap, "var/runtime/bootstrap")
}

/// jq as it is here, with the libraries that the base lacks.
fn jq_context(contexts: &Path) -> PathBuf {
    let script = contexts.join("jq.sh");
    fs::write(&script, "#!/bin/sh\nLD_LIBRARY_PATH=/var/lang/lib exec /var/lang/lib/jq \"$@\"\n").unwrap();
    let jq = context(contexts, "jq", &script, "var/lang/bin/jq");
    if let Some(program) = find_on_path("jq") {
        context(contexts, "jq", &program, "var/lang/lib/jq");
        let libraries = Command::new("ldd").arg(&program).output().unwrap().stdout;
        let libraries = String::from_utf8(libraries).unwrap();
        for line in libraries.lines().filter(|line| line.contains("jq") || line.contains("onig")) {
            let library = Path::new(line.split_whitespace().nth(2).unwrap());
            let name = library.file_name().unwrap().to_str().unwrap();
            context(contexts, "jq", library, &format!("var/lang/lib/{name}"));
        }
    }
    jq
}

/// A static Bash, where there is one; else the one of this machine, which the base can run.
fn bash_context(contexts: &Path) -> PathBuf {
    let bash = find_on_path("bash-static").or_else(|| find_on_path("bash")).unwrap();
    context(contexts, "gnu-bash", &bash, "var/lang/bin/bash")
}

/// In place of the AWS CLI, a program that says how it was called, at the places of AWS's own image.
fn aws_cli_context(contexts: &Path) -> PathBuf {
    let script = contexts.join("aws.sh");
    fs::write(&script, "#!/bin/sh\necho \"aws $*\"\n").unwrap();
    let context = context(contexts, "aws-cli", &script, "usr/local/aws-cli/v2/2.0.0/dist/aws");
    let versions = context.join("usr/local/aws-cli/v2");
    fs::create_dir(versions.join("2.0.0/bin")).unwrap();
    symlink("../dist/aws", versions.join("2.0.0/bin/aws")).unwrap();
    symlink("/usr/local/aws-cli/v2/2.0.0", versions.join("current")).unwrap();
    context
}

fn emulator_context(contexts: &Path) -> Option<PathBuf> {
    let file = std::env::var_os("AWS_LAMBDA_RIE").map(PathBuf::from).filter(|file| file.is_file())?;
    Some(context(contexts, "rie", &file, "usr/local/bin/aws-lambda-rie"))
}

/// SBCL as it is here, without its own core, and one with the shim and the libraries that are here.
fn sbcl_context(contexts: &Path) -> Option<PathBuf> {
    let context = context(contexts, "sbcl", &find_on_path("sbcl")?, "var/lang/bin/sbcl");
    let core = context.join("var/lang/lisp/runtime.core");
    let built = Command::new(repository().join("lisp/build-core.sh")).arg(&core).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    copy_tree(Path::new("/usr/lib/sbcl/contrib"), &context.join("var/lang/lib/sbcl/contrib"));
    // as the Dockerfile does
    fs::remove_file(context.join("var/lang/lib/sbcl/contrib/sb-simd.fasl")).unwrap();
    Some(context)
}

/// The directory of the `pwsh` that is here, trimmed, and with the host for it, as the Dockerfile has it.
fn powershell_context(contexts: &Path) -> Option<PathBuf> {
    let program = std::env::var("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|_| "pwsh".to_owned());
    let program = fs::canonicalize(find_on_path(program)?).unwrap();
    let context = contexts.join("powershell");
    let home = context.join("var/lang/powershell");
    copy_tree(program.parent().unwrap(), &home);
    fs::create_dir_all(context.join("var/lang/bin")).unwrap();
    symlink("../powershell/pwsh", context.join("var/lang/bin/pwsh")).unwrap();
    let run = |script: &str, arguments: &[&Path]| {
        let script = repository().join(script);
        let mut command = Command::new(&program);
        command.args(["-NoProfile", "-NonInteractive", "-File"]).arg(script).args(arguments);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run("powershell/trim.ps1", &[&home]);
    let host = home.join("lambda-script-runtime.dll");
    run("src/languages/powershell/host/build.ps1", &[Path::new("-Output"), &host]);
    // PowerShell makes nothing of an empty one
    fs::write(home.join("ModuleAnalysisCache"), "").unwrap();
    Some(context)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let status = Command::new("cp").args(["--archive", "--no-target-directory"]).args([from, to]).status().unwrap();
    assert!(status.success(), "{}", from.display());
}
