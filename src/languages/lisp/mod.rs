//! Common Lisp: one SBCL process that has loaded the user's file and calls its function for each event.
//!
//! SBCL starts from a saved core that holds the shim, ASDF and the JSON libraries, where there is one
//! (`lisp/build-core.sh` makes it); else from its own core, and loads the shim from its source.

mod core;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use self::core::Core;
use super::{fnv, interpreter, read};
use crate::{
    failure::{Failure, secrets::CREDENTIALS},
    languages::handler::{Candidate, HandlerError, Language, Reading, Runnable},
    settings::{LispConvention as Convention, Settings},
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

/// The files behind them, which only durable functions need.
const DURABLE: &str = concat!(
    include_str!("shim/values.lisp"),
    include_str!("shim/session.lisp"),
    include_str!("shim/durable.lisp"),
);

/// Loads the shim, the first two of our own arguments: SBCL has taken the others away. Its own core may hold it already.
const LOAD: &str = r#"(let ((shim (pop (cdr sb-ext:*posix-argv*))))
    (unless (find-package "LAMBDA-SCRIPT-RUNTIME")
      (load (make-string-input-stream shim))
      (funcall (intern "DEFER" "LAMBDA-SCRIPT-RUNTIME") (second sb-ext:*posix-argv*))))"#;

/// Starts the shim. A core of something else holds none.
const START: &str = r#"(if (find-package "LAMBDA-SCRIPT-RUNTIME")
    (funcall (intern "START" "LAMBDA-SCRIPT-RUNTIME"))
    (progn (format *error-output* "this core does not hold the runtime's shim: build it with `make lisp-core`~%")
           (sb-ext:exit :code 1 :abort t)))"#;

/// The least heap, in MB: the core takes a third of it.
const LEAST_HEAP: i32 = 96;

/// Common Lisp (SBCL).
pub(super) struct Lisp;

#[derive(Debug)]
enum Handler {
    /// A function of a file, by a symbol that the Lisp reader reads: of `.fasl`, `.lisp`, or the newer of both.
    Function { files: Vec<PathBuf>, symbol: String },
    /// A script with a function `main`.
    Script { file: PathBuf },
    /// Forms, the last of which gives the function.
    Forms { text: String },
}

impl Handler {
    const fn usual_convention(&self) -> Convention {
        match self {
            Self::Function { .. } | Self::Forms { .. } => Convention::String,
            Self::Script { .. } => Convention::StandardIo,
        }
    }
}

