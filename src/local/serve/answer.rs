//! The reply to a caller: the outcome of the event as a whole, or its answer while it is written.

use std::{convert::Infallible, pin::pin};

use bytes::Bytes;
use http_body_util::{
    BodyExt, Full,
    channel::{Channel, Sender},
    combinators::UnsyncBoxBody,
};
use tokio::sync::oneshot;

use crate::{
    event::invocation::Outcome,
    failure::Failure,
    http::{
        answer::Answer,
        prelude::{Part, Prelude},
    },
};

const WAITING: usize = 1;

/// The body of a response. One that is streamed ends in the error of its handler.
pub(super) type Body = UnsyncBoxBody<Bytes, Failure>;

pub(super) enum Reply {
    /// The event has ended, and nothing of its answer was passed on.
    Whole(Outcome),
    /// The answer has begun, with a head where it has one and the caller takes heads. An error of the handler breaks the
    /// body off. A caller that goes away misses the rest; a slow caller slows the handler.
    Streamed(Option<Prelude>, Body),
}

pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    UnsyncBoxBody::new(Full::new(bytes.into()).map_err(|never: Infallible| match never {}))
}

impl Reply {
    /// Waits until the answer begins, or the event has ended.
    pub(super) async fn of(
        answer: Answer,
        running: impl Future<Output = Outcome> + Send + 'static,
        takes_head: bool,
    ) -> Self {
        let (sender, body) = Channel::new(WAITING);
        let (begin, first) = oneshot::channel();
        let delivery = Delivery { begin: Some((begin, UnsyncBoxBody::new(body))), sender, takes_head };
        tokio::spawn(delivery.run(answer, running));
        first.await.expect("BUG: an answer begins or ends")
    }
}

/// An answer on its way to its caller.
struct Delivery {
    /// Until the answer begins.
    begin: Option<(oneshot::Sender<Reply>, Body)>,
    sender: Sender<Bytes, Failure>,
    /// Whether the caller takes a head. If not, the head is a part of the body.
    takes_head: bool,
}

impl Delivery {
    async fn run(mut self, mut answer: Answer, running: impl Future<Output = Outcome>) {
        let mut running = pin!(running);
        let outcome = loop {
            tokio::select! {
                part = answer.next() => self.send(part).await,
                outcome = &mut running => break outcome,
            }
        };
        let (rest, ended) = answer.finish(outcome);
        for part in rest {
            self.send(part).await;
        }
        match (self.begin, ended) {
            (Some((begin, _)), ended) => drop(begin.send(Reply::Whole(ended.map(|()| Bytes::new())))),
            (None, Ok(())) => {}
            (None, Err(failure)) => {
                // this empty part has room once all parts before it are written: an aborted body drops unwritten parts
                let _ = self.sender.send_data(Bytes::new()).await;
                self.sender.abort(failure);
            }
        }
    }

    /// Passes on a part. It is dropped if the caller has gone away.
    async fn send(&mut self, part: Part) {
        let (head, bytes) = match part {
            Part::Head(head) if self.takes_head => (Some(head), None),
            other => (None, Some(other.into_bytes())),
        };
        if let Some((begin, body)) = self.begin.take() {
            let _ = begin.send(Reply::Streamed(head, body));
        }
        if let Some(bytes) = bytes {
            let _ = self.sender.send_data(bytes).await;
        }
    }
}
