//! Applies the updates of a checkpoint to the operations. The updates have been checked.

use super::{End, Event, EventType, Execution, Invoked, blank, error, in_milliseconds, syntax::Target};
use crate::durable::{
    operation::{
        CallbackDetails, ChainedInvokeDetails, ContextDetails, Kind, Operation, Status, StepDetails, WaitDetails,
    },
    update::{Action, Update},
};

/// Whether an update ends an operation.
pub(super) fn ends_operation(update: &Update) -> bool {
    matches!(update.action, Action::Succeed | Action::Fail) && update.kind != Kind::Execution
}

impl Execution {
    pub(super) fn apply(&mut self, update: &Update, functions: &dyn Fn(&Target) -> bool, now: f64) {
        if update.kind == Kind::Execution {
            let payload = update.payload.clone().unwrap_or_default();
            let error = update.error.clone().unwrap_or_default();
            let end = if update.action == Action::Succeed { End::Succeeded(payload) } else { End::Failed(error) };
            return self.finish(end, now);
        }
        let known = self.records.iter().rposition(|record| record.operation.id == update.id);
        let position = known.unwrap_or_else(|| {
            self.insert(begun(update, now));
            self.records.len() - 1
        });
        match update.action {
            Action::Start => self.start(position, update, functions, now),
            Action::Succeed | Action::Fail => self.close(position, update, now),
            Action::Retry => self.retry(position, update, now),
            Action::Cancel => {
                self.change(position, Some(EventType::WaitCancelled), now, |operation| {
                    operation.status = Status::Cancelled;
                });
            }
        }
    }

    fn start(&mut self, position: usize, update: &Update, functions: &dyn Fn(&Target) -> bool, now: f64) {
        let event = match update.kind {
            Kind::Context => EventType::ContextStarted,
            Kind::Wait => EventType::WaitStarted,
            Kind::Callback => EventType::CallbackStarted,
            Kind::ChainedInvoke => EventType::ChainedInvokeStarted,
            Kind::Step | Kind::Execution => EventType::StepStarted,
        };
        let options = update.chained_invoke_options.clone().unwrap_or_default();
        let record = &mut self.records[position];
        if update.kind == Kind::Callback {
            (record.limits, record.heard) = (Some(update.callback_options.unwrap_or_default()), Some(now));
        }
        if update.kind == Kind::ChainedInvoke {
            let payload = update.payload.clone().unwrap_or_default();
            record.invoked = Some(Invoked {
                function: options.function_name.clone(),
                payload,
                tenant: options.tenant_id.clone(),
                arn: None,
            });
        }
        self.change(position, Some(event), now, |operation| operation.status = Status::Started);
        let target = Target::read(&options.function_name);
        if let Some(target) = target.filter(|target| !functions(target)) {
            let message =
                format!("Function not found: {}; here `--function {}=DIR:HANDLER` gives it", target.text, target.name);
            self.change(position, Some(EventType::ChainedInvokeFailed), now, |operation| {
                operation.status = Status::Failed;
                let details = operation.chained_invoke_details.get_or_insert_default();
                details.error = Some(error("ResourceNotFoundException", message));
            });
        }
    }

    fn close(&mut self, position: usize, update: &Update, now: f64) {
        let succeeds = update.action == Action::Succeed;
        let event = match (update.kind, succeeds) {
            (Kind::Context, true) => EventType::ContextSucceeded,
            (Kind::Context, false) => EventType::ContextFailed,
            (_, true) => EventType::StepSucceeded,
            (_, false) => EventType::StepFailed,
        };
        self.change(position, Some(event), now, |operation| {
            operation.status = if succeeds { Status::Succeeded } else { Status::Failed };
            let (result, error) = (update.payload.clone(), update.error.clone());
            if update.kind == Kind::Context {
                let replay_children = update.context_options.is_some_and(|options| options.replay_children);
                operation.context_details = Some(ContextDetails { result, error, replay_children });
            } else {
                let attempt = operation.step_details.as_ref().map_or(0, |details| details.attempt) + 1;
                operation.step_details = Some(StepDetails { result, error, attempt, next_attempt_timestamp: None });
            }
        });
    }

    fn retry(&mut self, position: usize, update: &Update, now: f64) {
        let delay = update.step_options.unwrap_or_default().next_attempt_delay_seconds;
        self.change(position, None, now, |operation| {
            operation.status = Status::Pending;
            operation.step_details = Some(StepDetails {
                result: update.payload.clone(),
                error: update.error.clone(),
                attempt: operation.step_details.as_ref().map_or(0, |details| details.attempt) + 1,
                next_attempt_timestamp: Some(in_milliseconds(now + seconds(delay))),
            });
        });
        let event = if update.error.is_some() { EventType::StepFailed } else { EventType::StepSucceeded };
        self.events.push(Event::of_retry(now, event, &self.records[position].operation, delay));
    }
}

/// The operation that an update begins.
fn begun(update: &Update, now: f64) -> Operation {
    let mut operation = Operation {
        id: update.id.clone(),
        parent_id: update.parent_id.clone(),
        name: update.name.clone(),
        sub_type: update.sub_type.clone(),
        start_timestamp: Some(now),
        ..blank(update.kind)
    };
    match update.kind {
        Kind::Step => operation.step_details = Some(StepDetails::default()),
        Kind::Wait => {
            let wait = update.wait_options.unwrap_or_default().wait_seconds;
            let end = Some(in_milliseconds(now + seconds(wait)));
            operation.wait_details = Some(WaitDetails { scheduled_end_timestamp: end });
        }
        Kind::Callback => {
            let callback_id = Some(uuid::Uuid::new_v4().simple().to_string());
            operation.callback_details = Some(CallbackDetails { callback_id, ..CallbackDetails::default() });
        }
        Kind::ChainedInvoke => operation.chained_invoke_details = Some(ChainedInvokeDetails::default()),
        Kind::Context => operation.context_details = Some(ContextDetails::default()),
        Kind::Execution => {}
    }
    operation
}

/// No wait is so long that a fraction would lose its seconds.
#[allow(clippy::cast_precision_loss)]
pub(super) fn seconds(count: u64) -> f64 {
    count as f64
}
