//! A running bootstrap, and its answers.

use std::{
    fs,
    process::{Child, Command, ExitStatus},
};

use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};

use super::{Api, Event, Post, until};

/// A running bootstrap.
pub struct Running {
    pub(super) child: Child,
    pub api: Api,
    pub task_root: TempDir,
    /// A file, not a pipe: when an answer comes, it has all that was written before.
    pub(super) log: NamedTempFile,
}

/// An error, as its caller gets it.
#[derive(Debug)]
pub struct CallerError {
    pub kind: String,
    pub message: String,
    pub stack: Vec<String>,
    pub json: Value,
}

impl Running {
    /// The error with which its init fails; the bootstrap has ended with status 1.
    pub fn init_error(mut self) -> CallerError {
        let post = self.api.wait_for_init_error();
        assert_eq!(self.wait().code(), Some(1), "log: {}", self.log());
        caller_error(&post)
    }

    /// The same for the restore.
    pub fn restore_error(mut self) -> CallerError {
        let post = self.api.wait_for_restore_error();
        assert_eq!(self.wait().code(), Some(1), "log: {}", self.log());
        caller_error(&post)
    }

    /// Continues in a copy of its snapshot.
    pub fn restored(self) -> Self {
        self.api.wait_for_checkpoint();
        self.api.restore("200 OK");
        self
    }

    /// Runs one event to its answer.
    pub fn answer(&self, event: impl AsRef<[u8]>) -> Vec<u8> {
        self.answer_to(Event::new(event))
    }

    /// The same with headers.
    pub fn answer_to(&self, event: Event) -> Vec<u8> {
        let post = self.post(event);
        assert_eq!(post.kind, "response", "{} log: {}", String::from_utf8_lossy(&post.body), self.log());
        post.body
    }

    /// Runs one event to its answer, as text.
    pub fn text(&self, event: impl AsRef<[u8]>) -> String {
        String::from_utf8(self.answer(event)).unwrap()
    }

    /// Runs one event to its error.
    pub fn error(&self, event: impl AsRef<[u8]>) -> CallerError {
        self.error_to(Event::new(event))
    }

    /// The same with headers.
    pub fn error_to(&self, event: Event) -> CallerError {
        let post = self.post(event);
        assert_eq!(post.kind, "error", "answer: {}", String::from_utf8_lossy(&post.body));
        caller_error(&post)
    }

    /// Runs one event, and returns its post.
    pub fn post(&self, event: Event) -> Post {
        let id = self.api.send(event);
        self.api.wait(&id)
    }

    /// The bootstrap's standard error so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&self.log_bytes()).into_owned()
    }

    /// The bytes of the log.
    pub fn log_bytes(&self) -> Vec<u8> {
        fs::read(self.log.path()).unwrap()
    }

    /// Waits until the log contains this text.
    pub fn wait_for_log(&self, text: &str) {
        until(&format!("{text:?} in the log"), || self.log().contains(text));
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn terminate(&self) {
        let status = Command::new("kill").arg(self.pid().to_string()).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        until("the bootstrap's end", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Its child processes: workers, and processes that were left behind and are not reaped yet.
    pub fn children(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task/{0}/children", self.pid());
        let children = fs::read_to_string(children).unwrap();
        children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // ends the workers, too
            self.terminate();
            let _ = self.child.wait();
        }
    }
}

fn caller_error(post: &Post) -> CallerError {
    let json: Value = serde_json::from_slice(&post.body).unwrap();
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    let kind = text("errorType");
    check_header_type(&post.headers["lambda-runtime-function-error-type"], &kind);
    check_cause(&post.headers["lambda-runtime-function-xray-error-cause"], &json);
    let stack = json["stackTrace"].as_array().unwrap();
    let stack = stack.iter().map(|line| line.as_str().unwrap().to_owned()).collect();
    CallerError { kind, message: text("errorMessage"), stack, json }
}

/// Checks that the header for X-Ray has the error, cut if it is too long.
fn check_cause(header: &str, error: &Value) {
    assert!(header.is_ascii() && header.len() < 64 * 1024, "{header}");
    let cause: Value = serde_json::from_str(header).unwrap();
    assert!(cause["working_directory"].is_string() && cause["paths"].is_array(), "{cause}");
    let exception = &cause["exceptions"][0];
    for (shown, whole) in [("message", "errorMessage"), ("type", "errorType")] {
        let (shown, whole) = (exception[shown].as_str().unwrap(), error[whole].as_str().unwrap());
        assert!(whole.starts_with(shown) && (shown == whole || shown.len() > 1000), "{shown}: {whole}");
    }
    let (frames, lines) = (exception["stack"].as_array().unwrap(), error["stackTrace"].as_array().unwrap());
    assert!(frames.len() <= lines.len());
    for (frame, line) in frames.iter().zip(lines) {
        let line = line.as_str().unwrap();
        for part in [&frame["label"], &frame["path"]] {
            assert!(part.as_str().is_none_or(|part| line.contains(part)), "{frame}: {line}");
        }
        assert!(frame["line"].as_u64().is_none_or(|number| line.ends_with(&format!(": line {number}"))), "{line}");
    }
}

/// Checks that the type in the header has Lambda's form, and is that of the body if that also has this form.
pub fn check_header_type(header: &str, kind: &str) {
    let has_form = |text: &str| {
        let name = text.strip_prefix("Runtime.").or(text.strip_prefix("Function."));
        name.is_some_and(|name| {
            name.len() > 1
                && name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.chars().all(|letter| letter.is_ascii_alphabetic())
        })
    };
    assert!(has_form(header), "{header}");
    let is_of_hooks = ["Runtime.BeforeSnapshotError", "Runtime.AfterRestoreError"].contains(&header);
    assert!(is_of_hooks || header == kind || !has_form(kind), "{header}, {kind}");
    assert!(is_of_hooks || has_form(kind) || header.starts_with("Function."), "{header}, {kind}");
}
