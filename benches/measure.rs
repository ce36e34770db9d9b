//! One runtime under measurement: its process, its Runtime API, and what `/proc` says of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::api::{Api, Event};

/// A runtime that can be started.
pub struct Contender {
    pub name: &'static str,
    pub only_small: bool,
    program: PathBuf,
    arguments: Vec<&'static str>,
    handler: &'static str,
    environment: Vec<(&'static str, String)>,
    task_root: TempDir,
}

/// A runtime that runs.
pub struct Runtime {
    child: Child,
    api: Api,
    started: Instant,
}

impl Contender {
    pub fn new(name: &'static str, program: &Path, handler: &'static str, files: &[(&str, &str)]) -> Self {
        let task_root = TempDir::new().expect("a temporary directory");
        for (file, text) in files {
            fs::write(task_root.path().join(file), text).expect("a file in the task root");
        }
        Self {
            name,
            only_small: false,
            program: program.to_owned(),
            arguments: Vec::new(),
            handler,
            environment: Vec::new(),
            task_root,
        }
    }

    pub fn env(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    pub fn argument(mut self, argument: &'static str) -> Self {
        self.arguments.push(argument);
        self
    }

    /// For one that hands events over as arguments, which the kernel limits.
    pub fn small_events_only(self) -> Self {
        Self { only_small: true, ..self }
    }

    pub fn start(&self) -> Runtime {
        let api = Api::start();
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .current_dir(self.task_root.path())
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", "f")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("LAMBDA_TASK_ROOT", self.task_root.path())
            .env("_HANDLER", self.handler)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let started = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.program.display()));
        Runtime { child, api, started }
    }
}

impl Runtime {
    /// From the start of the process to its first request for an event, in ms.
    pub fn init(&mut self) -> f64 {
        self.api.wait_until_asked(1);
        milliseconds(self.started.elapsed())
    }

    /// The time that an event of this size took, in ms.
    pub fn event(&mut self, size: usize) -> f64 {
        let mut body = br#"{"data":""#.to_vec();
        body.resize(size - 2, b'x');
        body.extend_from_slice(br#""}"#);
        let id = self.api.send(Event::new(&body));
        let post = self.api.take(&id);
        assert!(post.kind == "response" && post.body == body, "{}", String::from_utf8_lossy(&post.body));
        milliseconds(post.time)
    }

    /// The resident memory of the process itself, in MiB.
    pub fn own_memory(&self) -> f64 {
        kilobytes(&format!("/proc/{}/status", self.child.id()), "VmRSS:") / 1024.0
    }

    /// The proportional memory of the process and all below it, in MiB.
    pub fn tree_memory(&self) -> f64 {
        tree(self.child.id())
            .iter()
            .map(|pid| kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:"))
            .sum::<f64>()
            / 1024.0
    }

    /// The processor time of the process and all below it up to now, those that have ended too.
    pub fn cpu_time(&self) -> Duration {
        let ticks: u64 = tree(self.child.id()).iter().map(|pid| ticks(*pid)).sum();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // SIGTERM, so that a bootstrap takes its workers along
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// The value at this rank, in percent.
pub fn percentile(values: &[f64], rank: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() as f64 * rank / 100.0).ceil() as usize;
    sorted[index.clamp(1, sorted.len()) - 1]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn tree(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(tree);
    std::iter::once(pid).chain(below).collect()
}

fn kilobytes(file: &str, field: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0");
    value.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
}

/// utime, stime, cutime and cstime of a process, in clock ticks of 10 ms.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    (11..15).filter_map(|index| fields.get(index)?.parse::<u64>().ok()).sum()
}
