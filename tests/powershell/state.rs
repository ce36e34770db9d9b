//! The state that one event leaves to the next.

use super::{files, module};
use crate::support::{processes, until};

#[test]
fn globals_stay_and_locals_do_not() {
    needs!(pwsh);
    let function = module(
        "$count = 0\nfunction f { $local++; $script:count++; $global:all++; \"$local $count $all $($null -eq $leaked)\"; $leaked = 1 }",
    );
    let running = function.start();
    assert_eq!(running.text("{}"), "1 1 1 True\n");
    assert_eq!(running.text("{}"), "1 2 2 True\n");
}

#[test]
fn preferences_and_the_location_come_back() {
    needs!(pwsh);
    let text = "function f { param($d)\n\
        \"$PWD $([Environment]::CurrentDirectory) $ErrorActionPreference $VerbosePreference $WarningPreference $OFS|\" +\n\
        \"$($PSDefaultParameterValues.Count) $($global:PSDefaultParameterValues.Count) $($Error.Count) $LASTEXITCODE\"\n\
        $ErrorActionPreference = 'Continue'; $global:ErrorActionPreference = 'Ignore'; $script:ErrorActionPreference = 'Ignore'\n\
        $global:VerbosePreference = 'Continue'; $script:WarningPreference = 'Ignore'; $global:OFS = '-'\n\
        $PSDefaultParameterValues['Get-Item:Path'] = '/'; $global:PSDefaultParameterValues['Get-Item:Path'] = '/'\n\
        $script:PSDefaultParameterValues = @{ 'Get-Item:Force' = $true }\n\
        Set-Location /; [Environment]::CurrentDirectory = '/'; Get-Item /nowhere; sh -c 'exit 3' }";
    for (file, handler, end) in [("m.psm1", "m.f", "\n"), ("m.ps1", "m.ps1::f", "")] {
        let function = files(&[(file, text)], handler);
        let root = function.path("").display().to_string();
        let root = root.trim_end_matches('/');
        let expected = format!("{root} {root} Stop SilentlyContinue Continue |0 0 0 0{end}");
        let running = function.start();
        for _ in 0..3 {
            assert_eq!(running.text("{}"), expected, "{handler}");
        }
    }
}

#[test]
fn preferences_that_the_file_sets_stay() {
    needs!(pwsh);
    let function = module(
        "$WarningPreference = 'SilentlyContinue'; $global:VerbosePreference = 'Continue'; $PSDefaultParameterValues['a:b'] = 1\n\
         function f { \"$WarningPreference $VerbosePreference $($PSDefaultParameterValues['a:b'])\"\n\
         $script:WarningPreference = 'Stop'; $global:VerbosePreference = 'Stop'; $PSDefaultParameterValues.Clear() }",
    );
    let running = function.start();
    for _ in 0..2 {
        assert_eq!(running.text("{}"), "SilentlyContinue Continue 1\n");
    }
}

#[test]
fn variables_that_a_file_types_or_locks_stay_the_files() {
    needs!(pwsh);
    for (head, expected) in [
        ("[int] $global:LambdaContext = 5", "5 Int32"),
        ("Set-Variable -Scope Global LambdaContext 5 -Option ReadOnly", "5 Int32"),
        ("New-Variable -Scope Global LambdaContext 5 -Option Constant", "5 Int32"),
        ("[ValidateSet(5)] [int] $global:LASTEXITCODE = 5", "5 Int32"),
        ("[string] $global:LASTEXITCODE = '5'", "0 String"),
        ("[int] $global:LambdaInput = 5", "5 Int32"),
        ("Set-Variable -Scope Global LambdaInput 5 -Option ReadOnly", "5 Int32"),
        ("Set-Variable -Scope Global StackTrace 5 -Option ReadOnly -Force", "5 Int32"),
    ] {
        let name = head
            .split([':', ' '])
            .find(|word| ["LambdaContext", "LASTEXITCODE", "LambdaInput", "StackTrace"].contains(word))
            .unwrap();
        let text = format!("{head}\nfunction f {{ \"$global:{name} $($global:{name}.GetType().Name)\" }}");
        for (file, handler) in [("m.psm1", "m.f"), ("m.ps1", "m.ps1::f")] {
            let running = files(&[(file, &text)], handler).start();
            for _ in 0..2 {
                assert_eq!(running.text("{}").trim_end(), expected, "{head}");
            }
        }
    }
}

#[test]
fn a_working_directory_that_is_removed_costs_no_worker() {
    needs!(pwsh);
    let remove = "$p = \"/tmp/gone-$PID\"; $null = [IO.Directory]::CreateDirectory($p)\n\
        if ('LOCATION') { Set-Location $p }; [Environment]::CurrentDirectory = $p; [IO.Directory]::Delete($p)";
    for (head, body) in [(remove, ""), ("", remove)] {
        for location in ["x", ""] {
            let text = format!("{head}\nfunction f {{ \"$PWD $([Environment]::CurrentDirectory) $PID\"\n{body} }}");
            let function = module(&text.replace("LOCATION", location));
            let root = function.path("").display().to_string();
            let root = root.trim_end_matches('/');
            let running = function.start();
            let worker = running.text("{}").rsplit_once(' ').unwrap().1.to_owned();
            for _ in 0..3 {
                assert_eq!(running.text("{}"), format!("{root} {root} {worker}"), "{}", running.log());
            }
        }
    }
}

