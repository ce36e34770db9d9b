//! PowerShell 7: one `pwsh` that has loaded the user's module or script and takes events on a pipe.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{Launch, interpreter, search_path};
use crate::{
    config::{Config, LogFormat, variable},
    failure::{ErrorType, Failure},
    frame::Delivery,
    handler::{Handler, Language, MODULE_DIRECTORIES, MODULE_PATH, Module, PowerShellAnswer},
};

const SHIM: &str = include_str!("../shims/powershell.ps1");
/// What the shim includes, by the lines that say so.
const PARTS: [(&str, &str); 4] = [
    ("    #include powershell_session.ps1\n", include_str!("../shims/powershell_session.ps1")),
    ("    #include powershell_json.ps1\n", include_str!("../shims/powershell_json.ps1")),
    ("    #include powershell_logs.ps1\n", include_str!("../shims/powershell_logs.ps1")),
    ("    #include powershell_failure.ps1\n", include_str!("../shims/powershell_failure.ps1")),
];

/// Where the C library of an image may have ICU, which .NET does not start without.
const LIBRARY_DIRECTORIES: [&str; 7] = [
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib",
];

/// How to start PowerShell for this handler.
pub(super) fn launch(handler: &Handler, config: &Config) -> Result<Launch, Failure> {
    let absolute =
        |file: &Path| config.task_root.join(file.strip_prefix(".").unwrap_or(file)).into_os_string();
    let (kind, place, function, answer) = match handler {
        Handler::PowerShellFunction { module: Module::File(file), function, answer } => {
            ("module", absolute(file), function.as_str(), *answer)
        }
        Handler::PowerShellFunction { module: Module::Name(name), function, answer } => {
            ("module", name.into(), function.as_str(), *answer)
        }
        Handler::PowerShellScript { file } => ("script", absolute(file), "", PowerShellAnswer::Pipeline),
        Handler::PowerShellScriptFunction { file, function } => {
            ("dotsource", absolute(file), function.as_str(), PowerShellAnswer::Value)
        }
        other => unreachable!("BUG: {other:?} is no PowerShell handler"),
    };
    let answer = match answer {
        PowerShellAnswer::Pipeline => "pipeline",
        PowerShellAnswer::Value => "value",
    };
    let logs = match config.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let mut command: OsString = shim().into();
    for argument in [
        kind.as_ref(),
        place.as_os_str(),
        function.as_ref(),
        answer.as_ref(),
        logs.as_ref(),
        &module_path(config),
    ] {
        command.push(" ");
        command.push(quoted(argument)?);
    }
    let program = program(config)?;
    Ok(Launch {
        arguments: ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command"]
            .into_iter()
            .map(OsString::from)
            .chain([command])
            .collect(),
        environment: environment(config, &program),
        program,
        delivery: Delivery::Streamed,
    })
}

fn shim() -> String {
    PARTS.iter().fold(SHIM.trim_end().to_owned(), |shim, (line, part)| shim.replacen(line, part, 1))
}

/// Whether a place of [`MODULE_PATH`] exists: a module that comes with PowerShell, or one in a directory of
/// the `PSModulePath` that the environment brings along.
pub(super) fn module_exists(config: &Config, place: &Path) -> bool {
    let shipped = program(config).ok().and_then(|program| home(&program)).map(|home| home.join("Modules"));
    let own = config.environment.get(OsStr::new(variable::MODULE_PATH));
    let own = own.map(|path| std::env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    own.iter().chain(&shipped).any(|directory| directory.join(place).is_dir())
}

/// `pwsh`, as the setting or the `PATH` says.
fn program(config: &Config) -> Result<PathBuf, Failure> {
    match &config.pwsh {
        Some(program) if program.is_file() => Ok(program.clone()),
        Some(program) => Err(Failure::new(
            ErrorType::InterpreterNotFound,
            format!("`{}` is `{}`, which is no file", variable::PWSH, program.display()),
        )),
        None => interpreter("pwsh", Language::PowerShell, search_path(config)),
    }
}

/// The directory of PowerShell's own files.
fn home(program: &Path) -> Option<PathBuf> {
    Some(std::fs::canonicalize(program).ok()?.parent()?.to_owned())
}

/// What PowerShell looks through for modules, but for those it ships with.
fn module_path(config: &Config) -> OsString {
    let mut path = config.task_root.clone().into_os_string();
    for directory in MODULE_DIRECTORIES.iter().filter(|&&directory| directory != MODULE_PATH) {
        path.push(":");
        path.push(config.task_root.join(directory));
    }
    if let Some(own) = config.environment.get(OsStr::new(variable::MODULE_PATH)).filter(|own| !own.is_empty())
    {
        path.push(":");
        path.push(own);
    }
    path
}

fn environment(config: &Config, program: &Path) -> Vec<(OsString, OsString)> {
    let mut environment = vec![("POWERSHELL_TELEMETRY_OPTOUT", "1"), ("POWERSHELL_UPDATECHECK", "Off")];
    environment.push(("PSDisableModuleAnalysisCacheCleanup", "1"));
    // less work at the start, fewer threads, and 4 MiB (in hexadecimal) of new objects at a time: a third of
    // the first event's time and 15 MiB less
    environment.push(("DOTNET_TieredPGO", "0"));
    environment.push(("DOTNET_gcConcurrent", "0"));
    environment.push(("DOTNET_GCgen0size", "400000"));
    if !has_icu(program) {
        environment.push(("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"));
    }
    environment
        .into_iter()
        .filter(|(name, _)| !config.environment.contains_key(OsStr::new(name)))
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn has_icu(program: &Path) -> bool {
    let own = home(program);
    let directories = LIBRARY_DIRECTORIES.iter().map(Path::new).chain(own.as_deref());
    directories
        .filter_map(|directory| std::fs::read_dir(directory).ok())
        .flatten()
        .flatten()
        .any(|entry| entry.file_name().as_bytes().starts_with(b"libicuuc.so"))
}

/// A string literal of PowerShell, for which four more characters than `'` are single quotes.
fn quoted(text: &OsStr) -> Result<String, Failure> {
    let text = text.to_str().ok_or_else(|| {
        let message = format!("`{}` is not UTF-8, which PowerShell needs", text.to_string_lossy());
        Failure::new(ErrorType::InvalidHandler, message)
    })?;
    let mut literal = String::from("'");
    for character in text.chars() {
        literal.push(character);
        if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
            literal.push(character);
        }
    }
    literal.push('\'');
    Ok(literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_every_character_that_powershell_takes_for_a_quote() {
        assert_eq!(
            quoted("a 'b' \u{2019}c\u{201b} $d `e".as_ref()).unwrap(),
            "'a ''b'' \u{2019}\u{2019}c\u{201b}\u{201b} $d `e'"
        );
    }

    #[test]
    fn the_shim_is_one_text_that_takes_arguments() {
        let shim = shim();
        assert!(!shim.contains("#include"));
        assert!(shim.ends_with("\n}"));
        assert!(shim.len() < 100_000, "Linux takes 128 KiB as one argument");
    }
}
