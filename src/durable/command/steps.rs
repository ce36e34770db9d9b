//! The verbs that run a command between a request and its end.

use std::os::unix::ffi::OsStrExt;

use super::{
    arguments::{Arguments, TIMES},
    body::{Body, Variable, standard_input},
    ended::Ended,
    error::CommandError,
    process,
    session::{self, Session},
};
use crate::durable::message::Message;

/// The options about attempts, for the bootstrap.
const ATTEMPTS: [&str; 6] = ["at-most-once", "retry", "backoff", "rate", "max-delay", "retry-on"];

/// Statuses of shells for commands that cannot be run.
const NOT_RUN: [i32; 2] = [126, 127];

/// A step.
pub(super) fn step(session: &mut Session<'_>, arguments: &Arguments) -> Result<Message, CommandError> {
    let input = arguments.option("stdin").map(|_| standard_input()).transpose()?;
    let mut request = step_request(arguments, &session::context(), &arguments.word(0));
    if let Some(input) = &input {
        request = request.with("arg", &input[..]);
    }
    let request = arguments.add(request, &ATTEMPTS);
    let body = Body { command: arguments.command(), input: input.as_deref(), is_context: false };
    attempts(session, request, |session, reply, id| {
        Ok(run(session, &body, &variables(reply, &arguments.word(0)))?.message(id))
    })
}

/// A step that is repeated until its status is 0.
pub(super) fn until(session: &mut Session<'_>, arguments: &Arguments) -> Result<Message, CommandError> {
    let request = step_request(arguments, &session::context(), &arguments.word(0));
    let request = arguments.add(request, &["every", "timeout"]);
    let body = Body { command: arguments.command(), input: None, is_context: false };
    attempts(session, request, |session, reply, id| {
        let mut variables = variables(reply, &arguments.word(0));
        variables.push(("DURABLE_STATE", reply.text("state").unwrap_or_default()));
        let ended = run(session, &body, &variables)?;
        Ok(if is_not_yet(arguments, &ended) {
            Message::new("end").with("id", id).with("again", ended.output)
        } else {
            ended.message(id)
        })
    })
}

/// Whether the status means "not yet". A command that could not be run, or was killed, is not tried again.
fn is_not_yet(arguments: &Arguments, ended: &Ended) -> bool {
    let Some(status) = ended.exit_status() else { return false };
    let mut listed = arguments.options.iter().filter(|(name, _)| name == "retry-on").peekable();
    if listed.peek().is_some() {
        listed.any(|(_, wanted)| *wanted == status.to_string())
    } else {
        !NOT_RUN.contains(&status)
    }
}

/// A callback whose id a command gets: a context with the callback and a step.
pub(super) fn callback(session: &mut Session<'_>, arguments: &Arguments) -> Result<Message, CommandError> {
    let request = context_request(&arguments.word(0), "WaitForCallback");
    attempts(session, request, |session, _, context| {
        let answered = answered(session, arguments, context)?;
        match answered.verb.as_str() {
            "done" | "failed" => Ok(Message { verb: "end".to_owned(), ..answered }.with("id", context)),
            _ => Err(CommandError::Unexpected(answered.verb)),
        }
    })
}

/// The answer to the callback of this context, or the error of its command.
fn answered(session: &mut Session<'_>, arguments: &Arguments, context: &str) -> Result<Message, CommandError> {
    let name = arguments.word(0);
    let request = Message::new("callback").with("context", context);
    let request = request.with("name", format!("{name} create callback id"));
    let created = session.ask(arguments.add(request, &TIMES))?;
    let callback = created.text("callback").unwrap_or_default();
    let mut command = arguments.command().to_vec();
    command.push(callback.clone().into());
    let step_name = format!("{name} submitter");
    let request = arguments.add(step_request(arguments, context, &step_name), &ATTEMPTS);
    let body = Body { command: &command, input: None, is_context: false };
    let submitted = attempts(session, request, |session, reply, id| {
        let mut variables = variables(reply, &step_name);
        variables.push(("DURABLE_CALLBACK_ID", callback.clone()));
        Ok(run(session, &body, &variables)?.message(id))
    })?;
    if submitted.verb != "done" {
        return Ok(submitted);
    }
    let request = Message::new("result").with("context", context);
    session.ask(request.with("id", created.value("id").unwrap_or_default()))
}

/// A command in a context of its own.
pub(super) fn context(session: &mut Session<'_>, arguments: &Arguments) -> Result<Message, CommandError> {
    let body = Body { command: arguments.command(), input: None, is_context: true };
    attempts(session, context_request(&arguments.word(0), "RunInChildContext"), |session, _, id| {
        Ok(run(session, &body, &[("DURABLE_CONTEXT", id.to_owned())])?.message(id))
    })
}

fn context_request(name: &str, sub_type: &str) -> Message {
    let request = Message::new("context").with("context", session::context());
    request.with("name", name).with("sub-type", sub_type)
}

/// The request for a step that runs the command of the arguments.
fn step_request(arguments: &Arguments, context: &str, name: &str) -> Message {
    let request = Message::new("step").with("context", context).with("name", name);
    let command = arguments.command().iter();
    let request = command.fold(request, |request, word| request.with("arg", word.as_bytes()));
    arguments.add(request, &["any-args"])
}

/// Runs the body, in the shell if that has started this process.
fn run(session: &Session<'_>, body: &Body<'_>, variables: &[Variable]) -> Result<Ended, CommandError> {
    match session.shell {
        Some(shell) => shell.run(body, variables),
        None => process::run(body, variables),
    }
}

/// The variables of a step's command.
fn variables(reply: &Message, name: &str) -> Vec<Variable> {
    let attempt = reply.text("attempt").unwrap_or_default();
    vec![("DURABLE_STEP", name.to_owned()), ("DURABLE_ATTEMPT", attempt)]
}

/// Makes a request, and calls `perform` each time the bootstrap asks for a run.
fn attempts(
    session: &mut Session<'_>,
    request: Message,
    perform: impl Fn(&mut Session<'_>, &Message, &str) -> Result<Message, CommandError>,
) -> Result<Message, CommandError> {
    let mut reply = session.ask(request)?;
    while reply.verb == "run" {
        let end = perform(session, &reply, &reply.text("id").unwrap_or_default())?;
        reply = session.ask(end)?;
    }
    Ok(reply)
}
