//! Programs: any file that can be run in a terminal. Each event starts it, with its own interpreter and that
//! interpreter's defaults.

mod elf;
pub(super) mod executable;
mod shebang;

use std::{
    env::consts::ARCH,
    ffi::{OsStr, OsString},
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

use self::shebang::Shebang;
use super::{absolute, bash::notice, check_spoiled, interpreter, only_defines, read, shell_word};
use crate::{
    failure::{ErrorType, Failure},
    languages::handler::{Candidate, Language, Reading, Runnable},
    settings::Settings,
    worker::{Kind, Launch, Prelude},
};

/// The code that Bash runs before a Bash program.
const PRELUDE: &str = include_str!("prelude.sh");

/// The variable that names the prelude to Bash.
const BASH_ENV: &str = "BASH_ENV";

pub(super) struct Program;

/// The file of a program.
#[derive(Debug)]
struct File(PathBuf);

/// The program that starts a file, and its arguments before the event.
struct Start {
    program: PathBuf,
    arguments: Vec<OsString>,
    /// Whether the interpreter is Bash.
    is_bash: bool,
}

/// The reason why a file cannot be run. The message continues a sentence that begins with the file's name.
#[derive(Debug, thiserror::Error)]
pub(in crate::languages) enum Unrunnable {
    #[error("is not there")]
    Missing,
    #[error("is a broken link to `{0}`")]
    BrokenLink(PathBuf),
    #[error("is a directory")]
    Directory,
    #[error("is no regular file")]
    NotRegular,
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("may not be executed: {0}")]
    NotPermitted(String),
    #[error("is no program: it begins neither with `#!` nor as an ELF file")]
    NoProgram,
    #[error("is a program for {system}, and this is Linux for {own}: build it for that", own = ARCH)]
    OtherSystem { system: &'static str },
    #[error("is a program for {0}, and this image is for {own}: build it for {own}", own = ARCH)]
    OtherMachine(String),
    #[error("is cut off: its header speaks of {wanted} bytes and it has {size}: copy it again")]
    CutOff { wanted: u64, size: u64 },
    #[error("is an object file or a memory dump, not a program: link it")]
    NotLinked,
    #[error("has an ELF header that makes no sense: copy it again")]
    Malformed,
    #[error("wants the loader `{loader}`, which {reason}; {present}: link it statically, or build it on this image")]
    Loader { loader: PathBuf, reason: Box<Unrunnable>, present: String },
    #[error("asks in its first line for `{interpreter}`, which {reason}{advice}", advice = reason.advice())]
    Interpreter { interpreter: PathBuf, reason: Box<Unrunnable> },
}

impl Unrunnable {
    fn advice(&self) -> &'static str {
        match self {
            Self::Missing | Self::BrokenLink(_) => ": add it to the image",
            _ => "",
        }
    }

    /// The init error; `shown` is the name of the file.
    pub(in crate::languages) fn into_failure(self, shown: impl Display) -> Failure {
        let lacks_interpreter = matches!(&self, Self::Interpreter { reason, .. } if matches!(**reason, Self::Missing));
        let error_type = if lacks_interpreter { ErrorType::InterpreterNotFound } else { ErrorType::HandlerLoadFailed };
        Failure::new(error_type, format!("`{shown}` {self}"))
    }
}

impl Language for Program {
    fn name(&self) -> &'static str {
        "program"
    }

    fn candidates(&self, reading: Reading<'_>) -> Result<Vec<Candidate>, Failure> {
        Ok(match reading {
            Reading::File(file) => vec![Candidate::new(file, "", File(file.into()))],
            Reading::Shape(_) | Reading::FunctionOfFile(..) | Reading::FunctionOfStem(..) => Vec::new(),
        })
    }
}

