//! Errors of the init, and the start itself.

use std::process::Command;

use super::{files, module};

#[test]
fn a_function_that_is_not_there_is_named_with_those_that_are() {
    needs!(pwsh);
    let function = module("function Get-A { }\nfunction Get-B { }");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerNotFound");
    assert!(error.message.contains("`Get-A`") && error.message.contains("`Get-B`"), "{}", error.message);
    let function = files(&[("s.ps1", "function Get-C { }")], "s.ps1::f");
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerNotFound");
    assert!(error.message.contains("defines `Get-C`, but not"), "{}", error.message);
}

#[test]
fn a_function_that_is_not_exported_is_named_with_what_to_do() {
    needs!(pwsh);
    let manifest = "@{ ModuleVersion = '1.0'; RootModule = 'inner.psm1'; FunctionsToExport = 'g' }";
    let text = "function f { }; function g { }";
    for (files_of, handler) in [
        (vec![("m.psm1", "function f { }; function g { }; Export-ModuleMember -Function g")], "m.f"),
        (vec![("m.psd1", manifest), ("inner.psm1", text)], "m.f"),
    ] {
        let error = files(&files_of, handler).init_error();
        assert_eq!(error.kind, "Runtime.HandlerNotFound");
        assert!(error.message.contains("defines `f` and does not export it"), "{}", error.message);
    }
}

#[test]
fn starts_where_no_directory_of_the_user_can_be_made() {
    needs!(pwsh);
    for names in [
        &["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"][..],
        &["XDG_CACHE_HOME"],
        &["XDG_CONFIG_HOME"],
        &["HOME"],
    ] {
        for place in ["/proc/nothing", "/dev/null", "relative/../../proc/none"] {
            let function =
                module("function f { param($d) $null = Get-Date; Write-Error x -ErrorAction Continue; 'fine' }");
            let function = names.iter().fold(function, |function, name| function.env(name, place));
            let running = function.start();
            for _ in 0..2 {
                assert_eq!(running.text("{}"), "fine\n", "{names:?} {place}");
            }
        }
    }
}

#[test]
fn temporary_files_have_the_place_that_other_runtimes_give_them() {
    needs!(pwsh);
    let function = || module("function f { \"$env:TEMP $env:TMP\" }");
    assert_eq!(function().without_env("TEMP").without_env("TMP").start().text("{}"), "/tmp /tmp\n");
    assert_eq!(function().env("TEMP", "/mine").env("TMP", "/own").start().text("{}"), "/mine /own\n");
}

#[test]
fn a_syntax_error_has_its_file_line_and_text() {
    needs!(pwsh);
    for (file, handler) in [("m.psm1", "m.f"), ("m.ps1", "m.ps1"), ("m.ps1", "m.ps1::f"), ("modules/m/m.psm1", "m.f")] {
        let function = files(&[(file, "function f {\n    'a'\n    'b' 'c'\n}\n")], handler);
        let path = function.path(file).display().to_string();
        let error = function.init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed", "{}", error.message);
        assert!(error.message.starts_with(&format!("{path}: line 3: ")), "{}", error.message);
        assert!(error.message.contains("Unexpected token ''c'' in expression or statement."), "{}", error.message);
    }
}

#[test]
fn a_manifest_that_asks_for_what_is_missing_says_so() {
    needs!(pwsh);
    for (requirement, text) in [
        ("RequiredModules = @('Not.There')", "The required module 'Not.There' is not loaded."),
        ("PowerShellVersion = '99.0'", "PowerShell version of '99.0'"),
        ("RequiredAssemblies = @('not-there.dll')", "not-there"),
    ] {
        let manifest = format!("@{{ ModuleVersion = '1.0'; RootModule = 'm.psm1'; {requirement} }}");
        let tree = [("m.psd1", manifest.as_str()), ("m.psm1", "function f { }")];
        let function = files(&tree, "./m.psd1.f");
        let error = function.init_error();
        assert_eq!(error.kind, "Runtime.HandlerLoadFailed", "{requirement}");
        assert!(error.message.contains(text), "{requirement}: {}", error.message);
    }
}

