//! The command line of `durable`.

use std::{ffi::OsString, str::FromStr, time::Duration};

use lexopt::{Error, Parser, prelude::*};

use super::{
    error::CommandError,
    time::{decimal, duration, time},
};
use crate::durable::{message::Message, update::LONGEST_WAIT};

/// The text of `--help`.
pub(super) const HELP: &str = "\
Steps, waits and callbacks of a durable execution.

Usage: durable step NAME [OPTIONS] [--] COMMAND…
       durable wait DURATION | --until TIME [--name NAME]
       durable callback NAME [OPTIONS] -- COMMAND…
       durable callback-id NAME [OPTIONS]
       durable callback-result NAME
       durable invoke FUNCTION:QUALIFIER EVENT [--name NAME] [--tenant ID]
       durable until NAME --every DURATION [OPTIONS] [--] COMMAND…
       durable context NAME [--] COMMAND…
       durable fail TYPE MESSAGE
       durable replaying
       durable answer FILE ID RESULT

  step              run COMMAND once; store its output, and print it again in replays
  wait              end the invocation, and continue after this time
  callback          run COMMAND with the id of a callback as its last argument, and
                    wait for the answer
  callback-id       print the id of a new callback
  callback-result   wait for its answer
  invoke            call another function; with EVENT -, read the event from standard input
  until             repeat COMMAND until its status is 0; the invocation ends between
                    two runs
  context           run COMMAND; names inside are independent of names outside
  fail              end the execution with this error
  replaying         succeed if recorded operations still follow
  answer            answer a callback of `bootstrap --durable --state FILE`

Options of a step, and of a callback's COMMAND:
  --retry N              further attempts, default 0
  --backoff DURATION     the delay before the first further attempt, default 1s
  --rate X               the factor between two delays, default 2
  --max-delay DURATION   the longest delay, default 5m
  --retry-on STATUS      try again only after this exit status; can be given again
  --at-most-once         do not run COMMAND again if an attempt was interrupted
  --any-args             let the arguments of COMMAND differ in a replay
  --stdin                of a step: pass standard input to COMMAND

Options of a callback: --timeout DURATION, --heartbeat DURATION
Options of until: --timeout DURATION, --retry-on STATUS, --any-args

A DURATION is 90s, 15m, 12h, 3d or 2w; a TIME is 2026-11-29T18:00:00Z or @SECONDS.
COMMAND has the variables DURABLE_STEP and DURABLE_ATTEMPT. In until, DURABLE_STATE
is the output of the previous run.
";

/// The options of a COMMAND's attempts.
const ATTEMPTS: [&str; 7] = ["retry", "backoff", "rate", "max-delay", "retry-on", "at-most-once", "any-args"];

/// The options of a callback itself.
pub(super) const TIMES: [&str; 2] = ["timeout", "heartbeat"];

/// The task of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Step,
    Wait,
    Callback,
    CallbackId,
    CallbackResult,
    Invoke,
    Until,
    Context,
    Fail,
    Replaying,
}

impl FromStr for Verb {
    type Err = CommandError;

    fn from_str(word: &str) -> Result<Self, CommandError> {
        Ok(match word {
            "step" => Self::Step,
            "wait" => Self::Wait,
            "callback" => Self::Callback,
            "callback-id" => Self::CallbackId,
            "callback-result" => Self::CallbackResult,
            "invoke" => Self::Invoke,
            "until" => Self::Until,
            "context" => Self::Context,
            "fail" => Self::Fail,
            "replaying" => Self::Replaying,
            other => return Err(CommandError::Verb(format!("`{other}` is no verb of `durable`"))),
        })
    }
}

impl Verb {
    fn form(self) -> &'static str {
        match self {
            Self::Step => "step NAME [OPTIONS] [--] COMMAND…",
            Self::Wait => "wait DURATION | --until TIME [--name NAME]",
            Self::Callback => "callback NAME [OPTIONS] -- COMMAND…",
            Self::CallbackId => "callback-id NAME [--timeout DURATION] [--heartbeat DURATION]",
            Self::CallbackResult => "callback-result NAME",
            Self::Invoke => "invoke FUNCTION:QUALIFIER EVENT [--name NAME] [--tenant ID]",
            Self::Until => "until NAME --every DURATION [OPTIONS] [--] COMMAND…",
            Self::Context => "context NAME [--] COMMAND…",
            Self::Fail => "fail TYPE MESSAGE",
            Self::Replaying => "replaying",
        }
    }

    /// Whether a command follows the first word.
    fn takes_command(self) -> bool {
        matches!(self, Self::Step | Self::Callback | Self::Until | Self::Context)
    }

    fn takes(self, option: &str) -> bool {
        match self {
            Self::Step => option == "stdin" || ATTEMPTS.contains(&option),
            Self::Callback => TIMES.contains(&option) || ATTEMPTS.contains(&option),
            Self::CallbackId => TIMES.contains(&option),
            Self::Until => ["every", "timeout", "retry-on", "any-args"].contains(&option),
            Self::Wait => ["name", "until"].contains(&option),
            Self::Invoke => ["name", "tenant"].contains(&option),
            Self::CallbackResult | Self::Context | Self::Fail | Self::Replaying => false,
        }
    }
}

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) verb: Verb,
    /// The options by their names, which are also the keys of messages. Times are in seconds, a flag is `1`.
    pub(super) options: Vec<(String, String)>,
    /// The operands; a command follows the first one.
    pub(super) words: Vec<OsString>,
}

