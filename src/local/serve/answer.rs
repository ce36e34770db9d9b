//! What a caller gets of an event: its outcome as a whole, or its answer while it is written.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, channel::Channel, combinators::UnsyncBoxBody};
use lambda_runtime::MetadataPrelude;
use tokio::sync::oneshot;

use super::Body;
use crate::{
    event::invocation::Outcome,
    event::stream::{Part, Parts},
    failure::Failure,
};

/// How many parts wait for a slow caller.
const WAITING: usize = 1;

/// What comes of an event.
pub(super) enum Answer {
    /// It has ended, and nothing of its answer was passed on.
    Whole(Outcome),
    /// It has begun to answer.
    Streamed(Streamed),
}

/// An answer that has begun.
pub(super) struct Streamed {
    first: Option<Part>,
    parts: Parts,
    outcome: oneshot::Receiver<Outcome>,
}

/// A body that is there already.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    UnsyncBoxBody::new(Full::new(bytes.into()).map_err(|never: Infallible| match never {}))
}

impl Answer {
    /// Waits until there is a first part, or the outcome.
    pub(super) async fn of(mut outcome: oneshot::Receiver<Outcome>, parts: Option<Parts>) -> Self {
        let Some(mut parts) = parts else { return Self::Whole(received(outcome.await)) };
        let first = tokio::select! {
            biased;
            Some(part) = parts.recv() => part,
            ended = &mut outcome => match parts.try_recv() {
                Ok(part) => {
                    let (sender, outcome) = oneshot::channel();
                    let _ = sender.send(received(ended));
                    return Self::Streamed(Streamed { first: Some(part), parts, outcome });
                }
                Err(_) => return Self::Whole(received(ended)),
            },
        };
        Self::Streamed(Streamed { first: Some(first), parts, outcome })
    }
}

impl Streamed {
    /// Status and headers, where the answer begins with them.
    pub(super) fn take_head(&mut self) -> Option<MetadataPrelude> {
        match self.first.take() {
            Some(Part::Head(head)) => Some(head),
            other => {
                self.first = other;
                None
            }
        }
    }

    /// The parts as they come. An error of the handler breaks the body off. A caller that goes away misses the rest; one
    /// that is slow slows the handler.
    pub(super) fn into_body(self) -> Body {
        let (sender, body) = Channel::new(WAITING);
        tokio::spawn(self.pass_on(sender));
        UnsyncBoxBody::new(body)
    }

    async fn pass_on(mut self, mut sender: http_body_util::channel::Sender<Bytes, Failure>) {
        let mut first = self.first.take();
        let outcome = loop {
            let part = tokio::select! {
                biased;
                Some(part) = next(&mut first, &mut self.parts) => part,
                outcome = &mut self.outcome => break received(outcome),
            };
            if sender.send_data(part.into_bytes()).await.is_err() {
                // what the handler still writes goes nowhere
                return;
            }
        };
        while let Ok(part) = self.parts.try_recv() {
            if sender.send_data(part.into_bytes()).await.is_err() {
                return;
            }
        }
        match outcome {
            Ok(rest) if rest.is_empty() => {}
            Ok(rest) => drop(sender.send_data(rest).await),
            Err(failure) => {
                // once this empty part has room, those before it have been written: a broken body takes along what has not
                let _ = sender.send_data(Bytes::new()).await;
                sender.abort(failure);
            }
        }
    }
}

async fn next(first: &mut Option<Part>, parts: &mut Parts) -> Option<Part> {
    if first.is_some() { first.take() } else { parts.recv().await }
}

fn received(outcome: Result<Outcome, oneshot::error::RecvError>) -> Outcome {
    outcome.expect("BUG: every event comes to an outcome")
}
