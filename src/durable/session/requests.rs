//! The requests of a handler: each begins an operation, or finds the recorded one, and waits for its end.

use std::time::Duration;

use rustix::process::Pid;

use super::{
    Session,
    fields::{Answered, Refused, done, invalid_result, number, refused, text},
    policy::{Policy, whole_seconds},
    state::{Ending, Named, Running, Violation},
};
use crate::durable::{
    identity,
    message::Message,
    operation::{ErrorObject, Kind, Operation},
    update::{Action, CallbackOptions, ChainedInvokeOptions, ContextOptions, LONGEST_WAIT, Update, WaitOptions},
};

/// The largest stored result of a context. If a result is larger, the context's body runs again in each replay.
const CONTEXT_LIMIT: usize = 256 * 1024;

/// A name in a context, while its operation runs or waits.
pub(super) struct Active<'a> {
    session: &'a Session,
    pub(super) operation: Named,
    pub(super) process: Option<Pid>,
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.session.state().is_over(&self.operation.context, &self.operation.name);
    }
}

impl Session {
    /// Answers a request of this process. If the invocation is over, it replies with `suspend`.
    pub(super) async fn answer(&self, request: &Message, process: Option<Pid>) -> Message {
        if let Some(library) = self.suspension.library().filter(|_| request.value("client").is_some()) {
            return refused(format!("the command `durable` is for Bash and programs: use {library} here"));
        }
        self.until(|state| (!state.is_over_time || state.ending.is_some()).then_some(())).await;
        {
            let mut state = self.state();
            if state.ending.is_some() {
                return Message::new("suspend");
            }
            state.last_error = None;
        }
        let reply = match request.verb.as_str() {
            "step" => self.step(request, process).await,
            "end" => self.end_body(request, process).await,
            "context" => self.context(request, process).await,
            "wait" => self.wait(request, process).await,
            "callback" => self.callback(request, process).await,
            "result" => self.result(request, process).await,
            "invoke" => self.invoke(request, process).await,
            "replaying" => Ok(Message::new(if self.state().is_replaying() { "yes" } else { "no" })),
            "fail" => {
                let error = self.masked(&ErrorObject {
                    error_type: request.text("type"),
                    error_message: request.text("message"),
                    ..ErrorObject::default()
                });
                self.end(Ending::Failed(error));
                Ok(Message::new("suspend"))
            }
            verb => Err(Refused(format!("`{verb}` is no request"))),
        };
        // no result after the end of the invocation: the handler would continue
        let ending = self.state().ending.is_some();
        match reply {
            _ if ending => Message::new("suspend"),
            Ok(reply) => reply,
            Err(Refused(message)) => refused(message),
        }
    }

