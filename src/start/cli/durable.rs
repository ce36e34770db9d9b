//! The options of a durable function.

use std::path::PathBuf;

use lexopt::{Error, Parser, ValueExt};

/// How a durable function runs without Lambda.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durable {
    /// The state file; `None` keeps the state in memory.
    pub state: Option<PathBuf>,
    /// Whether waits take no time.
    pub skip_time: bool,
    /// Whether the handler runs again after each operation.
    pub replay_each: bool,
    /// The functions that it can invoke.
    pub functions: Vec<Function>,
}

/// A function that a handler can invoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// The name by which it is invoked.
    pub name: String,
    /// Its task root.
    pub directory: PathBuf,
    /// Its handler.
    pub handler: String,
}

/// The options while they are read.
#[derive(Default)]
pub(super) struct DurableOptions {
    is_durable: bool,
    options: Durable,
}

impl DurableOptions {
    /// Whether this is an option of durable functions.
    pub(super) fn knows(option: &str) -> bool {
        matches!(option, "durable" | "state" | "skip-time" | "replay-each" | "function")
    }

    /// Takes an option, and its value from the parser.
    pub(super) fn take(&mut self, option: &str, parser: &mut Parser) -> Result<(), Error> {
        match option {
            "durable" => self.is_durable = true,
            "state" => self.options.state = Some(parser.value()?.into()),
            "skip-time" => self.options.skip_time = true,
            "replay-each" => self.options.replay_each = true,
            _ => {
                let function = Function::read(&parser.value()?.string()?)?;
                if self.options.functions.iter().any(|other| other.name == function.name) {
                    let name = function.name;
                    let message = format!("`--function` has `{name}` twice: each function needs a name of its own");
                    return Err(message.into());
                }
                self.options.functions.push(function);
            }
        }
        Ok(())
    }

    /// The options, if the command line has `--durable`.
    pub(super) fn finish(self) -> Result<Option<Durable>, Error> {
        match self {
            Self { is_durable: true, options } => Ok(Some(options)),
            Self { options, .. } if options == Durable::default() => Ok(None),
            _ => Err("`--state`, `--skip-time`, `--replay-each` and `--function` are for `--durable`".into()),
        }
    }
}

impl Function {
    /// Reads `NAME=DIR:HANDLER`.
    fn read(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once(':')?)));
        let is_name = |name: &str| {
            // the name may be an ARN, or have a qualifier
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:$".contains(&byte))
        };
        match parts {
            Some((name, (directory, handler))) if is_name(name) && !directory.is_empty() && !handler.is_empty() => {
                Ok(Self { name: name.to_owned(), directory: directory.into(), handler: handler.to_owned() })
            }
            _ => Err(format!("`--function` takes NAME=DIR:HANDLER, as in `pay=../pay:function.handler`, not `{text}`")
                .into()),
        }
    }
}
