//! The reply to an event: a post with its answer or its error, or a chunked post that begins with the handler's first
//! byte.
//!
//! An error before the first byte is posted as usual; a later one goes into the trailers. No part is sent twice, so a
//! broken connection ends the reply.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::{
    ApiError, Client, POST_LIMIT,
    connection::Connection,
    error::RequestError,
    http::Response,
    receipt,
    request::{Request, put_chunk, put_end},
    retry::{POST_PAUSES, retried},
};
use crate::{
    event::invocation::{Invocation, Outcome},
    http::{answer::Caller, prelude::Part},
    logs::Origin,
};

/// A reply, from before its first byte to its end.
pub struct Reply<'a> {
    client: &'a mut Client,
    request: Request,
    /// Whether the answer is streamed.
    pub is_streamed: bool,
    /// The bytes to be sent next. They may begin in the middle of a chunk.
    unsent: BytesMut,
    /// The connection of a reply that has begun, and whether all parts could be sent.
    connection: Option<Result<(TcpStream, io::Result<()>), RequestError>>,
}

impl<'a> Reply<'a> {
    pub(super) fn new(client: &'a mut Client, invocation: &Invocation) -> Self {
        let request = Request::response(invocation, Bytes::new());
        Self { client, request, is_streamed: false, unsent: BytesMut::new(), connection: None }
    }

    /// Posts the outcome of the event, or ends a streamed answer with it.
    pub async fn finish(mut self, invocation: &Invocation, outcome: Outcome) -> Result<(), ApiError> {
        if self.is_streamed && outcome.is_ok() && !self.has_begun() {
            self.put(Part::Body(Bytes::new()));
        }
        match outcome {
            Ok(answer) if !self.has_begun() => {
                self.request.body = answer;
                self.client.post_about(invocation, &self.request).await
            }
            Err(failure) if !self.has_begun() => self.client.fail(invocation, &failure).await,
            outcome => {
                put_end(&mut self.unsent, outcome.err().as_ref());
                let receipt = timeout(POST_LIMIT, self.end()).await;
                match receipt.unwrap_or(Err(RequestError::Late(POST_LIMIT))) {
                    Ok(receipt) => receipt::follow(&self.request, invocation, &receipt),
                    Err(cause) => {
                        // no reason to end: the next event shows whether the Runtime API still answers
                        let message = format!("the caller has a part of the answer at most: {cause}");
                        Origin::of(invocation).error(message);
                        Ok(())
                    }
                }
            }
        }
    }

    fn has_begun(&self) -> bool {
        !self.unsent.is_empty() || self.connection.is_some()
    }

    /// Sends the rest, and returns the response.
    async fn end(&mut self) -> Result<Response, RequestError> {
        self.send().await;
        let (stream, sent) = self.connection.take().expect("BUG: the last chunk was sent")?;
        self.client.connection.response(stream, sent, self.request.gives_receipt()).await
    }
}

impl Caller for Reply<'_> {
    fn put(&mut self, part: Part) {
        if !self.has_begun() {
            self.unsent = self.request.streamed_head(self.client.connection.server(), &part);
        }
        put_chunk(&mut self.unsent, &part.into_bytes());
    }

    async fn send(&mut self) {
        if self.unsent.is_empty() {
            return;
        }
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(open(&mut self.client.connection).await.map(|stream| (stream, Ok(())))),
        };
        if let Ok((stream, sent @ Ok(()))) = connection {
            *sent = send(stream, &mut self.unsent).await;
        }
        self.unsent.clear();
    }
}

async fn open(connection: &mut Connection) -> Result<TcpStream, RequestError> {
    let note = |error: &RequestError, _: Duration| tracing::warn!("{error}; trying again");
    retried(connection, &POST_PAUSES, |connection| Box::pin(connection.open()), note).await
}

/// Sends bytes of an answer. Stops if the Runtime API answers early or closes the connection.
async fn send(stream: &mut TcpStream, bytes: &mut BytesMut) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut byte = [0];
    tokio::select! {
        biased;
        _ = reader.peek(&mut byte) => Err(io::Error::other("the Runtime API closed the connection before the end")),
        sent = writer.write_all_buf(bytes) => sent,
    }
}
