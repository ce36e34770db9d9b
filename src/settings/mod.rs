//! The environment, read once into one struct. Every variable's name stands in `variable`, once.
//!
//! What does not parse is refused at init, in one line that names the variable.

mod choices;
mod error;
pub mod variable;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    num::NonZeroU64,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use rustix::fs::{Access, access};
use tracing::level_filters::LevelFilter;

pub use self::{
    choices::{Interface, LogFormat, ResponseMode},
    error::ConfigError,
};
use crate::event::invocation;

/// What a local run gives a function that Lambda would give it, as the Runtime Interface Emulator does.
const LOCAL_DEFAULTS: [(&str, &str); 5] = [
    (variable::FUNCTION_NAME, "test_function"),
    (variable::FUNCTION_VERSION, "$LATEST"),
    (variable::MEMORY_SIZE, "3008"),
    (variable::LOG_GROUP, "/aws/lambda/Functions"),
    (variable::LOG_STREAM, "$LATEST"),
];

/// What Lambda sets the initialization type to where it takes a snapshot of the environment.
const SNAP_START: &str = "snap-start";

/// The same of an environment that has several events at a time, and that nobody ends at an event's deadline.
const MANAGED_INSTANCES: &str = "lambda-managed-instances";

/// Where Lambda has a function's files.
const TASK_ROOT: &str = "/var/task";

/// The programs of the images. They are on the workers' `PATH` whatever becomes of the image's `ENV` and `/opt`.
const IMAGE_PROGRAMS: &str = "/var/lang/bin";

/// The `PATH` where the environment has none, as Lambda's own.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// Where an image has its bootstrap.
const IMAGE_DIRECTORY: &str = "/var/runtime";

/// Who sets what a function has everywhere.
const SET_BY_LAMBDA: &str = "Lambda and its emulator set it";

/// The settings of one run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Host and port of the Runtime API; `None` on a local run.
    pub runtime_api: Option<String>,
    /// The text of the handler.
    pub handler: String,
    /// The directory of the user's files, absolute.
    pub task_root: PathBuf,
    /// How log lines look.
    pub log_format: LogFormat,
    /// The least level of the runtime's own lines.
    pub log_level: LevelFilter,
    /// Whether the workers go through a SnapStart snapshot before their first event.
    pub snapstart: bool,
    /// How many workers there are.
    pub max_concurrency: usize,
    /// How long before its deadline an event is given up; `None` for never.
    pub deadline_margin: Option<Duration>,
    /// When an answer is passed on.
    pub response_mode: ResponseMode,
    /// What the handler gets, and what it answers.
    pub interface: Interface,
    /// The function's memory in MB.
    pub memory: i32,
    /// The environment of the workers.
    pub environment: BTreeMap<OsString, OsString>,
}

impl Config {
    /// Reads the settings from an environment. `handler` is the command line's, `local` says that events
    /// come from there, too, and not from a Runtime API.
    pub fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        handler: Option<String>,
        local: bool,
    ) -> Result<Self, ConfigError> {
        let mut settings = Settings(environment.into_iter().collect());
        let runtime_api = settings.runtime_api(local)?;
        if local {
            settings.default_to(&LOCAL_DEFAULTS);
        }
        for name in [variable::FUNCTION_NAME, variable::FUNCTION_VERSION] {
            settings.text(name)?.ok_or(ConfigError::Missing(name, SET_BY_LAMBDA))?;
        }
        let memory = settings
            .parse::<i32>(variable::MEMORY_SIZE, "it takes a number of MB")?
            .ok_or(ConfigError::Missing(variable::MEMORY_SIZE, SET_BY_LAMBDA))?;
        let handler = settings.text(variable::HANDLER)?.or(handler.filter(|text| !text.is_empty()));
        let handler = handler.ok_or(ConfigError::Missing(
            variable::HANDLER,
            "set it, or give the handler as the first argument (an image's CMD), as in `function.handler`",
        ))?;
        let task_root = settings.task_root(local)?;
        let margin = settings
            .parse(variable::DEADLINE_MARGIN, "it takes a number of milliseconds, 0 for never")?
            .unwrap_or(200);
        let kind = settings.text(variable::INITIALIZATION_TYPE)?.unwrap_or_default();
        let mut deadline_margin = (margin > 0).then_some(Duration::from_millis(margin));
        if kind == MANAGED_INSTANCES {
            deadline_margin.get_or_insert(Duration::ZERO);
        }
        let interface = settings.parse(variable::INTERFACE, "it takes `event` or `cgi`")?.unwrap_or_default();
        Ok(Self {
            snapstart: runtime_api.is_some() && kind == SNAP_START,
            runtime_api,
            log_format: settings
                .parse(variable::LOG_FORMAT, "it takes `Text` or `JSON`")?
                .unwrap_or_default(),
            log_level: settings.log_level()?,
            max_concurrency: settings.concurrency()?,
            memory,
            response_mode: settings
                .parse(variable::RESPONSE_MODE, "it takes `buffered` or `streaming`")?
                .unwrap_or_default(),
            interface,
            deadline_margin,
            environment: worker_environment(settings.0, &handler, &task_root, interface),
            handler,
            task_root,
        })
    }
}

