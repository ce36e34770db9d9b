//! PowerShell 7: one `pwsh` that has loaded the user's module or script and takes events on a pipe.
//!
//! The host, an assembly of the runtime, is a startup hook of .NET in `pwsh`: it opens its own session, and replaces
//! the console host of `pwsh`.

mod handler;
mod host;
mod packed;
mod private;

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    os::{fd::IntoRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use futures_util::future::{BoxFuture, FutureExt};
use rustix::fs::{MemfdFlags, memfd_create};

use self::{
    handler::{Handler, MODULES, MODULES_OF_LAYERS, Place},
    packed::Archive,
};
use super::{absolute, fnv, interpreter};
use crate::{
    failure::{ErrorType, Failure},
    languages::handler::Runnable,
    process::Children,
    settings::{Settings, variable},
    worker::{Kind, Launch},
};

/// Assemblies that .NET runs before `pwsh` itself, separated by colons.
const STARTUP_HOOKS: &str = "DOTNET_STARTUP_HOOKS";

/// The file beside `pwsh` with an image's cache of the commands in modules.
const MODULE_CACHE: &str = "ModuleAnalysisCache";

/// The folder of modules in layers for AWS's own PowerShell runtime.
const AWS_MODULES_OF_LAYERS: &str = "/opt/powershell/modules";

/// The directories in which an image may have ICU: .NET does not start without it.
const LIBRARY_DIRECTORIES: [&str; 7] = [
    "/usr/lib64",
    "/lib64",
    "/usr/lib",
    "/lib",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/local/lib",
];

/// PowerShell's directories for the user: the variable, and the default place in the home.
const USER_DIRECTORIES: [(&str, &str); 3] =
    [("XDG_CACHE_HOME", ".cache"), ("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share")];

pub(super) struct PowerShell;

impl Runnable for Handler {
    fn prepare<'a>(&'a self, settings: &'a Settings, children: &'a Children) -> BoxFuture<'a, Result<(), Failure>> {
        async { host::compile_once(settings, &program(settings)?, children).await }.boxed()
    }

    fn launch(&self, settings: &Settings) -> Result<Launch, Failure> {
        let place = match &self.place {
            Place::File(file) => absolute(settings, file)?.into_os_string(),
            Place::Name(name) => name.into(),
        };
        let logs = settings.log_format.name();
        let program = program(settings)?;
        let host = host::find(settings, &program)?;
        let archives = packed::archives(settings)?;
        let mut environment = environment(settings, &program);
        // colons separate startup hooks, so the path must have none
        if let Some(hook) = host.as_ref().filter(|file| !file.as_os_str().as_bytes().contains(&b':')) {
            environment.push((STARTUP_HOOKS.into(), startup_hooks(settings, hook)));
        }
        let mut arguments: Vec<OsString> =
            ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command"].map(OsString::from).into();
        arguments.extend([host::command(host.as_deref())?, "#".into()]);
        arguments.extend(
            [
                host.unwrap_or_default().as_os_str(),
                self.kind.as_ref(),
                &place,
                self.function.as_ref(),
                self.answer.as_ref(),
                logs.as_ref(),
                &module_path(settings, &archives),
                &packed_modules(&archives),
            ]
            .map(comment),
        );
        Ok(Launch {
            program,
            arguments,
            environment,
            transport: Kind::Resident,
            durable_library: Some("the commands `Invoke-DurableStep`, `Wait-Durable` and so on"),
            last_words: &["Unhandled exception"],
            empty_answer: self.only_defines(settings)?,
            ..Launch::default()
        })
    }
}

/// An argument for the host. For `-Command`, all arguments are one comment, which must have no line end.
fn comment(argument: &OsStr) -> OsString {
    match argument.to_string_lossy().replace('%', "%25").replace('\n', "%0A").replace('\r', "%0D") {
        nothing if nothing.is_empty() => "-".into(),
        dash if dash == "-" => "%2D".into(),
        text => text.into(),
    }
}

/// The user's startup hooks, followed by the host.
fn startup_hooks(settings: &Settings, hook: &Path) -> OsString {
    let own = settings.environment.get(OsStr::new(STARTUP_HOOKS)).filter(|own| !own.is_empty());
    let hooks = own.map(OsString::as_os_str).into_iter().chain([hook.as_os_str()]);
    hooks.collect::<Vec<_>>().join(OsStr::new(":"))
}

/// The archives and their directories, line by line.
fn packed_modules(archives: &[Archive]) -> OsString {
    let paths = archives.iter().flat_map(|archive| [&archive.file, &archive.target]);
    paths.flat_map(|path| [path.as_os_str(), OsStr::new("\n")]).collect()
}

/// The path of a file in memory, which exists while the bootstrap runs.
fn memory_file(name: &str, content: &[u8]) -> Result<OsString, Failure> {
    let file = memfd_create(name, MemfdFlags::CLOEXEC).map(File::from).map_err(io::Error::from);
    let file = file.and_then(|mut file| file.write_all(content).map(|()| file)).map_err(|error| {
        let message = format!("a file in memory for PowerShell cannot be created: {error}");
        Failure::new(ErrorType::ResourceExhausted, message)
    })?;
    Ok(format!("/proc/{}/fd/{}", std::process::id(), file.into_raw_fd()).into())
}

