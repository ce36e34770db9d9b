//! One durable execution from its start to its end, on the stand-in of the service.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Once,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::service::Service;
use crate::support::{BOOTSTRAP, Event, Function, Running, processes, until};

/// More invocations than any execution of the tests needs.
const MANY: usize = 40;

/// An execution of one function.
pub struct Execution<'a> {
    pub service: Service,
    /// The function, once for each bootstrap that is started.
    function: Box<dyn Fn() -> Function + 'a>,
    running: Option<Running>,
    /// Further variables.
    environment: Vec<(String, String)>,
    /// The time that each invocation has.
    time: Option<Duration>,
    /// How each invocation ended: a `Status`, an `errorType`, or `killed`.
    pub invocations: Vec<String>,
}

/// The end of an execution.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Succeeded(String),
    /// Type and message.
    Failed(String, String),
}

impl<'a> Execution<'a> {
    /// An execution of this function, which gets all that it needs to find the service.
    pub fn of(service: Service, function: impl Fn() -> Function + 'a) -> Self {
        Self {
            service,
            function: Box::new(function),
            running: None,
            environment: Vec::new(),
            time: None,
            invocations: Vec::new(),
        }
    }

    /// The same with this variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this time for each invocation.
    pub fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Runs it to its end.
    pub fn run(&mut self, input: &str) -> End {
        while self.invocations.len() < MANY {
            let answer = self.invoke(input);
            let status = |json: &Value| json["Status"].as_str().map(str::to_owned);
            let Some(status) = answer.as_ref().and_then(status) else { continue };
            let answer = answer.unwrap();
            let text = |name: &str| answer["Error"][name].as_str().unwrap_or_default().to_owned();
            match status.as_str() {
                "PENDING" => self.service.let_time_pass(),
                "SUCCEEDED" => return End::Succeeded(answer["Result"].as_str().unwrap().to_owned()),
                _ => return End::Failed(text("ErrorType"), text("ErrorMessage")),
            }
        }
        panic!("no end: {:?}, {}", self.invocations, self.log());
    }

    /// Runs one invocation: its answer, or none if the bootstrap was killed.
    pub fn invoke(&mut self, input: &str) -> Option<Value> {
        let service = self.service.clone();
        let (function, environment) = (&self.function, &self.environment);
        let running = self.running.get_or_insert_with(|| {
            let function = function()
                .env("AWS_ENDPOINT_URL_LAMBDA", &service.url())
                .env("AWS_REGION", "us-east-1")
                .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
                .env("AWS_SECRET_ACCESS_KEY", "secret")
                .env("PATH", &path());
            let more = environment.iter();
            more.fold(function, |function, (name, value)| function.env(name, value)).start()
        });
        service.kill(running.pid());
        let event = Event::new(service.begin(input));
        let id = running.api.send(match self.time {
            Some(time) => event.deadline_in(time),
            None => event,
        });
        let mut post = None;
        until("an answer", || {
            post = running.api.posts(&id).into_iter().next();
            post.is_some() || processes::has_ended(running.pid())
        });
        let Some(post) = post else {
            self.running = None;
            self.invocations.push("killed".to_owned());
            return None;
        };
        let answer: Value = serde_json::from_slice(&post.body).unwrap();
        let name = if post.kind == "error" { "errorType" } else { "Status" };
        self.invocations.push(answer[name].as_str().unwrap().to_owned());
        Some(answer)
    }

    /// Forgets the execution and begins another one, on the same worker.
    pub fn again(&mut self) {
        self.service.forget();
        self.invocations.clear();
    }

    /// The answer to an event that is not durable.
    pub fn text(&self, event: &str) -> String {
        self.running.as_ref().unwrap().text(event)
    }

    /// Another event is answered, by a bootstrap that has not been killed.
    pub fn recovers(&self) {
        if let Some(running) = &self.running {
            assert_eq!(running.text("fine").trim_end(), "fine", "{}", running.log());
        }
    }

    /// The log of the bootstrap that runs.
    pub fn log(&self) -> String {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }
}

/// The `PATH` with the command `durable`, as an image has it.
pub fn path() -> String {
    static LINKED: Once = Once::new();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("durable");
    LINKED.call_once(|| {
        fs::create_dir_all(&folder).unwrap();
        let link = folder.join("durable");
        // one of an earlier run may name another binary
        let _ = fs::remove_file(&link);
        symlink(BOOTSTRAP, link).unwrap();
    });
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

/// A file to which handlers add a line for each thing that they really do.
pub struct Deeds(TempDir);

impl Deeds {
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("deeds")
    }

    pub fn path(&self) -> String {
        self.file().display().to_string()
    }

    /// How often this was done.
    pub fn count(&self, deed: &str) -> usize {
        self.all().iter().filter(|line| *line == deed).count()
    }

    /// All that was done.
    pub fn all(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
