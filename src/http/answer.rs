//! The answer of a handler as its caller gets it: while it is written, or as a whole.
//!
//! Used where an answer is streamed, or where the handler is a CGI program. Any other answer is the outcome of its event.

use std::{collections::VecDeque, future::pending, pin::pin};

use bytes::{Bytes, BytesMut};
use futures_util::future::{Either, Ready, ready};

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

/// An answer that is written.
pub struct Answer {
    parts: Parts,
    document: Option<Box<Document>>,
    ready: VecDeque<Part>,
    /// Whether the request was answered without the handler.
    is_refused: bool,
}

impl Answer {
    /// Prepares an invocation for the function's interface and response mode. `None` where the answer is the outcome of
    /// the event. An error says that the event is no HTTP request.
    pub fn of(settings: &Settings, invocation: &mut Invocation) -> Result<Option<Self>, Failure> {
        let request = match (settings.interface, settings.response_mode) {
            (Interface::Event, ResponseMode::Buffered) => return Ok(None),
            (Interface::Event, ResponseMode::Streaming) => None,
            (Interface::Cgi, _) => Some(cgi::open(settings, invocation)?),
        };
        let parts = invocation.stream();
        let mut answer = Self { parts, document: None, ready: VecDeque::new(), is_refused: false };
        if let Some((document, request)) = request {
            answer.document = Some(Box::new(document));
            match request {
                Ok(request) => invocation.request = Some(request),
                Err(refusal) => (answer.is_refused, answer.ready) = (true, refusal.into()),
            }
        }
        Ok(Some(answer))
    }

    /// Runs the handler, unless its request was refused.
    pub fn running<F: Future<Output = Outcome>>(
        &self,
        handler: impl FnOnce() -> F,
    ) -> Either<Ready<Outcome>, F> {
        if self.is_refused { Either::Left(ready(Ok(Bytes::new()))) } else { Either::Right(handler()) }
    }

    /// The next part; where the handler writes nothing more this has no end. Cancel-safe.
    pub async fn next(&mut self) -> Part {
        loop {
            if let Some(part) = self.ready.pop_front() {
                return part;
            }
            match self.parts.recv().await {
                Some(bytes) => self.take(bytes, false),
                None => pending().await,
            }
        }
    }

    /// Ends the answer by the outcome of its event, and says how it ended. Gives the parts that are left.
    pub fn finish(&mut self, outcome: Outcome) -> (VecDeque<Part>, Result<(), Failure>) {
        while let Ok(bytes) = self.parts.try_recv() {
            self.take(bytes, false);
        }
        let ended = outcome.map(|rest| self.take(rest, !self.is_refused));
        let ended = match self.document.take() {
            Some(document) => document.judge(ended),
            None => ended,
        };
        (std::mem::take(&mut self.ready), ended)
    }

    /// Runs the handler and hands on each part of its answer.
    pub async fn pass_on(
        &mut self,
        running: impl Future<Output = Outcome>,
        mut take: impl FnMut(Part),
    ) -> Result<(), Failure> {
        let mut running = pin!(running);
        let outcome = loop {
            tokio::select! {
                part = self.next() => take(part),
                outcome = &mut running => break outcome,
            }
        };
        let (rest, ended) = self.finish(outcome);
        rest.into_iter().for_each(take);
        ended
    }

    /// Runs the handler and gives its document as a whole, in the form that the sender of the event takes.
    pub async fn whole<F: Future<Output = Outcome>>(mut self, handler: impl FnOnce() -> F) -> Outcome {
        let sender = self.document.as_ref().map(|document| document.sender);
        let (mut head, mut body, mut size) = (Prelude::default(), BytesMut::new(), 0);
        let running = self.running(handler);
        let taken = self.pass_on(running, |part| match part {
            Part::Head(prelude) => head = prelude,
            Part::Body(bytes) => {
                size += bytes.len();
                body.extend_from_slice(&bytes[..bytes.len().min(PAYLOAD_LIMIT.saturating_sub(body.len()))]);
            }
        });
        taken.await?;
        if size > body.len() {
            return Err(Failure::too_large(size, PAYLOAD_LIMIT));
        }
        let Some(sender) = sender else { return Ok(body.freeze()) };
        let json = sender.response(&head, &body);
        if json.len() > PAYLOAD_LIMIT {
            return Err(Failure::too_large(json.len(), PAYLOAD_LIMIT));
        }
        Ok(json.into())
    }

    fn take(&mut self, bytes: Bytes, is_last: bool) {
        match &mut self.document {
            Some(document) => self.ready.extend(document.take(bytes, is_last)),
            None if bytes.is_empty() => {}
            None => self.ready.push_back(Part::Body(bytes)),
        }
    }
}
