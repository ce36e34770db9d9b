//! The phases of a worker, and the failures of each.

use std::{io, os::unix::process::ExitStatusExt, process::ExitStatus, time::Duration};

use rustix::{io::Errno, process::Signal};

use super::{answer::with, deadline::Deadline, hooks::Step, launch::Setup, stack::Trace, transport::TransportError};
use crate::{
    event::invocation::Invocation,
    failure::{ErrorType, Failure},
    limits::INIT_LIMIT,
};

/// The failure of an event, or of the start of its worker. The variants say what happens next.
#[derive(Debug)]
pub enum WorkerError {
    /// The worker can take the next event.
    Failed(Failure),
    Gone(Failure),
    /// The worker has ended without taking the event: another worker can run it.
    Untaken(Failure),
}

impl WorkerError {
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) | Self::Gone(failure) | Self::Untaken(failure) => failure,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Phase<'a> {
    Load,
    Hooks(Step),
    Event(&'a Invocation, Option<Deadline>),
}

impl Phase<'_> {
    pub(super) fn limit(self) -> Option<Duration> {
        match self {
            Self::Load => Some(INIT_LIMIT),
            Self::Hooks(step) => Some(step.limit),
            Self::Event(_, deadline) => deadline.map(Deadline::limit),
        }
    }

    pub(super) fn too_late(self, setup: &Setup) -> Failure {
        match self {
            Self::Hooks(step) => {
                let message = format!("the hooks {} had not ended after {} ms", step.moment, step.limit.as_millis());
                Failure::new(ErrorType::DeadlineExceeded, message)
            }
            Self::Load | Self::Event(..) => {
                let message = format!("`{}` was not loaded within {INIT_LIMIT:?}", setup.settings.handler);
                Failure::new(ErrorType::HandlerLoadFailed, message)
            }
        }
    }

    pub(super) fn broken(self, error: &TransportError) -> WorkerError {
        let failure = Failure::new(ErrorType::WorkerExited, format!("the worker was given up: {error}"));
        match self {
            Self::Load => WorkerError::Untaken(failure),
            Self::Hooks(_) | Self::Event(..) => WorkerError::Gone(failure),
        }
    }

    pub(super) fn ended(self, status: ExitStatus, last_lines: &str, trace: Trace, setup: &Setup) -> WorkerError {
        let failure = |error_type, message| {
            Failure::new(error_type, with(message, ": ", last_lines)).with_stack_trace(trace.stack)
        };
        match self {
            Self::Load => WorkerError::Untaken(match &setup.launch.unfit_core {
                // SBCL names its core, or crashes without a message
                Some(message)
                    if last_lines.contains("core file")
                        || last_lines.contains("core was built")
                        || (last_lines.is_empty() && has_crashed(status)) =>
                {
                    failure(ErrorType::InvalidConfiguration, format!("{message} ({status})"))
                }
                _ => {
                    let message = format!("`{}` could not be loaded{}", setup.settings.handler, hint(setup));
                    let is_silent = last_lines.is_empty() && trace.place.is_empty() && status.code().is_some();
                    let message = if is_silent && setup.launch.as_program.is_none() {
                        message + ": its file ends the process, for example by `exit`"
                    } else {
                        with(message, " ", &trace.place)
                    };
                    let message = format!("{message} ({status})");
                    failure(ErrorType::HandlerLoadFailed, message)
                }
            }),
            // a failing hook ends the shell that it runs in
            Self::Hooks(step) => WorkerError::Gone(match status.code() {
                Some(code @ 1..) => {
                    failure(ErrorType::ExitStatus, format!("a hook {} ended with status {code}", step.moment))
                }
                _ => failure(ErrorType::WorkerExited, format!("the worker ended ({status}) {}", step.moment)),
            }),
            Self::Event(..) => {
                let message = format!("the worker ended ({status}) before it answered");
                WorkerError::Gone(failure(ErrorType::WorkerExited, message))
            }
        }
    }
}

pub(super) fn undefined(names: Vec<String>, setup: &Setup) -> Failure {
    let handler = &setup.settings.handler;
    let names: Vec<_> = names.into_iter().filter(|name| !name.starts_with("__lambda_")).collect();
    let message = if names.is_empty() {
        format!("handler `{handler}`: its file defines no function{}", hint(setup))
    } else {
        let names = names.join("`, `");
        format!("handler `{handler}`: its file defines `{names}`, but not the function that the handler names")
    };
    Failure::new(ErrorType::HandlerNotFound, message)
}

/// The advice if the file may be a program.
fn hint(setup: &Setup) -> String {
    let handler = setup.launch.as_program.as_ref();
    handler.map_or_else(String::new, |handler| format!("; to run the file itself, write `{handler}`"))
}

/// Whether a process has crashed by a signal. SIGKILL is no crash: the kernel or another process sends it.
fn has_crashed(status: ExitStatus) -> bool {
    status.signal().is_some_and(|signal| signal != Signal::KILL.as_raw())
}

/// The failure of a start, or of passing on an event. A file that cannot run is not a lack of resources.
pub(super) fn start_failure(what: &str, error: &io::Error) -> Failure {
    let cannot_run =
        [Errno::NOEXEC, Errno::ACCESS, Errno::PERM, Errno::NOENT, Errno::NOTDIR, Errno::LIBBAD, Errno::LOOP];
    let error_type = if Errno::from_io_error(error).is_some_and(|errno| cannot_run.contains(&errno)) {
        ErrorType::HandlerLoadFailed
    } else {
        ErrorType::ResourceExhausted
    };
    Failure::new(error_type, format!("{what}: {error}"))
}