impl Language for Lisp {
    fn name(&self) -> &'static str {
        "Common Lisp"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, HandlerError> {
        let extension = |file| Path::new(file).extension().and_then(OsStr::to_str);
        Ok(match reading {
            Reading::Shape(text) if text.starts_with('\'') || text.contains(['(', ')']) => {
                let runnable = Box::new(Handler::Forms { text: text.to_owned() });
                vec![Candidate { place: None, suffix: String::new(), runnable }]
            }
            Reading::File(file) if matches!(extension(file), Some("ros" | "lisp")) => {
                vec![Candidate::new(file, "", Handler::Script { file: file.into() })]
            }
            Reading::FunctionOfFile(file, symbol) if matches!(extension(file), Some("lisp" | "fasl")) => {
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

/// A function of the newest of these files, if the first one is there.
fn function(files: &[&str], symbol: &str) -> Candidate {
    let handler =
        Handler::Function { files: files.iter().map(PathBuf::from).collect(), symbol: symbol.to_owned() };
    Candidate::new(files[0], format!(".{symbol}"), handler)
}

impl Runnable for Handler {
    fn launch(&self, settings: &Settings) -> Result<Launch, Failure> {
        let program = interpreter("sbcl", "a Common Lisp handler", settings)?;
        if let Handler::Function { files, .. } = self {
            // an unreadable file is named here, and not by a line of SBCL's loader
            read(settings, newest(&settings.task_root, files))?;
        } else if let Handler::Script { file } = self {
            read(settings, file)?;
        }
        let core = Core::find(settings)?;
        let mut arguments: Vec<OsString> = vec!["--noinform".into()];
        if let Some(core) = &core {
            arguments.extend(["--core".into(), core.path.clone().into()]);
        }
        arguments.extend(["--dynamic-space-size".into(), format!("{}MB", heap(settings)).into()]);
        arguments.extend(
            [
                "--disable-ldb",
                "--lose-on-corruption",
                "--end-runtime-options",
                "--no-sysinit",
                "--no-userinit",
                "--disable-debugger",
            ]
            .map(OsString::from),
        );
        if core.is_none() {
            arguments.extend(["--eval".into(), LOAD.into()]);
        }
        arguments.extend(["--eval".into(), START.into(), "--end-toplevel-options".into()]);
        if core.is_none() {
            arguments.push(SHIM.into());
        }
        // the deferred part: a core holds it
        arguments.push(if core.is_none() { DURABLE } else { "" }.into());
        let convention = settings.lisp_convention.unwrap_or(self.usual_convention());
        arguments.extend(described(self, settings, convention));
        Ok(Launch {
            environment: home(&program, settings)
                .map(|home| ("SBCL_HOME".into(), home.into()))
                .into_iter()
                .collect(),
            program,
            arguments,
            transport: Kind::Resident,
            durable_library: Some("the package `durable`: `durable-step`, `durable-wait` and so on"),
            takes_cgi: convention == Convention::StandardIo,
            last_words: &["fatal error"],
            unfit_core: core.map(|core| core.unfit("SBCL does not start from it")),
            ..Launch::default()
        })
    }
}

/// The shim's arguments: its version, the convention, the handler's kind, file and text, and the names of credentials.
fn described(handler: &Handler, settings: &Settings, convention: Convention) -> [OsString; 6] {
    let (kind, file, text) = match handler {
        Handler::Function { files, symbol } => {
            ("function", newest(&settings.task_root, files), symbol.as_str())
        }
        Handler::Script { file } => ("script", file.as_path(), ""),
        Handler::Forms { text } => ("forms", Path::new(""), text.as_str()),
    };
    let credentials = format!("(\"{}\")", CREDENTIALS.join("\" \""));
    [version().into(), convention.name().into(), kind.into(), file.into(), text.into(), credentials.into()]
}

/// The newest of a handler's files; the last, which is the source, where they are of the same time: the layers of an
/// image may have one time for all.
fn newest<'a>(task_root: &Path, files: &'a [PathBuf]) -> &'a Path {
    let written =
        |file: &PathBuf| task_root.join(file).metadata().and_then(|metadata| metadata.modified()).ok();
    // of equal ones `max_by_key` takes the last
    files.iter().max_by_key(|file| written(file)).expect("BUG: a Lisp function has a file")
}

/// The digest that tells a core with another shim: FNV-1a of the shim's text, as `lisp/build-core.sh` makes it.
fn version() -> String {
    format!("{:016x}", fnv(&[SHIM, DURABLE].concat().into_bytes()))
}

/// SBCL's heap in MB: three quarters of the function's memory, which the workers share.
fn heap(settings: &Settings) -> i32 {
    let workers = i32::try_from(settings.max_concurrency.get()).unwrap_or(i32::MAX);
    (settings.memory / 4 * 3 / workers).max(LEAST_HEAP)
}

/// Where SBCL's contributed modules are, for `require`: SBCL looks beside its core, which may be ours.
fn home(program: &Path, settings: &Settings) -> Option<PathBuf> {
    if settings.environment.contains_key(OsStr::new("SBCL_HOME")) {
        return None;
    }
    let program = std::fs::canonicalize(program).ok()?;
    let home = program.parent()?.parent()?.join("lib/sbcl");
    home.join("contrib").is_dir().then_some(home)
}