    /// The operation of a request. Ends the execution if another operation of this name runs, or the recorded one has
    /// another kind.
    pub(super) fn identified<'a>(
        &'a self,
        request: &Message,
        (kind, sub_type): (Kind, &str),
        process: Option<Pid>,
    ) -> Result<Active<'a>, Refused> {
        let context = request.text("context").unwrap_or_default();
        let name = request.text("name").unwrap_or_default();
        if let Some(refusal) = identity::refusal_of(&name) {
            return Err(Refused(refusal));
        }
        let arguments = match kind {
            Kind::ChainedInvoke => vec!["function", "event", "tenant"],
            _ => vec!["arg"],
        };
        let arguments = arguments.into_iter().flat_map(|key| request.values(key));
        let arguments = identity::arguments(arguments, request.value("any-args").is_some());
        let identified = self.state().identify(&context, &name, (kind, sub_type), arguments.as_deref());
        match identified {
            Ok(operation) => Ok(Active { session: self, operation, process }),
            Err(Violation { error_type, message }) => {
                self.end(Ending::Failed(ErrorObject::new(error_type, message.clone())));
                Err(Refused(message))
            }
        }
    }

    async fn wait(&self, request: &Message, process: Option<Pid>) -> Answered {
        let seconds = match (number(request, "seconds")?, number(request, "until")?) {
            (Some(seconds), None) => seconds,
            (None, Some(time)) => time - self.service.now(),
            _ => return Err(Refused("a wait takes a duration or a time".to_owned())),
        };
        let active = self.identified(request, (Kind::Wait, "Wait"), process)?;
        if self.recorded(&active.operation).is_none() {
            if seconds <= 0.0 {
                return Ok(done(String::new()));
            }
            if seconds > Duration::from_secs(LONGEST_WAIT).as_secs_f64() {
                return Err(Refused(format!("a wait takes at most {} days", LONGEST_WAIT / 86_400)));
            }
            let mut update = active.operation.update(Action::Start);
            update.wait_options = Some(WaitOptions { wait_seconds: whole_seconds(seconds) });
            self.checkpoint([update]).await;
        }
        Ok(self.outcome(&active.operation, process).await)
    }

    async fn callback(&self, request: &Message, process: Option<Pid>) -> Answered {
        let limit = |key| Ok(number(request, key)?.map_or(0, whole_seconds));
        let options =
            CallbackOptions { timeout_seconds: limit("timeout")?, heartbeat_timeout_seconds: limit("heartbeat")? };
        let active = self.identified(request, (Kind::Callback, "Callback"), process)?;
        if self.recorded(&active.operation).is_none() {
            let mut update = active.operation.update(Action::Start);
            update.callback_options = Some(options);
            self.checkpoint([update]).await;
        }
        let recorded = self.recorded(&active.operation);
        let details = recorded.and_then(|operation| operation.callback_details);
        let callback = details.and_then(|details| details.callback_id).unwrap_or_default();
        Ok(Message::new("created").with("id", active.operation.id.clone()).with("callback", callback))
    }

    async fn result(&self, request: &Message, process: Option<Pid>) -> Answered {
        let context = request.text("context").unwrap_or_default();
        let operation = {
            let state = self.state();
            let found = match (request.text("id"), request.text("name")) {
                (Some(id), _) => state.operation(&id).ok_or_else(|| format!("there is no operation `{id}`")),
                (None, name) => {
                    let name = name.unwrap_or_default();
                    let found = state.last_of(&context, &name).filter(|found| found.kind == Kind::Callback);
                    found.ok_or_else(|| {
                        format!("there is no callback `{name}` here: make it by `durable callback-id {name}` before")
                    })
                }
            };
            named(found.map_err(Refused)?)
        };
        Ok(self.outcome(&operation, process).await)
    }

    async fn invoke(&self, request: &Message, process: Option<Pid>) -> Answered {
        let function_name = request.text("function").unwrap_or_default();
        let event = text(request, "event")?.unwrap_or_else(|| "null".to_owned());
        let active = self.identified(request, (Kind::ChainedInvoke, "ChainedInvoke"), process)?;
        if self.recorded(&active.operation).is_none() {
            let mut update = active.operation.update(Action::Start);
            let tenant_id = request.text("tenant").filter(|tenant| !tenant.is_empty());
            update.chained_invoke_options = Some(ChainedInvokeOptions { function_name, tenant_id });
            update.payload = Some(event);
            self.checkpoint([update]).await;
        }
        Ok(self.outcome(&active.operation, process).await)
    }

    async fn context(&self, request: &Message, process: Option<Pid>) -> Answered {
        let sub_type = request.text("sub-type").unwrap_or_else(|| "RunInChildContext".to_owned());
        let active = self.identified(request, (Kind::Context, &sub_type), process)?;
        match self.recorded(&active.operation) {
            Some(recorded) if recorded.status.is_final() && !replays_children(&recorded) => {
                return Ok(self.outcome(&active.operation, process).await);
            }
            Some(_) => {}
            // sent with the first operation inside
            None => self.state().queue(active.operation.update(Action::Start)),
        }
        Ok(self.run(active, Policy::default(), 1, None))
    }

    /// Lets the client run the body of an operation, which stays active.
    pub(super) fn run(&self, active: Active<'_>, policy: Policy, attempt: u64, start: Option<Update>) -> Message {
        let operation = active.operation.clone();
        let recorded = self.recorded(&operation);
        let poll = recorded.as_ref().and_then(|recorded| recorded.step_details.as_ref()?.result.clone());
        let poll = poll.filter(|state| !state.is_empty());
        let began = recorded.and_then(|recorded| recorded.start_timestamp);
        let id = operation.id.clone();
        let since = std::time::Instant::now();
        let running = Running { operation, since, start, policy, attempt, poll: poll.clone(), began };
        self.state().running.insert(id.clone(), running);
        std::mem::forget(active);
        self.has_changed();
        let reply = Message::new("run").with("id", id).with("attempt", attempt.to_string());
        match poll {
            Some(state) => reply.with("state", state),
            None => reply,
        }
    }

    /// The body of a step or a context has ended.
    async fn end_body(&self, request: &Message, process: Option<Pid>) -> Answered {
        let id = request.text("id").unwrap_or_default();
        let running = self.state().running.remove(&id);
        let Some(running) = running else {
            return Err(Refused(format!("no step and no context `{id}` runs")));
        };
        let active = Active { session: self, operation: running.operation.clone(), process };
        if running.operation.kind == Kind::Context {
            self.end_context(&active, request).await
        } else {
            self.end_attempt(active, running, request).await
        }
    }

    async fn end_context(&self, active: &Active<'_>, request: &Message) -> Answered {
        let result = text(request, "result");
        let is_replayed = self.recorded(&active.operation).is_some_and(|recorded| replays_children(&recorded));
        if let (Ok(Some(result)), true) = (&result, is_replayed) {
            return Ok(done(result.clone()));
        }
        let mut update = active.operation.update(Action::Fail);
        let mut large = None;
        match result {
            Ok(Some(result)) => {
                update.action = Action::Succeed;
                let is_large = result.len() > CONTEXT_LIMIT;
                update.context_options = Some(ContextOptions { replay_children: is_large });
                update.payload = Some(if is_large { String::new() } else { result.clone() });
                large = is_large.then_some(result);
            }
            Ok(None) => update.error = Some(self.error_of(request)),
            Err(Refused(message)) => update.error = Some(invalid_result(message)),
        }
        self.checkpoint([update]).await;
        match large {
            Some(result) => Ok(done(result)),
            None => Ok(self.outcome(&active.operation, active.process).await),
        }
    }
}

fn replays_children(operation: &Operation) -> bool {
    operation.context_details.as_ref().is_some_and(|details| details.replay_children)
}

fn named(operation: &Operation) -> Named {
    Named {
        id: operation.id.clone(),
        context: operation.parent_id.clone().unwrap_or_default(),
        name: operation.name.clone().unwrap_or_default(),
        kind: operation.kind,
        sub_type: operation.sub_type.clone().unwrap_or_default(),
    }
}
