//! The host itself: how it is found, compiled, kept and entered, and what a handler can tell of it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use tempfile::tempdir;

use super::{files, module};
use crate::support::{find_on_path, repository};

/// PowerShell as it is found by these tests.
pub(super) fn program() -> std::ffi::OsString {
    std::env::var_os("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|| "pwsh".into())
}

/// Compiles the host as `make powershell-host` does.
fn build(output: &Path) {
    let mut command = Command::new(program());
    command.args(["-NoProfile", "-NonInteractive", "-File"]);
    command.arg(repository().join("src/languages/powershell/host/build.ps1")).arg("-Output").arg(output);
    let output = command.output().unwrap();
    // warnings would be errors
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assemblies(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn is_compiled_once_and_kept() {
    needs!(pwsh);
    let cache = tempdir().unwrap();
    let place = cache.path().join("lambda-script-runtime");
    let start = || {
        let function = module("function f { 'fine' }");
        let running = function.env("XDG_CACHE_HOME", cache.path().to_str().unwrap()).start();
        assert_eq!(running.text("{}"), "fine\n");
        running.log()
    };
    let log = start();
    assert_eq!(log.matches("compiled the PowerShell host").count(), 1, "{log}");
    assert_eq!(fs::metadata(&place).unwrap().mode() & 0o777, 0o700);
    let kept = assemblies(&place);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(start(), "");
    // a file that is no host of ours is replaced by a new one
    fs::write(place.join(&kept[0]), "planted").unwrap();
    assert!(start().contains("compiled"), "a file without our mark was loaded");
    assert_eq!(assemblies(&place), kept);
}

#[test]
fn several_that_start_at_once_compile_it_whole() {
    needs!(pwsh);
    let cache = tempdir().unwrap();
    let mut running = Vec::new();
    for _ in 0..3 {
        let function = module("function f { 'fine' }");
        running.push(function.env("XDG_CACHE_HOME", cache.path().to_str().unwrap()).start());
    }
    for function in &running {
        assert_eq!(function.text("{}"), "fine\n");
    }
    let kept = assemblies(&cache.path().join("lambda-script-runtime"));
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[test]
fn a_directory_that_is_not_ours_alone_is_not_used() {
    needs!(pwsh);
    let (cache, elsewhere) = (tempdir().unwrap(), tempdir().unwrap());
    let place = cache.path().join("lambda-script-runtime");
    let run = || {
        let function = module("function f { 'fine' }");
        let running = function.env("XDG_CACHE_HOME", cache.path().to_str().unwrap()).start();
        assert_eq!(running.text("{}"), "fine\n");
    };
    symlink(elsewhere.path(), &place).unwrap();
    run();
    assert!(assemblies(elsewhere.path()).is_empty());
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    // others can write to the directory, or replace it
    for (parent, own, kept) in [(0o700, 0o777, 0), (0o700, 0o750, 0), (0o777, 0o700, 0), (0o1777, 0o700, 1)] {
        fs::set_permissions(&place, fs::Permissions::from_mode(own)).unwrap();
        fs::set_permissions(cache.path(), fs::Permissions::from_mode(parent)).unwrap();
        run();
        assert_eq!(assemblies(&place).len(), kept, "{parent:o} {own:o}");
    }
}

#[test]
fn a_setting_names_another_file_and_one_that_does_not_fit_is_an_init_error() {
    needs!(pwsh);
    let directory = tempdir().unwrap();
    let host = directory.path().join("host.dll");
    build(&host);
    let function = module("function f { 'fine' }");
    let running = function.env("SCRIPT_RUNTIME_PWSH_HOST", host.to_str().unwrap()).start();
    assert_eq!(running.text("{}"), "fine\n");
    assert_eq!(running.log(), "");
    let other = directory.path().join("other.dll");
    fs::write(&other, "MZ").unwrap();
    for (file, reason) in [(other, "holds no host of this version"), ("/nowhere/host.dll".into(), "cannot be read")] {
        let function = module("function f { 'fine' }");
        let error = function.env("SCRIPT_RUNTIME_PWSH_HOST", file.to_str().unwrap()).init_error();
        assert_eq!(error.kind, "Runtime.InvalidConfiguration");
        for part in ["SCRIPT_RUNTIME_PWSH_HOST", file.to_str().unwrap(), reason, "make powershell-host"] {
            assert!(error.message.contains(part), "{}", error.message);
        }
    }
}

/// Everything that a handler of these tests does, entered by `-Command`: a startup hook's path has no colon.
#[test]
fn does_the_same_without_a_startup_hook_and_says_that_it_is_slower() {
    needs!(pwsh);
    let directory = tempdir().unwrap();
    let host = directory.path().join("it's:here/host.dll");
    build(&host);
    let text = "function f { param($d, $c) Write-Host log; if ($d.no) { throw 'no' }; if ($d.exit) { exit 3 }\n\
        @{ d = $d; id = $c.AwsRequestId; hooks = $env:DOTNET_STARTUP_HOOKS; name = $Host.Name } }";
    let function = files(&[("m.psm1", text)], "m.f");
    let running = function.env("SCRIPT_RUNTIME_PWSH_HOST", host.to_str().unwrap()).start();
    let answer: serde_json::Value = serde_json::from_slice(&running.answer(r#"{"a": [1]}"#)).unwrap();
    let id = running.api.request_id(1);
    assert_eq!(answer, serde_json::json!({"d": {"a": [1]}, "id": id, "hooks": null, "name": "ConsoleHost"}));
    assert_eq!(running.error(r#"{"no": 1}"#).message, "no");
    assert_eq!(running.error(r#"{"exit": 1}"#).kind, "Function.ExitStatus");
    assert_eq!(running.log().matches("without a startup hook").count(), 1, "{}", running.log());
}

#[test]
fn the_users_own_startup_hooks_run_and_children_see_them_alone() {
    needs!(pwsh);
    let directory = tempdir().unwrap();
    let hook = directory.path().join("own.dll");
    let source = "internal static class StartupHook { public static void Initialize() { \
        System.Console.Error.WriteLine(\"own hook\"); } }";
    let command = format!("Add-Type -TypeDefinition '{source}' -OutputAssembly '{}'", hook.display());
    assert!(Command::new(program()).args(["-NoProfile", "-Command", &command]).status().unwrap().success());
    for own in [None, Some(hook.to_str().unwrap())] {
        let mut function = module("function f { \"$env:DOTNET_STARTUP_HOOKS|$(sh -c 'echo $DOTNET_STARTUP_HOOKS')\" }");
        function = function.without_env("DOTNET_STARTUP_HOOKS");
        if let Some(own) = own {
            function = function.env("DOTNET_STARTUP_HOOKS", own);
        }
        let running = function.start();
        let own = own.unwrap_or_default();
        assert_eq!(running.text("{}"), format!("{own}|{own}\n"));
        assert_eq!(running.log().contains("own hook"), !own.is_empty(), "{}", running.log());
    }
}

#[test]
fn a_powershell_that_is_too_old_is_an_init_error_that_says_so() {
    needs!(pwsh);
    let directory = tempdir().unwrap();
    let real = find_on_path(program()).unwrap();
    let old = directory.path().join("pwsh");
    // the real one, which says that it is another
    let script = format!(
        "#!/bin/sh\nfor last; do :; done\nfile=; for a; do [ \"$before\" = -File ] && file=$a; before=$a; done\n\
         exec {} -NoProfile -NonInteractive -Command \"\\$PSVersionTable['PSVersion'] = [version] '7.2.18'; \
         & ([scriptblock]::Create([IO.File]::ReadAllText('$file'))) -Output x -Source x\"\n",
        real.display()
    );
    fs::write(&old, script).unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    let function = module("function f { }");
    let cache = directory.path().join("cache");
    let error = function
        .env("SCRIPT_RUNTIME_PWSH", old.to_str().unwrap())
        .env("XDG_CACHE_HOME", cache.to_str().unwrap())
        .init_error();
    assert_eq!(error.kind, "Runtime.InterpreterNotFound");
    assert!(error.message.contains("PowerShell 7.2.18 is too old"), "{}", error.message);
}

/// Prints everything that a script can see of its session, line by line.
const PROBE: &str = include_str!("probe.ps1");

/// The lines that may differ, by their beginnings.
const DIFFERS: [&str; 13] = [
    // settings of handlers
    "$ErrorActionPreference",
    "$InformationPreference",
    "$ProgressPreference",
    "PSStyle.OutputRendering",
    "$LASTEXITCODE",
    "$PID",
    "[Environment]::GetEnvironmentVariable('PSModulePath')",
    // a console of 120 columns, and our own colours, which nothing shows
    "Host.UI.RawUI.BufferSize",
    "Host.UI.RawUI.WindowSize",
    "Host.UI.RawUI.MaxWindowSize",
    "Host.PrivateData",
    // handlers run on the main thread, in a session that has imported what most use
    "[Runspace]::DefaultRunspace.ThreadOptions",
    "(Get-Module",
];

#[test]
fn a_script_sees_what_it_sees_under_pwsh_itself() {
    needs!(pwsh);
    let function = files(&[("probe.ps1", PROBE)], "probe.ps1");
    let mut command = Command::new(program());
    command.args(["-NoProfile", "-NonInteractive", "-File"]).arg(function.path("probe.ps1"));
    command.current_dir(function.path("")).env("HOME", "/tmp");
    let expected = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&expected.stderr), "");
    let running = function.env("HOME", "/tmp").start();
    let seen = running.text("{}");
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !DIFFERS.iter().any(|name| line.starts_with(name)));
        lines.map(str::to_owned).collect()
    };
    let (seen, expected) = (lines(&seen), lines(&String::from_utf8_lossy(&expected.stdout)));
    assert!(expected.len() > 60, "{expected:?}");
    let differing: Vec<_> = expected.iter().zip(&seen).filter(|(one, other)| one != other).collect();
    assert!(differing.is_empty() && seen.len() == expected.len(), "{differing:#?}");
}
