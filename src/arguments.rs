//! The command line.

use std::ffi::OsString;

use lexopt::prelude::*;

/// What `bootstrap` is asked to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Arguments {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Answer events: Lambda's, or the one given here.
    Run {
        /// The handler, where `_HANDLER` is not set.
        handler: Option<String>,
        /// One event to answer without Lambda.
        event: Option<EventSource>,
    },
}

/// Where the event of a local run comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum EventSource {
    /// `-`
    StandardInput,
    /// `@FILE`
    File(OsString),
    /// The argument itself.
    Text(OsString),
}

/// The text of `--help`.
pub const HELP: &str = "\
AWS Lambda functions in Bash, PowerShell 7 and Common Lisp.

Usage: bootstrap [HANDLER [EVENT]]

  HANDLER   what to run, where _HANDLER is not set: function.handler, report.sh, ...
  EVENT     without AWS_LAMBDA_RUNTIME_API: answer this one event and end;
            @FILE reads it from a file, - from standard input

Options:
  -h, --help      print this
  -V, --version   print the version

On Lambda, and behind its emulator, events come from AWS_LAMBDA_RUNTIME_API.
The task root is LAMBDA_TASK_ROOT, else the working directory.
";

/// Reads the arguments after the program's name.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, lexopt::Error> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let (mut handler, mut event) = (None, None);
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Arguments::Help),
            Short('V') | Long("version") => return Ok(Arguments::Version),
            Value(value) if handler.is_none() => handler = Some(value.string()?),
            Value(value) if event.is_none() => event = Some(event_source(value)),
            unexpected => return Err(unexpected.unexpected()),
        }
    }
    Ok(Arguments::Run { handler, event })
}

fn event_source(value: OsString) -> EventSource {
    if value == "-" {
        return EventSource::StandardInput;
    }
    match value.as_encoded_bytes().strip_prefix(b"@") {
        Some(file) => EventSource::File(std::os::unix::ffi::OsStringExt::from_vec(file.to_vec())),
        None => EventSource::Text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Arguments {
        parse(arguments.iter().map(OsString::from)).unwrap()
    }

    #[test]
    fn reads_handler_and_event() {
        let run =
            |handler: Option<&str>, event| Arguments::Run { handler: handler.map(str::to_owned), event };
        assert_eq!(parsed(&[]), run(None, None));
        assert_eq!(parsed(&["f.h"]), run(Some("f.h"), None));
        assert_eq!(parsed(&["f.h", "{}"]), run(Some("f.h"), Some(EventSource::Text("{}".into()))));
        assert_eq!(parsed(&["f.h", "-"]), run(Some("f.h"), Some(EventSource::StandardInput)));
        assert_eq!(parsed(&["f.h", "@a b"]), run(Some("f.h"), Some(EventSource::File("a b".into()))));
        assert_eq!(parsed(&["--", "-f.h", "-"]), run(Some("-f.h"), Some(EventSource::StandardInput)));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for arguments in [&["--serve-me"][..], &["a", "b", "c"], &["-x"]] {
            assert!(parse(arguments.iter().map(OsString::from)).is_err(), "{arguments:?}");
        }
    }
}
