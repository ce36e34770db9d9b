//! Waits for the end of an operation, and replies with its outcome.

use rustix::process::Pid;

use super::{
    Session,
    fields::done,
    state::{Blocked, Named, State},
};
use crate::{
    durable::{
        message::Message,
        operation::{ErrorObject, Operation, Status},
    },
    process::handler::Home,
};

impl Session {
    /// The operation in the service's record.
    pub(super) fn recorded(&self, operation: &Named) -> Option<Operation> {
        self.state().operation(&operation.id).cloned()
    }

    /// Waits for the end of an operation, and returns its outcome.
    pub(super) async fn outcome(&self, own: &Named, process: Option<Pid>) -> Message {
        let ended = self.blocked_until(own, process, |operation| operation.status.is_final()).await;
        let Some(operation) = ended else { return Message::new("suspend") };
        let (result, error) = operation.outcome();
        if operation.status == Status::Succeeded {
            return done(result.unwrap_or_default().to_owned());
        }
        let name = &own.name;
        let mut error = error.cloned().unwrap_or_default();
        let ending = match operation.status {
            Status::TimedOut => "timed out",
            Status::Stopped => "was stopped",
            Status::Cancelled => "was cancelled",
            _ => "failed",
        };
        error.error_type.get_or_insert_with(|| match operation.status {
            Status::TimedOut => "Durable.TimedOut".to_owned(),
            _ => "Durable.Failed".to_owned(),
        });
        error.error_message.get_or_insert_with(|| format!("`{name}` {ending}"));
        self.failed(error)
    }

    fn failed(&self, error: ErrorObject) -> Message {
        let status = error.error_data.as_deref().and_then(|data| data.parse().ok());
        let status = status.filter(|status| (1..=255).contains(status)).unwrap_or(1);
        let mut reply = Message::new("failed").with("status", status.to_string());
        for (key, value) in
            [("type", &error.error_type), ("message", &error.error_message), ("data", &error.error_data)]
        {
            reply = reply.with(key, value.clone().unwrap_or_default());
        }
        self.state().last_error = Some((status, error));
        reply
    }

    /// Waits until an operation reaches a state; `None` if the invocation is over before.
    pub(super) async fn blocked_until(
        &self,
        own: &Named,
        process: Option<Pid>,
        is_there: impl Fn(&Operation) -> bool,
    ) -> Option<Operation> {
        let (id, context) = (own.id.clone(), own.context.clone());
        let look = |state: &mut State| {
            let found = state.operation(&id).filter(|operation| is_there(operation)).cloned();
            (found.is_some() || state.ending.is_some()).then_some(found)
        };
        if let Some(found) = look(&mut self.state()) {
            return found;
        }
        let blocked = Blocked { id: id.clone(), context, process };
        let ticket = self.state().block(blocked);
        self.has_changed();
        let _ticket = Ticket(self, ticket);
        self.until(look).await
    }

    /// The error that a client reports, without credentials.
    pub(super) fn error_of(&self, request: &Message) -> ErrorObject {
        let stack: Vec<_> = request.values("stack").map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        self.masked(&ErrorObject {
            error_type: request.text("type"),
            error_message: request.text("message"),
            error_data: request.text("data").or_else(|| request.text("status")),
            stack_trace: (!stack.is_empty()).then_some(stack),
        })
    }

    pub(super) fn masked(&self, error: &ErrorObject) -> ErrorObject {
        self.secrets.masked(error.to_failure()).into()
    }

    /// Whether a waiting request gets `suspend`. If not, the handler's processes are killed.
    pub(super) fn tells_of_suspension(&self) -> bool {
        self.suspension.home() == Some(Home::InWorker)
    }
}

/// A request that waits.
struct Ticket<'a>(&'a Session, u64);

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.0.state().blocked.remove(&self.1);
    }
}
