//! The rules of the service. The order of the checks, and most messages, are those of AWS's offline runner.

use std::collections::HashMap;

use super::{Execution, Record, Refusal, syntax, syntax::Target};
use crate::durable::{
    operation::{Kind, Operation, Status},
    update::{Action, Update},
};

/// The most operations of an execution, and the most bytes that its checkpoints may have.
const OPERATIONS_LIMIT: usize = 3000;
const WRITTEN_LIMIT: usize = 100 * 1024 * 1024;
/// The largest payload, in bytes; the end of an execution that was not invoked by another one may be larger.
const PAYLOAD_LIMIT: usize = 1024 * 1024;
const RESULT_LIMIT: usize = 6 * 1024 * 1024;
/// The largest error, in bytes of its JSON.
const ERROR_LIMIT: usize = 32 * 1024;

/// Checks the updates of a checkpoint, and returns the number of bytes that they write.
pub(super) fn check(execution: &Execution, updates: &[Update]) -> Result<usize, Refusal> {
    check_ends(updates)?;
    let mut batch = Batch { execution, latest: HashMap::new() };
    let mut written = 0;
    for (index, update) in updates.iter().enumerate() {
        syntax::check(index + 1, update)?;
        batch.check_id(update)?;
        batch.check_parent(update)?;
        batch.check_metadata(update)?;
        written += check_sizes(execution, update)?;
        check_action(update)?;
        batch.check_transition(update)?;
        batch.latest.insert(&update.id, update);
    }
    let begun = batch.latest.keys().filter(|id| execution.record(id).is_none()).count();
    // the execution itself and its end do not count
    let ends = updates.iter().filter(|update| update.kind == Kind::Execution).count();
    if execution.records.len() - 1 + begun - ends.min(begun) > OPERATIONS_LIMIT {
        return refuse(format!("The execution has more than {OPERATIONS_LIMIT} operations."));
    }
    if execution.written + written > WRITTEN_LIMIT {
        return refuse(format!("The checkpoints of the execution have more than {WRITTEN_LIMIT} bytes."));
    }
    Ok(written)
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Invalid(message.into()))
}

fn check_ends(updates: &[Update]) -> Result<(), Refusal> {
    let ends = updates.iter().filter(|update| update.kind == Kind::Execution).count();
    match ends {
        0 => Ok(()),
        1 if updates.last().is_some_and(|last| last.kind == Kind::Execution) => Ok(()),
        1 => refuse("EXECUTION checkpoint must be the last update."),
        _ => refuse("Cannot checkpoint multiple EXECUTION updates."),
    }
}

fn check_sizes(execution: &Execution, update: &Update) -> Result<usize, Refusal> {
    let error =
        update.error.as_ref().map_or(0, |error| serde_json::to_vec(error).expect("BUG: text always serializes").len());
    if error > ERROR_LIMIT {
        return Err(Refusal::TooLarge(format!("Error object size must be less than {ERROR_LIMIT} bytes.")));
    }
    let payload = update.payload.as_ref().map_or(0, String::len);
    let (limit, what) = match update.kind {
        Kind::ChainedInvoke => (PAYLOAD_LIMIT, "CHAINED_INVOKE input"),
        Kind::Execution if execution.parent.is_none() => (RESULT_LIMIT, "Execution output"),
        Kind::Execution => (PAYLOAD_LIMIT, "Execution output"),
        Kind::Step => (PAYLOAD_LIMIT, "STEP output"),
        Kind::Context => (PAYLOAD_LIMIT, "CONTEXT output"),
        Kind::Wait | Kind::Callback => (PAYLOAD_LIMIT, "Operation"),
    };
    if payload > limit {
        let message = format!("{what} payload size must be less than or equal to {limit} bytes.");
        return Err(Refusal::TooLarge(message));
    }
    Ok(payload + error)
}

