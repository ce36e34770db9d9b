//! The operations of an execution, in the format of the service.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::failure::{ErrorType, Failure};

/// The kinds of operations.
#[derive(Clone, Copy, Debug, Deserialize, Hash, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// The execution itself.
    Execution,
    /// Runs something, once.
    Step,
    /// Waits for a time.
    Wait,
    /// Waits for an answer through the API.
    Callback,
    /// Waits for another function.
    ChainedInvoke,
    /// Contains other operations.
    Context,
}

/// The status of an operation.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It runs, or waits.
    Started,
    /// A step that waits for its next attempt.
    Pending,
    /// A step whose next attempt is due.
    Ready,
    /// The end, with a result.
    Succeeded,
    /// The end, with an error.
    Failed,
    /// The end of a wait that was cancelled.
    Cancelled,
    /// The end of a callback or an invocation that took too long.
    TimedOut,
    /// The end of an invocation that was stopped.
    Stopped,
}

impl Status {
    /// Whether nothing more happens to the operation.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Started | Self::Pending | Self::Ready)
    }
}

/// The member of a failure with the data of an error.
const DATA: &str = "errorData";

/// An error in the format of the service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ErrorObject {
    /// For programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// For the handler: the exit status, in Bash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_data: Option<String>,
    /// Innermost first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_trace: Option<Vec<String>>,
}

impl ErrorObject {
    /// An error without data and stack.
    #[must_use]
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: Some(error_type.into()), error_message: Some(message.into()), ..Self::default() }
    }

    /// The error as callers get it.
    pub fn to_failure(&self) -> Failure {
        let mut failure = Failure::new(ErrorType::ExitStatus, self.error_message.clone().unwrap_or_default());
        failure.diagnostic.error_type = self.error_type.clone().unwrap_or_default();
        if let Some(data) = self.error_data.as_ref().filter(|data| !data.is_empty()) {
            failure.more.insert(DATA.to_owned(), data.clone().into());
        }
        failure.with_stack_trace(self.stack_trace.clone().unwrap_or_default())
    }
}

impl From<Failure> for ErrorObject {
    fn from(Failure { diagnostic, stack_trace, more, .. }: Failure) -> Self {
        let stack_trace = (!stack_trace.is_empty()).then_some(stack_trace);
        let error_data = more.get(DATA).and_then(Value::as_str).map(str::to_owned);
        Self { error_data, stack_trace, ..Self::new(diagnostic.error_type, diagnostic.error_message) }
    }
}

/// An operation. Times are in seconds since 1970.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Operation {
    /// The id in the execution.
    pub id: String,
    /// The surrounding context; `None` at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind.
    #[serde(rename = "Type")]
    pub kind: Kind,
    /// The kind by the names of the SDKs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<String>,
    /// How far it is.
    pub status: Status,
    /// When it began.
    #[serde(deserialize_with = "seconds", default, skip_serializing_if = "Option::is_none")]
    pub start_timestamp: Option<f64>,
    /// When it ended.
    #[serde(deserialize_with = "seconds", default, skip_serializing_if = "Option::is_none")]
    pub end_timestamp: Option<f64>,
    /// Of an execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_details: Option<ExecutionDetails>,
    /// Of a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_details: Option<StepDetails>,
    /// Of a wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_details: Option<WaitDetails>,
    /// Of a callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_details: Option<CallbackDetails>,
    /// Of an invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chained_invoke_details: Option<ChainedInvokeDetails>,
    /// Of a context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_details: Option<ContextDetails>,
}

impl Operation {
    /// Its result and its error.
    pub fn outcome(&self) -> (Option<&str>, Option<&ErrorObject>) {
        let details = [
            self.step_details.as_ref().map(|details| (&details.result, &details.error)),
            self.callback_details.as_ref().map(|details| (&details.result, &details.error)),
            self.chained_invoke_details.as_ref().map(|details| (&details.result, &details.error)),
            self.context_details.as_ref().map(|details| (&details.result, &details.error)),
        ];
        let (result, error) = details.into_iter().flatten().next().unzip();
        (result.and_then(Option::as_deref), error.and_then(Option::as_ref))
    }
}

/// The input of an execution.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ExecutionDetails {
    /// The user's event, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_payload: Option<String>,
}

/// The state of a step.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StepDetails {
    /// The result, or the state of a poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The error of the last attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
    /// The number of attempts that were followed by another one.
    pub attempt: u64,
    /// When the next attempt is due.
    #[serde(deserialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub next_attempt_timestamp: Option<f64>,
}

/// The end of a wait.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WaitDetails {
    /// When it is over.
    #[serde(deserialize_with = "seconds", skip_serializing_if = "Option::is_none")]
    pub scheduled_end_timestamp: Option<f64>,
}

/// The state of a callback.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CallbackDetails {
    /// The id for the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_id: Option<String>,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// The answer that is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
}

/// The answer of another function.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChainedInvokeDetails {
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
}

/// The end of a context.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContextDetails {
    /// Its result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Its error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
    /// Whether its body has to run again, because its result was too large to store.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replay_children: bool,
}

/// A time in seconds since 1970. Events have milliseconds, the answers of the service seconds.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    /// Times in seconds are below this until the year 5138.
    const MILLISECONDS: f64 = 1e11;
    let time = Option::<f64>::deserialize(deserializer)?;
    Ok(time.map(|time| if time > MILLISECONDS { time / 1000.0 } else { time }))
}
