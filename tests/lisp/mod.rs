//! Lisp handlers, with a core that is built once and, where it matters, with the shim from its source.

mod answers;
mod core;
mod errors;
mod files;
mod init_errors;
mod libraries;
mod scripts;
mod settings;
mod streams;

use std::process::Command;

use crate::support::{
    Function,
    language::{build_lisp_core as build_core, lisp_core as built_core},
};

/// One Lisp file `main.lisp`, the handler its function `handler`, on the core.
pub fn lisp(text: &str) -> Function {
    lisp_files(&[("main.lisp", text)]).handler("main.handler")
}

/// The same with these files.
pub fn lisp_files(files: &[(&str, &str)]) -> Function {
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
