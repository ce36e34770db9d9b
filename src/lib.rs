//! AWS Lambda functions in Bash, PowerShell 7 and Common Lisp on one small bootstrap.
//!
//! The folders. A folder uses only the folders below it in this table.
//!
//! | | |
//! |---|---|
//! | `start`, `local` | the command line; local runs |
//! | `lambda` | events of the Runtime API |
//! | `durable` | durable functions: the session of an invocation, the service, the command `durable` |
//! | `languages` | the grammar of handlers, and a folder for each language |
//! | `worker` | workers, the slots that replace them, the transports of events and answers |
//! | `http` | HTTP requests as events, and answers as responses |
//! | `logs` | lines on standard error |
//! | `settings` | the environment variables, read once |
//! | `event` | events and their headers |
//! | `failure` | errors without credentials |
//! | `process`, `limits`, `named` | child processes; limits that more than one folder uses; enums with names |
//!
//! One event on Lambda:
//!
//! 1. `lambda::run` starts a task for each slot. `languages::setup` has found the handler's file and its interpreter.
//! 2. `Client::next` returns the event. The slot's worker already waits for an event.
//! 3. `Durable::answer_of` recognises the event of a durable function. For other events, `http::answer` prepares a
//!    streamed answer, and makes a CGI request of the event if the handler is a CGI program.
//! 4. The event of a durable function goes through `Durable::run`, which serves the operations of its handler.
//! 5. `Slot::run` replaces a worker that has ended, and calls `Worker::run`.
//! 6. The worker's transport writes the event to the interpreter, or starts the program.
//! 7. The handler runs. A task copies the lines of its log to standard error; a streamed answer is sent while it is
//!    written.
//! 8. The transport returns a message: the answer, or a failure. At the deadline, the handler's processes are killed.
//! 9. `Log::drain` copies the rest of the log, and `failure::secrets` masks credentials.
//! 10. `Reply::finish` posts the answer or the failure.
//! 11. `Slot::prepare` replaces a worker that has ended, and the task asks for the next event.
//!
//! Always true: all of this runs on one thread, and one token, in `process::Children`, signals a shutdown to all tasks.

mod durable;
mod event;
mod failure;
mod http;
mod lambda;
mod languages;
mod limits;
mod local;
mod logs;
mod named;
mod process;
mod settings;
mod start;
mod worker;

pub use crate::logs::own_line;

/// The parts that tests and fuzz targets use.
#[doc(hidden)]
pub mod internals {
    pub use crate::{
        durable::message,
        event::invocation::ENVIRONMENT,
        failure::{ErrorType, Failure},
        http::{cgi, prelude::Prelude, url},
        lambda::{cause, http},
        languages::LANGUAGES,
        languages::handler::{Candidate, Places, resolve},
        limits::PAYLOAD_LIMIT,
        settings::Settings,
    };

    /// The variables, and the list of those that are credentials.
    pub mod variable {
        pub use crate::{failure::secrets::CREDENTIALS, settings::variable::*};
    }

    /// The protocol between the bootstrap and a shim.
    pub mod frame {
        pub use crate::worker::transport::frame::{Decoder, FrameError, Message, encode};
    }
}

use std::{ffi::OsString, io, process::ExitCode, sync::Arc};

use tokio::signal::unix::{SignalKind, signal};

use crate::{
    failure::{ErrorType, Failure},
    limits::SHUTDOWN_GRACE,
    process::{Children, guard},
    settings::{Environment, Settings, variable},
    start::cli::{Arguments, Events},
};

/// The errors that end the bootstrap. Each message is one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}; `bootstrap --help` shows what there is")]
    Arguments(#[from] lexopt::Error),
    #[error("{0}")]
    Settings(#[from] settings::SettingsError),
    #[error("{0}")]
    Runtime(#[from] lambda::run::RuntimeError),
    #[error("{0}")]
    Serve(#[from] local::serve::ServeError),
    #[error("{0}: {1}")]
    Start(&'static str, io::Error),
}

/// Runs the bootstrap by its command line, whose first word is the program's name, and its environment.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<ExitCode, Error> {
    let mut arguments = arguments.into_iter();
    let (program, arguments) = (arguments.next(), arguments.collect::<Vec<_>>());
    let program = program.as_deref();
    let own = guard::run(&arguments)
        .or_else(|| local::durable::answer::run(program, &arguments))
        .or_else(|| durable::command::run(program, &arguments));
    if let Some(code) = own {
        return Ok(code);
    }
    let mut environment: Environment = environment.into_iter().collect();
    let arguments = match start::cli::parse(arguments) {
        Ok(Arguments::Text(text)) => {
            print!("{text}");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(Arguments::Run { handler, events }) => Ok((handler, events)),
        Err(error) => Err(Error::Arguments(error)),
    };
    let settings = arguments.and_then(|(handler, events)| {
        start::wrapper::enter(&mut environment)?;
        let serves = events == Events::Lambda
            && variable::RUNTIME_API.of(&environment).is_none()
            && start::container::is_main_process();
        let settings = Settings::read(environment.clone(), handler, serves || events != Events::Lambda)?;
        let events = if serves { Events::Served(start::container::server(settings.function_timeout)) } else { events };
        Ok((settings, events))
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Start("the event loop cannot be started", error))?;
    runtime.block_on(async {
        match settings {
            Ok((settings, events)) => until_told_to_end(settings, events).await,
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

async fn until_told_to_end(settings: Settings, events: Events) -> Result<ExitCode, Error> {
    logs::start(&settings);
    for warning in settings.unknown_settings() {
        tracing::warn!("{warning}");
    }
    std::panic::set_hook(Box::new(logs::panicked));
    // before any process is started that a signal would have to end
    let listen = |kind| signal(kind).map_err(|error| Error::Start("signals cannot be handled", error));
    let (mut terminated, mut interrupted) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let is_local = events != Events::Lambda;
    let children = Children::reap(is_local && !start::container::is_main_process())
        .map_err(|error| Error::Start("children cannot be reaped", error))?;
    let settings = Arc::new(settings);
    // keep this future alive during the shutdown: dropping it kills the workers
    let answering = answer(&settings, &events, &children);
    tokio::pin!(answering);
    let told = tokio::select! {
        ended = &mut answering => {
            children.shutdown.cancel();
            children.terminate(SHUTDOWN_GRACE).await;
            return ended;
        }
        _ = terminated.recv() => ExitCode::SUCCESS,
        _ = interrupted.recv() => ExitCode::from(130),
    };
    children.shutdown.cancel();
    match events {
        // callers get the errors of their events
        Events::Served(_) => drop(tokio::join!(children.terminate(SHUTDOWN_GRACE), answering)),
        Events::Lambda | Events::One(_) | Events::Durable(..) => tokio::select! {
            biased;
            // polled first, so that it sees the workers' ends before the wait for them is over
            () = async { drop(answering.await); std::future::pending().await } => {}
            () = children.terminate(SHUTDOWN_GRACE) => {}
        },
    }
    Ok(told)
}

async fn answer(settings: &Arc<Settings>, events: &Events, children: &Children) -> Result<ExitCode, Error> {
    match (&settings.runtime_api, events) {
        (_, Events::One(event)) => Ok(local::one_shot::run(settings, event, children).await),
        (_, Events::Durable(event, options)) => Ok(local::durable::run::run(settings, event, options, children).await),
        (_, Events::Served(serve)) => Ok(local::serve::run(settings, serve, children).await?),
        (Some(api), Events::Lambda) => Err(lambda::run::run(settings, api, children).await.into()),
        (None, Events::Lambda) => unreachable!("BUG: the settings ask for a Runtime API"),
    }
}
