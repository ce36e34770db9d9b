//! The PowerShell forms of a handler.

use std::path::{Path, PathBuf};

use super::{PowerShell, module_exists};
use crate::{
    failure::{ErrorType, Failure},
    languages::handler::{Candidate, Language, Reading, Runnable, inside_task_root, invalid, is_name},
    languages::{extension, only_defines, read},
    settings::Settings,
    worker::Launch,
};

/// The folder of modules in the task root and in layers.
pub(super) const MODULES: &str = "modules";
pub(super) const MODULES_OF_LAYERS: &str = "/opt/modules";

/// A placeholder for the directories of PowerShell's own modules and of the environment.
const MODULE_PATH: &str = "$PSModulePath";

#[derive(Debug)]
pub(super) struct Handler {
    /// `module`, `script` or `dotsource`.
    pub(super) kind: &'static str,
    pub(super) place: Place,
    /// Empty for a script.
    pub(super) function: String,
    /// `value` if a single string is answered unchanged, as in AWS's own PowerShell runtime; else `pipeline`.
    pub(super) answer: &'static str,
}

#[derive(Debug)]
pub(super) enum Place {
    /// A file, relative to the task root.
    File(PathBuf),
    /// The name of a module on `PSModulePath`.
    Name(String),
}

impl Handler {
    fn new(kind: &'static str, place: Place, function: &str, answer: &'static str) -> Self {
        Self { kind, place, function: function.to_owned(), answer }
    }

    /// A hint for a script that may only define functions.
    pub(super) fn only_defines(&self, settings: &Settings) -> Result<Option<String>, Failure> {
        let Self { kind: "script", place: Place::File(file), .. } = self else { return Ok(None) };
        let function = |name: &str| format!("{}::{name}", file.display());
        Ok(only_defines(file, &read(settings, file)?, function))
    }
}

/// The error of a handler that is a module without a function.
#[derive(Debug)]
struct BareModule(PathBuf);

impl Language for PowerShell {
    fn name(&self) -> &'static str {
        "PowerShell"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, Failure> {
        Ok(match reading {
            Reading::Shape(text) => by_shape(text)?,
            Reading::File(file) => match extension(file) {
                "ps1" => vec![script(file)],
                "psd1" | "psm1" => vec![Candidate::new(file, "", BareModule(file.into()))],
                _ => vec![script(&format!("{file}.ps1"))],
            },
            Reading::FunctionOfFile(file, function)
                if ["psd1", "psm1"].contains(&extension(file)) && !function.contains(['/', ':']) =>
            {
                vec![module(file, Place::File(file.into()), function, "pipeline")]
            }
            Reading::FunctionOfStem(stem, function) if !function.contains(['/', ':']) => {
                modules(stem, function, "pipeline")
            }
            Reading::FunctionOfFile(..) | Reading::FunctionOfStem(..) => Vec::new(),
        })
    }

    fn has_place(&self, settings: &Settings, place: &Path) -> Option<bool> {
        place.strip_prefix(MODULE_PATH).ok().map(|name| module_exists(settings, name))
    }

    fn handlers(&self, file: &str, function: &str) -> Vec<String> {
        match file.rsplit_once('.') {
            Some((_, "ps1")) => vec![file.to_owned(), format!("{file}::{function}")],
            Some((stem, "psm1" | "psd1")) => vec![format!("{stem}.{function}")],
            _ => Vec::new(),
        }
    }
}

impl Runnable for BareModule {
    fn launch(&self, _settings: &Settings) -> Result<Launch, Failure> {
        let file = self.0.display();
        let message = format!("handler `{file}` names a module: add the function, as in `{file}.Get-Thing`");
        Err(Failure::new(ErrorType::InvalidHandler, message))
    }
}

fn script(file: &str) -> Candidate {
    Candidate::new(file, "", Handler::new("script", Place::File(file.into()), "", "pipeline"))
}

/// The two forms with `::` of AWS's own PowerShell runtime.
fn by_shape(text: &str) -> Result<Vec<Candidate>, Failure> {
    if let Some(rest) = text.strip_prefix("Module::") {
        let Some((name, function)) = rest.split_once("::").filter(|(name, function)| is_name(name, function)) else {
            return Err(invalid(text, "begins like a PowerShell module: write `Module::NAME::FUNCTION`"));
        };
        inside_task_root(name)?;
        return Ok(modules(name, function, "value"));
    }
    let Some((stem, function)) = text.split_once(".ps1::") else { return Ok(Vec::new()) };
    if !is_name(stem, function) || function.contains("::") {
        return Err(invalid(text, "begins like a PowerShell script: write `SCRIPT.ps1::FUNCTION`"));
    }
    inside_task_root(stem)?;
    let file = format!("{stem}.ps1");
    let handler = Handler::new("dotsource", Place::File(file.clone().into()), function, "value");
    Ok(vec![Candidate::new(file, "", handler)])
}

/// The modules at the handler's path, and modules of that name on PowerShell's module path.
fn modules(stem: &str, function: &str, answer: &'static str) -> Vec<Candidate> {
    let base = stem.rsplit('/').next().unwrap_or(stem);
    let files = ["psd1", "psm1"]
        .iter()
        .flat_map(|extension| [format!("{stem}.{extension}"), format!("{stem}/{base}.{extension}")]);
    let mut all: Vec<_> = files.map(|file| module(&file, Place::File(file.clone().into()), function, answer)).collect();
    if base == stem {
        let places = [MODULES, MODULES_OF_LAYERS, MODULE_PATH].map(|directory| format!("{directory}/{base}"));
        all.extend(places.map(|place| module(&place, Place::Name(base.to_owned()), function, answer)));
    }
    all
}

fn module(candidate: &str, place: Place, function: &str, answer: &'static str) -> Candidate {
    Candidate::new(candidate, format!(".{function}"), Handler::new("module", place, function, answer))
}
