//! One runtime under measurement: how it is started, its Runtime API, and what the kernel says of it.

use std::{
    env,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::resource::{UsageWho, getrusage};
use rustix::process::{Pid, Signal, WaitOptions, kill_process_group, waitpgid};
use tempfile::TempDir;

use crate::api::{Api, Event, PATIENCE, Post};

/// How often it is looked for what is waited for: seldom enough not to disturb.
const LOOK: Duration = Duration::from_millis(1);

/// The variables that runtimes inherit. This program's environment is larger than Lambda's.
const INHERITED: [&str; 3] = ["PATH", "HOME", "SCRIPT_RUNTIME_PWSH"];

/// A runtime that can be started.
pub struct Contender {
    pub name: &'static str,
    /// Whether it is this project's.
    pub ours: bool,
    /// It hands events over as arguments, which the kernel limits, and one at a time.
    pub small_and_single: bool,
    program: PathBuf,
    arguments: Vec<&'static str>,
    handler: &'static str,
    environment: Vec<(&'static str, String)>,
    task_root: TempDir,
}

/// A runtime that runs.
pub struct Runtime {
    child: Child,
    group: Option<Pid>,
    api: Api,
    started: Instant,
    log: PathBuf,
}

/// The times of a row of events without pauses.
pub struct Turn {
    /// From each answer to the next, in ms.
    pub cycles: Vec<f64>,
    /// From the first answer to the last.
    pub per_second: f64,
}

impl Contender {
    pub fn new(name: &'static str, program: &Path, handler: &'static str, files: &[(&str, &str)]) -> Self {
        let task_root = TempDir::new().expect("a temporary directory");
        for (file, text) in files {
            fs::write(task_root.path().join(file), text).expect("a file in the task root");
        }
        Self {
            name,
            ours: false,
            small_and_single: false,
            program: program.to_owned(),
            arguments: Vec::new(),
            handler,
            environment: Vec::new(),
            task_root,
        }
    }

    pub fn env(mut self, name: &'static str, value: &Path) -> Self {
        self.environment.push((name, value.display().to_string()));
        self
    }

    /// Puts this program first on the `PATH`, as `sbcl`.
    pub fn with_sbcl(self, program: &Path) -> Self {
        let directory = self.task_root.path().join("bin");
        fs::create_dir(&directory).expect("a directory in the task root");
        std::os::unix::fs::symlink(program, directory.join("sbcl")).expect("a link in the task root");
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([directory].into_iter().chain(env::split_paths(&path)));
        self.env("PATH", Path::new(&path.expect("paths without a colon")))
    }

    pub fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    pub fn ours(self) -> Self {
        Self { ours: true, ..self }
    }

    pub fn small_and_single(self) -> Self {
        Self { small_and_single: true, ..self }
    }

    pub fn start(&self) -> Runtime {
        self.start_as(Command::new(&self.program), 1)
    }

    /// It may have this many events at the same time.
    pub fn start_concurrent(&self, concurrency: usize) -> Runtime {
        self.start_as(Command::new(&self.program), concurrency)
    }

    /// It runs under `strace`, which writes its summary into this file in the end.
    pub fn start_traced(&self, summary: &Path) -> Runtime {
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-o"]).arg(summary).arg(&self.program);
        self.start_as(command, 1)
    }

    /// It runs in the control group that has this file.
    pub fn start_in(&self, entrance: &Path) -> Runtime {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >\"$0\"; exec \"$@\""]).arg(entrance).arg(&self.program);
        self.start_as(command, 1)
    }

    fn start_as(&self, mut command: Command, concurrency: usize) -> Runtime {
        let api = Api::start();
        let log = self.task_root.path().join("log");
        let stderr = File::create(&log).expect("a file for the log");
        command
            .args(&self.arguments)
            .current_dir(self.task_root.path())
            .env_clear()
            .envs(INHERITED.into_iter().filter_map(|name| Some((name, env::var_os(name)?))))
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("LAMBDA_TASK_ROOT", self.task_root.path())
            .env("_HANDLER", self.handler)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0);
        if concurrency > 1 {
            command.env("AWS_LAMBDA_MAX_CONCURRENCY", concurrency.to_string());
        }
        let started = Instant::now();
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; `make bench` builds what it needs", self.program.display()));
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Runtime { child, group, api, started, log }
    }
}

impl Runtime {
    /// From the start of the process to its first request for an event, in ms.
    pub fn init(&self) -> f64 {
        self.wait_until_asked(1);
        milliseconds(self.api.wait_until_asked(1) - self.started)
    }

