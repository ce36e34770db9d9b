//! The languages, each with a handler that runs the event's text as code.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use super::{Function, needs::has, repository};

/// One language, with the code that fault tests run in it.
pub struct Language {
    pub name: &'static str,
    /// Code that answers `fine`.
    pub fine: &'static str,
    /// Code that answers with the request id of its environment.
    pub own_id: &'static str,
    /// The same, and leaves a process behind that runs for a moment.
    pub leave_child: &'static str,
    /// Code that fails with the id of its request in the message.
    pub fail: &'static str,
    /// The characters that begin a comment.
    pub comment: &'static str,
    /// The number of a worker's processes, with the one that waits for the next event.
    pub processes: usize,
    /// Code that sends its own worker the signal whose number replaces `SIGNAL`.
    pub kill_worker: &'static str,
    evaluator: fn() -> Option<Function>,
    echo: fn() -> Option<Function>,
}

pub const BASH: Language = Language {
    name: "Bash",
    fine: "echo fine",
    own_id: "echo $AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID",
    leave_child: "sleep 0.05 & echo $AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID",
    fail: "echo $AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID >&2; exit 3",
    comment: "#",
    processes: 2,
    kill_worker: "kill -SIGNAL $$; sleep 1000",
    evaluator: || Some(Function::bash("handler() { eval \"$1\"; }")),
    echo: || Some(Function::bash("handler() { printf %s \"$1\"; }")),
};

pub const LISP: Language = Language {
    name: "Common Lisp",
    fine: "\"fine\"",
    own_id: "(sb-posix:getenv \"AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\")",
    leave_child: "(progn (uiop:launch-program \"sleep 0.05\") (sb-posix:getenv \"AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\"))",
    fail: "(error \"failed: ~a\" (sb-posix:getenv \"AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\"))",
    comment: ";",
    processes: 1,
    kill_worker: "(progn (sb-posix:kill (sb-posix:getpid) SIGNAL) (sleep 1000))",
    evaluator: || {
        lisp("(require :sb-posix) (defun handler (data h) h (princ-to-string (eval (read-from-string data))))")
    },
    echo: || lisp("(defun handler (data h) h data)"),
};

pub const POWERSHELL: Language = Language {
    name: "PowerShell",
    fine: "Write-Output fine",
    own_id: "$env:AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID",
    leave_child: "Start-Process sleep 0.05; $env:AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID",
    fail: "throw \"failed: $env:AWS_LAMBDA_RUNTIME_AWS_REQUEST_ID\"",
    comment: "#",
    processes: 1,
    kill_worker: "/bin/kill -SIGNAL $PID; Start-Sleep 1000",
    evaluator: || powershell("function f { param($d) Invoke-Expression $d }"),
    echo: || powershell("function f { param($d) $d }"),
};

pub const LANGUAGES: [&Language; 3] = [&BASH, &LISP, &POWERSHELL];

impl Language {
    /// A function that runs events as code; `None`, with a report, if the interpreter is missing.
    pub fn evaluator(&self) -> Option<Function> {
        (self.evaluator)()
    }

    /// A function that answers with the event.
    pub fn echo(&self) -> Option<Function> {
        (self.echo)()
    }

    /// Code that sends the worker this signal.
    pub fn killed_by(&self, signal: i32) -> String {
        self.kill_worker.replace("SIGNAL", &signal.to_string())
    }
}

fn lisp(code: &str) -> Option<Function> {
    has("sbcl").then(|| {
        Function::with(&[("main.lisp", code)])
            .handler("main.handler")
            .env("SCRIPT_RUNTIME_LISP_CORE", lisp_core().to_str().unwrap())
    })
}

fn powershell(code: &str) -> Option<Function> {
    has("pwsh").then(|| Function::with(&[("m.psm1", code)]).handler("m.f"))
}

/// Whether the Lisp core has this package.
pub fn core_holds(package: &str) -> bool {
    let code = "(defun handler (name h) h (if (find-package (string-upcase name)) \"yes\" \"no\"))";
    lisp(code).is_some_and(|function| function.start().text(package) == "yes")
}

/// A Lisp core with the shim, built once for all tests.
pub fn lisp_core() -> &'static PathBuf {
    static CORE: OnceLock<PathBuf> = OnceLock::new();
    CORE.get_or_init(|| {
        let core = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("lisp/runtime.core");
        build_lisp_core(&core, &[], None);
        core
    })
}

/// Builds a Lisp core; ASDF also searches `registry` for systems. Returns the output.
pub fn build_lisp_core(core: &Path, systems: &[&str], registry: Option<&Path>) -> String {
    let mut command = Command::new(repository().join("lisp/build-core.sh"));
    if let Some(registry) = registry {
        command.env("CL_SOURCE_REGISTRY", format!("{}:", registry.display()));
    }
    let output = command.arg(core).args(systems).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    said
}