#[test]
fn actions_of_a_file_are_not_called_by_the_runtime() {
    needs!(pwsh);
    let text = "$c = $ExecutionContext.InvokeCommand\n\
        $c.LocationChangedAction = { throw 'moved' }; $c.PreCommandLookupAction = { Write-Host looked }\n\
        function f { param($d) if ($d.move) { try { Set-Location / } catch { } }; @{ a = 1 } }";
    for (file, handler) in [("m.psm1", "m.f"), ("m.ps1", "m.ps1::f")] {
        let running = files(&[(file, text)], handler).start();
        for event in ["{}", "{}", r#"{"move": true}"#, "{}"] {
            assert_eq!(running.text(event), r#"{"a":1}"#);
        }
        let log = running.log();
        assert!(!log.contains("moved") && log.matches("looked").count() <= 2, "{log}");
    }
}

/// A handler that leaves this running answers, and the runtime ends.
fn leaves(running: &str) {
    let mut function = module(&format!("function f {{ {running}; 'done' }}")).start();
    assert_eq!(function.text("{}"), "done\n");
    assert_eq!(function.text("{}"), "done\n");
    function.terminate();
    assert_eq!(function.wait().code(), Some(0));
}

#[test]
fn what_is_left_running_delays_nothing() {
    needs!(pwsh);
    leaves(
        "Start-Process sleep 300; $null = Start-Job { Start-Sleep 300 }; $p = [powershell]::Create(); \
         $null = $p.AddScript('Start-Sleep 300').BeginInvoke()",
    );
}

#[test]
fn a_thread_job_that_is_left_running_delays_nothing() {
    needs!(pwsh, "Start-ThreadJob");
    leaves("$null = Start-ThreadJob { Start-Sleep 300 }");
}

#[test]
fn a_handler_sees_nothing_of_the_runtime() {
    needs!(pwsh);
    let text = "param($d) $names = (Get-Variable).Name + (Get-Command -CommandType Function, Alias).Name + (Get-Module).Name\n\
        (& $d.pwsh -NoProfile -NonInteractive -Command {\n\
        Import-Module $PSHOME/Modules/Microsoft.PowerShell.Utility/Microsoft.PowerShell.Utility.psd1\n\
        Import-Module $PSHOME/Modules/Microsoft.PowerShell.Management/Microsoft.PowerShell.Management.psd1\n\
        (Get-Variable).Name + (Get-Command -CommandType Function, Alias).Name + (Get-Module).Name }) |\n\
        ForEach-Object { $names = $names -ne $_ }\n\
        ($names | Sort-Object) -join ' '";
    for file in ["s.ps1", "m.psm1"] {
        let (content, handler) = match file {
            "s.ps1" => (text.to_owned(), "s.ps1"),
            _ => (format!("function f {{ {text} }}"), "m.f"),
        };
        let function = files(&[(file, &content)], handler);
        let names = function.start().text(r#"{"pwsh": "pwsh"}"#);
        let own: Vec<_> = names
            .split_whitespace()
            .filter(|name| {
                ![
                    "d",
                    "names",
                    "LambdaContext",
                    "LambdaInput",
                    "m",
                    "f",
                    "PSCommandPath",
                    "PSScriptRoot",
                    "_",
                    "PSItem",
                    "LASTEXITCODE",
                    "Register-BeforeCheckpoint",
                    "Register-AfterRestore",
                ]
                .contains(name)
            })
            .collect();
        assert_eq!(own, [""; 0], "{file}: {names}");
    }
}

#[test]
fn memory_and_descriptors_do_not_grow() {
    needs!(pwsh);
    let function = module("function f { param($d) @{ a = $d; p = $PID } }");
    let running = function.start();
    running.answer("{}");
    let worker = running.children()[0];
    for _ in 0..500 {
        running.answer(r#"{"x": [1, 2, 3]}"#);
    }
    let (before, open) = (processes::resident(worker), processes::descriptors(worker));
    for _ in 0..1500 {
        running.answer(r#"{"x": [1, 2, 3]}"#);
    }
    let after = processes::resident(worker);
    assert!(after < before + 30 * 1024, "{before} KiB became {after}");
    until("the descriptors of before", || processes::descriptors(worker) <= open);
}

#[test]
fn several_events_at_the_same_time_have_a_worker_each() {
    needs!(pwsh);
    let function = module("function f { param($d) Start-Sleep -Milliseconds 300; $PID }");
    let running = function.env("AWS_LAMBDA_MAX_CONCURRENCY", "2").start();
    let ids: Vec<_> = (0..2).map(|_| running.api.send(crate::support::Event::new("{}"))).collect();
    let posts: Vec<_> = ids.iter().map(|id| running.api.wait(id).body).collect();
    assert_ne!(posts[0], posts[1]);
}
