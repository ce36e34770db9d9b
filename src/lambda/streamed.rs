//! A response that is sent while the handler writes it: a POST in chunks, which begins with the handler's first byte.
//!
//! An error before that is posted as any other; a later one stands in the trailers. No part is sent twice, so a broken
//! connection ends the response.

use std::{convert::Infallible, future::pending, io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    connection::Connection,
    endpoint::{self, ERROR_BODY, ERROR_TYPE, Endpoint, HTTP_RESPONSE, STREAMING},
    error::RequestError,
    http::Response,
    retry::{POST_PAUSES, retried},
};
use crate::{
    event::invocation::{INVOCATION_ID, Invocation, Outcome},
    failure::Failure,
    http::{answer::Answer, prelude::Part},
};

/// A response, from before its first byte to its end.
pub struct StreamedResponse {
    pub(super) answer: Answer,
    endpoint: Endpoint,
    /// Host and port.
    server: String,
    invocation_id: Option<Bytes>,
    state: State,
    /// The bytes to be sent next. They may begin in the middle of a chunk.
    unsent: BytesMut,
}

enum State {
    /// The handler has written nothing.
    Silent,
    /// The head is to be sent; there is no connection yet.
    Begun,
    /// The head has been sent, or is being.
    Open(TcpStream),
    /// The Runtime API has answered, or closed the connection, before the end. Nothing more is sent.
    Answered(TcpStream),
    /// The connection is broken.
    Broken(RequestError),
}

impl State {
    /// Waits until the Runtime API answers, or closes the connection, though it has not had all.
    async fn answered(&self) {
        match self {
            Self::Open(stream) => drop(stream.peek(&mut [0]).await),
            _ => pending().await,
        }
    }
}

impl StreamedResponse {
    /// The response to an event that is to run.
    pub(super) fn new(server: &str, invocation: &Invocation, answer: Answer) -> Self {
        Self {
            answer,
            endpoint: Endpoint::response(invocation),
            server: server.to_owned(),
            invocation_id: invocation.invocation_id().map(Bytes::copy_from_slice),
            state: State::Silent,
            unsent: BytesMut::new(),
        }
    }

    /// Sends the parts as they come, for ever. Cancel-safe.
    pub(super) async fn pass_on(&mut self, connection: &mut Connection) -> Infallible {
        loop {
            self.send(connection).await;
            tokio::select! {
                part = self.answer.next() => self.put(part),
                () = self.state.answered() => self.stop(),
            }
        }
    }

    /// Takes the parts that are left, and says how the event has ended.
    pub fn end(&mut self, outcome: Outcome) -> Result<(), Failure> {
        let (parts, ended) = self.answer.finish(outcome);
        for part in parts {
            self.put(part);
        }
        ended
    }

    /// Whether the handler has written anything.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Silent)
    }

    /// Sends the rest and the end of the answer, or the error that has ended it; gives the receipt.
    pub(super) async fn finish(
        mut self,
        connection: &mut Connection,
        ended: &Result<(), Failure>,
    ) -> Result<Response, RequestError> {
        match ended {
            Ok(()) => {
                self.put(Part::Body(Bytes::new()));
                endpoint::put_end(&mut self.unsent, &[]);
            }
            Err(failure) => {
                let (error_type, body) = (failure.header_type(), STANDARD.encode(failure.to_json()));
                let trailers = [(ERROR_TYPE, error_type.as_bytes()), (ERROR_BODY, body.as_bytes())];
                endpoint::put_end(&mut self.unsent, &trailers);
            }
        }
        self.send(connection).await;
        let (stream, sent) = match self.state {
            State::Open(stream) => (stream, Ok(())),
            State::Answered(stream) => {
                let early = "the Runtime API closed the connection before the end";
                (stream, Err(io::Error::other(early)))
            }
            State::Broken(error) => return Err(error),
            State::Silent | State::Begun => unreachable!("BUG: a response that was put is sent"),
        };
        connection.response(stream, sent, self.endpoint.gives_receipt()).await
    }

    fn put(&mut self, part: Part) {
        match self.state {
            State::Silent => {
                let content_type = match &part {
                    Part::Head(_) => HTTP_RESPONSE,
                    Part::Body(_) => b"application/octet-stream",
                };
                let echoed = self.invocation_id.as_deref().map(|id| (INVOCATION_ID, id));
                let headers: Vec<_> =
                    [("content-type", content_type), STREAMING].into_iter().chain(echoed).collect();
                let trailers = format!("{ERROR_TYPE}, {ERROR_BODY}");
                let framing = [("transfer-encoding", &b"chunked"[..]), ("trailer", trailers.as_bytes())];
                self.unsent = endpoint::head(&self.endpoint, &self.server, &headers, &framing);
                self.state = State::Begun;
            }
            State::Begun | State::Open(_) => {}
            State::Answered(_) | State::Broken(_) => return,
        }
        endpoint::put_chunk(&mut self.unsent, &part.into_bytes());
    }

    /// Sends what was put. Cancel-safe.
    async fn send(&mut self, connection: &mut Connection) {
        if matches!(self.state, State::Begun) {
            self.state = match open(connection).await {
                Ok(stream) => State::Open(stream),
                Err(error) => State::Broken(error),
            };
        }
        while !self.unsent.is_empty()
            && let State::Open(stream) = &mut self.state
        {
            let (mut reader, mut writer) = stream.split();
            let mut byte = [0];
            tokio::select! {
                biased;
                written = writer.write_buf(&mut self.unsent) => if let Err(error) = written {
                    self.state = State::Broken(RequestError::Send(error));
                },
                _ = reader.peek(&mut byte) => self.stop(),
            }
        }
    }

    fn stop(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Silent) {
            State::Open(stream) => State::Answered(stream),
            other => other,
        };
    }
}

async fn open(connection: &mut Connection) -> Result<TcpStream, RequestError> {
    let note = |error: &RequestError, _: Duration| tracing::warn!("{error}; trying again");
    retried(connection, &POST_PAUSES, |connection| Box::pin(connection.open()), note).await
}
