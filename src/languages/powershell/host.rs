//! The host that runs inside PowerShell: one assembly, compiled by PowerShell itself from `host/*.cs`.
//!
//! An image has it beside `pwsh`, or a setting names it. Where neither holds, it is compiled at the first start and
//! kept in a directory that only we can write to: nobody else may plant what we load.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::time::timeout;

use super::{environment, fnv, home, private};
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

/// The file's name beside `pwsh`, where an image has it.
const FILE: &str = "lambda-script-runtime.dll";

/// The status of the script where PowerShell is older than the host takes.
const TOO_OLD: i32 = 74;

/// The longest that PowerShell may take to compile the host.
const COMPILE_LIMIT: Duration = Duration::from_secs(120);

/// The file of the host for this PowerShell, and whether it is there already.
pub(super) fn find(settings: &Settings, program: &Path) -> Result<(PathBuf, bool), Failure> {
    if let Some(file) = &settings.pwsh_host {
        return match fits(file) {
            Ok(true) => Ok((file.clone(), true)),
            Ok(false) => Err(unfit(file, "holds no host of this version")),
            Err(error) => Err(unfit(file, &format!("cannot be read: {error}"))),
        };
    }
    let is_there = |file: &PathBuf| fits(file).is_ok_and(|fits| fits);
    if let Some(shipped) = home(program).map(|home| home.join(FILE)).filter(is_there) {
        return Ok((shipped, true));
    }
    let name = format!("powershell-host-{MARK:016x}-{}.dll", private::identity(&engine(program)));
    let Some(directory) = private::directory(settings) else {
        let advice =
            "make `/tmp` writable, or compile the host ahead with `make powershell-host` and name it in";
        let message = format!("the PowerShell host can be kept nowhere: {advice} `{}`", variable::PWSH_HOST);
        return Err(Failure::new(ErrorType::InvalidConfiguration, message));
    };
    let kept = directory.join(name);
    let is_kept = is_there(&kept);
    Ok((kept, is_kept))
}

/// The text behind `-Command`. It runs where .NET has not run the startup hook.
pub(super) fn command(host: &Path) -> String {
    format!(
        "$null = [Reflection.Assembly]::LoadFrom('{}'); \
         [LambdaScriptRuntime.Program]::Enter('the PowerShell host was entered without a startup hook, which is slower')",
        host.display().to_string().replace('\'', "''")
    )
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

/// Compiles the host if it is not there.
pub(super) async fn compile_once(
    settings: &Settings,
    program: &Path,
    children: &Children,
) -> Result<(), Failure> {
    let (file, is_there) = find(settings, program)?;
    if is_there {
        return Ok(());
    }
    compile(settings, program, &file, children).await.map_err(|error| {
        let error_type = match error {
            CompileError::TooOld(_) => ErrorType::InterpreterNotFound,
            _ => ErrorType::InvalidConfiguration,
        };
        Failure::new(error_type, format!("the PowerShell host cannot be compiled: {error}"))
    })?;
    let file = file.display();
    tracing::info!(
        "compiled the PowerShell host into `{file}`, which took its time: the next start finds it there"
    );
    Ok(())
}

/// Why the host could not be compiled.
#[derive(Debug, thiserror::Error)]
enum CompileError {
    #[error("{0}")]
    TooOld(String),
    #[error("it ended with {0}: {1}")]
    Ended(ExitStatus, String),
    #[error("it took longer than {COMPILE_LIMIT:?}")]
    TooLong,
    #[error("`{0}`: {1}")]
    Io(String, io::Error),
}

/// Compiles the host into this file: whole or not at all, as several may start at once.
async fn compile(
    settings: &Settings,
    program: &Path,
    file: &Path,
    children: &Children,
) -> Result<(), CompileError> {
    let failed = |error| CompileError::Io(file.display().to_string(), error);
    let folder = file.parent().unwrap_or(Path::new("/"));
    let own = tempfile::Builder::new().prefix("unfinished-").tempdir_in(folder).map_err(failed)?;
    let [build, sources, host, output] =
        ["build.ps1", "host.cs", "host.dll", "output"].map(|name| own.path().join(name));
    fs::write(&build, BUILD).and_then(|()| fs::write(&sources, SOURCES)).map_err(failed)?;
    let out = File::create(&output).map_err(failed)?;
    let err = out.try_clone().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]).arg(build);
    command.arg("-Output").arg(&host).arg("-Source").arg(sources);
    command.env_clear().envs(&settings.environment).envs(environment(settings, program)).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let child = children.spawn(&mut command);
    let mut child = child.map_err(|error| CompileError::Io(program.display().to_string(), error))?;
    let Ok(status) = timeout(COMPILE_LIMIT, child.exited()).await else {
        child.kill().await;
        return Err(CompileError::TooLong);
    };
    let text = fs::read_to_string(&output).map_err(failed)?.trim().to_owned();
    if status.code() == Some(TOO_OLD) {
        return Err(CompileError::TooOld(format!("`{}`: {text}", program.display())));
    }
    if !status.success() {
        return Err(CompileError::Ended(status, text));
    }
    fs::rename(host, file).map_err(failed)
}