impl Arguments {
    /// The first value of an option.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(option, _)| option == name).map(|(_, value)| &value[..])
    }

    /// The request with these options, if they were given.
    pub(super) fn add(&self, request: Message, names: &[&str]) -> Message {
        let options = self.options.iter().filter(|(name, _)| names.contains(&&name[..]));
        options.fold(request, |request, (name, value)| request.with(name, &value[..]))
    }

    /// The command, if the verb takes one.
    pub(super) fn command(&self) -> &[OsString] {
        &self.words[1..]
    }

    /// An operand as text.
    pub(super) fn word(&self, index: usize) -> String {
        self.words.get(index).map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Reads the arguments after the verb; `None` for `--help`.
pub(super) fn parse(verb: Verb, arguments: &[OsString]) -> Result<Option<Arguments>, CommandError> {
    let usage = |reason: String| CommandError::Usage(reason, verb.form());
    let mut parsed = Arguments { verb, options: Vec::new(), words: Vec::new() };
    let mut parser = Parser::from_args(arguments);
    loop {
        if verb.takes_command() && parsed.words.len() == 2 {
            parsed.words.extend(parser.raw_args().map_err(|error| usage(shown(&error)))?);
            break;
        }
        let option = match parser.next().map_err(|error| usage(shown(&error)))? {
            None => break,
            Some(Value(word)) => {
                parsed.words.push(word);
                continue;
            }
            Some(Short('h') | Long("help")) => return Ok(None),
            Some(Long(option)) if verb.takes(option) => option.to_owned(),
            Some(other) => return Err(usage(shown(&other.unexpected()))),
        };
        let value = value(&option, &mut parser).map_err(usage)?;
        parsed.options.push((option, value));
    }
    check(&parsed).map_err(usage)?;
    Ok(Some(parsed))
}

/// The value of an option, in the format of messages.
fn value(option: &str, parser: &mut Parser) -> Result<String, String> {
    if ["at-most-once", "any-args", "stdin"].contains(&option) {
        return Ok("1".to_owned());
    }
    let text = parser.value().and_then(ValueExt::string).map_err(|error| shown(&error))?;
    let (wanted, value) = match option {
        "retry" => ("a number", text.parse().ok().map(|number: u32| number.to_string())),
        "retry-on" => {
            let status = text.parse().ok().filter(|&status: &u8| status > 0);
            ("an exit status from 1 to 255", status.map(|status| status.to_string()))
        }
        "rate" => ("a number from 1 on", decimal(&text).filter(|&rate| rate >= 1.0).map(|rate| rate.to_string())),
        "until" => {
            let seconds = time(&text).map(|seconds| seconds.to_string());
            ("a time as `2026-11-29T18:00:00Z` or `@1795975200`", seconds)
        }
        "name" | "tenant" => return Ok(text),
        _ => ("a time as 90s, 15m, 12h, 3d or 2w, up to 366 days", seconds(&text)),
    };
    value.ok_or_else(|| format!("`--{option}` takes {wanted}, not `{text}`"))
}

/// A duration in seconds.
pub(super) fn seconds(text: &str) -> Option<String> {
    let longest = Duration::from_secs(LONGEST_WAIT).as_secs_f64();
    duration(text).filter(|&seconds| seconds <= longest).map(|seconds| seconds.to_string())
}

/// Checks the number of operands, and required options.
fn check(arguments: &Arguments) -> Result<(), String> {
    let verb = arguments.verb;
    let count = arguments.words.len();
    let wanted = match verb {
        Verb::Replaying => 0,
        Verb::Wait => usize::from(arguments.option("until").is_none()),
        Verb::CallbackId | Verb::CallbackResult => 1,
        _ => 2,
    };
    if count < wanted {
        return Err(match (verb, count) {
            (Verb::Wait, _) => "a duration is missing".to_owned(),
            (Verb::Invoke, 0) => "the function is missing".to_owned(),
            (Verb::Invoke, _) => "the event is missing".to_owned(),
            (Verb::Fail, 0) => "the type of the error is missing".to_owned(),
            (Verb::Fail, _) => "the message of the error is missing".to_owned(),
            (_, 0) => "the name is missing".to_owned(),
            (_, _) => "the command is missing".to_owned(),
        });
    }
    if count > wanted && !verb.takes_command() {
        return Err(format!("`{}` is one word too many", arguments.word(wanted)));
    }
    match verb {
        Verb::Until if arguments.option("every").is_none() => Err("`--every` is missing".to_owned()),
        Verb::Wait if count == 1 && seconds(&arguments.word(0)).is_none() => {
            let wanted = "is no duration as 90s, 15m, 12h, 3d or 2w, up to 366 days";
            Err(format!("`{}` {wanted}", arguments.word(0)))
        }
        _ => Ok(()),
    }
}

fn shown(error: &Error) -> String {
    match error {
        Error::MissingValue { option: Some(option) } => format!("`{option}` needs a value"),
        Error::UnexpectedOption(option) => format!("`{option}` is no option of it"),
        Error::UnexpectedValue { option, .. } => format!("`{option}` takes no value"),
        other => other.to_string(),
    }
}
