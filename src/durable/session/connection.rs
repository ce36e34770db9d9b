//! The socket between a handler and its session.

use std::{convert::Infallible, io, sync::Arc};

use rustix::process::Pid;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{UnixListener, UnixStream},
    task::JoinSet,
};

use super::Session;
use crate::durable::message::{Decoder, Message};

/// How much is read at once, in bytes.
const BLOCK: usize = 16 * 1024;

/// Serves all connections, and never returns. Dropping it closes them.
pub async fn serve(listener: UnixListener, session: Arc<Session>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(connection(stream, Arc::clone(&session)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers the requests of one client. Its unfinished steps are abandoned at the end of the connection.
async fn connection(mut stream: UnixStream, session: Arc<Session>) {
    let peer = stream.peer_cred().ok().and_then(|peer| peer.pid()).and_then(Pid::from_raw);
    if let Some(process) = peer {
        session.suspension.note(process);
    }
    let mut running = Vec::new();
    // a client that has disconnected is no error
    let _ = answer_requests(&mut stream, &session, peer, &mut running).await;
    for id in running {
        session.abandon(&id);
    }
}

async fn answer_requests(
    stream: &mut UnixStream,
    session: &Session,
    peer: Option<Pid>,
    running: &mut Vec<String>,
) -> io::Result<()> {
    while let Some(request) = next(stream).await? {
        let reply = tokio::select! {
            reply = session.answer(&request, peer) => reply,
            gone = end(stream) => return gone,
        };
        if reply.verb == "suspend" && !session.tells_of_suspension() {
            // the process is killed instead
            return end(stream).await;
        }
        if request.verb == "end" {
            running.retain(|id| request.value("id") != Some(id.as_bytes()));
        }
        if reply.verb == "run" && request.value("detached").is_none() {
            running.extend(reply.text("id"));
        }
        stream.write_all(&reply.encode()).await?;
    }
    Ok(())
}

/// The next request; `None` at the end of the connection.
async fn next(stream: &mut UnixStream) -> io::Result<Option<Message>> {
    let (mut decoder, mut block) = (Decoder::default(), vec![0; BLOCK]);
    loop {
        let count = stream.read(&mut block).await?;
        if count == 0 {
            return Ok(None);
        }
        if let Some(message) = decoder.push(&block[..count])? {
            return Ok(Some(message));
        }
    }
}

/// Waits for the end of a connection: a client sends nothing before it has its reply.
async fn end(stream: &UnixStream) -> io::Result<()> {
    stream.ready(Interest::READABLE).await.map(drop)
}

impl Session {
    /// Records that the body of an operation no longer runs.
    fn abandon(&self, id: &str) {
        let mut state = self.state();
        if let Some(running) = state.running.remove(id) {
            state.is_over(&running.operation.context, &running.operation.name);
            drop(state);
            self.has_changed();
        }
    }
}
