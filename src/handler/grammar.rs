//! The handler grammar: what the text of a handler means, given which files there are.
//!
//! Pure: the file system comes in as a question. A handler is decided by, in this order,
//!
//! 1. its shape: Lisp forms, `Module::name::function`, `script.ps1::function`;
//! 2. a file of just that name (`report.sh`, `echo.ros`, `MyScript` for `MyScript.ps1`);
//! 3. an extension said in front of the function (`function.sh.handler`, `./My.psd1.My-Function`);
//! 4. the files that `STEM.FUNCTION` can mean, the longest stem first.

use std::{
    fmt::Write as _,
    path::{Component, Path, PathBuf},
};

use super::{Handler, HandlerError, Language, MODULE_DIRECTORIES, Module, PowerShellAnswer};

/// What a handler could mean if one of `places` exists.
struct Candidate {
    language: Language,
    places: Vec<PathBuf>,
    /// What follows a place in the form of the handler that can only mean it.
    function: String,
    make: Box<dyn Fn(Vec<PathBuf>) -> Handler>,
}

/// Reads the text of a handler; `exists` answers for paths relative to the task root, and for absolute
/// ones of modules.
pub(super) fn resolve(text: &str, exists: impl Fn(&Path) -> bool) -> Result<Handler, HandlerError> {
    if text.is_empty() {
        let reason = "is empty: write, for example, `function.handler`".to_owned();
        return Err(HandlerError::Invalid { handler: String::new(), reason });
    }
    if text.starts_with('\'') || text.contains(['(', ')']) {
        return Ok(Handler::LispForms { text: text.to_owned() });
    }
    if let Some(handler) = aws_powershell(text)? {
        return found(text, &[handler], &exists);
    }
    inside_task_root(text)?;
    let mut looked_at = Vec::new();
    for group in [whole_file(text), explicit_extension(text)] {
        if let Ok(handler) = found(text, &group, &exists) {
            return Ok(handler);
        }
        looked_at.extend(group);
    }
    for split in splits(text) {
        let group = implied_extension(split);
        match found(text, &group, &exists) {
            Err(HandlerError::NotFound(_)) => looked_at.extend(group),
            decided => return decided,
        }
    }
    Err(not_found(text, &looked_at))
}

fn invalid<T>(handler: &str, reason: &str) -> Result<T, HandlerError> {
    Err(HandlerError::Invalid { handler: handler.to_owned(), reason: reason.to_owned() })
}

fn inside_task_root(text: &str) -> Result<(), HandlerError> {
    for component in Path::new(text).components() {
        match component {
            Component::RootDir | Component::Prefix(_) => {
                return invalid(text, "is an absolute path: write it relative to the task root");
            }
            Component::ParentDir => {
                return invalid(text, "leaves the task root with `..`: move the file into the task root");
            }
            Component::CurDir | Component::Normal(_) => {}
        }
    }
    if text.ends_with('/') {
        return invalid(
            text,
            "names a directory: add the file and the function, as in `src/function.handler`",
        );
    }
    Ok(())
}

/// The two forms with `::` of AWS's own PowerShell runtime.
fn aws_powershell(text: &str) -> Result<Option<Candidate>, HandlerError> {
    if let Some(rest) = text.strip_prefix("Module::") {
        let Some((name, function)) = rest.split_once("::").filter(|(name, function)| is_name(name, function))
        else {
            return invalid(text, "begins like a PowerShell module: write `Module::NAME::FUNCTION`");
        };
        let (name, function) = (name.to_owned(), function.to_owned());
        inside_task_root(&name)?;
        return Ok(Some(module_by_name(&name, function, PowerShellAnswer::Value)));
    }
    let Some((file, function)) = text.split_once(".ps1::") else { return Ok(None) };
    if !is_name(file, function) || function.contains("::") {
        return invalid(text, "begins like a PowerShell script: write `SCRIPT.ps1::FUNCTION`");
    }
    inside_task_root(file)?;
    let (file, function) = (PathBuf::from(format!("{file}.ps1")), function.to_owned());
    Ok(Some(Candidate {
        language: Language::PowerShell,
        places: vec![file],
        function: String::new(),
        make: Box::new(move |mut files| Handler::PowerShellScriptFunction {
            file: files.remove(0),
            function: function.clone(),
        }),
    }))
}

fn is_name(stem: &str, name: &str) -> bool {
    !stem.is_empty() && !stem.ends_with('/') && !name.is_empty()
}

/// The text is the name of a file, or of a PowerShell script without its extension.
fn whole_file(text: &str) -> Vec<Candidate> {
    let script = |language, place: PathBuf, make: fn(PathBuf) -> Handler| Candidate {
        language,
        places: vec![place],
        function: String::new(),
        make: Box::new(move |mut files| make(files.remove(0))),
    };
    let powershell =
        |place| vec![script(Language::PowerShell, place, |file| Handler::PowerShellScript { file })];
    match Path::new(text).extension().and_then(|extension| extension.to_str()) {
        Some("sh") => vec![script(Language::Bash, text.into(), |file| Handler::BashScript { file })],
        Some("ps1") => powershell(text.into()),
        Some("ros" | "lisp") => {
            vec![script(Language::Lisp, text.into(), |file| Handler::LispScript { file })]
        }
        _ => powershell(format!("{text}.ps1").into()),
    }
}

