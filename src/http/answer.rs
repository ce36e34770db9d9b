//! The answer of a handler as its caller gets it: streamed, or as a whole.

use std::{future::ready, pin::pin};

use bytes::{Bytes, BytesMut};

use super::{
    cgi::{self, Document},
    prelude::{Part, Prelude},
};
use crate::{
    event::invocation::{Invocation, Outcome},
    event::stream::Parts,
    failure::Failure,
    limits::PAYLOAD_LIMIT,
    settings::{Interface, ResponseMode, Settings},
};

/// The caller of a streamed answer.
pub trait Caller: Send {
    /// Takes the next part.
    fn put(&mut self, part: Part);

    /// Sends the parts so far. Meanwhile the handler's output waits. Cancel-safe.
    fn send(&mut self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// An answer before its handler runs. The default is the outcome of its event.
#[derive(Default)]
pub struct Answer {
    /// The handler's streamed output; `None` if the answer is the outcome of the event.
    parts: Option<Parts>,
    document: Option<Box<Document>>,
    /// The answer to an invalid request, which no handler gets.
    refusal: Option<[Part; 2]>,
    is_streamed: bool,
}

impl Answer {
    /// Prepares an invocation for the function's interface and response mode. An error says that the event is no HTTP
    /// request.
    pub fn of(settings: &Settings, invocation: &mut Invocation) -> Result<Self, Failure> {
        let is_streamed = settings.response_mode == ResponseMode::Streaming;
        let mut answer = Self { is_streamed, ..Self::default() };
        if settings.interface == Interface::Cgi {
            let (document, request) = cgi::open(settings, invocation)?;
            answer.document = Some(Box::new(document));
            match request {
                Ok(request) => invocation.request = Some(request),
                Err(refusal) => answer.refusal = Some(refusal),
            }
        }
        if is_streamed || answer.document.is_some() {
            answer.parts = Some(invocation.stream());
        }
        Ok(answer)
    }

    /// Whether the caller gets a streamed answer.
    pub fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// Runs the handler, unless its request was refused. The caller gets a streamed answer, and the outcome is empty.
    /// Any other answer is the outcome, in the form that the sender of the event expects.
    pub async fn run(mut self, handler: impl Future<Output = Outcome>, caller: &mut impl Caller) -> Outcome {
        let Some(parts) = self.parts.take() else { return handler.await };
        match self.document.as_ref().map(|document| document.sender) {
            Some(sender) if !self.is_streamed => {
                let mut whole = Whole::default();
                self.pass_on(parts, handler, &mut whole).await?;
                checked(whole.size)?;
                let json = sender.response(&whole.head, &whole.body);
                checked(json.len())?;
                Ok(json.into())
            }
            _ => self.pass_on(parts, handler, caller).await.map(|()| Bytes::new()),
        }
    }

    async fn pass_on(
        mut self,
        mut parts: Parts,
        handler: impl Future<Output = Outcome>,
        caller: &mut impl Caller,
    ) -> Result<(), Failure> {
        if let Some(refusal) = self.refusal {
            for part in refusal {
                caller.put(part);
            }
            return Ok(());
        }
        let mut handler = pin!(handler);
        let outcome = loop {
            let next = async {
                caller.send().await;
                parts.recv().await
            };
            tokio::select! {
                Some(bytes) = next => self.take(bytes, false, caller),
                outcome = &mut handler => break outcome,
            }
        };
        while let Ok(bytes) = parts.try_recv() {
            self.take(bytes, false, caller);
        }
        let ended = outcome.map(|rest| self.take(rest, true, caller));
        match self.document {
            Some(document) => document.judge(ended),
            None => ended,
        }
    }

    fn take(&mut self, bytes: Bytes, is_last: bool, caller: &mut impl Caller) {
        match &mut self.document {
            Some(document) => document.take(bytes, is_last).into_iter().for_each(|part| caller.put(part)),
            None if bytes.is_empty() => {}
            None => caller.put(Part::Body(bytes)),
        }
    }
}

/// Collects an answer, up to the payload limit.
#[derive(Default)]
struct Whole {
    head: Prelude,
    body: BytesMut,
    /// The size of all output, in bytes.
    size: usize,
}

impl Caller for Whole {
    fn put(&mut self, part: Part) {
        match part {
            Part::Head(head) => self.head = head,
            Part::Body(bytes) => {
                self.size += bytes.len();
                self.body.extend_from_slice(&bytes[..bytes.len().min(PAYLOAD_LIMIT - self.body.len())]);
            }
        }
    }
}

/// Fails if an answer of this many bytes is too large.
fn checked(size: usize) -> Result<(), Failure> {
    if size > PAYLOAD_LIMIT { Err(Failure::too_large(size, PAYLOAD_LIMIT)) } else { Ok(()) }
}
