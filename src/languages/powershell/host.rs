//! The host that runs inside PowerShell: one assembly, compiled by PowerShell itself from `host/*.cs`.
//!
//! An image has it beside `pwsh`, or a setting names it. Otherwise it is compiled at the first start, and stored in a
//! directory that only its owner can write to, so that nobody else can replace it.

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

macro_rules! texts {
    ($($name:ident)*) => { concat!($(include_str!(concat!("host/", stringify!($name), ".cs"))),*) };
}

/// The sources, in the order of their names.
const SOURCES: &str = texts! {
    AllUsings Answer Arguments Baseline Call DurableBlock DurableCommand DurableEvent DurableMessage DurableOperations DurableResult ErrorLog FailureContext Failures Formatter Handler Hooks
    Invocation JsonMembers JsonReader JsonText JsonWriter LambdaContext LambdaHost Loader Log
    OutputCollector PackedModules Pipes Preferences Program Request Script Session StreamedAnswer Warmup
    Worker
};

/// The script that compiles them.
const BUILD: &str = include_str!("host/build.ps1");

/// The name of the assembly beside `pwsh` in an image.
const FILE: &str = "lambda-script-runtime.dll";

/// The status of the script if PowerShell is too old for the host.
const TOO_OLD: i32 = 74;

/// The longest that PowerShell may take to compile the host.
const COMPILE_LIMIT: Duration = Duration::from_secs(120);

/// The assembly of the host for this PowerShell; without one, each worker compiles the host into memory.
pub(super) fn find(settings: &Settings, program: &Path) -> Result<Option<PathBuf>, Failure> {
    if let Some(file) = &settings.pwsh_host {
        return match fits(file) {
            Ok(true) => Ok(Some(file.clone())),
            Ok(false) => Err(unfit(file, "holds no host of this version")),
            Err(error) => Err(unfit(file, &format!("cannot be read: {error}"))),
        };
    }
    let shipped = home(program).map(|home| home.join(FILE));
    let mut places = shipped.into_iter().chain(kept(settings, program));
    Ok(places.find(|file| fits(file).is_ok_and(|fits| fits)))
}

/// The text for `-Command`. It runs if .NET has not run the startup hook.
pub(super) fn command(host: Option<&Path>) -> Result<OsString, Failure> {
    let text = match host {
        Some(file) => format!(
            "$null = [Reflection.Assembly]::LoadFrom('{}'); \
             [LambdaScriptRuntime.Program]::Enter('the PowerShell host was entered without a startup hook, which is slower')",
            file.display().to_string().replace('\'', "''")
        ),
        None => format!(
            "& ([scriptblock]::Create([IO.File]::ReadAllText('{}'))) -Source '{}'; \
             [LambdaScriptRuntime.Program]::Enter($null)",
            memory_file("build.ps1", BUILD.as_bytes())?.display(),
            memory_file("host.cs", SOURCES.as_bytes())?.display()
        ),
    };
    Ok(text.into())
}

/// The mark in an assembly of these sources.
const MARK: u64 = fnv(SOURCES.as_bytes());

/// Whether a file is an assembly of these sources.
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

/// The file that identifies a PowerShell.
fn engine(program: &Path) -> PathBuf {
    let engine = home(program).map(|home| home.join("System.Management.Automation.dll"));
    engine.filter(|engine| engine.is_file()).unwrap_or_else(|| program.to_owned())
}

/// The path of a compiled host; `None` without a private writable directory.
fn kept(settings: &Settings, program: &Path) -> Option<PathBuf> {
    let name = format!("powershell-host-{MARK:016x}-{}.dll", private::identity(&engine(program)));
    private::directory(settings).map(|directory| directory.join(name))
}

/// Compiles the host if there is none, and stores it. If that fails, each worker compiles the host itself.
pub(super) async fn compile_once(settings: &Settings, program: &Path, children: &Children) -> Result<(), Failure> {
    if find(settings, program)?.is_some() {
        return Ok(());
    }
    let compiled = match kept(settings, program) {
        Some(file) => compile(settings, program, &file, children).await,
        None => Err(NotCompiled::Yet("no private directory is writable".to_owned())),
    };
    match compiled {
        Ok(()) => {}
        Err(NotCompiled::Never(failure)) => return Err(failure),
        Err(NotCompiled::Yet(reason)) => tracing::warn!(
            "each worker compiles the PowerShell host itself, which takes some seconds; `make powershell-host` and \
             `{}` avoid it: {reason}",
            variable::PWSH_HOST
        ),
    }
    Ok(())
}

/// The reason why the host was not compiled before the workers start.
enum NotCompiled {
    /// Workers cannot compile it either.
    Never(Failure),
    /// Each worker compiles it.
    Yet(String),
}

/// Compiles the host into this file, which appears complete or not at all: several processes may start at once.
async fn compile(settings: &Settings, program: &Path, file: &Path, children: &Children) -> Result<(), NotCompiled> {
    let shown = file.display();
    let failed = |error: io::Error| NotCompiled::Yet(format!("`{shown}`: {error}"));
    let folder = file.parent().unwrap_or(Path::new("/"));
    let unfinished = tempfile::Builder::new().prefix("unfinished-").suffix(".dll").tempfile_in(folder);
    let unfinished = unfinished.map_err(failed)?.into_temp_path();
    let build = memory_file("build.ps1", BUILD.as_bytes()).map_err(NotCompiled::Never)?;
    let sources = memory_file("host.cs", SOURCES.as_bytes()).map_err(NotCompiled::Never)?;
    let mut command = Command::new(program);
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]).arg(build);
    command.arg("-Output").arg(&*unfinished).arg("-Source").arg(sources);
    command.env_clear().envs(&settings.environment).envs(environment(settings, program)).env("NO_COLOR", "1");
    let program = program.display();
    let finished = finish(&mut command, children).await;
    let (status, text) = finished.map_err(|error| NotCompiled::Yet(format!("`{program}`: {error}")))?;
    if status.code() == Some(TOO_OLD) {
        let message = format!("`{program}`: {text}");
        return Err(NotCompiled::Never(Failure::new(ErrorType::InterpreterNotFound, message)));
    }
    if !status.success() {
        return Err(NotCompiled::Yet(format!("it ended with {status}: {text}")));
    }
    unfinished.persist(file).map_err(|error| failed(error.error))?;
    tracing::info!("compiled the PowerShell host into `{shown}`: the next start finds it there, and is faster");
    Ok(())
}

/// Runs a command to its end; returns its status and its output.
async fn finish(command: &mut Command, children: &Children) -> io::Result<(ExitStatus, String)> {
    let mut output = fs::File::from(memfd_create("output", MemfdFlags::CLOEXEC)?);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output.try_clone()?);
    let mut child = children.spawn(command)?;
    let Ok(status) = timeout(COMPILE_LIMIT, child.exited()).await else {
        child.kill().await;
        return Err(io::Error::other(format!("it took longer than {COMPILE_LIMIT:?}")));
    };
    let mut text = String::new();
    output.rewind()?;
    output.read_to_string(&mut text)?;
    Ok((status, text.trim().to_owned()))
}
