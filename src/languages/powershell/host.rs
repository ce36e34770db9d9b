//! The host that runs inside PowerShell: one assembly, compiled by PowerShell itself from `host/*.cs`.
//!
//! An image has it beside `pwsh`, or a setting names it. Where neither holds, it is compiled at the first start and
//! kept in a directory that only we can write to: nobody else may plant what we load.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::fs::{MemfdFlags, memfd_create};
use tokio::time::timeout;

use super::{environment, fnv, home, memory_file, private};
use crate::{
    failure::{ErrorType, Failure},
    process::Children,
    settings::{Settings, variable},
};

/// The sources, in the order of their names, as they stand in their files.
const FILES: &str = concat!(
    include_str!("host/AllUsings.cs"),
    include_str!("host/Answer.cs"),
    include_str!("host/Arguments.cs"),
    include_str!("host/Baseline.cs"),
    include_str!("host/Call.cs"),
    include_str!("host/CallCommand.cs"),
    include_str!("host/ConsoleColors.cs"),
    include_str!("host/ErrorLog.cs"),
    include_str!("host/FailureContext.cs"),
    include_str!("host/Failures.cs"),
    include_str!("host/Formatter.cs"),
    include_str!("host/Handler.cs"),
    include_str!("host/HandlerException.cs"),
    include_str!("host/Hooks.cs"),
    include_str!("host/InputVariable.cs"),
    include_str!("host/Invocation.cs"),
    include_str!("host/JsonMembers.cs"),
    include_str!("host/JsonReader.cs"),
    include_str!("host/JsonText.cs"),
    include_str!("host/JsonWriter.cs"),
    include_str!("host/LambdaContext.cs"),
    include_str!("host/LambdaHost.cs"),
    include_str!("host/LambdaLogger.cs"),
    include_str!("host/LenientJson.cs"),
    include_str!("host/Loader.cs"),
    include_str!("host/Log.cs"),
    include_str!("host/OutputCollector.cs"),
    include_str!("host/PackedModules.cs"),
    include_str!("host/Pipes.cs"),
    include_str!("host/Preferences.cs"),
    include_str!("host/Program.cs"),
    include_str!("host/RawUserInterface.cs"),
    include_str!("host/RefuseCommand.cs"),
    include_str!("host/RefusedException.cs"),
    include_str!("host/RegisterAfterRestoreCommand.cs"),
    include_str!("host/RegisterBeforeCheckpointCommand.cs"),
    include_str!("host/RegisterHookCommand.cs"),
    include_str!("host/RegisterOnShutdownCommand.cs"),
    include_str!("host/Request.cs"),
    include_str!("host/Script.cs"),
    include_str!("host/ScriptEnd.cs"),
    include_str!("host/Session.cs"),
    include_str!("host/StartupHook.cs"),
    include_str!("host/StreamedAnswer.cs"),
    include_str!("host/ThrownValue.cs"),
    include_str!("host/UserInterface.cs"),
    include_str!("host/Warmup.cs"),
    include_str!("host/Worker.cs"),
);

/// The sources without comments and indentation: half of their size.
const SOURCES: &str = {
    const LENGTH: usize = stripped::<{ FILES.len() }>(FILES).1;
    static BYTES: [u8; LENGTH] = stripped(FILES).0;
    match std::str::from_utf8(&BYTES) {
        Ok(text) => text,
        Err(_) => panic!("BUG: a text without some of its lines is a text"),
    }
};

/// The script that compiles them.
const BUILD: &str = include_str!("host/build.ps1");

/// The file's name beside `pwsh`, where an image has it.
const FILE: &str = "lambda-script-runtime.dll";

/// The status of the script where PowerShell is older than the host takes.
const TOO_OLD: i32 = 74;

/// The longest that PowerShell may take to compile the host.
const COMPILE_LIMIT: Duration = Duration::from_secs(120);

