//! PowerShell: hooks are script blocks that a handler's file registers when it is loaded.

use crate::{powershell::files, support::Function};

/// A handler in the file `m`, as a module and dot-sourced, with SnapStart.
fn forms(text: &str) -> [Function; 2] {
    let module = files(&[("m.psm1", text)], "m.f");
    let script = files(&[("m.ps1", text)], "m.ps1::f");
    [module.snapstart(), script.snapstart()]
}

#[test]
fn hooks_run_as_they_are_ordered_in_the_session_of_their_file() {
    needs!(pwsh);
    let text = "$order = @('load')\n\
        Register-BeforeCheckpoint { $script:order += 'before 1' }\n\
        Register-BeforeCheckpoint { $script:order += 'before 2'; Write-Host noted; break }\n\
        Register-AfterRestore { $script:order += 'after 1'; 'put out' }\n\
        Register-AfterRestore -ScriptBlock { $script:order += 'after 2'; $global:WarningPreference = 'Ignore' }\n\
        function f { \"$order $WarningPreference\" }";
    let forms = forms(text);
    for function in forms {
        let function = function.start();
        function.api.wait_for_checkpoint();
        assert_eq!(function.log(), "noted\n");
        let function = function.restored();
        for _ in 0..2 {
            let answer = function.text("{}");
            assert_eq!(answer.trim_end(), "load before 2 before 1 after 1 after 2 Ignore");
        }
        assert_eq!(function.log(), "noted\nput out\n");
    }
}

#[test]
fn without_snapstart_registering_does_nothing() {
    needs!(pwsh);
    let text =
        "Register-BeforeCheckpoint { throw 'ran' }; Register-AfterRestore { throw 'ran' }; function f { 'fine' }";
    let function = files(&[("m.psm1", text)], "m.f");
    assert_eq!(function.start().text("{}"), "fine\n");
}

#[test]
fn what_is_no_script_block_cannot_be_registered() {
    needs!(pwsh);
    let text = "Register-AfterRestore 5\nfunction f { }";
    let function = files(&[("m.psm1", text)], "m.f");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(error.message.contains("m.psm1: line 1: ") && error.message.contains("ScriptBlock"), "{}", error.message);
}
