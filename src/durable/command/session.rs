//! The connection to the bootstrap.

use std::{env, io, os::unix::net::UnixStream, thread, time::Duration};

use super::{error::CommandError, shell::Shell};
use crate::durable::message::Message;

/// How long a process waits to be killed after its connection was closed. It must not continue at once: the code after
/// a wait must not run.
const END: Duration = Duration::from_secs(60);

/// The event's connection.
pub(super) struct Session<'a> {
    stream: io::BufReader<UnixStream>,
    /// The shell that runs functions, if the command is one.
    pub(super) shell: Option<&'a Shell>,
}

impl<'a> Session<'a> {
    /// Connects to the bootstrap of this event.
    pub(super) fn open(shell: Option<&'a Shell>) -> Result<Self, CommandError> {
        if let Some(step) = env::var_os("DURABLE_STEP").filter(|step| !step.is_empty()) {
            return Err(CommandError::InStep(step.to_string_lossy().into_owned()));
        }
        let path = env::var_os("DURABLE_SOCKET").ok_or(CommandError::NotDurable)?;
        let stream = UnixStream::connect(&path)
            .map_err(|error| CommandError::Connect(path.to_string_lossy().into_owned(), error))?;
        Ok(Self { stream: io::BufReader::new(stream), shell })
    }

    /// The reply to a request. If the invocation is over, no reply comes, and this process is killed here.
    pub(super) fn ask(&mut self, request: Message) -> Result<Message, CommandError> {
        let sent = request.with("client", "command").write(self.stream.get_mut());
        if let Err(error) = &sent
            && error.kind() == io::ErrorKind::InvalidData
        {
            return Err(CommandError::TooLarge(error.to_string()));
        }
        match sent.and_then(|()| Message::read(&mut self.stream)) {
            Ok(Some(reply)) if reply.verb == "suspend" => loop {
                thread::park();
            },
            Ok(Some(reply)) if reply.verb == "refused" => {
                Err(CommandError::Refused(reply.text("message").unwrap_or_default()))
            }
            Ok(Some(reply)) => Ok(reply),
            Ok(None) | Err(_) => {
                thread::sleep(END);
                Err(CommandError::Closed)
            }
        }
    }
}

/// The surrounding context, from the environment.
pub(super) fn context() -> String {
    env::var("DURABLE_CONTEXT").unwrap_or_default()
}
