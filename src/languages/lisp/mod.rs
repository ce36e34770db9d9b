//! Common Lisp: one SBCL process that has loaded the user's file and calls its function for each event.
//!
//! SBCL starts from a saved core with the shim, ASDF and the JSON libraries, if there is one (`lisp/build-core.sh`
//! builds it). Otherwise it starts from its own core, and loads the shim from source.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    path::{Path, PathBuf},
};

use super::{extension, fnv, interpreter, read};
use crate::{
    failure::{ErrorType, Failure, secrets::CREDENTIALS},
    languages::handler::{Candidate, Language, Reading, Runnable},
    settings::{LispConvention as Convention, Settings, variable},
    worker::{Kind, Launch},
};

/// The shim's files, in the order in which they are loaded.
const SHIM: &str = concat!(
    include_str!("shim/api.lisp"),
    include_str!("shim/utf8.lisp"),
    include_str!("shim/pipes.lisp"),
    include_str!("shim/sources.lisp"),
    include_str!("shim/failure.lisp"),
    include_str!("shim/invocation.lisp"),
    include_str!("shim/defer.lisp"),
    include_str!("shim/handler.lisp"),
    include_str!("shim/context.lisp"),
    include_str!("shim/streams.lisp"),
    include_str!("shim/serve.lisp"),
);

/// The last files of the shim, which only durable functions need.
const DURABLE: &str =
    concat!(include_str!("shim/values.lisp"), include_str!("shim/session.lisp"), include_str!("shim/durable.lisp"),);

/// Loads the shim, the first two arguments after SBCL's own options. The core may already contain it.
const LOAD: &str = r#"(let ((shim (pop (cdr sb-ext:*posix-argv*))))
    (unless (find-package "LAMBDA-SCRIPT-RUNTIME")
      (load (make-string-input-stream shim))
      (funcall (intern "DEFER" "LAMBDA-SCRIPT-RUNTIME") (second sb-ext:*posix-argv*))))"#;

/// Starts the shim. Another core does not contain it.
const START: &str = r#"(if (find-package "LAMBDA-SCRIPT-RUNTIME")
    (funcall (intern "START" "LAMBDA-SCRIPT-RUNTIME"))
    (progn (format *error-output* "this core does not hold the runtime's shim: build it with `make lisp-core`~%")
           (sb-ext:exit :code 1 :abort t)))"#;

/// The options of SBCL: an error ends it, and it loads only the user's file.
const OPTIONS: [&str; 6] = [
    "--disable-ldb",
    "--lose-on-corruption",
    "--end-runtime-options",
    "--no-sysinit",
    "--no-userinit",
    "--disable-debugger",
];

/// The core of the image.
const CORE: &str = "/var/lang/lisp/runtime.core";

/// The smallest heap, in MB: the core takes a third of it.
const LEAST_HEAP: i32 = 96;

pub(super) struct Lisp;

#[derive(Debug)]
struct Handler {
    /// `function`, `script` or `forms`.
    kind: &'static str,
    /// The user's files. For a function: `.fasl`, `.lisp`, or both; the newer one is loaded.
    files: Vec<PathBuf>,
    /// A symbol for the Lisp reader, or forms, the last of which returns the function. `main` for a script.
    text: String,
}

impl Language for Lisp {
    fn name(&self) -> &'static str {
        "Common Lisp"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, Failure> {
        Ok(match reading {
            Reading::Shape(text) if text.starts_with('\'') || text.contains(['(', ')']) => {
                let runnable = Box::new(Handler::new("forms", &[], text));
                vec![Candidate { place: None, suffix: String::new(), runnable }]
            }
            Reading::File(file) if ["ros", "lisp"].contains(&extension(file)) => {
                vec![Candidate::new(file, "", Handler::new("script", &[file], ""))]
            }
            Reading::FunctionOfFile(file, symbol) if ["lisp", "fasl"].contains(&extension(file)) => {
                vec![function(&[file], symbol)]
            }
            Reading::FunctionOfStem(stem, symbol) => {
                let (fasl, source) = (&*format!("{stem}.fasl"), &*format!("{stem}.lisp"));
                vec![function(&[fasl, source], symbol), function(&[source], symbol)]
            }
            Reading::Shape(_) | Reading::File(_) | Reading::FunctionOfFile(..) => Vec::new(),
        })
    }

    fn handlers(&self, file: &str, function: &str) -> Vec<String> {
        match file.rsplit_once('.') {
            Some((stem, "lisp")) => vec![file.to_owned(), format!("{stem}.{function}")],
            Some((stem, "fasl")) => vec![format!("{stem}.{function}")],
            Some((_, "ros")) => vec![file.to_owned()],
            _ => Vec::new(),
        }
    }
}

