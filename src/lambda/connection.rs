//! One keep-alive connection to the Runtime API, opened when it is needed.

use std::{io, time::Duration};

use bytes::{Buf, BytesMut};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::{
    error::RequestError,
    http::{self, Response},
    request::Request,
};

/// How long the server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A body up to this size is copied into one buffer with its head: the kernel writes one part faster than two.
const SMALL_BODY: usize = 16 * 1024;

/// A buffer that has grown beyond this is freed.
const KEPT_ROOM: usize = 64 * 1024;

pub(super) struct Connection {
    server: String,
    /// The connection between two requests. A running request takes it out, so dropping the request closes it.
    stream: Option<TcpStream>,
    buffer: BytesMut,
}

impl Connection {
    pub(super) fn new(server: &str) -> Self {
        Self { server: server.to_owned(), stream: None, buffer: BytesMut::new() }
    }

    /// The next request opens a new connection.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a request and reads its response. `may_be_repeated`: sends it again, once, if the server had closed the
    /// connection.
    pub(super) async fn request(&mut self, request: &Request, may_be_repeated: bool) -> Result<Response, RequestError> {
        if let Some(stream) = self.stream.take().filter(is_quiet) {
            match self.exchange(stream, request).await {
                Err(error) if may_be_repeated && error.is_before_any_response() => {}
                result => return result,
            }
        }
        let stream = self.connect().await?;
        self.exchange(stream, request).await
    }

    /// The connection, for a request that the caller writes. [`Self::response`] reads the response.
    pub(super) async fn open(&mut self) -> Result<TcpStream, RequestError> {
        match self.stream.take().filter(is_quiet) {
            Some(stream) => Ok(stream),
            None => self.connect().await,
        }
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    async fn connect(&self) -> Result<TcpStream, RequestError> {
        let connected = timeout(CONNECT_LIMIT, TcpStream::connect(&self.server)).await;
        let late = |_| Err(io::Error::other(format!("no answer within {CONNECT_LIMIT:?}")));
        let stream = connected.unwrap_or_else(late);
        let stream = stream.map_err(|error| RequestError::Connect(self.server.clone(), error))?;
        // sends small requests at once; a failure costs only time
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn exchange(&mut self, mut stream: TcpStream, request: &Request) -> Result<Response, RequestError> {
        let mut head = request.head(&self.server);
        let sent = if request.body.len() <= SMALL_BODY {
            head.extend_from_slice(&request.body);
            stream.write_all(&head).await
        } else {
            stream.write_all_buf(&mut head.chain(&request.body[..])).await
        };
        self.response(stream, sent, request.gives_receipt()).await
    }

    /// Reads the response to a request. `sent`: whether the whole request was sent.
    pub(super) async fn response(
        &mut self,
        mut stream: TcpStream,
        sent: io::Result<()>,
        is_receipt: bool,
    ) -> Result<Response, RequestError> {
        self.buffer.clear();
        let response = http::response(&mut stream, &mut self.buffer, is_receipt).await;
        let response = match sent {
            Ok(()) => response?,
            // a server that refuses a large body may answer without reading all of it
            Err(error) => Response { reusable: false, ..response.map_err(|_| RequestError::Send(error))? },
        };
        if response.reusable && self.buffer.is_empty() {
            self.stream = Some(stream);
        }
        if self.buffer.capacity() > KEPT_ROOM {
            self.buffer = BytesMut::new();
        }
        Ok(response)
    }
}

/// Whether a connection seems open and has no unread bytes.
fn is_quiet(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