/// A text without lines of comment and without the spaces that lines begin with, as much of it as there is room for,
/// and the length of all.
#[allow(long_running_const_eval)]
const fn stripped<const ROOM: usize>(text: &str) -> ([u8; ROOM], usize) {
    let (from, mut to) = (text.as_bytes(), [0; ROOM]);
    let (mut index, mut length) = (0, 0);
    while index < from.len() {
        while index < from.len() && from[index] == b' ' {
            index += 1;
        }
        let is_comment = index + 1 < from.len() && from[index] == b'/' && from[index + 1] == b'/';
        let mut is_line = true;
        while is_line && index < from.len() {
            is_line = from[index] != b'\n';
            if !is_comment {
                if length < ROOM {
                    to[length] = from[index];
                }
                length += 1;
            }
            index += 1;
        }
    }
    (to, length)
}

/// Where the host is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// In an assembly.
    File(PathBuf),
    /// Nowhere yet: each worker compiles it into its own memory.
    Sources,
}

impl Host {
    /// The host for this PowerShell, as far as there is one.
    pub(super) fn find(settings: &Settings, program: &Path) -> Result<Self, Failure> {
        if let Some(file) = &settings.pwsh_host {
            return match fits(file) {
                Ok(true) => Ok(Self::File(file.clone())),
                Ok(false) => Err(unfit(file, "holds no host of this version")),
                Err(error) => Err(unfit(file, &format!("cannot be read: {error}"))),
            };
        }
        let shipped = home(program).map(|home| home.join(FILE));
        let mut places = shipped.into_iter().chain(kept(settings, program));
        let found = places.find(|file| fits(file).is_ok_and(|fits| fits));
        Ok(found.map_or(Self::Sources, Self::File))
    }

    /// The text behind `-Command`. It runs where .NET has not run the startup hook.
    pub(super) fn command(&self) -> Result<OsString, Failure> {
        let text = match self {
            Self::File(file) => format!(
                "$null = [Reflection.Assembly]::LoadFrom('{}'); \
                 [LambdaScriptRuntime.Program]::Enter('the PowerShell host was entered without a startup hook, which is slower')",
                file.display().to_string().replace('\'', "''")
            ),
            Self::Sources => format!(
                "& ([scriptblock]::Create([IO.File]::ReadAllText('{}'))) -Source '{}'; \
                 [LambdaScriptRuntime.Program]::Enter($null)",
                memory_file("build.ps1", BUILD.as_bytes())?.display(),
                memory_file("host.cs", SOURCES.as_bytes())?.display()
            ),
        };
        Ok(text.into())
    }

    /// The assembly, where .NET can be told to load it: a list of startup hooks is separated by colons.
    pub(super) fn hook(&self) -> Option<&Path> {
        match self {
            Self::File(file) if !file.as_os_str().as_encoded_bytes().contains(&b':') => Some(file),
            _ => None,
        }
    }
}

/// The mark in an assembly of these sources.
const MARK: u64 = fnv(SOURCES.as_bytes());

/// Whether a file is an assembly of these very sources.
fn fits(file: &Path) -> io::Result<bool> {
    let mark = format!("lambda-script-runtime-host {MARK:016x}");
    Ok(memchr::memmem::find(&fs::read(file)?, mark.as_bytes()).is_some())
}

fn unfit(file: &Path, reason: &str) -> Failure {
    let message = format!(
        "`{}` is `{}`, which {reason}: compile it with `make powershell-host`, or unset the variable",
        variable::PWSH_HOST,
        file.display()
    );
    Failure::new(ErrorType::InvalidConfiguration, message)
}

/// The file by which one PowerShell is told from another.
fn engine(program: &Path) -> PathBuf {
    let engine = home(program).map(|home| home.join("System.Management.Automation.dll"));
    engine.filter(|engine| engine.is_file()).unwrap_or_else(|| program.to_owned())
}

/// Where a compiled host is kept; `None` if no directory can be written to that is ours alone.
fn kept(settings: &Settings, program: &Path) -> Option<PathBuf> {
    let name = format!("powershell-host-{MARK:016x}-{}.dll", private::identity(&engine(program)));
    private::directory(settings).map(|directory| directory.join(name))
}

