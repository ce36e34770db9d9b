//! The command `durable`, a link to the bootstrap, for Bash and for programs of any language.
//!
//! It sends requests to the event's bootstrap over a socket, and runs the commands of steps itself. It starts no event
//! loop and reads no settings: a finished step costs little more than the start of a process.

mod arguments;
mod body;
mod ended;
mod error;
mod pipes;
mod process;
mod session;
mod shell;
mod steps;
mod time;

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    process::ExitCode,
};

use self::{
    arguments::{Arguments, HELP, TIMES, Verb},
    error::CommandError,
    session::{Session, context},
    shell::Shell,
};
use super::message::Message;

/// The name of the command.
pub const NAME: &str = "durable";

/// The status of a process whose output nobody reads: Bash's status for SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// Creates this folder, with the command in it.
pub fn link(folder: &Path) -> io::Result<()> {
    fs::create_dir(folder)?;
    symlink(env::current_exe()?, folder.join(NAME))
}

/// Runs a command line, if it is one of `durable`.
pub fn run(program: Option<&OsStr>, arguments: &[OsString]) -> Option<ExitCode> {
    let is_named = program.is_some_and(|program| Path::new(program).file_name() == Some(OsStr::new(NAME)));
    let arguments = match arguments {
        all if is_named => all,
        [first, rest @ ..] if first == NAME => rest,
        _ => return None,
    };
    Some(status(arguments).into())
}

fn status(arguments: &[OsString]) -> u8 {
    let told = |error: CommandError| {
        eprintln!("{NAME}: {error}");
        error.status()
    };
    match Shell::of(arguments) {
        Ok(None) => answer(arguments, None).unwrap_or_else(told),
        Ok(Some((shell, arguments))) => {
            let status = answer(&arguments, Some(&shell)).unwrap_or_else(told);
            shell.end(status);
            status
        }
        Err(error) => told(error),
    }
}

fn answer(arguments: &[OsString], shell: Option<&Shell>) -> Result<u8, CommandError> {
    let verbs = "step, wait, callback, callback-id, callback-result, invoke, until, context, fail, replaying";
    let [verb, rest @ ..] = arguments else {
        return Err(CommandError::Verb(format!("a verb is missing: {verbs}")));
    };
    if verb == "--help" || verb == "-h" {
        return print(HELP.as_bytes());
    }
    if verb == pipes::PASS_ON {
        return Ok(u8::from(pipes::pass_on().is_err()));
    }
    match arguments::parse(verb.to_string_lossy().parse()?, rest)? {
        Some(arguments) => perform(&arguments, shell),
        None => print(HELP.as_bytes()),
    }
}

fn perform(arguments: &Arguments, shell: Option<&Shell>) -> Result<u8, CommandError> {
    let mut session = Session::open(shell)?;
    let request = |verb: &str| Message::new(verb).with("context", context());
    let name = || arguments.word(0);
    let reply = match arguments.verb {
        Verb::Step => steps::step(&mut session, arguments)?,
        Verb::Until => steps::until(&mut session, arguments)?,
        Verb::Callback => steps::callback(&mut session, arguments)?,
        Verb::Context => steps::context(&mut session, arguments)?,
        Verb::Wait => {
            let request = arguments.add(request("wait"), &["until"]);
            let seconds = arguments.words.first().and_then(|word| arguments::seconds(&word.to_string_lossy()));
            let request = seconds.into_iter().fold(request, |request, seconds| request.with("seconds", seconds));
            session.ask(request.with("name", arguments.option("name").unwrap_or("wait")))?
        }
        Verb::CallbackId => session.ask(arguments.add(request("callback").with("name", name()), &TIMES))?,
        Verb::CallbackResult => session.ask(request("result").with("name", name()))?,
        Verb::Invoke => {
            let event = match &arguments.words[1] {
                input if input == "-" => body::standard_input()?,
                event => event.as_bytes().to_vec(),
            };
            let request = request("invoke").with("function", name()).with("event", event);
            let request = request.with("name", arguments.option("name").unwrap_or(&name()));
            session.ask(arguments.add(request, &["tenant"]))?
        }
        Verb::Fail => {
            let message = arguments.words[1].as_bytes();
            session.ask(Message::new("fail").with("type", name()).with("message", message))?
        }
        Verb::Replaying => session.ask(request("replaying"))?,
    };
    finish(&reply)
}

/// The end of an operation: the output and the status of this process.
fn finish(reply: &Message) -> Result<u8, CommandError> {
    match reply.verb.as_str() {
        "done" => match reply.value("result") {
            Some(result) if !result.is_empty() => print(&[result, b"\n"].concat()),
            _ => Ok(0),
        },
        "created" => print(&[reply.value("callback").unwrap_or_default(), b"\n"].concat()),
        "failed" => {
            eprintln!("{NAME}: {}", reply.text("message").unwrap_or_default());
            let status = reply.text("status").and_then(|status| status.parse().ok());
            Ok(status.filter(|&status| status > 0).unwrap_or(1))
        }
        "yes" => Ok(0),
        "no" => Ok(1),
        _ => Err(CommandError::Unexpected(reply.verb.clone())),
    }
}

fn print(bytes: &[u8]) -> Result<u8, CommandError> {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(BROKEN_PIPE),
        Err(error) => Err(CommandError::Io("standard output cannot be written".to_owned(), error)),
    }
}
