//! Whatever a user's file sets reaches no step of the runtime's, in any form of a handler and in both log formats.

use super::files;
use crate::support::Running;

/// First lines of a file, which change settings of its session.
const HEADS: [&str; 12] = [
    "Set-StrictMode -Version Latest",
    "$global:PSDefaultParameterValues = @{ '*:ErrorAction' = 'SilentlyContinue'; '*:Verbose' = $true; 'Out-String:Width' = 5 }",
    "$global:OFS = '-'; $OFS = '+'",
    "foreach ($n in 'Out-Default', 'Out-String', 'Out-Host', 'Import-Module', 'ConvertTo-Json', 'ConvertFrom-Json', 'Set-Location', \
     'Get-Command', 'Invoke-Command', 'Write-Output') { Set-Item \"function:global:$n\" { throw 'shadowed' } }",
    "Set-Alias -Scope Global Out-Default Get-Date; Set-Alias -Scope Global Out-String Get-Date; Set-Alias -Scope Global Set-Location Get-Date",
    "function global:Out-Default { [CmdletBinding()] param([Parameter(ValueFromPipeline)] $InputObject) process { [Console]::WriteLine('proxy') } }",
    "$global:ErrorActionPreference = 'SilentlyContinue'; $global:InformationPreference = 'Ignore'; $global:ErrorView = 'DetailedView'",
    "Set-Variable -Scope Global -Name ErrorActionPreference -Value Stop -Option ReadOnly",
    "New-Variable -Scope Global -Name OFS -Value ' ' -Option Constant",
    "New-Variable -Scope Global -Name LambdaInput -Value 1 -Option Constant",
    "$global:args = 1; $global:input = 2; $global:Data = $global:Context = 3; $global:output = 4",
    "[Threading.Thread]::CurrentThread.CurrentCulture = 'tr-TR'; [cultureinfo]::DefaultThreadCurrentCulture = 'tr-TR'",
];

const BODY: &str = "param($d, $c) \
    [Console]::Error.WriteLine('logged'); sh -c 'echo native >&2'; $PSDefaultParameterValues = @{}; \
    @{ id = $d.ID; n = $d.n; c = $c.AWSREQUESTID -eq $env:AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID; list = @(1, 2); half = 1.5 }";

fn check(running: &Running, head: &str) {
    for _ in 0..2 {
        let answer: serde_json::Value =
            serde_json::from_slice(&running.answer(r#"{"id": "ı", "n": {"deep": [1.5]}}"#)).unwrap();
        let expected = serde_json::json!(
            {"id": "ı", "n": {"deep": [1.5]}, "c": true, "list": [1, 2], "half": 1.5}
        );
        assert_eq!(answer, expected, "{head}: {}", running.log());
    }
    for line in ["logged", "native"] {
        assert_eq!(running.log().matches(line).count(), 2, "{head}: {}", running.log());
    }
    assert!(!running.log().contains("shadowed"), "{head}: {}", running.log());
    assert_eq!(running.children().len(), 1, "{head}");
}

fn matrix(format: &str, name: &str, handler: &str, text: impl Fn(&str) -> String) {
    for head in HEADS {
        let function = files(&[(name, &text(head))], handler);
        check(&function.env("AWS_LAMBDA_LOG_FORMAT", format).start(), head);
    }
}

#[test]
fn a_module_keeps_what_it_sets_to_itself() {
    needs!(pwsh);
    matrix("Text", "m.psm1", "m.f", |head| format!("{head}\nfunction f {{ {BODY} }}"));
}

#[test]
fn a_module_keeps_what_it_sets_to_itself_in_json_mode() {
    needs!(pwsh);
    matrix("JSON", "m.psm1", "m.f", |head| format!("{head}\nfunction f {{ [CmdletBinding()] {BODY} }}"));
}

#[test]
fn a_dot_sourced_file_keeps_what_it_sets_to_itself() {
    needs!(pwsh);
    matrix("Text", "m.ps1", "m.ps1::f", |head| format!("{head}\nfunction f {{ {BODY} }}"));
}

#[test]
fn preferences_that_do_not_let_themselves_be_put_back_cost_no_worker() {
    needs!(pwsh);
    let text = "function f { \"$PID\"; foreach ($n in 'ErrorActionPreference', 'WarningPreference', 'VerbosePreference') { \
        Set-Variable -Scope Global $n Stop -Option ReadOnly -Force }\n\
        if (-not (Get-Variable -Scope Global OFS -ErrorAction Ignore)) { New-Variable -Scope Global OFS '-' -Option Constant } }";
    for (name, handler) in [("m.psm1", "m.f"), ("m.ps1", "m.ps1::f")] {
        let function = files(&[(name, text)], handler);
        let running = function.start();
        let first = running.text("{}");
        assert_eq!(running.text("{}"), first);
        assert_eq!(running.text("{}"), first);
    }
}