/// Compiles the host where there is none, and keeps it. Where that cannot be, each worker compiles it itself.
pub(super) async fn compile_once(
    settings: &Settings,
    program: &Path,
    children: &Children,
) -> Result<(), Failure> {
    if Host::find(settings, program)? != Host::Sources {
        return Ok(());
    }
    let compiled = match kept(settings, program) {
        Some(file) => compile(settings, program, &file, children).await,
        None => Err(CompileError::NoDirectory),
    };
    match compiled {
        Ok(file) => tracing::info!(
            "compiled the PowerShell host into `{file}`, which took its time: the next start finds it there"
        ),
        Err(CompileError::TooOld(message)) => {
            return Err(Failure::new(ErrorType::InterpreterNotFound, message));
        }
        Err(error) => tracing::warn!(
            "each worker compiles the PowerShell host itself, which takes some seconds; `make powershell-host` and \
             `{}` avoid it: {error}",
            variable::PWSH_HOST
        ),
    }
    Ok(())
}

/// Why the host could not be compiled ahead of the workers.
#[derive(Debug, thiserror::Error)]
enum CompileError {
    /// No worker can do it either.
    #[error("{0}")]
    TooOld(String),
    #[error("no directory can be written to that is ours alone")]
    NoDirectory,
    #[error("it ended with {0}: {1}")]
    Ended(ExitStatus, String),
    #[error("it took longer than {COMPILE_LIMIT:?}")]
    TooLong,
    #[error("{0}")]
    Memory(#[from] Failure),
    #[error("`{0}`: {1}")]
    Io(String, io::Error),
}

/// Compiles the host into this file: whole or not at all, as several may start at once. Gives its name.
async fn compile(
    settings: &Settings,
    program: &Path,
    file: &Path,
    children: &Children,
) -> Result<String, CompileError> {
    let shown = file.display().to_string();
    let failed = |error| CompileError::Io(shown.clone(), error);
    let folder = file.parent().unwrap_or(Path::new("/"));
    let unfinished = tempfile::Builder::new()
        .prefix("unfinished-")
        .suffix(".dll")
        .tempfile_in(folder)
        .map_err(failed)?
        .into_temp_path();
    let build = memory_file("build.ps1", BUILD.as_bytes())?;
    let sources = memory_file("host.cs", SOURCES.as_bytes())?;
    let mut command = Command::new(program);
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]).arg(build);
    command.arg("-Output").arg(&*unfinished).arg("-Source").arg(sources);
    command.env_clear().envs(&settings.environment).envs(environment(settings, program)).env("NO_COLOR", "1");
    let (status, text) = finish(&mut command, program, children).await?;
    if status.code() == Some(TOO_OLD) {
        return Err(CompileError::TooOld(format!("`{}`: {text}", program.display())));
    }
    if !status.success() {
        return Err(CompileError::Ended(status, text));
    }
    unfinished.persist(file).map_err(|error| failed(error.error))?;
    Ok(shown)
}

/// Runs a command to its end; gives its status and its output.
async fn finish(
    command: &mut Command,
    program: &Path,
    children: &Children,
) -> Result<(ExitStatus, String), CompileError> {
    let failed = |error| CompileError::Io(program.display().to_string(), error);
    let output = memfd_create("output", MemfdFlags::CLOEXEC).map_err(io::Error::from).map_err(failed)?;
    let mut output = fs::File::from(output);
    let stream = || output.try_clone().map_err(failed);
    command.stdin(Stdio::null()).stdout(stream()?).stderr(stream()?);
    let mut child = children.spawn(command).map_err(failed)?;
    let Ok(status) = timeout(COMPILE_LIMIT, child.exited()).await else {
        child.kill().await;
        return Err(CompileError::TooLong);
    };
    let mut text = String::new();
    output.rewind().and_then(|()| output.read_to_string(&mut text)).map_err(failed)?;
    Ok((status, text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sources_are_all_files_in_the_order_of_their_names() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/languages/powershell/host");
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|extension| extension == "cs"));
        files.sort();
        let texts: Vec<_> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
        assert!(texts.concat() == FILES, "host.rs lists other files than there are");
        let lines = FILES.lines().map(|line| line.trim_start_matches(' '));
        assert!(lines.filter(|line| !line.starts_with("//")).eq(SOURCES.lines()));
    }

    #[test]
    fn a_path_with_a_colon_is_no_startup_hook() {
        assert_eq!(Host::File("/a/b.dll".into()).hook(), Some(Path::new("/a/b.dll")));
        assert_eq!(Host::File("/a:b/c.dll".into()).hook(), None);
        assert_eq!(Host::Sources.hook(), None);
    }
}
