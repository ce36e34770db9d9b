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
    thread::sleep,
    time::{Duration, Instant},
};

use super::{environment, home, memory_file, private};
use crate::{
    failure::{ErrorType, Failure},
    settings::{Config, variable},
};

/// The sources, in the order of their names, as they stand in their files.
const FILES: &str = concat!(
    include_str!("host/Answer.cs"),
    include_str!("host/Failures.cs"),
    include_str!("host/Formatter.cs"),
    include_str!("host/Handler.cs"),
    include_str!("host/Hooks.cs"),
    include_str!("host/Invocation.cs"),
    include_str!("host/JsonReader.cs"),
    include_str!("host/JsonText.cs"),
    include_str!("host/JsonWriter.cs"),
    include_str!("host/LambdaContext.cs"),
    include_str!("host/LambdaHost.cs"),
    include_str!("host/Loader.cs"),
    include_str!("host/Log.cs"),
    include_str!("host/PackedModules.cs"),
    include_str!("host/Pipes.cs"),
    include_str!("host/Preferences.cs"),
    include_str!("host/Program.cs"),
    include_str!("host/Request.cs"),
    include_str!("host/Session.cs"),
    include_str!("host/StartupHook.cs"),
    include_str!("host/StreamedAnswer.cs"),
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

/// The longest that PowerShell may take to compile the host, and how often is looked whether it has.
const COMPILE_LIMIT: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

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
    /// The host for this PowerShell, compiled if it has to be.
    pub(super) fn find(config: &Config, program: &Path) -> Result<Self, Failure> {
        if let Some(file) = &config.pwsh_host {
            return match fits(file) {
                Ok(true) => Ok(Self::File(file.clone())),
                Ok(false) => Err(unfit(file, "holds no host of this version")),
                Err(error) => Err(unfit(file, &format!("cannot be read: {error}"))),
            };
        }
        let shipped = home(program).map(|home| home.join(FILE));
        if let Some(file) = shipped.filter(|file| fits(file).is_ok_and(|fits| fits)) {
            return Ok(Self::File(file));
        }
        let reason = match private::directory(config) {
            Some(directory) => {
                let name =
                    format!("powershell-host-{:08x}-{}.dll", MARK.0, private::identity(&engine(program)));
                let file = directory.join(name);
                if fits(&file).is_ok_and(|fits| fits) {
                    return Ok(Self::File(file));
                }
                match compile(config, program, &file)? {
                    Ok(()) => {
                        let file_shown = file.display();
                        tracing::info!(
                            "compiled the PowerShell host into `{file_shown}`, which took its time: the next start finds it there"
                        );
                        return Ok(Self::File(file));
                    }
                    Err(reason) => reason,
                }
            }
            None => "no directory can be written to that is ours alone".to_owned(),
        };
        tracing::warn!(
            "each worker compiles the PowerShell host itself, which takes some seconds; `make powershell-host` and \
             `{}` avoid it: {reason}",
            variable::PWSH_HOST
        );
        Ok(Self::Sources)
    }

    /// What `-Command` runs, where .NET has not run the host before.
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

/// What an assembly of these sources carries.
const MARK: (u32, usize) = mark();

/// FNV-1a of the sources with 32 bits, and their size. It tells versions apart, and guards against nothing.
const fn mark() -> (u32, usize) {
    let bytes = SOURCES.as_bytes();
    let mut hash: u32 = 0x811c_9dc5;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u32).wrapping_mul(0x0100_0193);
        index += 1;
    }
    (hash, bytes.len())
}

/// Whether a file is an assembly of these very sources.
fn fits(file: &Path) -> io::Result<bool> {
    let (hash, size) = MARK;
    let mark = format!("lambda-script-runtime-host {hash:08x}-{size}");
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

/// Compiles the host into this file: whole or not at all, as several may start at once. Gives why it could not be.
fn compile(config: &Config, program: &Path, file: &Path) -> Result<Result<(), String>, Failure> {
    let own = file.with_extension(format!("{}.dll", std::process::id()));
    let build = memory_file("build.ps1", BUILD.as_bytes())?;
    let sources = memory_file("host.cs", SOURCES.as_bytes())?;
    let mut command = Command::new(program);
    command.args(["-NoLogo", "-NoProfile", "-NonInteractive", "-File"]).arg(build);
    command.arg("-Output").arg(&own).arg("-Source").arg(sources);
    command.env_clear().envs(&config.environment).envs(environment(config, program)).env("NO_COLOR", "1");
    let result = match finish(&mut command) {
        Ok((status, said)) if status.code() == Some(TOO_OLD) => {
            let message = format!("`{}`: {said}", program.display());
            return Err(Failure::new(ErrorType::InterpreterNotFound, message));
        }
        Ok((status, said)) if !status.success() => Err(format!("it ended with {status}: {said}")),
        Ok(_) => fs::rename(&own, file).map_err(|error| format!("`{}`: {error}", file.display())),
        Err(error) => Err(error.to_string()),
    };
    if result.is_err() {
        let _ = fs::remove_file(&own);
    }
    Ok(result)
}

/// Runs a command to its end; gives what it said.
fn finish(command: &mut Command) -> io::Result<(ExitStatus, String)> {
    let mut said = fs::File::from(rustix::fs::memfd_create("said", rustix::fs::MemfdFlags::CLOEXEC)?);
    let mut child =
        command.stdin(Stdio::null()).stdout(said.try_clone()?).stderr(said.try_clone()?).spawn()?;
    let deadline = Instant::now() + COMPILE_LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("it took longer than {COMPILE_LIMIT:?}")));
        }
        sleep(LOOK_INTERVAL);
    };
    let mut text = String::new();
    said.rewind()?;
    said.read_to_string(&mut text)?;
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