/// A function of the newest of these files, if the first one exists.
fn function(files: &[&str], symbol: &str) -> Candidate {
    Candidate::new(files[0], format!(".{symbol}"), Handler::new("function", files, symbol))
}

impl Handler {
    fn new(kind: &'static str, files: &[&str], text: &str) -> Self {
        Self { kind, files: files.iter().map(PathBuf::from).collect(), text: text.to_owned() }
    }
}

impl Runnable for Handler {
    fn launch(&self, settings: &Settings) -> Result<Launch, Failure> {
        let program = interpreter("sbcl", "a Common Lisp handler", None, settings)?;
        let file = newest(&settings.task_root, &self.files);
        if let Some(file) = file {
            // an unreadable file is an error here, not in SBCL's loader
            read(settings, file)?;
        }
        let core = core(settings)?;
        let mut arguments: Vec<OsString> = vec!["--noinform".into()];
        if let Some((path, _)) = &core {
            arguments.extend(["--core".into(), path.into()]);
        }
        arguments.extend(["--dynamic-space-size".into(), format!("{}MB", heap(settings)).into()]);
        arguments.extend(OPTIONS.map(OsString::from));
        if core.is_none() {
            arguments.extend(["--eval".into(), LOAD.into()]);
        }
        arguments.extend(["--eval".into(), START.into(), "--end-toplevel-options".into()]);
        if core.is_none() {
            arguments.push(SHIM.into());
        }
        // the deferred part, which a core already contains
        arguments.push(if core.is_none() { DURABLE } else { "" }.into());
        let usual = if self.kind == "script" { Convention::StandardIo } else { Convention::String };
        let convention = settings.lisp_convention.unwrap_or(usual);
        let credentials = format!("(\"{}\")", CREDENTIALS.join("\" \""));
        let file = file.map_or(OsString::new(), OsString::from);
        // a core with another shim has another digest; `lisp/build-core.sh` computes it in the same way
        let digest = format!("{:016x}", fnv(&[SHIM, DURABLE].concat().into_bytes()));
        arguments.extend([digest.into(), convention.name().into(), self.kind.into(), file]);
        arguments.extend([self.text.clone().into(), credentials.into()]);
        Ok(Launch {
            environment: Vec::from_iter(home(&program, settings).map(|home| ("SBCL_HOME".into(), home.into()))),
            program,
            arguments,
            transport: Kind::Resident,
            durable_library: Some("the package `durable`: `durable-step`, `durable-wait` and so on"),
            takes_cgi: convention == Convention::StandardIo,
            last_words: &["fatal error"],
            unfit_core: core.map(|(_, unfit)| unfit),
            ..Launch::default()
        })
    }
}

/// The core to start from, and the error if SBCL refuses it, as one of another version; `None` for SBCL's own core.
fn core(settings: &Settings) -> Result<Option<(PathBuf, String)>, Failure> {
    let (path, name, remedy) = match &settings.lisp_core {
        Some(path) => {
            let name = format!("`{}` is `{}`", variable::LISP_CORE, path.display());
            (path.clone(), name, "unset the variable")
        }
        None if Path::new(CORE).exists() => (CORE.into(), format!("the Lisp core `{CORE}`"), "remove it"),
        None => return Ok(None),
    };
    let unfit = |reason: &str| format!("{name}: {reason}; build it again with `make lisp-core`, or {remedy}");
    match File::open(&path) {
        Ok(_) => Ok(Some((path, unfit("SBCL does not start from it")))),
        Err(error) => {
            let message = unfit(&format!("it cannot be read: {error}"));
            Err(Failure::new(ErrorType::InvalidConfiguration, message))
        }
    }
}

/// The newest of a handler's files; of several with the same time, as in image layers, the last one: the source.
fn newest<'a>(task_root: &Path, files: &'a [PathBuf]) -> Option<&'a Path> {
    let written = |file: &PathBuf| task_root.join(file).metadata().and_then(|metadata| metadata.modified()).ok();
    // `max_by_key` returns the last one of several with the same time
    files.iter().max_by_key(|file| written(file)).map(PathBuf::as_path)
}

/// SBCL's heap in MB: three quarters of the function's memory, divided by the number of workers.
fn heap(settings: &Settings) -> i32 {
    let workers = i32::try_from(settings.max_concurrency.get()).unwrap_or(i32::MAX);
    (settings.memory / 4 * 3 / workers).max(LEAST_HEAP)
}

/// The folder of SBCL's contributed modules, for `require`. SBCL searches it beside its core, which may be another.
fn home(program: &Path, settings: &Settings) -> Option<PathBuf> {
    if settings.environment.contains_key(OsStr::new("SBCL_HOME")) {
        return None;
    }
    let program = std::fs::canonicalize(program).ok()?;
    let home = program.parent()?.parent()?.join("lib/sbcl");
    home.join("contrib").is_dir().then_some(home)
}
