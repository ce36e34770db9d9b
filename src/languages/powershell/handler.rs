//! The PowerShell forms of a handler.

use std::path::{Path, PathBuf};

use super::{PowerShell, module_exists};
use crate::languages::{only_defines, read};
use crate::{
    failure::{ErrorType, Failure},
    languages::handler::{
        Candidate, Found, HandlerError, Language, Reading, Runnable, inside_task_root, invalid, is_name,
    },
    settings::Settings,
    worker::Launch,
};

/// Where PowerShell looks for a module by name besides the task root: directories that hold modules.
pub(super) const MODULE_DIRECTORIES: [&str; 3] = ["modules", "/opt/modules", MODULE_PATH];

/// Stands for the directories of modules that PowerShell itself brings and that the environment names.
pub(super) const MODULE_PATH: &str = "$PSModulePath";

#[derive(Debug)]
pub(super) struct Handler {
    /// `module`, `script` or `dotsource`.
    pub(super) kind: &'static str,
    pub(super) place: Place,
    /// Empty for a script.
    pub(super) function: String,
    /// `value` if one string is answered as it is, the rule of AWS's own PowerShell runtime; else `pipeline`.
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
    fn of_file(kind: &'static str, file: PathBuf, function: &str, answer: &'static str) -> Self {
        Self { kind, place: Place::File(file), function: function.to_owned(), answer }
    }

    /// A hint for a script that may do nothing but define functions. It names the first of them.
    pub(super) fn only_defines(&self, settings: &Settings) -> Result<Option<String>, Failure> {
        let Self { kind: "script", place: Place::File(file), .. } = self else { return Ok(None) };
        let text = read(settings, file)?;
        let text = String::from_utf8_lossy(&text);
        let function = text.lines().find_map(|line| {
            let (keyword, rest) = line.split_once(' ')?;
            let name = rest.trim_start().split(|c: char| c.is_whitespace() || "({".contains(c)).next()?;
            (keyword.eq_ignore_ascii_case("function") && !name.is_empty()).then_some(name)
        });
        Ok(function.map(|function| only_defines(file, function, &format!("{}::{function}", file.display()))))
    }
}

/// A module as a handler, which lacks its function.
#[derive(Debug)]
struct BareModule(PathBuf);

impl Language for PowerShell {
    fn name(&self) -> &'static str {
        "PowerShell"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, HandlerError> {
        Ok(match reading {
            Reading::Shape(text) => by_shape(text)?.into_iter().collect(),
            Reading::File(file) => match extension(file) {
                Some("ps1") => vec![script(file.into())],
                Some("psd1" | "psm1") => vec![Candidate::of_file(file, "", BareModule)],
                _ => vec![script(format!("{file}.ps1"))],
            },
            Reading::FunctionOfFile(file, function)
                if matches!(extension(file), Some("psd1" | "psm1")) && !function.contains(['/', ':']) =>
            {
                vec![module_by_file(file, function)]
            }
            Reading::FunctionOfStem(stem, function) if !function.contains(['/', ':']) => {
                vec![module_by_name(stem, function, "pipeline")]
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

fn extension(file: &str) -> Option<&str> {
    Path::new(file).extension()?.to_str()
}

fn script(file: String) -> Candidate {
    Candidate::of_file(file, "", |file| Handler::of_file("script", file, "", "pipeline"))
}

/// The two forms with `::` of AWS's own PowerShell runtime.
fn by_shape(text: &str) -> Result<Option<Candidate>, HandlerError> {
    if let Some(rest) = text.strip_prefix("Module::") {
        let Some((name, function)) = rest.split_once("::").filter(|(name, function)| is_name(name, function))
        else {
            return Err(invalid(text, "begins like a PowerShell module: write `Module::NAME::FUNCTION`"));
        };
        inside_task_root(name)?;
        return Ok(Some(module_by_name(name, function, "value")));
    }
    let Some((file, function)) = text.split_once(".ps1::") else { return Ok(None) };
    if !is_name(file, function) || function.contains("::") {
        return Err(invalid(text, "begins like a PowerShell script: write `SCRIPT.ps1::FUNCTION`"));
    }
    inside_task_root(file)?;
    let function = function.to_owned();
    Ok(Some(Candidate::of_file(format!("{file}.ps1"), "", move |file| {
        Handler::of_file("dotsource", file, &function, "value")
    })))
}

fn module_by_file(file: &str, function: &str) -> Candidate {
    let function = function.to_owned();
    Candidate::of_file(file, format!(".{function}"), move |file| {
        Handler::of_file("module", file, &function, "pipeline")
    })
}

/// A module beside the handler's path, or one of that name where PowerShell looks for modules.
fn module_by_name(stem: &str, function: &str, answer: &'static str) -> Candidate {
    let (base, function) = (stem.rsplit('/').next().unwrap_or(stem).to_owned(), function.to_owned());
    let mut places: Vec<PathBuf> = ["psd1", "psm1"]
        .iter()
        .flat_map(|extension| [format!("{stem}.{extension}"), format!("{stem}/{base}.{extension}")])
        .map(PathBuf::from)
        .collect();
    let own_places = places.clone();
    if base == stem {
        places.extend(MODULE_DIRECTORIES.iter().map(|directory| Path::new(directory).join(&base)));
    }
    Candidate {
        places,
        suffix: format!(".{function}"),
        make: Box::new(move |files| {
            let own = files.first().filter(|file| own_places.contains(file));
            let place = own.map_or_else(|| Place::Name(base.clone()), |file| Place::File(file.clone()));
            Found {
                files: own.into_iter().cloned().collect(),
                runnable: Box::new(Handler { kind: "module", place, function: function.clone(), answer }),
            }
        }),
    }
}
