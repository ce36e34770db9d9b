//! Functions with a module or a library of others.

use std::{env, fs, path::Path, process::Command};

use tempfile::TempDir;

use crate::support::{Function, language::lisp_core, repository};

const ORDER: &str = r#"{"items": [{"price": 2.5, "count": 2}, {"price": 1, "count": 3}]}"#;

/// A function with all files of an example.
fn example(name: &str, handler: &str) -> Function {
    fn copy(function: Function, from: &Path, to: &Path) -> Function {
        fs::read_dir(from).unwrap().fold(function, |function, entry| {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(function, &entry.path(), &target)
            } else {
                function.file(target, fs::read(entry.path()).unwrap())
            }
        })
    }
    copy(Function::with(&[]), &repository().join("examples").join(name), Path::new("")).handler(handler)
}

#[test]
fn a_saved_module_is_at_hand() {
    needs!(pwsh);
    let running = example("powershell-module", "Orders.Get-Total").start();
    for _ in 0..2 {
        assert_eq!(running.text(ORDER), r#"{"total":"8.00 EUR"}"#);
    }
}

#[test]
fn a_library_is_at_hand_from_a_bundle_and_in_a_core() {
    needs!(sbcl, yason);
    let folder = TempDir::new().unwrap();
    let core = folder.path().join("my.core");
    let sources = repository().join("examples/lisp-library");
    let mut build = Command::new(repository().join("lisp/build-core.sh"));
    build.arg(&core).args(["money", "yason", "alexandria"]);
    let registry = env::var("CL_SOURCE_REGISTRY").unwrap_or_default();
    build.env("CL_SOURCE_REGISTRY", format!("{}//:{registry}", sources.display()));
    let output = build.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for core in [lisp_core(), &core] {
        let function = example("lisp-library", "orders.handler");
        let running = function.env("SCRIPT_RUNTIME_LISP_CORE", core.to_str().unwrap()).start();
        for _ in 0..2 {
            assert_eq!(running.text(ORDER), r#"{"total":"8.00 EUR"}"#);
        }
    }
}
