//! AWS Lambda functions in Bash, PowerShell 7 and Common Lisp on one small bootstrap.
//!
//! The way of an event:
//!
//! 1. `cli` and `config` say what to run. `handler` reads the text of the handler, and asks each of `languages` what it
//!    can run: a folder for each language, with what starts it and what runs inside it.
//! 2. `lambda` asks the Runtime API for an event, by a client of our own, and hands it to a slot of `supervisor`, which
//!    keeps one `worker` ready and replaces one that is gone. There is a task for each slot.
//! 3. A worker is an interpreter that has loaded the user's file, or a program for each event. `worker::transport` gets
//!    the event in and the answer out; its `frame` describes what goes between the bootstrap and a shim.
//!    Where it is to be a CGI program, `cgi` makes a request of the event before, and an answer of its response after.
//! 4. What comes back is posted: the handler's bytes as they are, by way of `streaming` while they are written, or a
//!    `failure`, in which `secrets` masks credentials.
//!    What the handler has logged has been passed on before (`worker::log`, `logs`).
//!
//! `local` runs the same without Lambda. `process` starts, kills and reaps all children, and knows nothing of the rest.
//! Whoever is to end hears of it by one token, which is made here. Everything runs on one thread.

mod event;
mod failure;
mod http;
mod lambda;
mod languages;
mod limits;
mod local;
mod logs;
mod process;
mod settings;
mod start;
mod worker;

/// What tests and fuzz targets reach of the inside.
#[doc(hidden)]
pub mod internals {
    pub use crate::{
        event::invocation::ENVIRONMENT,
        failure::{ErrorType, Failure, secrets::CREDENTIALS},
        lambda::{cause, http},
        languages::LANGUAGES,
        languages::handler::{Handler, HandlerError, Places},
        limits::PAYLOAD_LIMIT,
        settings::{Config, variable},
    };

    /// What goes between the bootstrap and a shim.
    pub mod frame {
        pub use crate::worker::transport::{
            decoder::{Decoder, FrameError},
            frame::{Message, encode},
        };
    }
}

use std::{ffi::OsString, io, process::ExitCode, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::{ErrorType, Failure},
    limits::SHUTDOWN_GRACE,
    process::{Children, guard},
    settings::Config,
    start::cli::{Arguments, Events, HELP},
};

/// What ends a run before it begins: one line for people.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line.
    #[error("{0}; `bootstrap --help` shows what there is")]
    Arguments(#[from] lexopt::Error),
    /// The environment.
    #[error("{0}")]
    Config(#[from] settings::ConfigError),
    /// The runtime ended, or never began.
    #[error("{0}")]
    Runtime(#[from] lambda::run::RuntimeError),
    /// The local server.
    #[error("{0}")]
    Serve(#[from] local::serve::ServeError),
    /// The event loop.
    #[error("{0}: {1}")]
    Start(&'static str, io::Error),
}

/// Does what the command line and the environment say.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<ExitCode, Error> {
    let mut environment: Vec<_> = environment.into_iter().collect();
    let arguments: Vec<_> = arguments.into_iter().collect();
    if let Some(code) = guard::run(&arguments) {
        return Ok(code);
    }
    let arguments = match start::cli::parse(arguments) {
        Ok(Arguments::Help) => {
            print!("{HELP}");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(Arguments::Version) => {
            println!("bootstrap {}", env!("CARGO_PKG_VERSION"));
            return Ok(ExitCode::SUCCESS);
        }
        Ok(Arguments::Run { handler, events }) => Ok((handler, events)),
        Err(error) => Err(Error::Arguments(error)),
    };
    let arguments = arguments.and_then(|(handler, events)| {
        start::wrapper::enter(&mut environment)?;
        let is_alone = !environment.iter().any(|(name, _)| name == settings::variable::RUNTIME_API);
        if events == Events::Lambda && is_alone && start::container::is_main_process() {
            let timeout = settings::function_timeout(&environment)?;
            return Ok((handler, Events::Served(start::container::server(timeout))));
        }
        Ok((handler, events))
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Start("the event loop cannot be started", error))?;
    runtime.block_on(async {
        let settings = arguments.and_then(|(handler, events)| {
            let config = Config::read(environment.iter().cloned(), handler, events != Events::Lambda)?;
            Ok((config, events))
        });
        match settings {
            Ok((config, events)) => until_told_to_end(config, events).await,
            Err(error) => {
                if let Some(api) = settings::runtime_api(&environment) {
                    let failure = Failure::new(ErrorType::InvalidConfiguration, error.to_string());
                    let task_root = settings::task_root(&environment);
                    lambda::run::report_init_error(&api, &task_root, &failure).await;
                }
                Err(error)
            }
        }
    })
}

async fn until_told_to_end(config: Config, events: Events) -> Result<ExitCode, Error> {
    logs::start(&config);
    for warning in config.unknown_settings() {
        tracing::warn!("{warning}");
    }
    std::panic::set_hook(Box::new(logs::panicked));
    let is_local = events != Events::Lambda;
    let children = Children::reap(is_local && !start::container::is_main_process())
        .map_err(|error| Error::Start("children cannot be reaped", error))?;
    let listen = |kind| signal(kind).map_err(|error| Error::Start("signals cannot be handled", error));
    let (mut terminated, mut interrupted) =
        (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let (config, shutdown) = (Arc::new(config), CancellationToken::new());
    // it lives until the workers have ended: dropped, it would take them along at once
    let answering = answer(&config, &events, &children, &shutdown);
    tokio::pin!(answering);
    let told = tokio::select! {
        ended = &mut answering => {
            shutdown.cancel();
            children.terminate(SHUTDOWN_GRACE).await;
            return ended;
        }
        _ = terminated.recv() => ExitCode::SUCCESS,
        _ = interrupted.recv() => ExitCode::from(130),
    };
    shutdown.cancel();
    match events {
        // its callers hear how their events end
        Events::Served(_) => drop(tokio::join!(children.terminate(SHUTDOWN_GRACE), answering)),
        Events::Lambda | Events::One(_) => tokio::select! {
            biased;
            // first: it passes on what the workers have logged before they ended
            () = async { drop(answering.await); std::future::pending().await } => {}
            () = children.terminate(SHUTDOWN_GRACE) => {}
        },
    }
    Ok(told)
}

async fn answer(
    config: &Arc<Config>,
    events: &Events,
    children: &Children,
    shutdown: &CancellationToken,
) -> Result<ExitCode, Error> {
    match (&config.runtime_api, events) {
        (_, Events::One(event)) => Ok(local::one_shot::run(config, event, children, shutdown).await),
        (_, Events::Served(serve)) => Ok(local::serve::run(config, serve, children, shutdown).await?),
        (Some(api), Events::Lambda) => Err(lambda::run::run(config, api, children, shutdown).await.into()),
        (None, Events::Lambda) => unreachable!("BUG: the configuration asks for a Runtime API"),
    }
}
