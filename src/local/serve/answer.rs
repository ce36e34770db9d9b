//! The reply to a caller: the outcome of the event as a whole, or its answer while it is written.

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
    /// Runs the handler to its end, also where nobody waits for the reply, which is there when the answer begins or the event
    /// has ended.
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
                    // this empty part has room once all parts before it are written: an aborted body drops unwritten parts
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
    /// Until the answer begins.
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
            // an error says that the caller has gone away
            let _ = self.sender.send_data(bytes.clone()).await;
            self.unsent.pop_front();
        }
    }
}