impl Config {
    /// A setting of a language's own; `None` if it is not set or empty.
    pub fn parse<T: FromStr>(
        &self,
        name: &'static str,
        takes: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        parse(&self.environment, name, takes)
    }

    /// The absolute path of the handler, where it is a file.
    #[must_use]
    pub fn script(&self) -> Option<String> {
        let script = self.task_root.join(&self.handler);
        if script.is_file() { script.into_os_string().into_string().ok() } else { None }
    }

    /// Whether the bootstrap is that of an image: Lambda or the emulator has started it, or it lies where they look for it.
    #[must_use]
    pub fn is_in_image(&self) -> bool {
        let own = std::env::current_exe();
        self.runtime_api.is_some() || own.is_ok_and(|own| own.starts_with(IMAGE_DIRECTORY))
    }

    /// What to say of variables with our prefix that are no settings.
    #[must_use]
    pub fn unknown_settings(&self) -> Vec<String> {
        let known = || variable::ALL.into_iter().filter(|name| name.starts_with(variable::PREFIX));
        let names = self.environment.keys().filter_map(|name| name.to_str());
        let unknown = names.filter(|name| {
            name.starts_with(variable::PREFIX)
                && !name.starts_with(variable::TEST_PREFIX)
                && known().all(|known| known != *name)
        });
        unknown
            .filter_map(|name| {
                let likeness = |known: &str| strsim::sorensen_dice(known, name);
                let nearest = known().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
                Some(format!("`{name}` is no setting: do you mean `{nearest}`?"))
            })
            .collect()
    }

    /// A setting that is a path. One that is relative is so to the task root.
    pub fn path(&self, name: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(text(&self.environment, name)?.map(|path| self.task_root.join(path)))
    }
}

/// The Runtime API of an environment whose other settings may be wrong, so that it can be told.
#[must_use]
pub fn runtime_api(environment: &[(OsString, OsString)]) -> Option<String> {
    let (_, value) = environment.iter().find(|(name, _)| name == variable::RUNTIME_API)?;
    let value = value.to_str()?;
    check_runtime_api(value).is_ok().then(|| value.to_owned())
}

/// The function's timeout in an environment without Lambda.
pub fn function_timeout(environment: &[(OsString, OsString)]) -> Result<Option<Duration>, ConfigError> {
    let environment = environment.iter().cloned().collect();
    let takes = "it takes a number of seconds from 1 on";
    let seconds: Option<NonZeroU64> = parse(&environment, variable::FUNCTION_TIMEOUT, takes)?;
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.get())))
}

/// The task root of such an environment; empty if it is not known.
#[must_use]
pub fn task_root(environment: &[(OsString, OsString)]) -> PathBuf {
    let root = environment.iter().find(|(name, _)| name == variable::TASK_ROOT);
    root.map(|(_, root)| root.into()).unwrap_or_default()
}

fn check_runtime_api(value: &str) -> Result<(), ConfigError> {
    let takes = "it takes HOST:PORT";
    let malformed = || ConfigError::Malformed { name: variable::RUNTIME_API, value: value.to_owned(), takes };
    let uri = value.parse::<http::Uri>().map_err(|_| malformed())?;
    if uri.authority().is_none() { Err(malformed()) } else { Ok(()) }
}

/// What workers inherit: everything but an event's own variables, with a home that can be written to.
fn worker_environment(
    mut environment: BTreeMap<OsString, OsString>,
    handler: &str,
    task_root: &Path,
    interface: Interface,
) -> BTreeMap<OsString, OsString> {
    for (name, _) in invocation::ENVIRONMENT {
        environment.remove(OsStr::new(name));
    }
    if interface == Interface::Cgi {
        for name in invocation::REQUEST_VARIABLES {
            environment.remove(OsStr::new(name));
        }
    }
    environment.insert(variable::HANDLER.into(), handler.into());
    environment.insert(variable::TASK_ROOT.into(), task_root.into());
    let home = environment.get(OsStr::new(variable::HOME));
    if home.is_none_or(|home| access(home, Access::WRITE_OK).is_err()) {
        environment.insert(variable::HOME.into(), "/tmp".into());
    }
    let path = environment.entry(variable::PATH.into()).or_default();
    if path.is_empty() {
        path.push(USUAL_PATH);
    }
    let has_programs = std::env::split_paths(path).any(|directory| directory == Path::new(IMAGE_PROGRAMS));
    if !has_programs && Path::new(IMAGE_PROGRAMS).is_dir() {
        path.push(":");
        path.push(IMAGE_PROGRAMS);
    }
    environment
}

