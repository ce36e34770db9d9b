//! A local port by which Bash asks for finished operations: Bash cannot open the socket itself, and starting a process
//! for that would take longer than everything else.
//!
//! A request has fields that each end in a NUL: the secret of the event, the number of the other fields, the verb, `1`
//! if any arguments are allowed, the context, the name, and the arguments. The answer is the exit status and the result
//! or the error's message, each with a NUL. If the operation has not finished, the answer is empty, and Bash runs the
//! command `durable`.

use std::{convert::Infallible, fs, future::pending, io, path::Path, sync::Arc};

use tempfile::TempPath;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::Session;
use crate::durable::{
    identity,
    message::Message,
    operation::{Kind, Operation},
};

/// The longest request, in bytes: more than the arguments of a process.
const REQUEST_LIMIT: usize = 256 * 1024;

/// The longest text of an answer, in bytes. Bash reads byte by byte.
const TEXT_LIMIT: usize = 1024;

/// The port of one event.
pub struct Port {
    listener: TcpListener,
    secret: String,
    /// The file with the port and the secret, beside the socket.
    _address: TempPath,
}

impl Port {
    /// Listens on a free port, and writes it into a file beside this socket.
    pub async fn listen(socket: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let secret = uuid::Uuid::new_v4().simple().to_string();
        let file = TempPath::try_from_path(socket.with_extension("port"))?;
        fs::write(&file, format!("{}/{secret}\n", listener.local_addr()?.port()))?;
        Ok(Self { listener, secret, _address: file })
    }
}

/// Serves all connections, and never returns. Dropping it closes them.
pub async fn serve_port(port: Option<Port>, session: Arc<Session>) -> Infallible {
    let Some(port) = port else { return pending().await };
    let mut connections = JoinSet::new();
    let secret: Arc<str> = port.secret.into();
    loop {
        tokio::select! {
            Ok((stream, _)) = port.listener.accept() => {
                let (secret, session) = (Arc::clone(&secret), Arc::clone(&session));
                connections.spawn(async move { converse(stream, &secret, &session).await });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Answers one request. A client that has disconnected is no error.
async fn converse(mut stream: TcpStream, secret: &str, session: &Session) -> io::Result<()> {
    let mut request = Vec::new();
    let (asks, request) = loop {
        if let Some(complete) = parse(&request, secret) {
            break complete;
        }
        if request.len() > REQUEST_LIMIT || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    };
    if !session.has_ended(&asks, &request) {
        return Ok(());
    }
    let reply = session.answer(&request, None).await;
    let (status, text) = match reply.verb.as_str() {
        "done" => ("0".to_owned(), reply.text("result")),
        "failed" => (reply.text("status").unwrap_or_default(), reply.text("message")),
        // the execution has ended meanwhile: the handler will be killed
        _ => return pending().await,
    };
    stream.write_all(format!("{status}\0{}\0", text.unwrap_or_default()).as_bytes()).await
}

/// The kind of operation and its request, once it is complete. `None` for a wrong secret.
fn parse(bytes: &[u8], secret: &str) -> Option<((Kind, &'static str), Message)> {
    let mut fields: Vec<_> = bytes.split(|&byte| byte == 0).collect();
    // the empty rest after the last NUL
    fields.pop();
    let [own, count, verb, any, context, name, arguments @ ..] = &fields[..] else { return None };
    let count: usize = std::str::from_utf8(count).ok()?.parse().ok()?;
    if *own != secret.as_bytes() || fields.len() != count + 2 {
        return None;
    }
    let (kind, verb) = match *verb {
        b"step" => ((Kind::Step, "Step"), "step"),
        b"until" => ((Kind::Step, "WaitForCondition"), "step"),
        b"context" => ((Kind::Context, "RunInChildContext"), "context"),
        _ => return None,
    };
    let mut request = Message::new(verb).with("context", *context).with("name", *name);
    if kind.1 == "WaitForCondition" {
        request = request.with("every", "1");
    }
    if kind.0 == Kind::Step {
        request = arguments.iter().fold(request, |request, &argument| request.with("arg", argument));
        request = if *any == b"1" { request.with("any-args", "1") } else { request };
    }
    Some((kind, request))
}

impl Session {
    /// Whether the operation of this request has ended, with a text that is short enough for Bash.
    fn has_ended(&self, (kind, sub_type): &(Kind, &str), request: &Message) -> bool {
        let text = |key| request.text(key).unwrap_or_default();
        let arguments = identity::arguments(request.values("arg"), request.value("any-args").is_some());
        let state = self.state();
        state.next(&text("context"), &text("name")).is_some_and(|recorded| {
            (recorded.kind, recorded.sub_type.as_deref()) == (*kind, Some(sub_type))
                && identity::same_arguments(&recorded.id, arguments.as_deref())
                && recorded.status.is_final()
                && is_short(recorded)
        })
    }
}

fn is_short(recorded: &Operation) -> bool {
    if recorded.context_details.as_ref().is_some_and(|details| details.replay_children) {
        return false;
    }
    let (result, error) = recorded.outcome();
    let texts = [result, error.and_then(|error| error.error_message.as_deref())];
    texts.into_iter().flatten().all(|text| text.len() <= TEXT_LIMIT && !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_complete_with_its_last_field() {
        let bytes = b"secret\x006\0step\x001\0c\0n\0a\0\0";
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length], "secret").is_none(), "{length}");
        }
        let (kind, request) = parse(bytes, "secret").unwrap();
        assert_eq!(kind, (Kind::Step, "Step"));
        let expected = Message::new("step").with("context", "c").with("name", "n").with("arg", "a").with("arg", "");
        assert_eq!(request, expected.with("any-args", "1"));
        assert!(parse(bytes, "another").is_none());
        assert!(parse(b"secret\x004\0fail\0\0\0n\0", "secret").is_none());
    }
}