/// Every `STEM.NAME` in the text, the longest stem first. A package before `::` belongs to the name.
fn splits(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let stems_end = text.find("::").unwrap_or(text.len());
    let file_begins = text.rfind('/').map_or(0, |slash| slash + 1);
    text[..stems_end]
        .rmatch_indices('.')
        .filter(move |&(dot, _)| dot > file_begins)
        .map(|(dot, _)| (&text[..dot], &text[dot + 1..]))
        .filter(|(stem, name)| is_name(stem, name))
}

/// `STEM.NAME` where the stem is a file with its extension.
fn explicit_extension(text: &str) -> Vec<Candidate> {
    splits(text)
        .filter_map(|(stem, name)| {
            let extension = Path::new(stem).extension()?.to_str()?;
            let place = PathBuf::from(stem);
            match extension {
                "sh" => Some(bash_function(place, name)),
                "psd1" | "psm1" if !name.contains("::") => Some(module_by_file(vec![place], name)),
                "lisp" | "fasl" => Some(lisp_function(vec![place], name)),
                _ => None,
            }
        })
        .collect()
}

/// `STEM.NAME` where the extension is left to the files that there are.
fn implied_extension((stem, name): (&str, &str)) -> Vec<Candidate> {
    let mut candidates = vec![
        bash_function(format!("{stem}.sh").into(), name),
        lisp_function(vec![format!("{stem}.fasl").into(), format!("{stem}.lisp").into()], name),
    ];
    if !name.contains("::") {
        candidates.push(module_by_name(stem, name.to_owned(), PowerShellAnswer::Pipeline));
    }
    candidates
}

fn bash_function(file: PathBuf, function: &str) -> Candidate {
    let function = function.to_owned();
    Candidate {
        language: Language::Bash,
        places: vec![file],
        function: format!(".{function}"),
        make: Box::new(move |mut files| Handler::BashFunction {
            file: files.remove(0),
            function: function.clone(),
        }),
    }
}

fn lisp_function(places: Vec<PathBuf>, symbol: &str) -> Candidate {
    let symbol = symbol.to_owned();
    Candidate {
        language: Language::Lisp,
        places,
        function: format!(".{symbol}"),
        make: Box::new(move |files| Handler::LispFunction { files, symbol: symbol.clone() }),
    }
}

fn module_by_file(places: Vec<PathBuf>, function: &str) -> Candidate {
    let function = function.to_owned();
    Candidate {
        language: Language::PowerShell,
        places,
        function: format!(".{function}"),
        make: Box::new(move |mut files| Handler::PowerShellFunction {
            module: Module::File(files.remove(0)),
            function: function.clone(),
            answer: PowerShellAnswer::Pipeline,
        }),
    }
}

/// A module beside the handler's path, or one of that name where PowerShell looks for modules.
fn module_by_name(stem: &str, function: String, answer: PowerShellAnswer) -> Candidate {
    let base = stem.rsplit('/').next().unwrap_or(stem).to_owned();
    let mut places: Vec<PathBuf> = ["psd1", "psm1"]
        .iter()
        .flat_map(|extension| [format!("{stem}.{extension}"), format!("{stem}/{base}.{extension}")])
        .map(PathBuf::from)
        .collect();
    let own_files = places.len();
    if base == stem {
        places.extend(MODULE_DIRECTORIES.iter().map(|directory| Path::new(directory).join(&base)));
    }
    let own_places = places[..own_files].to_vec();
    Candidate {
        language: Language::PowerShell,
        places,
        function: format!(".{function}"),
        make: Box::new(move |mut files| {
            let first = files.remove(0);
            let module =
                if own_places.contains(&first) { Module::File(first) } else { Module::Name(base.clone()) };
            Handler::PowerShellFunction { module, function: function.clone(), answer }
        }),
    }
}

/// The one candidate that has a place; an error if there is none, or if there are two of different languages.
fn found(
    text: &str,
    candidates: &[Candidate],
    exists: impl Fn(&Path) -> bool,
) -> Result<Handler, HandlerError> {
    let mut fitting = Vec::new();
    for candidate in candidates {
        let places: Vec<_> = candidate.places.iter().filter(|place| exists(place)).cloned().collect();
        if !places.is_empty() {
            fitting.push((candidate, places));
        }
    }
    let Some((first, places)) = fitting.first() else { return Err(not_found(text, candidates)) };
    let Some((other, other_places)) =
        fitting.iter().find(|(candidate, _)| candidate.language != first.language)
    else {
        return Ok((first.make)(places.clone()));
    };
    let (file, other_file) = (places[0].display(), other_places[0].display());
    Err(HandlerError::Ambiguous(format!(
        "handler `{text}` fits `{file}` ({}) and `{other_file}` ({}): write `{file}{}` or `{other_file}{}`",
        first.language.name(),
        other.language.name(),
        first.function,
        other.function,
    )))
}

fn not_found(text: &str, looked_at: &[Candidate]) -> HandlerError {
    let mut message = format!("handler `{text}` fits no file; looked for");
    let mut separator = " ";
    let mut seen: Vec<&Path> = Vec::new();
    for place in looked_at.iter().flat_map(|candidate| &candidate.places) {
        if !seen.contains(&place.as_path()) {
            seen.push(place);
            let _ = write!(message, "{separator}`{}`", place.display());
            separator = ", ";
        }
    }
    message.push_str(" in the task root: write FILE.FUNCTION, or the file of a script with its extension");
    HandlerError::NotFound(message)
}