#[test]
fn an_error_while_loading_has_its_place() {
    needs!(pwsh);
    let function = module("function f { }\nWrite-Host 'loading'\nthrow 'not today'");
    let path = function.path("m.psm1").display().to_string();
    let error = function.init_error();
    assert_eq!(error.kind, "Runtime.HandlerLoadFailed");
    assert_eq!(error.message, format!("{path}: line 3: not today"));
    assert_eq!(error.stack[0], format!("at <ScriptBlock>, {path}: line 3"));
    let function = module("exit 5");
    let error = function.init_error();
    assert!(["Runtime.HandlerLoadFailed", "Runtime.HandlerNotFound"].contains(&error.kind.as_str()), "{error:?}");
}

#[test]
fn without_pwsh_the_error_says_what_is_missing() {
    let function = crate::support::Function::with(&[("m.psm1", "")]).handler("m.f");
    let error = function.env("PATH", "/nowhere").without_env("SCRIPT_RUNTIME_PWSH").init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert!(error.message.contains("`pwsh` is not on the PATH (`/nowhere`)"), "{}", error.message);
    let function = crate::support::Function::with(&[("m.psm1", "")]).handler("m.f");
    let error = function.env("SCRIPT_RUNTIME_PWSH", "/nowhere/pwsh").init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert_eq!(error.message, "`SCRIPT_RUNTIME_PWSH` is `/nowhere/pwsh`, which is no file");
}

#[test]
fn starts_quietly_with_the_settings_of_a_service() {
    needs!(pwsh);
    let function = module(
        "function f { \"$env:POWERSHELL_TELEMETRY_OPTOUT $env:POWERSHELL_UPDATECHECK $ErrorActionPreference\"\n\
         \"$([Environment]::GetCommandLineArgs() -contains '-NoProfile') $($PSStyle.OutputRendering) $PWD\" }",
    );
    let root = function.path("").display().to_string();
    let running = function.start();
    assert_eq!(running.text("{}"), format!("1 Off Stop\nTrue PlainText {}\n", root.trim_end_matches('/')));
    assert_eq!(running.log(), "");
}

#[test]
fn a_worker_has_no_files_in_tmp() {
    needs!(pwsh);
    let function = module("function f { 'fine' }");
    let names = || -> Vec<String> {
        let entries = std::fs::read_dir("/tmp").unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    let version = Command::new(super::host::program()).arg("--version").output().unwrap().stdout;
    let is_7_4 = version.starts_with(b"PowerShell 7.4.");
    let before = names();
    let running = function.start();
    for _ in 0..2 {
        assert_eq!(running.text("{}"), "fine\n");
        // the pipes of PowerShell's and of .NET's diagnostics would outlive a worker that is killed
        let worker = running.children()[0].to_string();
        let mut own = names();
        own.retain(|name| name.split(['-', '.']).any(|part| part == worker) && !before.contains(name));
        // PowerShell 7.4 has no setting against its pipe
        own.retain(|name| !is_7_4 || !name.starts_with("CoreFxPipe_PSHost"));
        assert!(own.is_empty(), "{own:?}");
    }
}

#[test]
fn answers_one_event_without_lambda() {
    needs!(pwsh);
    let function = module("function f { param($d) Write-Host 'log'; if ($d.no) { throw 'no' }; $d }");
    let output = function.once(r#"{"a": [1]}"#, b"");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b"{\"a\":[1]}\n"[..]));
    assert!(output.stderr.starts_with(b"log\n"));
    let output = function.once(r#"{"no": 1}"#, b"");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(String::from_utf8_lossy(&output.stderr).contains(r#""errorType":"RuntimeException""#));
}
