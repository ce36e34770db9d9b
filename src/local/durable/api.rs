//! The calls of Lambda's API for executions and callbacks, by the AWS CLI and SDKs.

use std::collections::HashMap;

use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    desk::Desk,
    execution::{CallbackError, End, Execution, error},
    file::FileError,
    inbox::{Answer, AnswerKind},
};
use crate::durable::{operation::ErrorObject, update::LONGEST_WAIT};

/// The beginning of all paths of these calls.
pub const PREFIX: &str = "/2025-12-01/";

/// The most items of a page, which is also the default.
const MOST_ITEMS: usize = 1000;
const USUAL_ITEMS: usize = 100;

/// The reason why a call is refused.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The call or the resource does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Something in it is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The callback is closed.
    #[error("{0}")]
    Closed(String),
    /// The state cannot be stored.
    #[error("{0}")]
    File(#[from] FileError),
}

impl ApiError {
    /// The status, and the name by which SDKs know the error.
    pub fn kind(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "InvalidParameterValueException"),
            Self::Closed(_) => (StatusCode::BAD_REQUEST, "CallbackTimeoutException"),
            Self::File(_) => (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException"),
        }
    }
}

impl From<CallbackError> for ApiError {
    fn from(error: CallbackError) -> Self {
        let message = error.to_string();
        match error {
            CallbackError::Unknown(_) => Self::NotFound(message),
            CallbackError::Closed(..) => Self::Closed(message),
            CallbackError::Invalid(_) => Self::Invalid(message),
        }
    }
}

/// Answers a call.
pub fn answer(desk: &Desk, method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Value, ApiError> {
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let parts: Vec<_> = path.strip_prefix(PREFIX).unwrap_or_default().split('/').map(decoded).collect();
    let parts: Vec<_> = parts.iter().map(String::as_str).collect();
    let query = Query::read(query);
    match (method.as_str(), &parts[..]) {
        ("POST", ["durable-execution-callbacks", id, "succeed"]) => {
            let result = String::from_utf8(body.to_vec()).map_err(|_| {
                ApiError::Invalid("the result of a callback is UTF-8 text: encode it, as by `base64`".to_owned())
            })?;
            deliver(desk, id, AnswerKind::Success(result))
        }
        ("POST", ["durable-execution-callbacks", id, "fail"]) => {
            deliver(desk, id, AnswerKind::Failure(error_object(body)?))
        }
        ("POST", ["durable-execution-callbacks", id, "heartbeat"]) => deliver(desk, id, AnswerKind::Heartbeat),
        ("GET", ["durable-executions", arn]) => {
            desk.look(|state, _| find(state.execution(arn), arn).map(|found| described(found, &query)))
        }
        ("GET", ["durable-executions", arn, "history"]) => {
            desk.look(|state, _| find(state.execution(arn), arn).and_then(|found| history(found, &query)))
        }
        ("POST", ["durable-executions", arn, "stop"]) => stop(desk, arn, body),
        ("GET", ["functions", _, "durable-executions"]) => list(desk, &query),
        _ => Err(ApiError::NotFound(format!("there is nothing for {method} at `{path}`"))),
    }
}

fn deliver(desk: &Desk, id: &str, kind: AnswerKind) -> Result<Value, ApiError> {
    let answer = Answer { id: id.to_owned(), kind };
    desk.change(|state, now| (answer.deliver(state, now), true))??;
    Ok(json!({}))
}

fn stop(desk: &Desk, arn: &str, body: &[u8]) -> Result<Value, ApiError> {
    let mut reason = error_object(body)?;
    if reason == ErrorObject::default() {
        reason = error("Execution.Stopped", "the execution was stopped");
    }
    desk.change(|state, now| {
        let Some(execution) = state.execution_mut(arn) else { return (find(None, arn).map(drop), false) };
        execution.stop(reason, now);
        (Ok(()), true)
    })??;
    desk.look(|state, now| {
        let end = find(state.execution(arn), arn)?.itself().end_timestamp;
        Ok(json!({ "StopTimestamp": end.unwrap_or(now) }))
    })
}

fn find<'a>(found: Option<&'a Execution>, arn: &str) -> Result<&'a Execution, ApiError> {
    found.ok_or_else(|| ApiError::NotFound(format!("there is no execution `{arn}`")))
}

