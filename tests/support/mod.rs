//! The builder "a bootstrap with these files and this handler", and its answers.

#[allow(dead_code)]
pub mod api;
#[allow(dead_code)]
pub mod http;
pub mod language;
#[macro_use]
pub mod needs;
pub mod processes;
mod running;
pub mod served;
pub mod storm;

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::{NamedTempFile, TempDir};

pub use self::{
    api::{Api, Event, PATIENCE, Post, Reception},
    running::{CallerError, Running, check_header_type},
};

/// The binary under test.
pub const BOOTSTRAP: &str = env!("CARGO_BIN_EXE_bootstrap");

/// The repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code block of a page in `docs/` that has this line.
pub fn code_block(page: &str, line: &str) -> String {
    let text = std::fs::read_to_string(repository().join("docs").join(page)).unwrap();
    let blocks = text.split("\n```").skip(1).step_by(2);
    let mut code = blocks.map(|block| block.split_once('\n').unwrap().1.to_owned() + "\n");
    code.find(|code| code.lines().any(|own| own == line)).unwrap_or_else(|| panic!("no {line} in {page}"))
}

/// All files of the documentation: at the top of the repository, and in these folders.
pub fn documents() -> Vec<PathBuf> {
    let mut folders = ["docs", "examples", "benches"].map(|folder| repository().join(folder)).to_vec();
    let mut paths: Vec<_> = entries(repository());
    while let Some(folder) = folders.pop() {
        let (below, files): (Vec<_>, Vec<_>) = entries(&folder).into_iter().partition(|path| path.is_dir());
        folders.extend(below);
        paths.extend(files);
    }
    paths.retain(|path| path.is_file());
    paths
}

/// The pages of the documentation.
pub fn pages() -> Vec<PathBuf> {
    let mut paths = documents();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A program on the `PATH`, or the file that an absolute path names.
pub fn find_on_path(program: impl AsRef<Path>) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(&program)).find(|file| file.is_file())
}

/// Whether a program is on the `PATH`.
pub fn on_path(program: &str) -> bool {
    find_on_path(program).is_some()
}

/// A function before its start: its files, its handler, its environment.
pub struct Function {
    task_root: TempDir,
    handler: OsString,
    environment: Vec<(String, Option<String>)>,
    api: Api,
}

impl Function {
    /// A task root with these files.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let task_root = TempDir::new().unwrap();
        let function =
            Self { task_root, handler: "function.handler".into(), environment: Vec::new(), api: Api::start() };
        files.iter().fold(function, |function, (name, text)| function.file(name, text))
    }

    /// One Bash file `function.sh` with this text.
    pub fn bash(text: &str) -> Self {
        Self::with(&[("function.sh", text)])
    }

    pub fn file(self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// A copy of a file of the repository.
    pub fn copy(self, from: &str, to: &str) -> Self {
        let bytes = fs::read(repository().join(from)).unwrap();
        self.file(to, bytes)
    }

    pub fn handler(mut self, handler: impl AsRef<OsStr>) -> Self {
        handler.as_ref().clone_into(&mut self.handler);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.push((name.to_owned(), None));
        self
    }

    /// With SnapStart.
    pub fn snapstart(self) -> Self {
        self.env("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    }

    /// A path in the task root.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.task_root.path().join(name)
    }

    /// The command that starts it as on Lambda.
    pub fn command(&self) -> Command {
        let mut command = self.bare_command();
        command
            .env("AWS_LAMBDA_RUNTIME_API", self.api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
            .env("LAMBDA_TASK_ROOT", self.task_root.path())
            .env("_HANDLER", &self.handler);
        self.change_environment(&mut command);
        command
    }

    fn bare_command(&self) -> Command {
        let mut command = Command::new(BOOTSTRAP);
        command.env_clear().current_dir(self.task_root.path());
        for name in ["PATH", "HOME", "SCRIPT_RUNTIME_BASH", "SCRIPT_RUNTIME_PWSH", "SCRIPT_RUNTIME_LISP_CORE"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }

    pub fn change_environment(&self, command: &mut Command) {
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }

    /// Starts it.
    pub fn start(self) -> Running {
        let command = self.command();
        self.start_as(command)
    }

    /// Starts it with this command.
    pub fn start_as(self, mut command: Command) -> Running {
        let log = NamedTempFile::new().unwrap();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.reopen().unwrap()).spawn().unwrap();
        Running { child, api: self.api, task_root: self.task_root, log }
    }

    /// The error with which its init fails; the bootstrap has ended with status 1.
    pub fn init_error(self) -> CallerError {
        self.start().init_error()
    }

    /// The command that answers one event without Lambda.
    pub fn local_command(&self, event: &str) -> Command {
        let mut command = self.bare_command();
        self.change_environment(&mut command);
        command.arg(&self.handler).arg(event);
        command
    }

    /// Answers one event without Lambda.
    pub fn once(&self, event: &str, standard_input: &[u8]) -> Output {
        let mut child = self
            .local_command(event)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // a handler that does not read standard input closes it
        let _ = child.stdin.take().unwrap().write_all(standard_input);
        child.wait_with_output().unwrap()
    }
}

/// Polls until this is true.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come");
        thread::sleep(Duration::from_millis(2));
    }
}
