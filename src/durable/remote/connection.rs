//! Keep-alive connections to the service over HTTP/1.1, opened when they are needed.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, pki_types::ServerName},
};

use super::{
    roots::{self, RootsError},
    target::Target,
};

/// The time limits for opening a connection and for the answer to a call: those of AWS's SDKs.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: Duration = Duration::from_secs(50);

/// How long an idle connection is kept. A frozen environment does not notice that it was closed, and a NAT gateway
/// drops it without a notice.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The reason why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    /// There is no connection.
    #[error("cannot connect to `{0}`: {1}")]
    Connect(String, io::Error),
    /// The connection broke, or the answer was not HTTP.
    #[error("no answer from `{0}`: {1}")]
    Broken(String, hyper::Error),
    /// No answer came in time.
    #[error("no answer from `{0}` within {ANSWER_LIMIT:?}")]
    Late(String),
    /// The certificates cannot be read. Further attempts cannot help.
    #[error("{0}")]
    Roots(#[from] RootsError),
}

/// The idle connections. The first call opens a connection and reads the certificates.
#[derive(Default)]
pub(super) struct Connections {
    idle: Mutex<Vec<Idle>>,
    /// The settings of TLS. All connections share them, because they store the keys to resume a session.
    tls: OnceLock<Arc<ClientConfig>>,
}

struct Idle {
    sender: Sender,
    /// A wall-clock time, which continues while the environment is frozen.
    since: SystemTime,
}

type Sender = SendRequest<Full<Bytes>>;

impl Connections {
    /// Sends a request and reads its response. If a kept connection was closed, the request is sent again, so it must
    /// be one that may come twice.
    pub(super) async fn send(
        &self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, ConnectionError> {
        if let Some(sender) = self.idle() {
            match self.exchange(sender, target, request.clone()).await {
                Err(ConnectionError::Broken(..)) => {}
                result => return result,
            }
        }
        let sender = self.open(target).await?;
        self.exchange(sender, target, request).await
    }

    /// A kept connection, if one is open.
    fn idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|kept| {
            let is_fresh = kept.since.elapsed().is_ok_and(|age| age < IDLE_LIMIT);
            is_fresh && !kept.sender.is_closed()
        });
        idle.pop().map(|kept| kept.sender)
    }

    async fn exchange(
        &self,
        mut sender: Sender,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, ConnectionError> {
        let exchange = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        let response = match timeout(ANSWER_LIMIT, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(ConnectionError::Broken(target.host.clone(), error)),
            Err(_) => return Err(ConnectionError::Late(target.host.clone())),
        };
        let kept = Idle { sender, since: SystemTime::now() };
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        Ok(response)
    }

    async fn open(&self, target: &Target) -> Result<Sender, ConnectionError> {
        let tls = if target.is_tls { Some(self.tls(target)?) } else { None };
        let opened = timeout(CONNECT_LIMIT, connect(target, tls)).await;
        let late = || Err(io::Error::new(io::ErrorKind::TimedOut, format!("not open within {CONNECT_LIMIT:?}")));
        opened.unwrap_or_else(|_| late()).map_err(|error| ConnectionError::Connect(target.host.clone(), error))
    }

    fn tls(&self, target: &Target) -> Result<TlsConnector, RootsError> {
        if let Some(config) = self.tls.get() {
            return Ok(TlsConnector::from(config.clone()));
        }
        let config = Arc::new(roots::client_config(target.ca_bundle.as_deref())?);
        Ok(TlsConnector::from(self.tls.get_or_init(|| config).clone()))
    }
}

async fn connect(target: &Target, tls: Option<TlsConnector>) -> io::Result<Sender> {
    let (name, port) = &target.address;
    let stream = TcpStream::connect((name.as_str(), *port)).await?;
    // sends small requests at once; a failure costs only time
    let _ = stream.set_nodelay(true);
    match tls {
        None => start(Box::new(stream)).await,
        Some(tls) => {
            let name = ServerName::try_from(name.clone()).map_err(io::Error::other)?;
            start(Box::new(tls.connect(name, stream).await?)).await
        }
    }
}

/// A plain or a TLS stream: one type, so that HTTP is compiled only once.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Starts HTTP on a stream. Its task ends with the connection.
async fn start(stream: Box<dyn Stream>) -> io::Result<Sender> {
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // the call that uses a broken connection reports it
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}