    /// Waits until it has asked for this many events.
    pub fn wait_until_asked(&self, times: usize) {
        self.wait_until("it did not ask for an event", || self.api.asked() >= times);
    }

    /// From the moment that an event is handed out to the moment that its answer has been read, in ms.
    pub fn event(&self, body: &[u8]) -> f64 {
        let id = self.api.send(Event::new(body));
        milliseconds(self.answer(&id, body).time)
    }

    /// Runs an event that asks for a streamed answer of this size. Gives the time to its first byte, and to its end, in
    /// ms.
    pub fn streamed(&self, size: usize) -> (f64, f64) {
        let id = self.api.send(Event::new(size.to_string()));
        let post = self.api.take(&id);
        assert!(post.kind == "response" && post.body.len() >= size, "{}", self.log());
        // a native one begins with a head
        let first = post.chunks.iter().find(|chunk| chunk.bytes.first() != Some(&b'{')).expect("an answer has bytes");
        (milliseconds(post.time.saturating_sub(post.at - first.at)), milliseconds(post.time))
    }

    /// The most memory that the process itself has had, in MiB.
    pub fn peak_memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<f64>().ok());
        kibibytes.unwrap_or_default() / 1024.0
    }

    /// An unbroken row of events: each is ready when the runtime asks for it, and nobody else runs here.
    pub fn row(&self, count: usize, body: &[u8]) -> Turn {
        let ids = self.api.send_row((0..count).map(|_| Event::new(body)));
        let last = ids.last().expect("a row has events");
        self.wait_until("a row of events did not end", || !self.api.posts(last).is_empty());
        let mut answered: Vec<_> = ids.iter().map(|id| self.answer(id, body).at).collect();
        answered.sort();
        let cycles: Vec<_> = answered.windows(2).map(|pair| milliseconds(pair[1] - pair[0])).collect();
        let per_second = 1000.0 * cycles.len() as f64 / cycles.iter().sum::<f64>();
        Turn { cycles, per_second }
    }

    fn wait_until(&self, failure: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "{failure}: {}", self.log());
            thread::sleep(LOOK);
        }
    }

    fn answer(&self, id: &str, body: &[u8]) -> Post {
        let post = self.api.take(id);
        let text = String::from_utf8_lossy(&post.body);
        assert!(post.kind == "response" && post.body == body, "{}: {text}\n{}", post.kind, self.log());
        post
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The proportional memory of the process itself, in MiB.
    pub fn own_memory(&self) -> f64 {
        proportional_memory(self.child.id())
    }

    /// The proportional memory of the process and all below it, in MiB.
    pub fn tree_memory(&self) -> f64 {
        tree(self.child.id()).into_iter().map(proportional_memory).sum()
    }

    /// Ends it, and says how much processor time it and all below it have had since they began. The kernel adds up
    /// to the microsecond what processes had that have ended, such as a subshell for each event.
    pub fn stop(mut self) -> Duration {
        let before = time_of_children();
        self.end();
        time_of_children().saturating_sub(before)
    }

    fn end(&mut self) {
        let Some(group) = self.group.take() else { return };
        // a bootstrap takes its workers along, which have groups of their own
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        let patient = || {
            if Instant::now() > deadline {
                let _ = kill_process_group(group, Signal::KILL);
            }
            thread::sleep(LOOK);
        };
        while self.child.try_wait().is_ok_and(|status| status.is_none()) {
            patient();
        }
        // orphans of the runtime are children of this program now: their time counts as well
        while waitpgid(group, WaitOptions::NOHANG).is_ok() {
            patient();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.end();
    }
}

/// An event of this size.
pub fn body(size: usize) -> Vec<u8> {
    let mut body = br#"{"data":""#.to_vec();
    body.resize(size - 2, b'x');
    body.extend_from_slice(br#""}"#);
    body
}

pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The processor time of all children of this program that have ended, and of theirs.
fn time_of_children() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("it cannot fail");
    let times = [usage.user_time(), usage.system_time()];
    times.iter().map(|time| Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64)).sum()
}

fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

fn tree(pid: u32) -> Vec<u32> {
    std::iter::once(pid).chain(children(pid).into_iter().flat_map(tree)).collect()
}

/// In MiB; 0 for a process that has just ended.
fn proportional_memory(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0 kB");
    value.trim().trim_end_matches(" kB").parse::<f64>().map_or(0.0, |kilobytes| kilobytes / 1024.0)
}
