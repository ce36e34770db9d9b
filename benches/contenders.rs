//! The runtimes of the comparison: the floor first.

use std::path::{Path, PathBuf};

use crate::runtime::Contender;

pub const FLOOR: &str = "native echo";
pub const WORKER: &str = "lean client, native worker process";
pub const BASH_WORKER: &str = "lean client, bare Bash";
pub const LISP_WORKER: &str = "lean client, bare SBCL";
pub const POWERSHELL_WORKER: &str = "lean client, bare PowerShell";
pub const RELAY: &str = "relay: `bootstrap`, native worker process";
pub const BASH: &str = "Bash function";
/// As the images have it.
pub const BASH_STATIC: &str = "Bash function, static Bash";
pub const BASH_CAT: &str = "Bash function, `cat`";
pub const BASH_PROGRAM: &str = "Bash program";
pub const BY_HAND: &str = "lean client, the same program by hand";
pub const CURL: &str = "Bash, curl loop";
pub const LISP: &str = "Lisp function, saved core";
pub const LISP_PLAIN: &str = "Lisp function, no core";
pub const LISP_SCRIPT: &str = "Roswell script, saved core";
pub const POWERSHELL: &str = "PowerShell function";

const ARGUMENT: &str = "handler() { printf '%s' \"$1\"; }\n";
const CAT: &str = "handler() { cat; }\n";
const SCRIPT: &str = "printf '%s' \"$1\"\n";

/// The Bash bootstrap of AWS's custom runtime tutorial, in its own order of steps.
const LOOP: &str = r#"set -euo pipefail
source "$LAMBDA_TASK_ROOT/function.sh"
while true; do
  headers=$(mktemp)
  event=$(curl -sS -LD "$headers" "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next")
  id=$(grep -Fi Lambda-Runtime-Aws-Request-Id "$headers" | tr -d '[:space:]' | cut -d: -f2)
  answer=$(handler "$event")
  curl -sS "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response" -d "$answer" >/dev/null
  rm "$headers"
done
"#;

const FORM: &str = "(defun f (data headers) (declare (ignore headers)) data)\n";
const ROSWELL: &str = "(defun main (&rest argv)\n  (declare (ignore argv))\n  \
    (loop for line = (read-line *standard-input* nil) while line do (write-string line)))\n";

const MODULE: &str = "function f { param($Data, $Context) $Data }\n";

/// Where the programs are.
pub struct Programs {
    /// `target/PROFILE`
    pub directory: PathBuf,
    /// PowerShell, if it is there.
    pub pwsh: Option<PathBuf>,
}

impl Programs {
    /// Beside this program, and on the `PATH`.
    pub fn find() -> Self {
        let this = std::env::current_exe().expect("the path of this program");
        let directory = this.ancestors().nth(2).expect("target/PROFILE/deps/PROGRAM").to_owned();
        let pwsh = std::env::var("SCRIPT_RUNTIME_PWSH").unwrap_or_else(|_| "pwsh".to_owned());
        Self { directory, pwsh: which::which(pwsh).ok() }
    }

    pub fn bootstrap(&self) -> PathBuf {
        self.directory.join("bootstrap")
    }

    pub fn example(&self, name: &str) -> PathBuf {
        self.directory.join("examples").join(name)
    }

    /// The Lisp core that `make lisp-core` saves.
    pub fn core(&self) -> Option<PathBuf> {
        let core = self.directory.parent()?.join("lisp/runtime.core");
        core.exists().then_some(core)
    }

    /// The runtimes whose programs are here; and the other ones, with the reason.
    pub fn contenders(&self) -> (Vec<Contender>, Vec<String>) {
        let bootstrap = self.bootstrap();
        let ours = |name, handler, files: &[_]| Contender::new(name, &bootstrap, handler, files).ours();
        let mut contenders = vec![
            Contender::new(FLOOR, &self.example("echo"), "", &[]),
            Contender::new(WORKER, &self.example("worker_echo"), "", &[]),
            // the native worker stands on the `PATH` as `sbcl`; the handler is a form
            Contender::new(RELAY, &bootstrap, "'f", &[]).ours().with_sbcl(&self.example("relay_worker")),
            Contender::new(BASH_WORKER, &self.example("worker_echo"), "", &[]).argument("bash"),
            ours(BASH, "function.handler", &[("function.sh", ARGUMENT)]),
            ours(BASH_CAT, "function.handler", &[("function.sh", CAT)]),
            ours(BASH_PROGRAM, "report.sh", &[("report.sh", SCRIPT)]).small_and_single(),
            Contender::new(BY_HAND, &self.example("worker_echo"), "", &[("report.sh", SCRIPT)])
                .argument("program")
                .small_and_single(),
        ];
        let mut left_out = Vec::new();
        let mut add = |contender: Contender, missing: Option<&str>| match missing {
            None => contenders.push(contender),
            Some(missing) => left_out.push(format!("{}: no {missing}", contender.name)),
        };
        let missing = |program| which::which(program).is_err().then_some(program);
        let bash_static = ours(BASH_STATIC, "function.handler", &[("function.sh", ARGUMENT)]);
        let static_bash = which::which("bash-static").unwrap_or_default();
        add(bash_static.env("SCRIPT_RUNTIME_BASH", &static_bash), missing("bash-static"));
        let files = [("function.sh", ARGUMENT), ("loop", LOOP)];
        let curl = Contender::new(CURL, Path::new("/bin/bash"), "", &files).argument("loop").small_and_single();
        add(curl, missing("curl"));
        let (core, no_core) = match self.core() {
            Some(core) if missing("sbcl").is_none() => (core, None),
            Some(_) => (PathBuf::new(), Some("sbcl")),
            None => (PathBuf::new(), Some("core from `make lisp-core`")),
        };
        let bare_lisp = Contender::new(LISP_WORKER, &self.example("worker_echo"), "", &[]).argument("lisp");
        add(bare_lisp, missing("sbcl"));
        let lisp = |name, handler, files: &[_]| ours(name, handler, files).env("SCRIPT_RUNTIME_LISP_CORE", &core);
        add(lisp(LISP, "main.f", &[("main.lisp", FORM)]), no_core);
        add(ours(LISP_PLAIN, "main.f", &[("main.lisp", FORM)]), missing("sbcl"));
        add(lisp(LISP_SCRIPT, "echo.ros", &[("echo.ros", ROSWELL)]), no_core);
        let pwsh = if self.pwsh.is_some() { None } else { Some("pwsh") };
        let bare = Contender::new(POWERSHELL_WORKER, &self.example("worker_echo"), "", &[("m.psm1", MODULE)]);
        add(bare.argument("powershell"), pwsh);
        let powershell = ours(POWERSHELL, "m.f", &[("m.psm1", MODULE)]);
        // as an image has it; else the first start compiles it
        let host = self.directory.parent().map(|target| target.join("powershell/lambda-script-runtime.dll"));
        add(
            match host.filter(|host| host.exists()) {
                Some(host) => powershell.env("SCRIPT_RUNTIME_PWSH_HOST", &host),
                None => powershell,
            },
            pwsh,
        );
        (contenders, left_out)
    }
}
