//! Errors: their types, and the JSON that the caller gets.
//!
//! The runtime's own error types begin with `Runtime.` for a fault of the runtime or its settings, and with `Function.`
//! for a fault of the handler. A language's own errors have the name of their type.

pub mod secrets;

use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::named::named;

named! {
    /// The error types of the runtime itself, in the order in which `docs/errors.md` explains them.
    ErrorType {
        /// A handler's process ended with a status that is not 0.
        ExitStatus = "Function.ExitStatus",
        /// A handler's process was ended by a signal.
        Signal = "Function.Signal",
        /// The answer is over the payload limit.
        ResponseSizeTooLarge = "Function.ResponseSizeTooLarge",
        /// The answer is no CGI response.
        InvalidResponse = "Function.InvalidResponse",
        /// The interpreter itself ended.
        WorkerExited = "Runtime.WorkerExited",
        /// The deadline was near.
        DeadlineExceeded = "Runtime.DeadlineExceeded",
        /// The event is larger than any that Lambda sends.
        EventTooLarge = "Runtime.EventTooLarge",
        /// The event should be an HTTP request, and is none.
        InvalidEvent = "Runtime.InvalidEvent",
        /// The environment lacks memory, descriptors or processes for this event.
        ResourceExhausted = "Runtime.ResourceExhausted",
        /// No file, or no function in it, matches the handler.
        HandlerNotFound = "Runtime.HandlerNotFound",
        /// The handler is malformed, or matches files of two languages.
        InvalidHandler = "Runtime.InvalidHandler",
        /// The user's file could not be loaded.
        HandlerLoadFailed = "Runtime.HandlerLoadFailed",
        /// `bash`, `pwsh` or `sbcl` is not installed.
        InterpreterNotFound = "Runtime.InterpreterNotFound",
        /// A setting is missing or malformed.
        InvalidConfiguration = "Runtime.InvalidConfiguration",
        /// The Runtime API did not answer that the snapshot was restored.
        RestoreFailed = "Runtime.RestoreFailed",
        /// The steps of a durable function could not be read or recorded.
        CheckpointFailed = "Runtime.CheckpointFailed",
    }
}

/// An error as the caller gets it: one JSON object.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[error("{}: {}", diagnostic.error_type, diagnostic.error_message)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Type and message: `errorType` and `errorMessage`.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
    /// The call stack, innermost first; empty if there is none.
    #[serde(default)]
    pub stack_trace: Vec<String>,
    /// The exit status of the handler, for use in the bootstrap.
    #[serde(skip)]
    pub status: Option<i32>,
    /// Members that a language adds, such as PowerShell's `context` and `errorRecord`.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Failure {
    /// An error of the runtime's own types, without a stack.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            diagnostic: Diagnostic { error_type: error_type.name().to_owned(), error_message: message.into() },
            stack_trace: Vec::new(),
            status: None,
            more: Map::new(),
        }
    }

    /// The error of an answer of this many bytes.
    pub fn too_large(size: usize, limit: usize) -> Self {
        let message = format!(
            "the answer has {size} bytes, and Lambda takes at most {limit}: \
             put it into Amazon S3 and answer with its address"
        );
        Self::new(ErrorType::ResponseSizeTooLarge, message)
    }

    pub fn with_stack_trace(self, stack_trace: Vec<String>) -> Self {
        Self { stack_trace, ..self }
    }

    /// The type in the form that Lambda expects: `Runtime.X` or `Function.X`, where X is only letters. A language's own
    /// errors become `Function.X`.
    pub fn header_type(&self) -> String {
        let is_ours = |prefix: &str| {
            let name = self.diagnostic.error_type.strip_prefix(prefix).unwrap_or_default();
            name.len() > 1
                && name.starts_with(|first: char| first.is_ascii_uppercase())
                && name.bytes().all(|byte| byte.is_ascii_alphabetic())
        };
        if is_ours("Runtime.") || is_ours("Function.") {
            return self.diagnostic.error_type.clone();
        }
        // without packages and namespaces
        let name = self.diagnostic.error_type.rsplit([':', '.', '/']).next().unwrap_or_default();
        let words = name.split(|character: char| !character.is_ascii_alphabetic());
        let name: String = words.map(capitalized).collect();
        format!("Function.{}", if name.len() > 1 { &name } else { "Error" })
    }

    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("BUG: strings and JSON values always serialize")
    }
}

/// A word of a name with its first letter upper case: `SOLD` becomes `Sold`, `outOfStock` `OutOfStock`.
fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    let is_shouted = !word.bytes().any(|byte| byte.is_ascii_lowercase());
    let rest = if is_shouted { rest.to_ascii_lowercase() } else { rest.to_owned() };
    first.to_ascii_uppercase() + &rest
}
