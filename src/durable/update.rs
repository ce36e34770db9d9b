//! Updates: the changes of operations in a checkpoint, in the format of the service.

use serde::{Deserialize, Serialize};

use super::operation::{ErrorObject, Kind};

/// The change that an update makes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    /// Begins it, or the next attempt.
    Start,
    /// Ends it with a result.
    Succeed,
    /// Ends it with an error.
    Fail,
    /// Lets a step wait for its next attempt.
    Retry,
    /// Ends a wait early.
    Cancel,
}

/// One change of an operation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Update {
    /// The operation.
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
    /// The change.
    pub action: Action,
    /// The result, the input of an invocation, or the state of a poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    /// The error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorObject>,
    /// For a step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_options: Option<StepOptions>,
    /// For a wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_options: Option<WaitOptions>,
    /// For a callback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_options: Option<CallbackOptions>,
    /// For an invocation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chained_invoke_options: Option<ChainedInvokeOptions>,
    /// For a context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_options: Option<ContextOptions>,
}

impl Update {
    /// An update without a payload and without options.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: Kind, action: Action) -> Self {
        Self {
            id: id.into(),
            parent_id: None,
            name: None,
            kind,
            sub_type: None,
            action,
            payload: None,
            error: None,
            step_options: None,
            wait_options: None,
            callback_options: None,
            chained_invoke_options: None,
            context_options: None,
        }
    }
}

/// The pause before the next attempt of a step.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StepOptions {
    /// From 1 to [`LONGEST_WAIT`].
    pub next_attempt_delay_seconds: u64,
}

/// The length of a wait.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WaitOptions {
    /// From 1 to [`LONGEST_WAIT`].
    pub wait_seconds: u64,
}

/// The limits of a callback; 0 for none.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct CallbackOptions {
    /// The timeout.
    pub timeout_seconds: u64,
    /// The longest time without a heartbeat.
    pub heartbeat_timeout_seconds: u64,
}

/// The target of an invocation.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ChainedInvokeOptions {
    /// The name with its qualifier.
    pub function_name: String,
    /// The tenant for which it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
}

/// How a context is stored.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ContextOptions {
    /// Whether its body runs again in each replay.
    pub replay_children: bool,
}

/// The longest wait, in seconds: 366 days.
pub const LONGEST_WAIT: u64 = 31_622_400;
