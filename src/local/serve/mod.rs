//! `bootstrap --serve`: a server that answers like Lambda's Invoke API, at the URL of the Runtime Interface Emulator.
//!
//! Always true: an accepted event runs to its end, also if its caller disconnects, as on Lambda.

mod answer;
mod api;
mod durable;
mod event_stream;
mod pool;
mod url;

use std::{convert::Infallible, future::pending, io, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    answer::Body,
    api::{Call, InvocationType, PATH, Refusal},
    durable::Runner,
    pool::Pool,
};
use crate::{
    durable::Durable,
    failure::Failure,
    limits::{PAYLOAD_LIMIT, SHUTDOWN_GRACE},
    local::durable::{
        api::PREFIX,
        file::FileError,
        link,
        served::{Executions, OpenError},
    },
    process::Children,
    settings::Settings,
    start::cli::Serve,
    start::container::is_main_process,
};

/// How long callers can read their answers after the workers have ended.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The most bytes and lines that the head of a request may have; Lambda takes 1 MB.
const REQUEST_HEAD_LIMIT: usize = 2 * 1024 * 1024;
const HEADERS_LIMIT: usize = 4096;

/// The pause after a connection could not be accepted, for lack of descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// The reason why a server ends without a signal.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on `{0}`: {1}; give `--serve` another port, or 0 for a free one")]
    Listen(SocketAddr, io::Error),
    #[error("{0}")]
    Init(Failure),
    /// The durable functions.
    #[error("{0}")]
    Durable(#[from] OpenError),
}

/// Serves until the shutdown, and then answers the callers that still wait.
pub async fn run(settings: &Settings, options: &Serve, children: &Children) -> Result<ExitCode, ServeError> {
    let cannot_listen = |error| ServeError::Listen(options.address, error);
    let listener = TcpListener::bind(options.address).await.map_err(cannot_listen)?;
    let address = listener.local_addr().map_err(cannot_listen)?;
    let mut settings = settings.clone();
    // without a margin, the timeout still applies, but there is no time to flush the log
    settings.deadline_margin.get_or_insert(Duration::ZERO);
    let (settings, _link) = link::offer(&Arc::new(settings));
    let open = |durable| Executions::open(&settings, durable, children);
    let executions = options.durable.as_ref().map(open).transpose()?;
    let core = match &executions {
        Some(executions) => Durable::with(&settings, executions.service()),
        None => Durable::new(&settings),
    };
    let (pool, init_errors) = Pool::start(&settings, options, core, children);
    let server =
        Arc::new(Server { address, http: options.http, pool, executions, shutdown: children.shutdown.clone() });
    if options.http {
        eprintln!("serving http://{address}/ as a function URL does: curl http://{address}/");
    } else {
        eprintln!("serving http://{address}{PATH}");
    }
    if is_main_process() {
        eprintln!("{}", from_outside(address));
    }
    let connections = GracefulShutdown::new();
    let ended = tokio::select! {
        never = accept(&listener, &server, &connections) => match never {},
        failure = server.pool.init_error(init_errors) => Err(ServeError::Init(failure)),
        never = server.pool.watch() => match never {},
        error = run_executions(&server) => Err(OpenError::from(error).into()),
        () = children.shutdown.cancelled() => Ok(ExitCode::SUCCESS),
    };
    drop(listener);
    let _ = timeout(SHUTDOWN_GRACE + LAST_ANSWERS, connections.shutdown()).await;
    ended
}

/// Runs the executions of durable functions, and never returns.
async fn run_executions(server: &Server) -> FileError {
    match &server.executions {
        Some(executions) => executions.run(&Runner { pool: &server.pool, executions }).await,
        None => pending().await,
    }
}

/// The advice for reaching a server in a container.
fn from_outside(address: SocketAddr) -> String {
    let port = address.port();
    if address.ip().is_loopback() {
        return format!("nobody outside of this container can reach it: `--serve 0.0.0.0:{port}` lets others in");
    }
    format!("from outside, with `docker run -p 9000:{port}`: curl -d '{{}}' http://localhost:9000{PATH}")
}

struct Server {
    address: SocketAddr,
    /// Whether HTTP requests become events, as with a function URL. If not, callers post events.
    http: bool,
    pool: Arc<Pool>,
    /// The executions, with `--durable`.
    executions: Option<Executions>,
    shutdown: CancellationToken,
}

async fn accept(listener: &TcpListener, server: &Arc<Server>, connections: &GracefulShutdown) -> Infallible {
    loop {
        let (stream, caller) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::error!("a connection could not be accepted: {error}");
                sleep(PAUSE).await;
                continue;
            }
        };
        // sends small answers at once; a failure costs only time
        let _ = stream.set_nodelay(true);
        let server = Arc::clone(server);
        let service = service_fn(move |request| respond(Arc::clone(&server), caller, request));
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).max_buf_size(REQUEST_HEAD_LIMIT).max_headers(HEADERS_LIMIT);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        // a caller may disconnect at any time
        tokio::spawn(connections.watch(connection).map(drop));
    }
}

async fn respond(
    server: Arc<Server>,
    caller: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let (head, body) = request.into_parts();
    if server.http {
        let body = read(body).await?;
        return Ok(url::respond(&server.pool, server.address.port(), caller, &head, body).await);
    }
    if let Some(executions) = &server.executions
        && head.uri.path().starts_with(PREFIX)
    {
        return Ok(match read(body).await? {
            Some(body) => durable::respond(executions, &head, &body),
            None => Refusal::too_large().response(),
        });
    }
    let call = Call::read(&head, server.address);
    // always read the body: a caller that is still sending may not see an early response
    let event = read(body).await?;
    Ok(match (call, event) {
        (Err(refusal), _) => refusal.response(),
        (Ok(_), None) => Refusal::too_large().response(),
        (Ok(call), Some(event)) => {
            // Lambda's Invoke API replaces an empty body by `{}`
            let event = if event.is_empty() { Bytes::from_static(b"{}") } else { event };
            match &server.executions {
                Some(executions) => durable::invoke(executions, call, &head, event, &server.shutdown).await,
                None => invoke(&server.pool, call, event).await,
            }
        }
    })
}

/// The event; `None` if it is over the limit.
async fn read(mut body: Incoming) -> Result<Option<Bytes>, hyper::Error> {
    let mut event = BytesMut::new();
    let mut size = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        size += data.len();
        if size <= PAYLOAD_LIMIT {
            event.extend_from_slice(&data);
        } else {
            event = BytesMut::new();
        }
    }
    Ok((size <= PAYLOAD_LIMIT).then(|| event.freeze()))
}

async fn invoke(pool: &Pool, call: Call, event: Bytes) -> Response<Body> {
    match call.invocation_type {
        InvocationType::DryRun => call.acknowledge(),
        InvocationType::Event => {
            // this puts the event into the queue
            let _ = pool.answer(call.headers.clone(), event).now_or_never();
            call.acknowledge()
        }
        InvocationType::RequestResponse => call.invoke(pool, event).await,
    }
}
