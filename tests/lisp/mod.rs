//! Lisp handlers, with a core that is built once and, where it matters, with the shim from its source.

mod answers;
mod core;
mod errors;
mod files;
mod init_errors;
mod libraries;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::support::{Function, available, on_path, repository};

/// Whether SBCL is here; else the test is skipped.
pub fn sbcl() -> bool {
    available("sbcl", on_path("sbcl"))
}

/// A core with the shim, built once for all tests.
fn built_core() -> &'static PathBuf {
    static CORE: OnceLock<PathBuf> = OnceLock::new();
    CORE.get_or_init(|| {
        let core = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lisp/runtime.core");
        build_core(&core, &[], None);
        core
    })
}

/// Builds a core; ASDF looks for systems in `registry`, too. Gives what was said.
fn build_core(core: &Path, systems: &[&str], registry: Option<&Path>) -> String {
    let mut command = Command::new(repository().join("lisp/build-core.sh"));
    if let Some(registry) = registry {
        command.env("CL_SOURCE_REGISTRY", format!("{}:", registry.display()));
    }
    let output = command.arg(core).args(systems).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// One Lisp file `main.lisp`, the handler its function `handler`, on the core.
pub fn lisp(text: &str) -> Function {
    lisp_files(&[("main.lisp", text)]).handler("main.handler")
}

/// The same with these files.
fn lisp_files(files: &[(&str, &str)]) -> Function {
    Function::with(files).env("SCRIPT_RUNTIME_LISP_CORE", built_core().to_str().unwrap())
}

/// Evaluates forms in SBCL as a developer does, in the directory of a function.
fn evaluate(function: &Function, options: &[&str], forms: &[&str]) {
    let mut command = Command::new("sbcl");
    command.args(["--noinform"]).args(options).args(["--no-sysinit", "--no-userinit", "--non-interactive"]);
    for form in forms {
        command.args(["--eval", form]);
    }
    command.env("XDG_CACHE_HOME", function.path("cache"));
    let output = command.current_dir(function.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
