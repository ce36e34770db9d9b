//! Modules that come packed, and requirements.

use std::process::Command;

use super::files;
use crate::support::{Function, on_path};

fn zip(function: &Function, archive: &str, folder: &str) {
    let script = "import sys, os, zipfile\n\
        archive, folder = sys.argv[1:]\n\
        os.makedirs(os.path.dirname(archive), exist_ok=True)\n\
        with zipfile.ZipFile(archive, 'w') as z:\n\
        \x20   for root, _, names in os.walk(folder):\n\
        \x20       for name in names:\n\
        \x20           path = os.path.join(root, name)\n\
        \x20           z.write(path, os.path.relpath(path, folder))\n";
    let mut command = Command::new("python3");
    command.args(["-c", script]).arg(function.path(archive)).arg(function.path(folder));
    assert!(command.status().unwrap().success());
    std::fs::remove_dir_all(function.path(folder)).unwrap();
}

const MODULE: &str = "function Get-Rate { 42 }";

#[test]
fn packed_modules_are_found() {
    needs!(pwsh);
    if !on_path("python3") {
        return;
    }
    for (archive, file) in
        [("modules.zip", "packed/Rates/Rates.psm1"), ("module-nupkgs/Rates.1.2.0.nupkg", "packed/Rates.psm1")]
    {
        let tree = [("m.psm1", "function f { \"$(Get-Rate)\" }"), (file, MODULE)];
        let function = files(&tree, "m.f");
        zip(&function, archive, "packed");
        let running = function.start();
        assert_eq!(running.text("{}"), "42\n", "{archive}");
        assert_eq!(running.text("{}"), "42\n", "{archive}");
        let function = files(&[(file, MODULE)], "Rates.Get-Rate");
        zip(&function, archive, "packed");
        assert_eq!(function.start().text("{}"), "42", "{archive}");
    }
}

#[test]
fn a_broken_archive_is_named_at_init() {
    needs!(pwsh);
    let tree = [("m.psm1", "function f { }"), ("modules.zip", "no archive")];
    let function = files(&tree, "m.f");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.contains("modules.zip"), "{}", error.message);
}

#[test]
fn what_a_file_requires_is_looked_for_at_init() {
    needs!(pwsh);
    for (requirement, message) in [
        ("-Version 99", "PowerShell 99"),
        ("-Modules Not.There", "Not.There"),
        ("-Modules @{ ModuleName = 'Not.There'; ModuleVersion = '2.0' }", "Not.There"),
        ("-PSEdition Desktop", "Desktop"),
    ] {
        for (file, handler) in [("m.psm1", "m.f"), ("m.ps1", "m.ps1"), ("m.ps1", "m.ps1::f")] {
            let text = format!("#Requires {requirement}\nfunction f {{ }}\n'ran'");
            let function = files(&[(file, &text)], handler);
            let error = function.init_error();
            assert_eq!(error.kind, "Runtime.HandlerLoadFailed", "{handler} {requirement}");
            assert!(error.message.contains(message), "{handler} {requirement}: {}", error.message);
        }
    }
}

#[test]
fn what_a_script_requires_is_there_when_it_runs_and_it_runs_at_events_alone() {
    needs!(pwsh);
    let tree = [
        ("s.ps1", "#Requires -Modules Own\nWrite-Host ran; Get-Own"),
        ("modules/Own/Own.psm1", "Write-Host loaded; function Get-Own { 'own' }"),
    ];
    let function = files(&tree, "s.ps1");
    let running = function.start();
    assert_eq!(running.text("{}"), "own\n");
    assert_eq!(running.text("{}"), "own\n");
    assert_eq!(running.log(), "loaded\nran\nran\n");
}
