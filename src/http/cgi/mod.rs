//! `SCRIPT_RUNTIME_INTERFACE=cgi`: HTTP events for programs that have answered a web server (RFC 3875). An event becomes
//! meta-variables and a standard input, a document response the answer that the sender of the event takes.

mod gateway;
mod request;
mod response;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use lambda_runtime::MetadataPrelude;
use tokio::time::timeout;

use self::{gateway::Gateway, response::take_head};
use crate::{
    event::invocation::{Invocation, Outcome},
    event::stream::{Part, Parts, Sink},
    failure::{ErrorType, Failure},
    limits::PAYLOAD_LIMIT,
};

/// How long an error waits for a slow caller to take what was written before it.
const REST_LIMIT: Duration = Duration::from_millis(100);

/// Runs an event as a web server would run a request. `script` is the file of the handler, where it is one.
pub async fn answer(
    invocation: &Invocation,
    script: Option<&str>,
    run: impl AsyncFnOnce(&Invocation) -> Outcome,
) -> Outcome {
    let (gateway, request) = request::read(&invocation.event, script).map_err(|reason| {
        Failure::new(ErrorType::InvalidEvent, format!("the event is no HTTP request: {reason}"))
    })?;
    let mut inner = invocation.with_request(request);
    let Some(sink) = &invocation.sink else {
        let answer = run(&inner).await?;
        return whole(gateway, answer);
    };
    let mut translation = Translation { parts: inner.stream(), sink, state: State::Head(BytesMut::new()) };
    let outcome = tokio::select! {
        outcome = run(&inner) => outcome,
        never = translation.pass_on() => match never {},
    };
    translation.finish(outcome).await
}

/// A buffered answer.
fn whole(gateway: Gateway, answer: Bytes) -> Outcome {
    let mut answer = BytesMut::from(answer);
    let head = take_head(&mut answer, true)
        .map_err(|reason| invalid(&reason))?
        .ok_or_else(|| invalid(response::NO_HEAD))?;
    let json = gateway.response(&head, &answer);
    if json.len() > PAYLOAD_LIMIT {
        return Err(Failure::too_large(json.len(), PAYLOAD_LIMIT));
    }
    Ok(json.into())
}

fn invalid(reason: &str) -> Failure {
    let message = format!("the answer is no CGI response: {reason}");
    Failure::new(ErrorType::InvalidResponse, message)
}

/// A streamed answer, on its way from the handler to the caller.
struct Translation<'a> {
    parts: Parts,
    sink: &'a Sink,
    state: State,
}

enum State {
    /// What has come of the head.
    Head(BytesMut),
    /// The head is to be passed on, and what came behind it.
    Known(Box<MetadataPrelude>, Bytes),
    /// The head is on its way: the rest passes as it is.
    Body(Bytes),
    /// There is no valid head. What the handler writes goes nowhere.
    Invalid(String),
}

impl Translation<'_> {
    /// For ever. May be dropped and called again.
    async fn pass_on(&mut self) -> std::convert::Infallible {
        loop {
            self.send().await;
            match self.parts.recv().await {
                Some(part) => self.take(part, false),
                None => std::future::pending().await,
            }
        }
    }

    /// Says what has come of the event. What is left of the answer is given back, for a caller who may be slow to take it.
    async fn finish(mut self, outcome: Outcome) -> Outcome {
        let rest = match outcome {
            Ok(rest) => rest,
            Err(failure) => {
                let _ = timeout(REST_LIMIT, self.send_rest()).await;
                return Err(failure);
            }
        };
        let mut left = BytesMut::from(self.left().await);
        while let Ok(part) = self.parts.try_recv() {
            self.take(part, false);
            left.extend_from_slice(&self.left().await);
        }
        self.take(Part::Body(rest), true);
        left.extend_from_slice(&self.left().await);
        match self.state {
            State::Invalid(reason) => Err(invalid(&reason)),
            State::Head(_) | State::Known(..) | State::Body(_) => Ok(left.freeze()),
        }
    }

    async fn send_rest(&mut self) {
        self.send().await;
        while let Ok(part) = self.parts.try_recv() {
            self.take(part, false);
            self.send().await;
        }
    }

    /// Passes on the head, in front of which nothing waits, or takes what there is of the body.
    async fn left(&mut self) -> Bytes {
        if let State::Known(..) = self.state {
            self.send().await;
        }
        match &mut self.state {
            State::Body(pending) => std::mem::take(pending),
            State::Head(_) | State::Known(..) | State::Invalid(_) => Bytes::new(),
        }
    }

    fn take(&mut self, part: Part, is_last: bool) {
        let bytes = part.into_bytes();
        match &mut self.state {
            State::Head(head) => {
                head.extend_from_slice(&bytes);
                match take_head(head, is_last) {
                    Ok(Some(prelude)) => {
                        let rest = std::mem::take(head).freeze();
                        self.state = State::Known(Box::new(prelude), rest);
                    }
                    Ok(None) => {}
                    Err(reason) => self.state = State::Invalid(reason),
                }
            }
            State::Body(pending) => *pending = bytes,
            State::Known(..) | State::Invalid(_) => {}
        }
    }

    /// Passes on what has been taken. May be dropped and called again.
    async fn send(&mut self) {
        if let State::Known(..) = self.state {
            let state = &mut self.state;
            self.sink
                .send(|| {
                    let State::Known(prelude, rest) = std::mem::replace(state, State::Body(Bytes::new()))
                    else {
                        unreachable!("BUG: it has just been seen");
                    };
                    *state = State::Body(rest);
                    Part::Head(*prelude)
                })
                .await;
        }
        if let State::Body(pending) = &mut self.state
            && !pending.is_empty()
        {
            self.sink.send(|| Part::Body(std::mem::take(pending))).await;
        }
    }
}
