//! Durable functions: an execution is many invocations of the same handler, and a service stores its operations.
//!
//! 1. [`Envelope::of`] recognizes the event. [`Durable::run`] passes the user's event to the handler.
//! 2. The handler requests steps and waits over a socket, as `message` describes. `session` answers, and makes the
//!    checkpoints.
//! 3. A handler that waits for something is suspended: its processes are killed, or its library unwinds.
//! 4. The answer tells the service that the execution has ended, or that it continues later: in another invocation, in
//!    which finished operations are answered from the record.

pub mod command;
mod envelope;
mod identity;
pub mod message;
pub mod operation;
mod remote;
pub mod service;
mod session;
pub mod update;

use std::{
    io,
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use tempfile::{TempDir, TempPath};
use tokio::{net::UnixListener, time::timeout_at};

pub use self::envelope::Envelope;
use self::{
    envelope::{failed, fits, pending, succeeded},
    operation::ErrorObject,
    remote::Remote,
    service::Service,
    session::{Ending, Port, Session, serve, serve_port},
};
use crate::{
    event::{
        invocation::{Invocation, Outcome},
        suspension::{self, Suspension},
    },
    failure::{ErrorType, Failure},
    http::answer::Answer,
    logs,
    settings::{Interface, ResponseMode, Settings, Variable, variable},
    worker::slot::Slot,
};

/// The time for the last checkpoint of an invocation, before its handler is killed.
const LAST_CHECKPOINT: Duration = Duration::from_millis(300);

/// The longest path of the sockets' folder, in bytes: that of a socket has at most 107.
const LONGEST_FOLDER: usize = 90;

/// Runs the events of durable functions.
pub struct Durable {
    settings: Arc<Settings>,
    /// Created at the first event.
    service: OnceLock<Arc<dyn Service>>,
    directory: OnceLock<TempDir>,
    events: AtomicU64,
}

impl Durable {
    /// Uses the service of the region. The first event opens the connection.
    #[must_use]
    pub fn new(settings: &Arc<Settings>) -> Self {
        Self {
            settings: Arc::clone(settings),
            service: OnceLock::new(),
            directory: OnceLock::new(),
            events: AtomicU64::new(0),
        }
    }

    /// Uses this service.
    #[must_use]
    pub fn with(settings: &Arc<Settings>, service: Arc<dyn Service>) -> Self {
        Self { service: service.into(), ..Self::new(settings) }
    }

    /// The envelope of an event, if it has one, and the prepared answer, which is never streamed for an envelope.
    pub fn answer_of(&self, invocation: &mut Invocation) -> Result<(Option<Envelope>, Answer), Failure> {
        match Envelope::of(&invocation.event) {
            None => Ok((None, Answer::of(&self.settings, invocation)?)),
            envelope => Ok((envelope, Answer::default())),
        }
    }

    /// Runs an event. For an envelope, the outcome is the answer for the service.
    pub async fn run(&self, slot: &mut Slot, invocation: &mut Invocation, envelope: Option<Envelope>) -> Outcome {
        let Some(envelope) = envelope else { return slot.run(invocation).await };
        let ended = match self.execute(slot, invocation, envelope).await {
            Ok(ended) => ended,
            Err(failure) => return Err(self.settings.secrets.masked(failure)),
        };
        Ok(match ended {
            Ended::Pending => pending(),
            Ended::Succeeded(answer) => answer,
            Ended::Failed(error) => {
                // the service's message may quote a credential
                let failure = self.settings.secrets.masked(error.to_failure());
                logs::write_failure(invocation, &failure);
                failed(&failure.into())
            }
        })
    }

    async fn execute(
        &self,
        slot: &mut Slot,
        invocation: &mut Invocation,
        envelope: Envelope,
    ) -> Result<Ended, Failure> {
        if let Some(variable) = self.unfit_setting() {
            let message = format!("a durable function answers as a whole: unset `{}`", variable.name);
            return Ok(Ended::Failed(ErrorObject::new(ErrorType::InvalidConfiguration.name(), message)));
        }
        let service = self.service.get_or_init(|| Arc::new(Remote::new(&self.settings.environment)));
        let (listener, path) = self.listen().map_err(|error| {
            let message = format!("the socket of a durable function cannot be made: {error}");
            Failure::new(ErrorType::ResourceExhausted, message)
        })?;
        let suspension = Suspension::new(path.to_string_lossy().into_owned());
        let limit = self.limit(invocation);
        let loaded =
            Session::load(envelope, Arc::clone(service), Arc::clone(&self.settings.secrets), suspension.clone(), limit)
                .await;
        let (session, input) = match loaded {
            Ok(loaded) => loaded,
            Err(refused) => return Self::ended_by(refused.into()),
        };
        invocation.event = input.into();
        invocation.suspension = Some(suspension.clone());
        // without the port, Bash starts more processes
        let port = if session.is_replaying() { Port::listen(&path).await.ok() } else { None };
        let session = Arc::new(session);
        let background = async {
            tokio::select! {
                never = serve(listener, Arc::clone(&session)) => match never {},
                never = serve_port(port, Arc::clone(&session)) => match never {},
                never = session.make_checkpoints() => match never {},
            }
        };
        let handler = async {
            let mut running = pin!(slot.run(invocation));
            let outcome = tokio::select! {
                biased;
                outcome = &mut running => outcome,
                _ = session.watch() => {
                    suspension.request();
                    running.await
                }
            };
            let settled = session.settle();
            match limit {
                // a call that hangs holds up no answer
                Some(limit) => drop(timeout_at((limit + LAST_CHECKPOINT).into(), settled).await),
                None => settled.await,
            }
            session.end_waits();
            outcome
        };
        let outcome = tokio::select! {
            biased;
            outcome = handler => outcome,
            never = background => match never {},
        };
        match session.ending() {
            Some(ending) => Self::ended_by(ending),
            None => Self::ended(&session, outcome).await,
        }
    }

    fn ended_by(ending: Ending) -> Result<Ended, Failure> {
        match ending {
            Ending::Pending => Ok(Ended::Pending),
            Ending::Failed(error) => Ok(Ended::Failed(error)),
            Ending::Retry(message) => Err(Failure::new(ErrorType::CheckpointFailed, message)),
        }
    }

    /// The end of an invocation whose handler has ended by itself.
    async fn ended(session: &Session, outcome: Outcome) -> Result<Ended, Failure> {
        match outcome.map(|answer| String::from_utf8(answer.into())) {
            Ok(Ok(result)) => {
                let answer = succeeded(&result);
                if fits(&answer) {
                    return Ok(Ended::Succeeded(answer));
                }
                match session.keep_result(result).await {
                    None => Ok(Ended::Succeeded(succeeded(""))),
                    Some(ending) => Self::ended_by(ending),
                }
            }
            Ok(Err(not_text)) => {
                let at = not_text.utf8_error().valid_up_to();
                let message = format!("the answer is no UTF-8 text at byte {at}: encode it, as by `base64`");
                Ok(Ended::Failed(ErrorObject::new("Durable.InvalidResult", message)))
            }
            // the next invocation may succeed
            Err(failure) if is_fault_of_runtime(&failure) => Err(failure),
            Err(failure) => Ok(Ended::Failed(session.error(failure))),
        }
    }

    /// The setting that is not allowed for a durable function, if it is set.
    fn unfit_setting(&self) -> Option<Variable> {
        if self.settings.interface == Interface::Cgi {
            return Some(variable::INTERFACE);
        }
        (self.settings.response_mode == ResponseMode::Streaming).then_some(variable::RESPONSE_MODE)
    }

    /// A socket for one event, in a folder that only this user can enter. Dropped, the path is removed.
    fn listen(&self) -> io::Result<(UnixListener, TempPath)> {
        let directory = match self.directory.get() {
            Some(directory) => directory,
            None => self.directory.get_or_init({
                let mut folder = tempfile::Builder::new();
                let folder = folder.prefix("durable-");
                let mut made = folder.tempdir()?;
                if made.path().as_os_str().len() > LONGEST_FOLDER {
                    made = folder.tempdir_in("/tmp")?;
                }
                command::link(&made.path().join(suspension::COMMANDS))?;
                || made
            }),
        };
        let number = self.events.fetch_add(1, Ordering::Relaxed);
        let path = TempPath::try_from_path(directory.path().join(number.to_string()))?;
        Ok((UnixListener::bind(&path)?, path))
    }

    /// The time at which a running handler is suspended, or its steps fail.
    fn limit(&self, invocation: &Invocation) -> Option<Instant> {
        let left = invocation.time_left(SystemTime::now())?;
        let ahead = self.settings.deadline_margin.unwrap_or_default() + LAST_CHECKPOINT;
        Some(Instant::now() + left.saturating_sub(ahead).max(left / 2))
    }
}

/// The end of an invocation.
enum Ended {
    Pending,
    /// The answer.
    Succeeded(Bytes),
    Failed(ErrorObject),
}

/// Whether the same event may succeed in the next invocation.
fn is_fault_of_runtime(failure: &Failure) -> bool {
    let error_type = failure.diagnostic.error_type.as_str();
    error_type.starts_with("Runtime.") || error_type == ErrorType::Signal.name()
}
