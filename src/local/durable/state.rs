//! All executions of a run, or of a server.

use serde::{Deserialize, Serialize};

use super::execution::{CallbackError, End, Execution, Invoked, Parent, Target, error, find_function};
use crate::durable::operation::ErrorObject;

/// The prefix of the ARNs of local functions.
const FUNCTIONS: &str = "arn:aws:lambda:us-east-1:012345678912:function";

/// The executions with their clock.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct State {
    /// The handler of the command line.
    pub handler: String,
    /// Whether it is the state of a server.
    pub served: bool,
    /// The difference to the real clock, in seconds: skipped time.
    pub ahead: f64,
    /// The executions. The first one is that of the run.
    pub executions: Vec<Execution>,
}

/// The start of an invocation.
#[derive(Debug)]
pub struct Start {
    /// The execution.
    pub arn: String,
    /// Its function; `None` for the handler of the command line.
    pub function: Option<String>,
    /// The tenant for which it runs.
    pub tenant: Option<String>,
    /// The event.
    pub envelope: Vec<u8>,
}

impl State {
    /// A state without executions.
    pub fn new(handler: &str, served: bool) -> Self {
        Self { handler: handler.to_owned(), served, ahead: 0.0, executions: Vec::new() }
    }

    /// Begins an execution; returns its ARN.
    pub fn start(&mut self, function_name: &str, name: Option<&str>, input: String, now: f64) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let name = name.unwrap_or(&id);
        let arn = format!("{FUNCTIONS}:{function_name}:$LATEST/durable-execution/{name}/{id}");
        self.executions.push(Execution::new(arn.clone(), name.to_owned(), input, now));
        arn
    }

    /// A function that a running execution needs and that is not among these.
    pub fn missing_function(&self, functions: &[String]) -> Option<&str> {
        let open = self.executions.iter().filter(|execution| execution.end().is_none());
        let mut called = open.filter_map(|execution| execution.function.as_deref());
        called.find(|called| find_function(functions, called, |name| name).is_none())
    }

    /// Removes the oldest finished executions, and keeps this many.
    pub fn forget_ended(&mut self, kept: usize) {
        let ended = self.executions.iter().filter(|execution| execution.end().is_some()).count();
        let mut surplus = ended.saturating_sub(kept);
        self.executions.retain(|execution| {
            let goes = surplus > 0 && execution.end().is_some();
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// The execution of this ARN.
    pub fn execution(&self, arn: &str) -> Option<&Execution> {
        self.executions.iter().find(|execution| execution.arn == arn)
    }

    /// The same, mutable.
    pub fn execution_mut(&mut self, arn: &str) -> Option<&mut Execution> {
        self.executions.iter_mut().find(|execution| execution.arn == arn)
    }

    /// The execution with this callback.
    pub fn with_callback(&mut self, id: &str) -> Result<&mut Execution, CallbackError> {
        let found = self.executions.iter_mut().find(|execution| execution.has_callback(id));
        found.ok_or_else(|| CallbackError::Unknown(id.to_owned()))
    }

    /// The id of a callback: `called` is the id, or the name of the only open callback with that name.
    pub fn callback(&self, called: &str) -> Result<String, CallbackError> {
        if self.executions.iter().any(|execution| execution.has_callback(called)) {
            return Ok(called.to_owned());
        }
        let open = self.executions.iter().flat_map(Execution::open_callbacks);
        let mut of_name =
            open.filter(|(_, operation)| operation.name.as_deref().is_some_and(|name| callback_name(name) == called));
        match (of_name.next(), of_name.next()) {
            (Some((id, _)), None) => Ok(id.to_owned()),
            _ => Err(CallbackError::Unknown(called.to_owned())),
        }
    }

    /// Begins all due invocations, and the executions of invoked functions. Also returns whether anything has changed.
    pub fn begin(&mut self, now: f64) -> (Vec<Start>, bool) {
        let before = self.fingerprint();
        self.executions.iter_mut().for_each(|execution| execution.complete_due(now));
        self.start_invoked(now);
        self.hand_over_ends(now);
        let ready = self.executions.iter_mut().filter(|execution| execution.wants_invocation(now));
        let starts: Vec<_> = ready
            .map(|execution| {
                execution.begin_invocation();
                Start {
                    arn: execution.arn.clone(),
                    function: execution.function.clone(),
                    tenant: execution.tenant.clone(),
                    envelope: super::execution::envelope(execution),
                }
            })
            .collect();
        let changed = !starts.is_empty() || self.fingerprint() != before;
        (starts, changed)
    }

    fn fingerprint(&self) -> (usize, u64) {
        (self.executions.len(), self.executions.iter().map(Execution::changes).sum())
    }

    /// Begins an execution for each invocation of another function that has none.
    fn start_invoked(&mut self, now: f64) {
        let mut begun = Vec::new();
        for execution in &self.executions {
            for record in execution.open_invocations() {
                let parent = Parent { arn: execution.arn.clone(), id: record.operation.id.clone() };
                if let Some(invoked) = record.invoked.as_ref().filter(|invoked| invoked.arn.is_none()) {
                    begun.push((parent, invoked.clone()));
                }
            }
        }
        for (parent, Invoked { function, payload, tenant, .. }) in begun {
            let name = Target::read(&function).map_or_else(|| function.clone(), |target| target.name);
            let payload = if payload.is_empty() { "{}".to_owned() } else { payload };
            let arn = self.start(&name, None, payload, now);
            if let Some(waiting) = self.execution_mut(&parent.arn) {
                waiting.has_begun(&parent.id, &arn);
            }
            if let Some(execution) = self.execution_mut(&arn) {
                (execution.function, execution.parent) = (Some(function), Some(parent));
                execution.tenant = tenant;
            }
        }
    }

    /// Passes the ends of executions to the operations that wait for them, and stops executions for which no operation
    /// waits.
    fn hand_over_ends(&mut self, now: f64) {
        let parents = |execution: &Execution| execution.parent.clone().map(|parent| (execution.arn.clone(), parent));
        for (arn, parent) in self.executions.iter().filter_map(parents).collect::<Vec<_>>() {
            let end = self.execution(&arn).and_then(Execution::end).cloned();
            let other = self.execution(&parent.arn).and_then(Execution::end).cloned();
            match (end, other) {
                (Some(end), None) => {
                    if let Some(waiting) = self.execution_mut(&parent.arn) {
                        waiting.complete_invocation(&parent.id, &end, now);
                    }
                }
                (None, Some(End::Stopped(error))) => self.stop(&arn, error, now),
                (None, Some(_)) => {
                    self.stop(&arn, error("Runtime.Abandoned", "the execution that waited has ended"), now);
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
    }

    fn stop(&mut self, arn: &str, error: ErrorObject, now: f64) {
        if let Some(execution) = self.execution_mut(arn) {
            execution.stop(error, now);
        }
    }

    /// The time of the next timer, except the timeouts of callbacks.
    pub fn next_timer(&self) -> Option<f64> {
        earliest(self.executions.iter().filter_map(Execution::next_timer))
    }

    /// The time of the next callback timeout.
    pub fn next_callback_limit(&self) -> Option<f64> {
        earliest(self.executions.iter().filter_map(Execution::next_callback_limit))
    }
}

/// The name of a callback, without the suffix that the command adds.
pub fn callback_name(name: &str) -> &str {
    name.strip_suffix(" create callback id").unwrap_or(name)
}

fn earliest(times: impl Iterator<Item = f64>) -> Option<f64> {
    times.min_by(f64::total_cmp)
}