fn check_action(update: &Update) -> Result<(), Refusal> {
    use Action::{Cancel, Fail, Retry, Start, Succeed};
    let actions: &[Action] = match update.kind {
        Kind::Step => &[Start, Succeed, Fail, Retry],
        Kind::Context => &[Start, Succeed, Fail],
        Kind::Wait => &[Start, Cancel],
        Kind::Callback | Kind::ChainedInvoke => &[Start],
        Kind::Execution => &[Succeed, Fail],
    };
    if !actions.contains(&update.action) {
        return refuse("Invalid action for the given operation type.");
    }
    match update.action {
        Fail if update.payload.is_some() => refuse("Cannot provide a Payload for FAIL action."),
        Succeed if update.error.is_some() => refuse("Cannot provide an Error for SUCCEED action."),
        Retry if update.step_options.is_none() => refuse("Invalid StepOptions for the given action."),
        Retry if update.error.is_some() && update.payload.is_some() => {
            refuse("Cannot provide both error and payload to RETRY a STEP.")
        }
        Start if update.kind == Kind::Wait && update.wait_options.is_none() => {
            refuse("Invalid WaitOptions for the given action.")
        }
        Start if update.kind == Kind::ChainedInvoke => match &update.chained_invoke_options {
            None => refuse("Update for CHAINED_INVOKE operation requires ChainedInvokeOptions."),
            Some(options) if Target::read(&options.function_name).is_none() => {
                refuse(format!("Invalid function ARN '{}'", options.function_name))
            }
            Some(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The updates of a call so far.
struct Batch<'a> {
    execution: &'a Execution,
    /// The last update of each operation.
    latest: HashMap<&'a str, &'a Update>,
}

impl<'a> Batch<'a> {
    fn operation(&self, id: &str) -> Option<&'a Operation> {
        self.execution.record(id).map(|Record { operation, .. }| operation)
    }

    /// An operation may have two updates only for its start and its end.
    fn check_id(&self, update: &Update) -> Result<(), Refusal> {
        let Some(last) = self.latest.get(update.id.as_str()) else { return Ok(()) };
        let may_end = matches!(last.kind, Kind::Step | Kind::Context) && last.action == Action::Start;
        if may_end && update.action != Action::Start {
            return Ok(());
        }
        refuse("Cannot checkpoint multiple operations with the same ID.")
    }

    fn check_parent(&self, update: &Update) -> Result<(), Refusal> {
        let Some(parent) = update.parent_id.as_deref() else { return Ok(()) };
        let begun = self.latest.get(parent).filter(|update| update.action == Action::Start);
        let kind = begun.map(|update| update.kind).or(self.operation(parent).map(|operation| operation.kind));
        if kind == Some(Kind::Context) { Ok(()) } else { refuse("Invalid parent operation id.") }
    }

    fn check_metadata(&self, update: &Update) -> Result<(), Refusal> {
        let known = match (self.operation(&update.id), self.latest.get(update.id.as_str())) {
            (Some(known), _) => (known.kind, &known.sub_type, &known.name, &known.parent_id),
            (None, Some(known)) => (known.kind, &known.sub_type, &known.name, &known.parent_id),
            (None, None) => return Ok(()),
        };
        let (kind, sub_type, name, parent) = known;
        let differs = |own: &Option<String>, known: &Option<String>| own.is_some() && own != known;
        if update.kind != kind {
            return refuse("Inconsistent operation type.");
        }
        if differs(&update.sub_type, sub_type) {
            return refuse("Inconsistent operation subtype.");
        }
        if differs(&update.name, name) {
            return refuse("Inconsistent operation name.");
        }
        if differs(&update.parent_id, parent) {
            return refuse("Inconsistent parent operation id.");
        }
        Ok(())
    }

    fn check_transition(&self, update: &Update) -> Result<(), Refusal> {
        use Status::{Ready, Started};
        // the second update of an operation: the first one has started it
        let begun = self.latest.get(update.id.as_str()).map(|_| Started);
        let status = begun.or(self.operation(&update.id).map(|operation| operation.status));
        let refusal = match (update.kind, update.action, status) {
            (Kind::Execution, ..)
            | (Kind::Wait, Action::Cancel, Some(Started))
            | (Kind::Step, Action::Start, Some(Ready))
            | (Kind::Context, Action::Succeed | Action::Fail, Some(Started))
            | (Kind::Step, Action::Succeed | Action::Fail | Action::Retry, Some(Started | Ready)) => None,
            (Kind::Wait, Action::Cancel, _) => {
                Some("Cannot cancel a WAIT that does not exist or has already completed.")
            }
            (_, _, None) => None,
            (Kind::Step, Action::Start, _) => Some("Invalid current STEP state to start."),
            (Kind::Step, Action::Retry, _) => Some("Invalid current STEP state to re-attempt."),
            (Kind::Step, ..) => Some("Invalid current STEP state to close."),
            (Kind::Context, Action::Start, _) => Some("Cannot start a CONTEXT that already exist."),
            (Kind::Context, ..) => Some("Invalid current CONTEXT state to close."),
            (Kind::Wait, ..) => Some("Cannot start a WAIT that already exist."),
            (Kind::Callback, ..) => Some("Cannot start a CALLBACK that already exist."),
            (Kind::ChainedInvoke, ..) => Some("Cannot start a CHAINED_INVOKE operation that already exists."),
        };
        refusal.map_or(Ok(()), refuse)
    }
}
