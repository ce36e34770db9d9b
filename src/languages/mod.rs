//! The languages. The folder of each has its handlers, the start of its workers, and the shim inside the interpreter.

mod bash;
pub mod handler;
mod lisp;
mod powershell;
mod program;

use std::{
    collections::{HashMap, VecDeque},
    ffi::OsStr,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{Access, access};

use self::program::executable;
use crate::{
    failure::{ErrorType, Failure},
    languages::handler::{Language, Places, invalid},
    process::Children,
    settings::{Interface, Settings, Variable, variable},
    worker::Setup,
};

/// All languages. A file belongs to the first language that knows it; any file can be a program.
pub const LANGUAGES: [&dyn Language; 4] = [&bash::Bash, &lisp::Lisp, &powershell::PowerShell, &program::Program];

/// The bytes that some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How many files of the task root are searched for suggestions, and to which depth.
const LISTED_FILES: usize = 200;
const LISTED_DEPTH: usize = 4;

/// Finds the handler's files and its interpreter.
pub async fn setup(settings: &Arc<Settings>, children: &Children) -> Result<Setup, Failure> {
    let root = std::fs::canonicalize(&settings.task_root).map_err(|error| {
        let root = settings.task_root.display();
        Failure::new(ErrorType::InvalidConfiguration, format!("task root `{root}` cannot be read: {error}"))
    })?;
    let places = TaskRoot { settings, root: &root };
    let handler = handler::resolve(&settings.handler, &LANGUAGES, &places)?.runnable;
    handler.prepare(settings, children).await?;
    let launch = handler.launch(settings)?;
    if settings.interface == Interface::Cgi && !launch.takes_cgi {
        let (name, handler) = (variable::INTERFACE, &settings.handler);
        let message = format!(
            "`{name}` is `cgi`, which is for programs, Bash functions and Lisp scripts: `{handler}` is none of them"
        );
        return Err(Failure::new(ErrorType::InvalidConfiguration, message));
    }
    Ok(Setup { launch: Arc::new(launch), settings: Arc::clone(settings), children: children.clone() })
}

struct TaskRoot<'a> {
    settings: &'a Settings,
    /// The task root, with links resolved.
    root: &'a Path,
}

impl Places for TaskRoot<'_> {
    fn exists(&self, place: &Path) -> bool {
        let own = LANGUAGES.iter().find_map(|language| language.has_place(self.settings, place));
        own.unwrap_or_else(|| self.root.join(place).exists())
    }

    fn is_file(&self, place: &Path) -> bool {
        self.root.join(place).is_file()
    }

    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = VecDeque::from([PathBuf::new()]);
        while let Some(folder) = folders.pop_front() {
            let entries = std::fs::read_dir(self.root.join(&folder)).into_iter().flatten().flatten();
            let mut names: Vec<_> = entries.map(|entry| folder.join(entry.file_name())).collect();
            names.retain(|name| !name.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b"."));
            names.sort();
            for name in names {
                if files.len() == LISTED_FILES {
                    return files;
                }
                if self.is_file(&name) {
                    files.extend(name.into_os_string().into_string());
                } else if self.root.join(&name).is_dir() && name.iter().count() < LISTED_DEPTH {
                    folders.push_back(name);
                }
            }
        }
        files
    }

    /// The reasons: the task root is empty, or this user may not enter a folder.
    fn reason(&self) -> String {
        let folders = Path::new(&self.settings.handler).ancestors().map(|folder| self.root.join(folder));
        let mut folders = folders.filter(|folder| folder.is_dir());
        if let Some(closed) = folders.find(|folder| access(folder, Access::EXEC_OK).is_err()) {
            let metadata = std::fs::metadata(&closed);
            let advice = metadata.map(|metadata| executable::permissions(&closed, &metadata, 'x'));
            return format!("; `{}` may not be entered: {}", closed.display(), advice.unwrap_or_default());
        }
        if !std::fs::read_dir(self.root).is_ok_and(|mut entries| entries.next().is_none()) {
            return String::new();
        }
        let root = self.root.display();
        let advice = if self.settings.is_in_image() {
            format!(
                "add your files to the image (`COPY . ${{LAMBDA_TASK_ROOT}}`), or mount them (`docker run --volume \
                 \"$PWD\":{root}`)"
            )
        } else {
            format!("start `bootstrap` in the folder of your files, or name that in `{}`", variable::TASK_ROOT)
        };
        format!("; the task root `{root}` is empty: {advice}")
    }
}

/// The absolute path of a file of the task root: it stays valid after a `cd`, and is not searched on the `PATH`. The
/// file may be a symbolic link, but not to a place outside of the task root.
fn absolute(settings: &Settings, file: &Path) -> Result<PathBuf, Failure> {
    let path = settings.task_root.join(file.strip_prefix(".").unwrap_or(file));
    let canonical = |path: &Path| {
        std::fs::canonicalize(path).map_err(|error| {
            let message = format!("`{}` cannot be read: {error}", file.display());
            Failure::new(ErrorType::HandlerLoadFailed, message)
        })
    };
    let target = canonical(&path)?;
    if target.starts_with(canonical(&settings.task_root)?) {
        return Ok(path);
    }
    let reason = format!(
        "leads out of the task root: `{}` is a link to `{}`; copy the file into the task root",
        file.display(),
        target.display()
    );
    Err(invalid(&settings.handler, &reason))
}

