//! One kept-alive connection to the Runtime API, opened when it is needed.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::{
    endpoint::{self, Endpoint, Header},
    error::RequestError,
    http::{self, Response},
};

/// How long the server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// A body up to this size goes out in one write with its head, in bytes.
const SMALL_BODY: usize = 16 * 1024;

/// A buffer that has grown beyond this is freed.
const KEPT_ROOM: usize = 64 * 1024;

/// A request without the headers that all requests have.
pub(super) struct Request<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: &'a [Header<'a>],
    pub(super) body: Bytes,
}

pub(super) struct Connection {
    server: String,
    /// Open between two requests. A running request has taken it out, so a request that is dropped closes it.
    stream: Option<TcpStream>,
    buffer: BytesMut,
}

impl Connection {
    pub(super) fn new(server: &str) -> Self {
        Self { server: server.to_owned(), stream: None, buffer: BytesMut::new() }
    }

    /// The next request opens the connection anew.
    pub(super) fn close(&mut self) {
        self.stream = None;
    }

    /// Sends a request and reads its response. `may_be_repeated`: sends it again, once, if the server had closed the kept
    /// connection.
    pub(super) async fn request(
        &mut self,
        request: &Request<'_>,
        may_be_repeated: bool,
    ) -> Result<Response, RequestError> {
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
        let error = match timeout(CONNECT_LIMIT, TcpStream::connect(&self.server)).await {
            Ok(Ok(stream)) => {
                // small requests go out at once; a failure costs only time
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {CONNECT_LIMIT:?}")),
        };
        Err(RequestError::Connect(self.server.clone(), error))
    }

    async fn exchange(
        &mut self,
        mut stream: TcpStream,
        request: &Request<'_>,
    ) -> Result<Response, RequestError> {
        let sent = send(&mut stream, &self.server, request).await;
        self.response(stream, sent, request.endpoint.gives_receipt()).await
    }

    /// Reads the response to a request. `sent` says whether the request was sent whole.
    pub(super) async fn response(
        &mut self,
        mut stream: TcpStream,
        sent: io::Result<()>,
        is_receipt: bool,
    ) -> Result<Response, RequestError> {
        self.buffer.clear();
        let response = match sent {
            Ok(()) => http::response(&mut stream, &mut self.buffer, is_receipt).await?,
            // a server that refuses a large body may answer without reading all of it
            Err(error) => {
                let response = http::response(&mut stream, &mut self.buffer, is_receipt).await;
                let response = response.map_err(|_| RequestError::Send(error))?;
                Response { reusable: false, ..response }
            }
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

/// Whether a connection is open and has no unread bytes, as far as is known.
fn is_quiet(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

async fn send(stream: &mut TcpStream, server: &str, request: &Request<'_>) -> io::Result<()> {
    let Request { endpoint, headers, body } = request;
    let length = body.len().to_string();
    let framing: &[_] = if endpoint.method == "GET" { &[] } else { &[("content-length", length.as_bytes())] };
    let mut head = endpoint::head(endpoint, server, headers, framing);
    if body.len() <= SMALL_BODY {
        head.extend_from_slice(body);
        return stream.write_all(&head).await;
    }
    stream.write_all(&head).await?;
    stream.write_all(body).await
}