/// A variable's text; `None` if it is not set or empty.
fn text(
    environment: &BTreeMap<OsString, OsString>,
    name: &'static str,
) -> Result<Option<String>, ConfigError> {
    let Some(value) = environment.get(OsStr::new(name)).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.to_str().ok_or_else(|| ConfigError::Malformed {
        name,
        value: value.to_string_lossy().into_owned(),
        takes: "it takes UTF-8",
    })?;
    Ok(Some(text.to_owned()))
}

fn parse<T: FromStr>(
    environment: &BTreeMap<OsString, OsString>,
    name: &'static str,
    takes: &'static str,
) -> Result<Option<T>, ConfigError> {
    let Some(value) = text(environment, name)? else { return Ok(None) };
    value.parse().map(Some).map_err(|_| ConfigError::Malformed { name, value, takes })
}

struct Settings(BTreeMap<OsString, OsString>);

impl Settings {
    fn text(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        text(&self.0, name)
    }

    fn parse<T: FromStr>(&self, name: &'static str, takes: &'static str) -> Result<Option<T>, ConfigError> {
        parse(&self.0, name, takes)
    }

    /// The Runtime API, which must be there but for a `local` run, and must not for one.
    fn runtime_api(&self, local: bool) -> Result<Option<String>, ConfigError> {
        let value = self.text(variable::RUNTIME_API)?;
        match &value {
            Some(value) if local => {
                let takes = "an event on the command line and `--serve` are for runs without it; unset it or drop them";
                Err(ConfigError::Malformed { name: variable::RUNTIME_API, value: value.clone(), takes })
            }
            Some(value) => check_runtime_api(value),
            None if !local => {
                let otherwise = "Lambda sets it; to answer events here, run `bootstrap HANDLER EVENT` or `bootstrap --serve PORT HANDLER`";
                Err(ConfigError::Missing(variable::RUNTIME_API, otherwise))
            }
            None => Ok(()),
        }?;
        Ok(value)
    }

    /// On Lambda, an image's working directory says nothing of where the files are.
    fn task_root(&self, local: bool) -> Result<PathBuf, ConfigError> {
        let root = self.0.get(OsStr::new(variable::TASK_ROOT)).filter(|root| !root.is_empty());
        let usual = (!local && Path::new(TASK_ROOT).is_dir()).then(|| OsStr::new(TASK_ROOT));
        let root = root.map(OsString::as_os_str).or(usual);
        let root = root.map_or_else(std::env::current_dir, std::path::absolute);
        root.map_err(|error| ConfigError::WorkingDirectory(error.to_string()))
    }

    fn log_level(&self) -> Result<LevelFilter, ConfigError> {
        let Some(text) = self.text(variable::LOG_LEVEL)? else { return Ok(LevelFilter::INFO) };
        Ok(match text.to_ascii_uppercase().as_str() {
            "TRACE" => LevelFilter::TRACE,
            "DEBUG" => LevelFilter::DEBUG,
            "INFO" => LevelFilter::INFO,
            "WARN" => LevelFilter::WARN,
            "ERROR" | "FATAL" => LevelFilter::ERROR,
            _ => {
                let takes = "it takes TRACE, DEBUG, INFO, WARN, ERROR or FATAL";
                return Err(ConfigError::Malformed { name: variable::LOG_LEVEL, value: text, takes });
            }
        })
    }

    fn concurrency(&self) -> Result<usize, ConfigError> {
        let takes = "it takes a number from 1 on";
        match self.parse(variable::MAX_CONCURRENCY, takes)? {
            Some(0) => {
                Err(ConfigError::Malformed { name: variable::MAX_CONCURRENCY, value: "0".into(), takes })
            }
            number => Ok(number.unwrap_or(1)),
        }
    }

    fn default_to(&mut self, defaults: &[(&'static str, &'static str)]) {
        for (name, value) in defaults {
            self.0.entry(name.into()).or_insert_with(|| value.into());
        }
    }
}

#[cfg(test)]
mod tests;
