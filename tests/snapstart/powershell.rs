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
    let text = "Register-BeforeCheckpoint { throw 'ran' }; Register-AfterRestore { throw 'ran' }; function f { 'fine' }";
    let function = files(&[("m.psm1", text)], "m.f");
    assert_eq!(function.start().text("{}"), "fine\n");
}

#[test]
fn random_numbers_do_not_go_on_where_a_seed_before_the_snapshot_led() {
    needs!(pwsh);
    let text = "$null = Get-Random -SetSeed 42\n\
        function f { (1..4 | ForEach-Object { Get-Random -Maximum 1000000 }) -join ' ' }";
    let plain = || files(&[("m.psm1", text)], "m.f");
    let (first, second) = (plain(), plain());
    let seeded = first.start().text("{}");
    assert_eq!(seeded, second.start().text("{}"), "a seed is a seed");
    let copies = [(); 2].map(|()| plain().snapstart().start().restored().text("{}"));
    assert!(!copies.contains(&seeded), "{copies:?}");
    assert_ne!(copies[0], copies[1]);
}

#[test]
fn a_failing_hook_is_the_error_of_its_phase() {
    needs!(pwsh);
    let function = |hook: &str| {
        let text =
            format!("function Open-It {{\n  throw 'no database'\n}}\n{hook} {{ Open-It }}\nfunction f {{ }}");
        files(&[("m.psm1", &text)], "m.f").snapstart()
    };
    let (before, after) = (function("Register-BeforeCheckpoint"), function("Register-AfterRestore"));
    let places = [before.path("m.psm1"), after.path("m.psm1")];
    for (error, place) in [before.init_error(), after.start().restored().restore_error()].iter().zip(places) {
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("RuntimeException", "no database"));
        let place = place.display();
        assert_eq!(
            error.stack,
            [format!("at Open-It, {place}: line 2"), format!("at <ScriptBlock>, {place}: line 4")]
        );
    }
}

#[test]
fn what_is_no_script_block_cannot_be_registered() {
    needs!(pwsh);
    let text = "Register-AfterRestore 5\nfunction f { }";
    let function = files(&[("m.psm1", text)], "m.f");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert!(
        error.message.contains("m.psm1: line 1: ") && error.message.contains("ScriptBlock"),
        "{}",
        error.message
    );
}
