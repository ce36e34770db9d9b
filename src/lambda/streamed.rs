//! A response that is sent while the handler writes it: a POST in chunks, which begins with the handler's first byte.
//!
//! An error before that is posted as any other; a later one stands in the trailers. Nothing here can be repeated: what
//! has been sent has been sent.

use std::{convert::Infallible, future::pending, io};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::sleep};

use super::{
    ATTEMPTS, ERROR_TYPE, PAUSE,
    connection::{Connection, ConnectionError},
    http::Response,
    request::{self, Header},
};
use crate::{
    event::invocation::Outcome,
    event::invocation::{INVOCATION_ID, Invocation},
    event::stream::{Part, Parts},
};

/// The header that says that the body is no whole answer.
const RESPONSE_MODE: Header<'static> = ("lambda-runtime-function-response-mode", b"streaming");

/// The trailer with the JSON of an error, in base64.
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// The content type of a body that begins with the head of an HTTP response.
const HTTP_RESPONSE: &[u8] = b"application/vnd.awslambda.http-integration-response";

/// A response, from before its first byte to its end.
pub struct StreamedResponse {
    parts: Parts,
    path: String,
    invocation_id: Option<Bytes>,
    state: State,
    /// What is written next. It may begin in the middle of a chunk.
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
    /// Nothing can be sent any more.
    Broken(ConnectionError),
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
    #[must_use]
    pub fn of(invocation: &mut Invocation) -> Self {
        Self {
            parts: invocation.stream(),
            path: format!("/2018-06-01/runtime/invocation/{}/response", invocation.request_id()),
            invocation_id: invocation.invocation_id().map(Bytes::copy_from_slice),
            state: State::Silent,
            unsent: BytesMut::new(),
        }
    }

    /// Sends the parts as they come, for ever. May be dropped and called again.
    pub(super) async fn pass_on(&mut self, connection: &mut Connection) -> Infallible {
        loop {
            self.send(connection).await;
            tokio::select! {
                part = self.parts.recv() => match part {
                    Some(part) => self.put(connection.server(), part),
                    None => pending().await,
                },
                () = self.state.answered() => self.stop(),
            }
        }
    }

    /// Takes the parts that are still there, and says whether the handler has written anything.
    pub(super) fn take_rest(&mut self, connection: &Connection) -> bool {
        while let Ok(part) = self.parts.try_recv() {
            self.put(connection.server(), part);
        }
        !matches!(self.state, State::Silent)
    }

    /// Sends what is left and the end of the answer, or the error that has ended it; gives the receipt.
    pub(super) async fn finish(
        mut self,
        connection: &mut Connection,
        outcome: &Outcome,
    ) -> Result<Response, ConnectionError> {
        match outcome {
            Ok(rest) => {
                self.put(connection.server(), Part::Body(rest.clone()));
                request::put_end(&mut self.unsent, &[]);
            }
            Err(failure) => {
                let (error_type, body) = (failure.header_type(), STANDARD.encode(failure.to_json()));
                let trailers = [(ERROR_TYPE, error_type.as_bytes()), (ERROR_BODY, body.as_bytes())];
                request::put_end(&mut self.unsent, &trailers);
            }
        }
        self.send(connection).await;
        match self.state {
            State::Open(stream) => connection.response(stream, Ok(())).await,
            State::Answered(stream) => {
                let sent = Err(io::Error::other("the Runtime API closed the connection before the end"));
                connection.response(stream, sent).await
            }
            State::Broken(error) => Err(error),
            State::Silent | State::Begun => unreachable!("BUG: a response that was put is sent"),
        }
    }

    fn put(&mut self, server: &str, part: Part) {
        match self.state {
            State::Silent => {
                let content_type = match &part {
                    Part::Head(_) => HTTP_RESPONSE,
                    Part::Body(_) => b"application/octet-stream",
                };
                let echoed = self.invocation_id.as_deref().map(|id| (INVOCATION_ID, id));
                let headers: Vec<_> =
                    [("content-type", content_type), RESPONSE_MODE].into_iter().chain(echoed).collect();
                self.unsent = request::chunked_head(&self.path, server, &headers, &[ERROR_TYPE, ERROR_BODY]);
                self.state = State::Begun;
            }
            State::Begun | State::Open(_) => {}
            State::Answered(_) | State::Broken(_) => return,
        }
        request::put_chunk(&mut self.unsent, &part.into_bytes());
    }

    /// Sends what was put. May be dropped and called again.
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
                    self.state = State::Broken(ConnectionError::Send(error));
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

async fn open(connection: &mut Connection) -> Result<TcpStream, ConnectionError> {
    let mut attempt = 1;
    loop {
        match connection.open().await {
            Err(error) if attempt < ATTEMPTS => {
                tracing::warn!("{error}; trying again");
                sleep(PAUSE * attempt).await;
                attempt += 1;
            }
            result => return result,
        }
    }
}
