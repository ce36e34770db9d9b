//! The forms of a handler, and how the command behind it is called.

use super::files;

const FUNCTION: &str = "function Get-It { param($Data, $Context) \"$($MyInvocation.MyCommand.Name) $($Data.n)\" }";

#[test]
fn a_module_is_found_at_the_root_in_its_folder_and_in_modules() {
    needs!(pwsh);
    for (file, handler) in [
        ("My.Thing.psm1", "My.Thing.Get-It"),
        ("Thing/Thing.psm1", "Thing.Get-It"),
        ("modules/Thing/Thing.psm1", "Thing.Get-It"),
        ("modules/Thing/1.2.0/Thing.psd1", "Thing.Get-It"),
        ("src/Thing.psm1", "./src/Thing.psm1.Get-It"),
        ("modules/Thing/Thing.psm1", "Module::Thing::Get-It"),
    ] {
        let manifest = "@{ ModuleVersion = '1.2.0'; RootModule = 'Thing.psm1'; FunctionsToExport = '*' }";
        let text = if file.ends_with("psd1") { manifest } else { FUNCTION };
        let mut function = files(&[(file, text)], handler);
        if file.ends_with("psd1") {
            function = function.file(file.replace("psd1", "psm1"), FUNCTION);
        }
        let end = if handler.starts_with("Module::") { "" } else { "\n" };
        assert_eq!(function.start().text(r#"{"n": 1}"#), format!("Get-It 1{end}"), "{handler}");
    }
}

#[test]
fn a_module_by_its_manifest_and_one_that_ships_with_powershell() {
    needs!(pwsh);
    let manifest = "@{ ModuleVersion = '1.0'; RootModule = 'inner.psm1'; FunctionsToExport = 'Get-It' }";
    let tree = [("Thing.psd1", manifest), ("inner.psm1", FUNCTION)];
    let function = files(&tree, "./Thing.psd1.Get-It");
    assert_eq!(function.start().text(r#"{"n": 2}"#), "Get-It 2\n");
    let function = files(&[], "Microsoft.PowerShell.Utility.Get-Date");
    assert_eq!(function.start().text("\"2020-01-02\""), "\"2020-01-02T00:00:00\"");
}

#[test]
fn a_module_of_a_directory_that_the_environment_names() {
    needs!(pwsh);
    let function = files(&[("elsewhere/Thing/Thing.psm1", FUNCTION)], "Thing.Get-It");
    let elsewhere = function.path("elsewhere").display().to_string();
    assert_eq!(function.env("PSModulePath", &elsewhere).start().text(r#"{"n": 3}"#), "Get-It 3\n");
}

#[test]
fn a_module_uses_other_modules_of_the_function() {
    needs!(pwsh);
    let tree = [
        ("Thing.psm1", "function Get-It { (Get-Other) + \";$env:PSModulePath\" }"),
        ("modules/Other/Other.psm1", "function Get-Other { 'other' }"),
    ];
    let function = files(&tree, "Thing.Get-It");
    let root = function.path("").display().to_string();
    let root = root.trim_end_matches('/');
    let text = function.start().text("{}");
    assert!(text.starts_with(&format!("other;{root}:{root}/modules:/opt/modules:/")), "{text}");
    assert!(text.ends_with("/Modules\n"), "{text}");
}

#[test]
fn a_script_by_its_file_and_by_its_name() {
    needs!(pwsh);
    let text = "param($Data, $Context) \"$($Data.n) $($Context.AwsRequestId) $(Split-Path $PSCommandPath -Leaf)\"";
    for handler in ["./bin/My Script.ps1", "bin/My Script"] {
        let function = files(&[("bin/My Script.ps1", text)], handler);
        let running = function.start();
        for number in [1, 2] {
            let expected = format!("{number} {} My Script.ps1\n", running.api.request_id(number));
            assert_eq!(running.text(format!(r#"{{"n": {number}}}"#)), expected);
        }
    }
}

#[test]
fn a_function_of_a_script_that_is_loaded_once() {
    needs!(pwsh);
    let text = "$script:loads++\n$count = 0\nfunction handler { param($LambdaInput, $LambdaContext)\n\
                $script:count++; \"$loads $count $($LambdaInput.GetType().Name) $($LambdaContext.FunctionName)\" }";
    let function = files(&[("it's.ps1", text)], "it's.ps1::handler");
    let running = function.start();
    assert_eq!(running.text("{}"), "1 1 PSCustomObject f");
    assert_eq!(running.text("{}"), "1 2 PSCustomObject f");
}

#[test]
fn a_command_is_called_the_way_its_declaration_allows() {
    needs!(pwsh);
    for (declaration, expected) in [
        ("function f { \"$($args.Count) $($args[0].n) $($args[1].FunctionName)\" }", "2 1 f\n"),
        ("function f { param($One) \"$($One.n) $($args[0].FunctionName)\" }", "1 f\n"),
        ("function f { [CmdletBinding()] param() \"$VerbosePreference\" }", "Continue\n"),
        ("function f { [CmdletBinding()] param($One) \"$($One.n)\" }", "1\n"),
        (
            "function f { param([Parameter(Position = 1)] $B, [Parameter(Position = 0)] $A) \"$($A.n) $($B.FunctionName)\" }",
            "1 f\n",
        ),
        (
            "function f { [CmdletBinding(PositionalBinding = $false)] param([Parameter(ValueFromPipeline)] $One) process { \"$($One.n)\" } }",
            "1\n",
        ),
        (
            "function f { [CmdletBinding()] param([Parameter(Mandatory, ValueFromPipeline)] $One) process { \"$($One.n)\" } }",
            "1\n",
        ),
        ("filter f { \"$($_.n)\" }", "1\n"),
        ("function f { param([hashtable] $One, $Two, $Three = 3) \"$($One.n) $Three\" }", "1 3\n"),
        (
            "function f { param($LambdaInput, $LambdaContext) \"$($LambdaInput.GetType().Name) $($LambdaContext.FunctionName)\" }",
            "PSCustomObject f\n",
        ),
        ("function g { \"$($args[0].n)\" }; Set-Alias f g; Export-ModuleMember -Alias f -Function g", "1\n"),
    ] {
        let function = super::module(declaration);
        assert_eq!(function.start().text(r#"{"n": 1}"#), expected, "{declaration}");
    }
}

#[test]
fn the_samples_answer() {
    needs!(pwsh);
    for (files_of, handler, event, expected) in [
        (&["example/example.psd1", "example/example.psm1"][..], "example.Test-Lambda", "Hello, you\n"),
        (&["greeting.ps1"], "./greeting.ps1", "Hello, you\n"),
        (&["greeting-aws.ps1"], "greeting-aws.ps1::handler", r#"{"greeting":"Hello, you"}"#),
    ]
    .map(|(files_of, handler, expected)| (files_of, handler, r#"{"name": "you"}"#, expected))
    {
        let mut function = files(&[], handler);
        for file in files_of {
            function = function.copy(&format!("function/{file}"), file);
        }
        assert_eq!(function.start().text(event), expected, "{handler}");
    }
}
