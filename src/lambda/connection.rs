//! One kept-alive connection to the Runtime API, opened when it is needed.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::{
    endpoint::Endpoint,
    http::{Decoder, HttpError, Response},
    request::{self, Header},
};

/// How long the server may take to accept a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The longest pause within an event. The wait for its first byte has no limit.
const STALL_LIMIT: Duration = Duration::from_secs(8);

/// The longest pause within a receipt. After it the status counts, without the rest.
const RECEIPT_STALL_LIMIT: Duration = Duration::from_secs(1);

/// A body up to this size goes out in one write with its head, in bytes.
const SMALL_BODY: usize = 16 * 1024;

/// The least room for one read, in bytes. A buffer that has grown beyond [`KEPT_ROOM`] is freed.
const ROOM: usize = 8 * 1024;
const KEPT_ROOM: usize = 64 * 1024;

/// A request without the headers that all requests have.
pub(super) struct Request<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: &'a [Header<'a>],
    pub(super) body: Bytes,
}

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// There is no connection to this host and port.
    #[error("cannot connect to `{0}`: {1}")]
    Connect(String, io::Error),
    /// The request was not sent whole.
    #[error("the request could not be sent: {0}")]
    Send(io::Error),
    /// The connection broke before the response was there.
    #[error("the response could not be read: {0}")]
    Read(io::Error),
    /// The response stops in the middle.
    #[error("the rest of the response did not come within {STALL_LIMIT:?}")]
    Stalled,
    /// It is no HTTP, or has no end.
    #[error("{0}")]
    Response(HttpError),
}

impl ConnectionError {
    /// Whether the server may have closed the connection before it saw the request.
    fn before_any_response(&self) -> bool {
        match self {
            Self::Send(_) | Self::Response(HttpError::Closed("before a response came")) => true,
            Self::Read(error) => error.kind() == io::ErrorKind::ConnectionReset,
            Self::Connect(..) | Self::Stalled | Self::Response(_) => false,
        }
    }
}

pub(super) struct Connection {
    /// Host and port.
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
    ) -> Result<Response, ConnectionError> {
        if let Some(stream) = self.stream.take().filter(is_quiet) {
            match self.exchange(stream, request).await {
                Err(error) if may_be_repeated && error.before_any_response() => {}
                result => return result,
            }
        }
        let stream = self.connect().await?;
        self.exchange(stream, request).await
    }

    /// The connection, for a request that the caller writes. [`Self::response`] reads the response.
    pub(super) async fn open(&mut self) -> Result<TcpStream, ConnectionError> {
        match self.stream.take().filter(is_quiet) {
            Some(stream) => Ok(stream),
            None => self.connect().await,
        }
    }

    /// Host and port.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    async fn connect(&self) -> Result<TcpStream, ConnectionError> {
        let error = match timeout(CONNECT_LIMIT, TcpStream::connect(&self.server)).await {
            Ok(Ok(stream)) => {
                // small requests go out at once; a failure costs only time
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {CONNECT_LIMIT:?}")),
        };
        Err(ConnectionError::Connect(self.server.clone(), error))
    }

    async fn exchange(
        &mut self,
        mut stream: TcpStream,
        request: &Request<'_>,
    ) -> Result<Response, ConnectionError> {
        let sent = send(&mut stream, &self.server, request).await;
        self.response(stream, sent, request.endpoint.needs_head_alone()).await
    }

    /// Reads the response to a request. `sent` says whether the request was sent whole.
    pub(super) async fn response(
        &mut self,
        mut stream: TcpStream,
        sent: io::Result<()>,
        needs_head_alone: bool,
    ) -> Result<Response, ConnectionError> {
        self.buffer.clear();
        let response = match sent {
            Ok(()) => self.receive(&mut stream, needs_head_alone).await?,
            // a server that refuses a large body may answer without reading all of it
            Err(error) => {
                let response = self.receive(&mut stream, needs_head_alone).await;
                let response = response.map_err(|_| ConnectionError::Send(error))?;
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

    async fn receive(
        &mut self,
        stream: &mut TcpStream,
        needs_head_alone: bool,
    ) -> Result<Response, ConnectionError> {
        let mut decoder = Decoder::default();
        loop {
            let error = match self.read_more(stream, &mut decoder, needs_head_alone).await {
                Ok(Some(response)) => return Ok(response),
                Ok(None) if needs_head_alone && decoder.has_endless_body() => ConnectionError::Stalled,
                Ok(None) => continue,
                Err(error) => error,
            };
            let response = needs_head_alone.then(|| decoder.so_far(&mut self.buffer)).flatten();
            return response.ok_or(error);
        }
    }

    /// Reads once, and gives the response if it is whole.
    async fn read_more(
        &mut self,
        stream: &mut TcpStream,
        decoder: &mut Decoder,
        needs_head_alone: bool,
    ) -> Result<Option<Response>, ConnectionError> {
        if self.buffer.capacity() - self.buffer.len() < ROOM {
            self.buffer.reserve(ROOM);
        }
        let has_begun = decoder.has_head() || !self.buffer.is_empty();
        // unlike `try_read` it knows from a short read that nothing more is there
        let read = stream.read_buf(&mut self.buffer);
        let limit = if needs_head_alone { RECEIPT_STALL_LIMIT } else { STALL_LIMIT };
        let count = if has_begun {
            timeout(limit, read).await.map_err(|_| ConnectionError::Stalled)?
        } else {
            read.await
        };
        if count.map_err(ConnectionError::Read)? == 0 {
            return decoder.finish(&mut self.buffer).map(Some).map_err(ConnectionError::Response);
        }
        decoder.decode(&mut self.buffer).map_err(ConnectionError::Response)
    }
}

/// Whether a connection is open and has no unread bytes, as far as is known.
fn is_quiet(stream: &TcpStream) -> bool {
    stream.try_read(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

async fn send(stream: &mut TcpStream, server: &str, request: &Request<'_>) -> io::Result<()> {
    let Request { endpoint, headers, body } = request;
    let mut head = request::head(endpoint.method, &endpoint.path, server, headers, body.len());
    if body.len() <= SMALL_BODY {
        head.extend_from_slice(body);
        return stream.write_all(&head).await;
    }
    stream.write_all(&head).await?;
    stream.write_all(body).await
}