fn error_object(body: &[u8]) -> Result<ErrorObject, ApiError> {
    if body.is_empty() {
        return Ok(ErrorObject::default());
    }
    serde_json::from_slice(body).map_err(|error| ApiError::Invalid(format!("the error is no JSON object: {error}")))
}

/// The members of an execution in a list.
fn summary(execution: &Execution) -> Value {
    let itself = execution.itself();
    let function = execution.arn.split_once("/durable-execution/").map_or("", |(function, _)| function);
    let mut summary = json!({
        "DurableExecutionArn": execution.arn,
        "DurableExecutionName": execution.name,
        "FunctionArn": function,
        "Status": status(execution),
        "StartTimestamp": itself.start_timestamp,
    });
    if let Some(end) = itself.end_timestamp {
        summary["EndTimestamp"] = json!(end);
    }
    summary
}

fn status(execution: &Execution) -> &'static str {
    match execution.end() {
        None => "RUNNING",
        Some(End::Succeeded(_)) => "SUCCEEDED",
        Some(End::Failed(_)) => "FAILED",
        Some(End::Stopped(_)) => "STOPPED",
    }
}

fn described(execution: &Execution, query: &Query) -> Value {
    let with_data = query.is("IncludeExecutionData", true);
    let mut all = summary(execution);
    all["Version"] = json!("$LATEST");
    all["DurableConfig"] = json!({ "ExecutionTimeout": LONGEST_WAIT });
    all["ExecutionDataIncluded"] = json!(with_data);
    if with_data {
        all["InputPayload"] = json!(execution.input());
        match execution.end() {
            Some(End::Succeeded(result)) => all["Result"] = json!(result),
            Some(End::Failed(error) | End::Stopped(error)) => all["Error"] = json!(error),
            None => {}
        }
    }
    all
}

fn history(execution: &Execution, query: &Query) -> Result<Value, ApiError> {
    let with_data = query.is("IncludeExecutionData", true);
    let events = execution.events().iter().enumerate();
    let mut events: Vec<_> = events.map(|(index, event)| event.to_json(index + 1, execution, with_data)).collect();
    if query.is("ReverseOrder", false) {
        events.reverse();
    }
    query.page("Events", events)
}

fn list(desk: &Desk, query: &Query) -> Result<Value, ApiError> {
    for unknown in ["StartedAfter", "StartedBefore"] {
        if query.first(unknown).is_some() {
            return Err(ApiError::Invalid(format!("`{unknown}` is not known here: leave it out")));
        }
    }
    let (name, statuses) = (query.first("DurableExecutionName"), query.all("Statuses"));
    let mut executions: Vec<_> = desk.look(|state, _| {
        let called = state.executions.iter().filter(|own| name.is_none_or(|name| own.name == name));
        let wanted = called.filter(|own| statuses.is_empty() || statuses.iter().any(|one| *one == status(own)));
        wanted.map(summary).collect()
    });
    // by the API's model, the newest is the first, with `ReverseOrder` the oldest
    if !query.is("ReverseOrder", false) {
        executions.reverse();
    }
    query.page("DurableExecutions", executions)
}

/// The query of a request.
struct Query(HashMap<String, Vec<String>>);

impl Query {
    fn read(text: &str) -> Self {
        let mut values = HashMap::<_, Vec<_>>::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            values.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Self(values)
    }

    fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    fn is(&self, name: &str, usual: bool) -> bool {
        self.first(name).map_or(usual, |value| value == "true")
    }

    /// The requested page, and the marker of the next one.
    fn page(&self, name: &str, items: Vec<Value>) -> Result<Value, ApiError> {
        let number = |name: &str| match self.first(name) {
            None | Some("") => Ok(0),
            Some(text) => {
                text.parse::<usize>().map_err(|_| ApiError::Invalid(format!("`{name}` is not valid: {text}")))
            }
        };
        let from = number("Marker")?;
        let count = match number("MaxItems")? {
            0 => USUAL_ITEMS,
            count => count.min(MOST_ITEMS),
        };
        let total = items.len();
        let page: Vec<_> = items.into_iter().skip(from).take(count).collect();
        let next = from + page.len();
        let mut answer = json!({ name: page });
        if next < total {
            answer["NextMarker"] = json!(next.to_string());
        }
        Ok(answer)
    }
}
