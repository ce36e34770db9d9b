//! AWS Lambda functions in Bash, PowerShell 7 and Common Lisp on one small bootstrap.
//!
//! The way of an event:
//!
//! 1. `config` reads the environment once; `handler` reads the text of the handler; `language` finds the
//!    interpreter and says how it is started.
//! 2. `supervisor` keeps one warm `worker` alive for each event that may run at the same time. A worker is an
//!    interpreter process with a shim of ours in it (`src/shims`); `frame` describes what goes between them.
//! 3. `runtime` gets events from `lambda_runtime`, hands each to a worker, and posts what comes back: the
//!    handler's bytes as they are, or a `failure`.
//! 4. `logs` passes on what handlers log, before the answer is posted; `process` reaps all children.
//!
//! `local` runs the same without Lambda. Everything runs on one thread.

pub mod arguments;
pub mod config;
pub mod failure;
pub mod frame;
pub mod handler;
pub mod invocation;
pub mod language;
pub mod local;
pub mod logs;
pub mod process;
pub mod runtime;
pub mod supervisor;
pub mod worker;

use std::{ffi::OsString, io, process::ExitCode, time::Duration};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    arguments::{Arguments, EventSource, HELP},
    config::Config,
    failure::Failure,
    process::Children,
};

/// How long workers have to end after SIGTERM.
const GRACE: Duration = Duration::from_millis(300);

/// What ends a run before it begins: one line for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line.
    #[error("{0}; `bootstrap --help` shows what there is")]
    Arguments(#[from] lexopt::Error),
    /// The environment.
    #[error("{0}")]
    Config(#[from] config::ConfigError),
    /// The runtime ended, or never began.
    #[error("{0}")]
    Runtime(#[from] runtime::RuntimeError),
    /// The event loop.
    #[error("{0}: {1}")]
    Start(&'static str, io::Error),
}

/// Does what the command line and the environment say.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<ExitCode, Error> {
    let (handler, event) = match arguments::parse(arguments)? {
        Arguments::Help => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Arguments::Version => {
            println!("bootstrap {}", env!("CARGO_PKG_VERSION"));
            return Ok(ExitCode::SUCCESS);
        }
        Arguments::Run { handler, event } => (handler, event),
    };
    let environment: Vec<_> = environment.into_iter().collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Start("the event loop cannot be started", error))?;
    runtime.block_on(async {
        match Config::read(environment.iter().cloned(), handler, event.is_some()) {
            Ok(config) => until_told_to_end(config, event).await,
            Err(error) => {
                if let Some(api) = config::runtime_api(&environment) {
                    runtime::report_init_error(&api, &Failure::from(error.clone())).await;
                }
                Err(error.into())
            }
        }
    })
}

async fn until_told_to_end(config: Config, event: Option<EventSource>) -> Result<ExitCode, Error> {
    logs::start(&config);
    std::panic::set_hook(Box::new(logs::panicked));
    let children = Children::reap().map_err(|error| Error::Start("children cannot be reaped", error))?;
    let listen = |kind| signal(kind).map_err(|error| Error::Start("signals cannot be handled", error));
    let (mut terminated, mut interrupted) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    // it lives until the workers have ended: dropped, it would take them along at once
    let answering = answer(&config, event, &children);
    tokio::pin!(answering);
    let ended = tokio::select! {
        ended = &mut answering => ended,
        _ = terminated.recv() => Ok(ExitCode::SUCCESS),
        _ = interrupted.recv() => Ok(ExitCode::from(130)),
    };
    children.terminate(GRACE).await;
    ended
}

async fn answer(config: &Config, event: Option<EventSource>, children: &Children) -> Result<ExitCode, Error> {
    match (&config.runtime_api, event) {
        (Some(api), _) => Err(runtime::run(config, api, children).await.into()),
        (None, Some(event)) => Ok(local::one_shot::run(config, &event, children).await),
        (None, None) => unreachable!("BUG: without a Runtime API the configuration asks for an event"),
    }
}
