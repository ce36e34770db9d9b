//! Waits for a worker's messages, in all its phases.

use std::{future::pending, process::ExitStatus};

use bytes::Bytes;
use tokio::{task::coop::unconstrained, time::Instant};

use super::{
    Worker,
    phase::{Phase, WorkerError, undefined},
    transport::{Message, Transport, TransportError},
};
use crate::{event::suspension::Suspension, failure::Failure, process::Child};

/// The reason why a wait ended without a message.
enum Stop {
    /// The worker has ended, and all its messages were read.
    Ended(ExitStatus),
    Broken(TransportError),
}

impl Worker {
    /// Waits until the worker has finished the phase. Returns the answer of an event.
    pub(super) async fn wait(&mut self, phase: Phase<'_>) -> Result<Bytes, WorkerError> {
        let limit = phase.limit();
        if let Some(limit) = limit {
            self.limit.as_mut().reset(Instant::now() + limit);
        }
        let mut suspension = match phase {
            Phase::Event(invocation, _) => invocation.suspension.clone(),
            Phase::Load | Phase::Hooks(_) => None,
        };
        loop {
            let message = tokio::select! {
                biased;
                message = message(&mut self.child, &mut *self.transport) => message,
                suspended = requested(&mut suspension) => {
                    self.suspend(phase, &suspended).await;
                    continue;
                }
                // unconstrained: reading messages may have used up the task's budget
                () = unconstrained(self.limit.as_mut()), if limit.is_some() => {
                    return Err(WorkerError::Gone(self.out_of_time(phase).await));
                }
            };
            match message {
                Ok(message) => {
                    if let Some(result) = self.result_of(message, phase) {
                        return result;
                    }
                }
                Err(Stop::Broken(error)) => return Err(phase.broken(&error)),
                Err(Stop::Ended(status)) => {
                    let trace = self.transport.take_trace(status.code());
                    return Err(phase.ended(status, &self.log.lock().last_lines(), trace, &self.setup));
                }
            }
        }
    }

    async fn out_of_time(&mut self, phase: Phase<'_>) -> Failure {
        let Phase::Event(invocation, Some(deadline)) = phase else { return phase.too_late(&self.setup) };
        self.transport.stop_streaming();
        self.ask_to_end(invocation, deadline.grace()).await;
        deadline.exceeded()
    }

    /// The result of this phase, if the message is one. A message of another phase is ignored.
    fn result_of(&mut self, message: Message, phase: Phase<'_>) -> Option<Result<Bytes, WorkerError>> {
        match (message, phase) {
            (Message::Ready, Phase::Load | Phase::Hooks(_)) => Some(Ok(Bytes::new())),
            (Message::ShutdownHook { asked }, _) => {
                self.shutdown_hook = Some(asked);
                None
            }
            (Message::Undefined(names), Phase::Load) => Some(Err(WorkerError::Gone(undefined(names, &self.setup)))),
            (Message::Failed(failure), Phase::Load | Phase::Hooks(_)) => Some(Err(WorkerError::Gone(failure))),
            (Message::Failed(failure), Phase::Event(..)) => Some(Err(WorkerError::Failed(failure))),
            (Message::Answer(answer), Phase::Event(..)) => Some(Ok(answer)),
            (Message::Untaken, Phase::Event(invocation, _)) => {
                self.send_event(invocation).err().map(|failure| Err(WorkerError::Gone(failure)))
            }
            _ => None,
        }
    }

    /// Waits for the worker's end while no event runs. Ignores messages between events.
    pub async fn ended(&mut self) -> ExitStatus {
        loop {
            match message(&mut self.child, &mut *self.transport).await {
                Err(Stop::Ended(status)) => return status,
                Err(Stop::Broken(error)) => {
                    tracing::error!("{error}; the worker is replaced");
                    self.kill().await;
                    // `message` would find the malformed frame again
                    return exited(&mut self.child).await;
                }
                Ok(_) => {}
            }
        }
    }
}

/// Waits until the suspension of the handler is requested, and returns it once.
async fn requested(suspension: &mut Option<Suspension>) -> Suspension {
    match suspension {
        Some(requested) => requested.requested().await,
        None => pending().await,
    }
    suspension.take().expect("BUG: it was there before the wait")
}

/// The worker's next message. Messages come before the worker's end.
async fn message(child: &mut Option<Child>, transport: &mut dyn Transport) -> Result<Message, Stop> {
    let mut has_ended = false;
    loop {
        tokio::select! {
            biased;
            message = transport.message() => return match message {
                Ok(Some(message)) => Ok(message),
                Ok(None) => Err(Stop::Ended(exited(child).await)),
                Err(error) => Err(Stop::Broken(error)),
            },
            status = exited(child), if !has_ended => {
                has_ended = true;
                transport.has_ended(status);
            }
        }
    }
}

async fn exited(child: &mut Option<Child>) -> ExitStatus {
    match child {
        Some(child) => child.exited().await,
        None => pending().await,
    }
}