/// Whether a place of [`handler::MODULE_PATH`] exists: a module of PowerShell, or of a directory in the environment's
/// `PSModulePath`.
fn module_exists(settings: &Settings, place: &Path) -> bool {
    let shipped = program(settings).ok().and_then(|program| home(&program)).map(|home| home.join("Modules"));
    let own = settings.module_path.iter().flat_map(std::env::split_paths);
    let mut all = own.chain(shipped).chain([PathBuf::from(AWS_MODULES_OF_LAYERS)]);
    all.any(|directory| directory.join(place).is_dir()) || packed::hold(settings, place)
}

/// The path of `pwsh`, from the setting or the `PATH`.
fn program(settings: &Settings) -> Result<PathBuf, Failure> {
    let chosen = settings.pwsh.as_ref().map(|program| (variable::PWSH, program));
    interpreter("pwsh", "a PowerShell handler", chosen, settings)
}

/// The directory of PowerShell's own files.
fn home(program: &Path) -> Option<PathBuf> {
    Some(std::fs::canonicalize(program).ok()?.parent()?.to_owned())
}

/// The directories that PowerShell searches for modules before its own.
fn module_path(settings: &Settings, archives: &[Archive]) -> OsString {
    let mut places = vec![settings.task_root.clone(), settings.task_root.join(MODULES)];
    places.extend(archives.iter().map(|archive| archive.target.clone()));
    places.extend([MODULES_OF_LAYERS, AWS_MODULES_OF_LAYERS].map(PathBuf::from));
    places.extend(settings.module_path.as_ref().map(PathBuf::from));
    places.into_iter().map(PathBuf::into_os_string).collect::<Vec<_>>().join(OsStr::new(":"))
}

fn environment(settings: &Settings, program: &Path) -> Vec<(OsString, OsString)> {
    let mut environment = vec![
        ("POWERSHELL_TELEMETRY_OPTOUT", "1"),
        ("POWERSHELL_UPDATECHECK", "Off"),
        ("PSDisableModuleAnalysisCacheCleanup", "1"),
        // no debugger attaches to a worker: fewer threads, no pipes, and no file left in /tmp after a kill
        ("POWERSHELL_DIAGNOSTICS_OPTOUT", "1"),
        ("DOTNET_EnableDiagnostics_IPC", "0"),
        ("DOTNET_EnableDiagnostics_Debugger", "0"),
        // less work at the start, fewer threads, and a garbage collection after 4 MiB (in hexadecimal) of new objects,
        // which the host relies on: saves a third of the first event's time, and 15 MiB
        ("DOTNET_TieredPGO", "0"),
        ("DOTNET_gcConcurrent", "0"),
        ("DOTNET_GCgen0size", "400000"),
        // texts up to 512 KiB are not large objects, of which a few already cause a full collection: an event of 100
        // KiB takes a quarter of the time; with such events, the heap is 30 MiB larger
        ("DOTNET_GCLOHThreshold", "80000"),
        // heaps grow by 1 MiB instead of 4, and memory that the compiler frees goes back to the kernel: saves 8 and 16
        // MiB after some hundred events
        ("DOTNET_GCRegionSize", "100000"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_THRESHOLD_", "32768"),
        // memory of compiled code is writable and executable at once, instead of mapped twice: saves a tenth of the
        // start
        ("DOTNET_EnableWriteXorExecute", "0"),
        // frequent methods are optimized 40 ms after the last new method instead of 100 ms: warm after half as many
        // events
        ("DOTNET_TC_CallCountingDelayMs", "28"),
        // as in Lambda's own .NET runtimes
        ("TEMP", "/tmp"),
        ("TMP", "/tmp"),
    ];
    if !has_icu(program) {
        environment.push(("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1"));
    }
    let cache = home(program).map(|home| home.join(MODULE_CACHE)).filter(|cache| cache.is_file());
    environment
        .into_iter()
        .map(|(name, value)| (name, OsString::from(value)))
        .chain(cache.map(|cache| ("PSModuleAnalysisCachePath", cache.into_os_string())))
        .filter(|(name, _)| !settings.environment.contains_key(OsStr::new(name)))
        .chain(user_directories(settings))
        .map(|(name, value)| (name.into(), value))
        .collect()
}

/// Replacements for directories of the user that PowerShell cannot create: it does not start without them.
fn user_directories(settings: &Settings) -> impl Iterator<Item = (&'static str, OsString)> {
    let home = settings.environment.get(OsStr::new("HOME")).map_or("/tmp".as_ref(), Path::new);
    USER_DIRECTORIES.into_iter().filter_map(move |(name, place)| {
        let own = settings.environment.get(OsStr::new(name)).filter(|own| !own.is_empty());
        let directory = own.map_or_else(|| home.join(place), PathBuf::from);
        let is_usable = std::fs::create_dir_all(directory.join("powershell")).is_ok();
        (!is_usable).then(|| (name, Path::new("/tmp").join(place).into()))
    })
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
