//! The reply to a caller: the outcome of the event as a whole, or a streamed answer.

use std::{collections::VecDeque, convert::Infallible};

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
        answer::{Answer, Caller},
        prelude::{Part, Prelude},
    },
};

const WAITING: usize = 1;

/// The body of a response. A streamed one ends with the error of its handler, if any.
pub(super) type Body = UnsyncBoxBody<Bytes, Failure>;

pub(super) enum Reply {
    /// The event has ended, and no part of its answer was sent.
    Whole(Outcome),
    /// The answer has begun, with a head if it has one and the caller takes heads. An error of the handler cuts off the
    /// body. If the caller disconnects, the rest is dropped; a slow caller slows the handler.
    Streamed(Option<Prelude>, Body),
}

pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    UnsyncBoxBody::new(Full::new(bytes.into()).map_err(|never: Infallible| match never {}))
}

impl Reply {
    /// Runs the handler to its end, even if nobody waits for the reply. The reply is ready when the answer begins or
    /// the event has ended.
    pub(super) async fn of(
        answer: Answer,
        handler: impl Future<Output = Outcome> + Send + 'static,
        takes_head: bool,
    ) -> Self {
        let (sender, body) = Channel::new(WAITING);
        let (begin, first) = oneshot::channel();
        let begin = Some((begin, UnsyncBoxBody::new(body)));
        let mut delivery = Delivery { begin, unsent: VecDeque::new(), sender, takes_head };
        tokio::spawn(async move {
            let outcome = answer.run(handler, &mut delivery).await;
            delivery.send().await;
            match (delivery.begin, outcome) {
                (Some((begin, _)), outcome) => drop(begin.send(Self::Whole(outcome))),
                (None, Ok(_)) => {}
                (None, Err(failure)) => {
                    // sending this empty part waits until all parts before it are written: an aborted body drops
                    // unwritten parts
                    let _ = delivery.sender.send_data(Bytes::new()).await;
                    delivery.sender.abort(failure);
                }
            }
        });
        first.await.expect("BUG: an answer begins or ends")
    }
}

/// An answer on its way to its caller.
struct Delivery {
    /// `None` once the answer has begun.
    begin: Option<(oneshot::Sender<Reply>, Body)>,
    unsent: VecDeque<Bytes>,
    sender: Sender<Bytes, Failure>,
    /// Whether the caller takes a head. If not, the head is a part of the body.
    takes_head: bool,
}

impl Caller for Delivery {
    fn put(&mut self, part: Part) {
        let head = match part {
            Part::Head(head) if self.takes_head => Some(head),
            other => {
                self.unsent.push_back(other.into_bytes());
                None
            }
        };
        if let Some((begin, body)) = self.begin.take() {
            let _ = begin.send(Reply::Streamed(head, body));
        }
    }

    async fn send(&mut self) {
        while let Some(bytes) = self.unsent.front() {
            // an error means that the caller has disconnected
            let _ = self.sender.send_data(bytes.clone()).await;
            self.unsent.pop_front();
        }
    }
}
