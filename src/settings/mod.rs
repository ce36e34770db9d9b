//! The settings: environment variables, each read once into one struct. `table` lists them all.
//!
//! A value that cannot be parsed is an error at init: one line that names the variable.

mod environment;
mod table;
mod value;

use std::{ffi::OsString, io, path::PathBuf};

pub use self::{
    table::{Settings, variable},
    value::{Environment, Interface, LispConvention, LogFormat, ResponseMode, Variable},
};

/// The prefix of the runtime's own variables, and of those that tests set.
const PREFIX: &str = "SCRIPT_RUNTIME_";
const TEST_PREFIX: &str = "SCRIPT_RUNTIME_TEST_";

/// The initialization type of an environment with SnapStart.
const SNAP_START: &str = "snap-start";

/// The directory of an image's bootstrap.
const IMAGE_DIRECTORY: &str = "/var/runtime";

impl Settings {
    /// Reads the settings from an environment. `handler` is the handler of the command line; in a `local` run needs no
    /// Runtime API.
    pub fn read(
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        handler: Option<String>,
        local: bool,
    ) -> Result<Self, SettingsError> {
        let mut environment: Environment = environment.into_iter().collect();
        check_runtime_api(&environment, local)?;
        environment::complete(&mut environment, handler, local)?;
        let mut settings = Self::of(environment)?;
        environment::clean(&mut settings.environment, settings.interface);
        let Self { task_root, bash, pwsh, pwsh_host, lisp_core, .. } = &mut settings;
        for path in [bash, pwsh, pwsh_host, lisp_core].into_iter().flatten() {
            *path = task_root.join(&*path);
        }
        let kind = settings.initialization_type.as_deref();
        settings.snapstart = !local && kind == Some(SNAP_START);
        settings.deadline_margin = settings.deadline_margin.filter(|margin| !margin.is_zero());
        if kind == Some(environment::MANAGED_INSTANCES) {
            settings.deadline_margin.get_or_insert_default();
        }
        Ok(settings)
    }

    /// The absolute path of the handler, if it is a file.
    pub fn script(&self) -> Option<String> {
        let script = self.task_root.join(&self.handler);
        if script.is_file() { script.into_os_string().into_string().ok() } else { None }
    }

    /// When workers pass on their answers. A CGI document is read while it is written, even if it is then answered as a
    /// whole: it counts even if its program then ends with an error.
    pub fn transport_mode(&self) -> ResponseMode {
        match self.interface {
            Interface::Cgi => ResponseMode::Streaming,
            Interface::Event => self.response_mode,
        }
    }

    /// Whether the bootstrap runs in an image: Lambda or the emulator has started it, or it is in the directory where
    /// they look for it.
    pub fn is_in_image(&self) -> bool {
        let own = std::env::current_exe();
        self.runtime_api.is_some() || own.is_ok_and(|own| own.starts_with(IMAGE_DIRECTORY))
    }

    /// The warnings about variables with our prefix that are no settings.
    pub fn unknown_settings(&self) -> Vec<String> {
        let known = || variable::ALL.into_iter().filter(|name| name.starts_with(PREFIX));
        let likeness = |name: &str, known: &str| strsim::sorensen_dice(known, name);
        let names = self.environment.keys().filter_map(|name| name.to_str());
        names
            .filter(|name| name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX))
            .filter(|name| known().all(|known| known != *name))
            .filter_map(|name| {
                let nearest = known().max_by(|a, b| likeness(name, a).total_cmp(&likeness(name, b)))?;
                Some(format!("`{name}` is no setting: do you mean `{nearest}`?"))
            })
            .collect()
    }
}

/// The Runtime API of an environment whose other settings may be wrong, so that the error can be posted.
pub fn runtime_api(environment: &Environment) -> Option<String> {
    check_runtime_api(environment, false).ok()?;
    variable::RUNTIME_API.of(environment)?.to_str().map(str::to_owned)
}

/// The task root of such an environment; empty if it is not known.
pub fn task_root(environment: &Environment) -> PathBuf {
    variable::TASK_ROOT.of(environment).map(PathBuf::from).unwrap_or_default()
}

/// Checks that there is a Runtime API, or that there is none for a `local` run.
fn check_runtime_api(environment: &Environment, local: bool) -> Result<(), SettingsError> {
    let own = variable::RUNTIME_API;
    match own.of(environment) {
        Some(value) if local => Err(SettingsError::NotLocal(own.name, value.to_string_lossy().into_owned())),
        Some(value) => {
            let uri = value.to_str().and_then(|text| text.parse::<http::Uri>().ok());
            let authority = uri.as_ref().and_then(http::Uri::authority);
            authority.map(drop).ok_or_else(|| own.malformed(value))
        }
        None if local => Ok(()),
        None => Err(SettingsError::Missing(
            own.name,
            "Lambda sets it; to answer events here, run `bootstrap HANDLER EVENT` or `bootstrap --serve PORT HANDLER`",
        )),
    }
}

/// A missing or malformed setting: one line that names the variable.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("`{0}` is not set: {1}")]
    Missing(&'static str, &'static str),
    #[error("`{name}` is `{value}`: it takes {takes}")]
    Malformed { name: &'static str, value: String, takes: &'static str },
    #[error(
        "`{0}` is `{1}`: an event on the command line and `--serve` are for runs without it; unset it or drop them"
    )]
    NotLocal(&'static str, String),
    #[error(
        "`{0}` is `{1}`, which cannot be run ({2}): copy what the layer brings into the image's `/opt`, or unset it"
    )]
    Wrapper(&'static str, String, io::Error),
    #[error("`LAMBDA_TASK_ROOT` is not set and the working directory cannot be read: {0}")]
    WorkingDirectory(io::Error),
}
