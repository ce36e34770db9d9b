//! The command line.

mod durable;

use std::{
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroUsize,
    time::Duration,
};

use lexopt::{Error, prelude::*};

use self::durable::DurableOptions;
pub use self::durable::{Durable, Function};
use crate::limits::LONGEST_TIMEOUT;

#[derive(Debug, PartialEq, Eq)]
pub enum Arguments {
    /// The text of `--help` or `--version`.
    Text(&'static str),
    Run {
        /// The handler, used if `_HANDLER` is not set.
        handler: Option<String>,
        events: Events,
    },
}

/// Where events come from.
#[derive(Debug, PartialEq, Eq)]
pub enum Events {
    Lambda,
    /// One event, given here.
    One(EventSource),
    /// The same for a durable function.
    Durable(EventSource, Durable),
    /// Callers of a local server.
    Served(Serve),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serve {
    pub address: SocketAddr,
    pub timeout: Duration,
    pub concurrency: NonZeroUsize,
    /// Whether a change in the task root restarts the workers.
    pub watch: bool,
    /// Whether every HTTP request becomes an event, as with a function URL.
    pub http: bool,
    /// How durable functions run, if the handler is one.
    pub durable: Option<Durable>,
}

impl Serve {
    /// A server at this address with default options.
    pub fn at(address: SocketAddr) -> Self {
        let (timeout, concurrency) = (Duration::from_secs(3), NonZeroUsize::MIN);
        Self { address, timeout, concurrency, watch: false, http: false, durable: None }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum EventSource {
    /// `-`
    StandardInput,
    /// `@FILE`
    File(OsString),
    /// The argument itself.
    Text(OsString),
}

const VERSION: &str = concat!("bootstrap ", env!("CARGO_PKG_VERSION"), "\n");

const HELP: &str = "\
AWS Lambda functions in Bash, PowerShell 7 and Common Lisp.

Usage: bootstrap [HANDLER [EVENT]]
       bootstrap --serve [ADDRESS:]PORT [OPTIONS] [HANDLER]
       bootstrap --durable [OPTIONS] HANDLER EVENT
       bootstrap durable answer FILE ID RESULT

  HANDLER   the handler, if _HANDLER is not set: function.handler, report.sh, ...
  EVENT     without AWS_LAMBDA_RUNTIME_API: answer this one event and end;
            @FILE reads it from a file, - from standard input

Options:
  --serve [ADDRESS:]PORT   answer events that are posted to this port, as the
                           emulator does; the default ADDRESS is 127.0.0.1
  --http                   with --serve: turn HTTP requests into events, and answers
                           into responses, as a function URL does
  --timeout SECONDS        with --serve: the timeout of an event, default 3
  --concurrency N          with --serve: how many events run at a time, default 1
  --watch                  with --serve: load changed files of the task root again
  --durable                run a durable function to its end, with a local store of its
                           steps, waits and callbacks; also with --serve
  --state FILE             with --durable: store them in this file; the next run continues
                           where the last one ended
  --skip-time              with --durable: skip the time of waits
  --replay-each            with --durable: run the handler again after each operation, to
                           find operations that differ in a replay
  --function NAME=DIR:HANDLER
                           with --durable: a function that the handler can invoke
  -h, --help               print this
  -V, --version            print the version

On Lambda, and behind its emulator, events come from AWS_LAMBDA_RUNTIME_API.
The task root is LAMBDA_TASK_ROOT, else the working directory.
";

pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, Error> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(command) = shell_form(&arguments) {
        let message = format!(
            "these arguments are of Docker's shell form, in which a shell is to run `{command}`: write \
             `CMD [\"{command}\"]`, with brackets"
        );
        return Err(message.into());
    }
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut handler, mut event, mut address, mut has_options) = (None, None, None, false);
    let (mut serve, mut durable) = (Serve::at((Ipv4Addr::LOCALHOST, 0).into()), DurableOptions::default());
    while let Some(argument) = parser.next()? {
        has_options |= matches!(argument, Long("timeout" | "concurrency" | "watch" | "http"));
        match argument {
            Short('h') | Long("help") => return Ok(Arguments::Text(HELP)),
            Short('V') | Long("version") => return Ok(Arguments::Text(VERSION)),
            Long("serve") => address = Some(listening_address(&parser.value()?.string()?)?),
            Long("timeout") => serve.timeout = timeout(&parser.value()?.string()?)?,
            Long("concurrency") => serve.concurrency = concurrency(&parser.value()?.string()?)?,
            Long("watch") => serve.watch = true,
            Long("http") => serve.http = true,
            Long(option) if DurableOptions::knows(option) => {
                let option = option.to_owned();
                durable.take(&option, &mut parser)?;
            }
            Value(value) if handler.is_none() => handler = Some(value.string()?),
            Value(value) if event.is_none() => event = Some(event_source(value)),
            Value(value) => {
                let left_over = value.string()?;
                let handler = handler.unwrap_or_default();
                let message = format!(
                    "`{left_over}` is one argument too many: an image's command is its handler alone, \
                     `CMD [\"{handler}\"]`"
                );
                return Err(message.into());
            }
            unexpected => return Err(unexpected.unexpected()),
        }
    }
    let events = match (address, event, durable.finish()?) {
        (Some(_), Some(_), _) => return Err("an event is for runs without `--serve`: post it instead".into()),
        (Some(_), None, Some(_)) if serve.http => {
            return Err("`--http` is not for `--durable`: post events, or send them with `aws lambda invoke`".into());
        }
        (Some(address), None, durable) => Events::Served(Serve { address, durable, ..serve }),
        (None, ..) if has_options => {
            return Err("`--http`, `--timeout`, `--concurrency` and `--watch` are for `--serve`".into());
        }
        (None, Some(event), Some(durable)) => Events::Durable(event, durable),
        (None, None, Some(_)) => {
            return Err("`--durable` needs an event, as in `bootstrap --durable HANDLER EVENT`, or `--serve`".into());
        }
        (None, Some(event), None) => Events::One(event),
        (None, None, None) => Events::Lambda,
    };
    Ok(Arguments::Run { handler, events })
}

/// The command in `/bin/sh -c COMMAND`, into which Docker turns `CMD COMMAND`.
fn shell_form(arguments: &[OsString]) -> Option<String> {
    let [shell, option, command, ..] = arguments else { return None };
    let is_shell = matches!(shell.to_str(), Some("/bin/sh" | "/bin/bash" | "sh" | "bash"));
    (is_shell && option == "-c").then(|| command.to_string_lossy().into_owned())
}

fn listening_address(text: &str) -> Result<SocketAddr, Error> {
    if let Ok(port) = text.parse() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| {
        format!("`--serve` takes a port, or an IP address and a port (`0.0.0.0:9000`), not `{text}`").into()
    })
}

fn timeout(text: &str) -> Result<Duration, Error> {
    let longest = LONGEST_TIMEOUT.as_secs();
    match text.parse() {
        Ok(seconds) if (1..=longest).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("`--timeout` takes 1 to {longest} seconds, not `{text}`").into()),
    }
}

fn concurrency(text: &str) -> Result<NonZeroUsize, Error> {
    text.parse().map_err(|_| format!("`--concurrency` takes a number from 1 on, not `{text}`").into())
}

/// An event, or another text that can come from a file.
pub fn event_source(value: OsString) -> EventSource {
    if value == "-" {
        return EventSource::StandardInput;
    }
    match value.as_encoded_bytes().strip_prefix(b"@") {
        Some(file) => EventSource::File(std::os::unix::ffi::OsStringExt::from_vec(file.to_vec())),
        None => EventSource::Text(value),
    }
}