impl Runnable for File {
    fn launch(&self, settings: &Settings) -> Result<Launch, Failure> {
        let text = read(settings, &self.0)?;
        let Start { program, arguments, is_bash } = self.start(settings, &text)?;
        let function = |name: &str| format!("{}.{name}", self.0.with_extension("").display());
        let prelude = is_bash.then(|| prelude(settings, &self.0)).flatten();
        Ok(Launch {
            program,
            arguments,
            takes_cgi: true,
            transport: Kind::Program(prelude),
            empty_answer: is_bash.then(|| only_defines(&self.0, &text, function)).flatten(),
            ..Launch::default()
        })
    }
}

impl File {
    fn start(&self, settings: &Settings, text: &[u8]) -> Result<Start, Failure> {
        let file = absolute(settings, &self.0)?;
        let shown = self.0.display();
        if elf::is_elf(text) {
            executable::check(&file, &settings.task_root).map_err(|error| error.into_failure(shown))?;
            return Ok(Start { program: file, arguments: Vec::new(), is_bash: false });
        }
        if let Some(system) = executable::other_system(text) {
            return Err(Unrunnable::OtherSystem { system }.into_failure(shown));
        }
        check_spoiled(text, &self.0, shebang::has_windows_end(text).then_some(1))?;
        if let Some(Shebang { program, argument }) = Shebang::of(text) {
            let (name, real) = self.interpreter(settings, &program, argument.as_deref())?;
            let arguments = argument.into_iter().chain([file.into()]).collect();
            return Ok(Start { program: real, arguments, is_bash: name == "bash" });
        }
        if self.0.extension() == Some(OsStr::new("sh")) {
            let bash = interpreter("bash", "a Bash program", None, settings)?;
            return Ok(Start { program: bash, arguments: vec![file.into()], is_bash: true });
        }
        let message = format!(
            "`{shown}` does not say what runs it: add a first line, as `#!/usr/bin/env python3`, or write \
             FILE.FUNCTION for a function of it"
        );
        Err(Failure::new(ErrorType::InvalidHandler, message))
    }

    /// The name of the interpreter in a first line, and the program to start.
    fn interpreter(
        &self,
        settings: &Settings,
        program: &OsStr,
        argument: Option<&OsStr>,
    ) -> Result<(OsString, PathBuf), Failure> {
        let unrunnable = |interpreter: &Path, reason| {
            let error = Unrunnable::Interpreter { interpreter: interpreter.to_owned(), reason: Box::new(reason) };
            error.into_failure(self.0.display())
        };
        let program = settings.task_root.join(program);
        executable::check(&program, &settings.task_root).map_err(|reason| unrunnable(&program, reason))?;
        let name = program.file_name().unwrap_or_default().to_owned();
        if name != "env" {
            return Ok((name, program));
        }
        // `env` searches the command at each event; this only checks that it exists
        let Some(command) = argument.and_then(shebang::command_of_env) else { return Ok((name, program)) };
        let found = which::which_in(&command, settings.path.as_ref(), &settings.task_root).map_err(|_| {
            let (file, command) = (self.0.display(), command.to_string_lossy());
            let advice = if command.contains([' ', '\t']) {
                format!("write `#!/usr/bin/env -S {command}`")
            } else {
                "add it to the image".to_owned()
            };
            let message =
                format!("`{file}` asks in its first line for `{command}`, which is not on the PATH: {advice}");
            Failure::new(ErrorType::InterpreterNotFound, message)
        })?;
        executable::check(&found, &settings.task_root).map_err(|reason| unrunnable(&found, reason))?;
        Ok((Path::new(&command).file_name().unwrap_or_default().to_owned(), program))
    }
}

/// The prelude, if the program cannot notice its trap. It first runs the user's own `BASH_ENV`.
fn prelude(settings: &Settings, file: &Path) -> Option<Prelude> {
    let whole = notice::whole_text(settings, file)?;
    if notice::may_notice(&whole) || notice::may_trace(&whole) || whole.contains(BASH_ENV) {
        return None;
    }
    let own = settings.environment.get(OsStr::new(BASH_ENV));
    let own = own.map_or(":".to_owned(), |own| format!("export {BASH_ENV}={}", shell_word(&own.to_string_lossy())));
    Some(Prelude { variable: BASH_ENV, text: PRELUDE.replace("@OWN_BASH_ENV@", &own) })
}