/// The extension of a file; empty if it has none.
fn extension(file: &str) -> &str {
    Path::new(file).extension().and_then(OsStr::to_str).unwrap_or_default()
}

/// The FNV-1a hash with 64 bits: it detects changes, but is no protection.
const fn fnv(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    hash
}

/// An interpreter that this machine can run: the one that the variable names, else the one with this name on the
/// workers' `PATH`.
fn interpreter(
    name: &str,
    handlers: &str,
    chosen: Option<(Variable, &PathBuf)>,
    settings: &Settings,
) -> Result<PathBuf, Failure> {
    let failure = |message| Failure::new(ErrorType::InterpreterNotFound, message);
    let (name, program) = match chosen {
        Some((variable, program)) if program.is_file() => (variable.name, program.clone()),
        Some((variable, program)) => {
            return Err(failure(format!("`{variable}` is `{}`, which is no file", program.display())));
        }
        None => {
            let program = which::which_in(name, settings.path.as_ref(), "/").map_err(|_| {
                let path = settings.path.as_deref().unwrap_or_default().display();
                failure(format!("`{name}` is not on the PATH (`{path}`): {handlers} needs it in the image"))
            })?;
            (name, program)
        }
    };
    executable::check(&program, &settings.task_root)
        .map_err(|error| failure(format!("`{name}` is `{}`, which {error}", program.display())))?;
    Ok(program)
}

/// The content of a file of the user.
fn read(settings: &Settings, file: &Path) -> Result<Vec<u8>, Failure> {
    let path = absolute(settings, file)?;
    std::fs::read(&path).map_err(|error| {
        let mut message = format!("`{}` cannot be read: {error}", file.display());
        if error.kind() == io::ErrorKind::PermissionDenied
            && let Ok(metadata) = std::fs::metadata(&path)
        {
            let wanted = if metadata.mode() & 0o111 == 0 { 'r' } else { 'x' };
            message = format!("{message}: {}", executable::permissions(file, &metadata, wanted));
        }
        Failure::new(ErrorType::HandlerLoadFailed, message)
    })
}

/// A path, quoted as one argument for a shell.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    if text.starts_with('-') { shell_word(&format!("./{text}")) } else { shell_word(&text) }
}

/// A text as one word for a shell, quoted only if necessary.
fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The error of a file with a byte order mark or Windows line ends. `windows_line` is the number of the first line with
/// such an end that matters.
fn check_spoiled(text: &[u8], file: &Path, windows_line: Option<usize>) -> Result<(), Failure> {
    let word = quoted(file);
    let fault = if text.starts_with(BYTE_ORDER_MARK) {
        format!(
            "begins with a byte order mark, which is taken for a part of its first word: save it as UTF-8 without one, or run \
             `sed -i '1s/^\\xEF\\xBB\\xBF//' {word}`"
        )
    } else if let Some(line) = windows_line {
        format!(
            "has Windows line ends (CRLF, first in line {line}), which are taken for parts of words: save it with Unix \
             ones (LF), or run `sed -i 's/\\r$//' {word}` or `dos2unix {word}`"
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(ErrorType::HandlerLoadFailed, format!("`{}` {fault}", file.display())))
}

/// The lines of a script that are no comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with('#'))
}

/// The hint for a file that ran as a program with an empty answer, if it defines a function that it does not call.
/// `handler` returns the handler for a function's name.
fn only_defines(file: &Path, text: &[u8], handler: impl Fn(&str) -> String) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let ends_name = |letter: char| letter.is_whitespace() || "({".contains(letter);
    let mut defined = code(&text)
        .filter_map(|line| {
            let (word, rest) = line.split_at(line.find(ends_name)?);
            let rest = rest.trim_start();
            if word.eq_ignore_ascii_case("function") {
                return rest.split(ends_name).next().filter(|name| !name.is_empty());
            }
            let body = rest.strip_prefix("()")?.trim_start();
            let is_name = !word.is_empty() && !word.contains(['=', '$', '#', '"', '\'']);
            (is_name && (body.is_empty() || body.starts_with(['{', '(']))).then_some(word)
        })
        .peekable();
    defined.peek()?;
    // counted once: a file may define many functions
    let lower_case = text.to_ascii_lowercase();
    let mut uses = HashMap::<_, usize>::new();
    for word in
        code(&lower_case).flat_map(|line| line.split(|letter| ends_name(letter) || ")};|&`\"'".contains(letter)))
    {
        *uses.entry(word).or_default() += 1;
    }
    let function = defined.find(|name| uses.get(&*name.to_ascii_lowercase()) == Some(&1))?;
    Some(format!(
        "`{}` ran as a program and answered nothing; it defines `{function}`: to call that, the handler is `{}`",
        file.display(),
        handler(function)
    ))
}
