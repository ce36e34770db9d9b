//! PowerShell 7: one `pwsh` that has loaded the user's module or script and takes events on a pipe.

mod handler;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    os::{fd::IntoRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::fs::{MemfdFlags, memfd_create};

use self::handler::{Answer, Handler, MODULE_DIRECTORIES, MODULE_PATH, Module};
use super::{absolute, interpreter};
use crate::{
    config::{Config, LogFormat, variable},
    failure::{ErrorType, Failure},
    handler::Runnable,
    invocation::REQUEST_ID_VARIABLE,
    worker::{
        Launch,
        transport::{Kind, frame::encode},
    },
};

const SHIM: &str = include_str!("shim/powershell.ps1");
/// What the shim includes, by the lines that say so.
const PARTS: [(&str, &str); 13] = [
    ("#include powershell_session.ps1\n", include_str!("shim/powershell_session.ps1")),
    ("#include powershell_json.ps1\n", include_str!("shim/powershell_json.ps1")),
    ("#include powershell_snapstart.ps1\n", include_str!("shim/powershell_snapstart.ps1")),
    ("#include powershell_read.ps1\n", include_str!("shim/powershell_read.ps1")),
    ("#include powershell_context.ps1\n", include_str!("shim/powershell_context.ps1")),
    ("#include powershell_input.ps1\n", include_str!("shim/powershell_input.ps1")),
    ("#include powershell_answer.ps1\n", include_str!("shim/powershell_answer.ps1")),
    ("#include powershell_request.ps1\n", include_str!("shim/powershell_request.ps1")),
    ("#include powershell_restore.ps1\n", include_str!("shim/powershell_restore.ps1")),
    ("#include powershell_dates.ps1\n", include_str!("shim/powershell_dates.ps1")),
    ("#include powershell_logs.ps1\n", include_str!("shim/powershell_logs.ps1")),
    ("#include powershell_step.ps1\n", include_str!("shim/powershell_step.ps1")),
    ("#include powershell_failure.ps1\n", include_str!("shim/powershell_failure.ps1")),
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

/// PowerShell 7.
pub(super) struct PowerShell;

impl Runnable for Handler {
    fn launch(&self, config: &Config) -> Result<Launch, Failure> {
        launch(self, config)
    }
}

/// How to start PowerShell for this handler.
fn launch(handler: &Handler, config: &Config) -> Result<Launch, Failure> {
    let absolute = |file: &Path| absolute(config, file).into_os_string();
    let (kind, place, function, answer) = match handler {
        Handler::Function { module: Module::File(file), function, answer } => {
            ("module", absolute(file), function.as_str(), *answer)
        }
        Handler::Function { module: Module::Name(name), function, answer } => {
            ("module", name.into(), function.as_str(), *answer)
        }
        Handler::Script { file } => ("script", absolute(file), "", Answer::Pipeline),
        Handler::ScriptFunction { file, function } => {
            ("dotsource", absolute(file), function.as_str(), Answer::Value)
        }
    };
    let answer = match answer {
        Answer::Pipeline => "pipeline",
        Answer::Value => "value",
    };
    let logs = match config.log_format {
        LogFormat::Text => "text",
        LogFormat::Json => "json",
    };
    let program = program(config)?;
    Ok(Launch {
        arguments: [
            OsStr::new("-NoLogo"),
            OsStr::new("-NoProfile"),
            OsStr::new("-NonInteractive"),
            OsStr::new("-File"),
            // as the text of `-Command`, PowerShell would copy all of it whenever one of its functions is called
            &memory_file("shim.ps1", shim().as_bytes())?,
            kind.as_ref(),
            &place,
            function.as_ref(),
            answer.as_ref(),
            logs.as_ref(),
            &module_path(config),
            &memory_file("request", &dry_run())?,
        ]
        .map(OsStr::to_owned)
        .into(),
        environment: environment(config, &program),
        program,
        transport: Kind::Streamed,
        last_words: &["Unhandled exception"],
        empty_answer: None,
    })
}

/// The shim without comments and indentation: PowerShell takes its time to read them.
fn shim() -> String {
    let whole = PARTS.iter().fold(SHIM.to_owned(), |shim, (line, part)| shim.replacen(line, part, 1));
    let lines = whole.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The request of an event that never was, for the shim to try what it does with one: nested, as those of AWS are.
fn dry_run() -> Vec<u8> {
    let variable = REQUEST_ID_VARIABLE;
    let context = format!(
        "{variable}=0\n{variable}\n\ncontent-type: application/json\nlambda-runtime-aws-request-id: 0\n"
    );
    [encode("context", context.as_bytes()), encode("event", br#"{"a":{"b":["c",{"d":1}]}}"#)].concat()
}

/// The path of a file in memory, which is there for as long as the bootstrap runs.
fn memory_file(name: &str, content: &[u8]) -> Result<OsString, Failure> {
    let file = memfd_create(name, MemfdFlags::CLOEXEC).map(File::from).map_err(io::Error::from);
    let file = file.and_then(|mut file| file.write_all(content).map(|()| file)).map_err(|error| {
        let message = format!("what PowerShell is to run cannot be put into memory: {error}");
        Failure::new(ErrorType::ResourceExhausted, message)
    })?;
    Ok(format!("/proc/{}/fd/{}", std::process::id(), file.into_raw_fd()).into())
}

/// Whether a place of [`MODULE_PATH`] exists: a module that comes with PowerShell, or one in a directory of
/// the `PSModulePath` that the environment brings along.
fn module_exists(config: &Config, place: &Path) -> bool {
    let shipped = program(config).ok().and_then(|program| home(&program)).map(|home| home.join("Modules"));
    let own = config.environment.get(OsStr::new(variable::MODULE_PATH));
    let own = own.map(|path| std::env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
    own.iter().chain(&shipped).any(|directory| directory.join(place).is_dir())
}

/// `pwsh`, as the setting or the `PATH` says.
fn program(config: &Config) -> Result<PathBuf, Failure> {
    match config.path(variable::PWSH)? {
        Some(program) if program.is_file() => Ok(program),
        Some(program) => Err(Failure::new(
            ErrorType::InterpreterNotFound,
            format!("`{}` is `{}`, which is no file", variable::PWSH, program.display()),
        )),
        None => interpreter("pwsh", "a PowerShell handler", config),
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
    let mut environment = vec![
        ("POWERSHELL_TELEMETRY_OPTOUT", "1"),
        ("POWERSHELL_UPDATECHECK", "Off"),
        ("PSDisableModuleAnalysisCacheCleanup", "1"),
        // nobody attaches to a worker: fewer threads, no pipes, and no file of one in /tmp after a kill
        ("POWERSHELL_DIAGNOSTICS_OPTOUT", "1"),
        ("DOTNET_EnableDiagnostics_IPC", "0"),
        ("DOTNET_EnableDiagnostics_Debugger", "0"),
        // less work at the start, fewer threads, and 2 MiB (in hexadecimal) of new objects at a time: a third of
        // the first event's time and 17 MiB less
        ("DOTNET_TieredPGO", "0"),
        ("DOTNET_gcConcurrent", "0"),
        ("DOTNET_GCgen0size", "200000"),
        // texts up to 512 KiB are no large objects, each few of which cost a collection of everything: an event of
        // 100 KiB takes a quarter of the time, and the heap is 30 MiB larger where such events come
        ("DOTNET_GCLOHThreshold", "80000"),
        // heaps that grow by 1 MiB instead of 4; and what the compiler frees goes back to the kernel: 8 and 16 MiB less
        // after some hundred events
        ("DOTNET_GCRegionSize", "100000"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_THRESHOLD_", "32768"),
        // what runs often is compiled well 40 ms after the last new method instead of 100 ms: warm after half as many
        // events
        ("DOTNET_TC_CallCountingDelayMs", "28"),
    ];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shim_includes_its_parts() {
        let shim = shim();
        for (line, part) in PARTS {
            assert!(SHIM.contains(line));
            let last = part.lines().rfind(|line| line.contains("function ") || line.contains(" = ")).unwrap();
            assert!(shim.contains(last.trim_start()), "{last}");
        }
    }
}
