//! Properties that hold for any input. The fuzz targets and the tests of the main package both call these.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Component, Path},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use script_runtime::internals::{
    Candidate, Failure, LANGUAGES, PAYLOAD_LIMIT, Prelude, Settings, cgi,
    frame::{Decoder, FrameError, Message},
    http::{self, BODY_LIMIT, RESPONSE_HEAD_LIMIT, Response},
    resolve, url, variable,
};
use tokio::io::{AsyncRead, ReadBuf};

/// Any bytes are frames or an error, the same however they are cut, and no more is allocated than was announced.
pub fn frames(bytes: &[u8]) {
    let cut = bytes.first().map_or(1, |&byte| usize::from(byte).max(1));
    let (whole, end) = decoded(bytes, bytes.len().max(1));
    let (parts, end_of_parts) = decoded(bytes, cut);
    assert_eq!(whole, parts);
    // an error shows what has come, which is less of it where it is found sooner
    assert_eq!(end.is_ok(), end_of_parts.is_ok(), "{end:?}, {end_of_parts:?}");
}

/// The messages of these bytes, fed in blocks of this size, and what ended them.
pub fn decoded(bytes: &[u8], block: usize) -> (Vec<Message>, Result<(), FrameError>) {
    let mut decoder = Decoder::default();
    let mut messages = Vec::new();
    for block in bytes.chunks(block) {
        decoder.feed(block);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Err(error)),
            }
        }
        assert!(decoder.allocated() <= 2 * (PAYLOAD_LIMIT + bytes.len() + 64), "{}", decoder.allocated());
    }
    (messages, decoder.finish())
}

/// Any bytes are a response or an error, the same however they are cut, and no more is kept than the limits say.
pub fn responses(bytes: &[u8]) {
    let cut = bytes.first().map_or(1, |&byte| usize::from(byte).max(1));
    let (whole, parts) = (response(bytes, bytes.len().max(1)), response(bytes, cut));
    assert_eq!(whole, parts);
    if let Ok(response) = whole {
        assert!(response.body.len() <= BODY_LIMIT);
        let headers = response.headers.iter().map(|(name, value)| name.len() + value.len());
        assert!(headers.sum::<usize>() <= RESPONSE_HEAD_LIMIT || response.too_large.is_some());
    }
}

/// The first response in these bytes, which come in blocks of this size.
pub fn response(bytes: &[u8], block: usize) -> Result<Response, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (mut connection, mut buffer) = (Blocks(bytes, block), BytesMut::new());
    let response = http::response(&mut connection, &mut buffer, false);
    runtime.block_on(response).map_err(|error| error.to_string())
}

/// A connection that gives these bytes, in blocks of this size, and then ends.
struct Blocks<'a>(&'a [u8], usize);

impl AsyncRead for Blocks<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let (here, rest) = self.0.split_at(self.1.min(self.0.len()).min(buffer.remaining()));
        buffer.put_slice(here);
        self.0 = rest;
        Poll::Ready(Ok(()))
    }
}

/// Any text is a handler or an error, and no handler leaves the task root.
pub fn handler(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(handler) = resolve(&text, &LANGUAGES, &|_: &Path| true) {
        stays_inside(&handler);
    }
    // of one language alone, so that it is not refused as ambiguous
    for extension in ["sh", "py", "ps1", "psm1", "lisp", "ros"] {
        let exists = |file: &Path| file.extension().is_some_and(|own| own == extension);
        if let Ok(handler) = resolve(&text, &LANGUAGES, &exists) {
            stays_inside(&handler);
        }
    }
}

fn stays_inside(handler: &Candidate) {
    let Some(place) = &handler.place else { return };
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    let place = place.strip_prefix("/opt/modules").unwrap_or(place);
    assert!(place.components().all(inside), "{handler:?}");
}

/// Any environment is a configuration, or an error in one line that names a variable.
pub fn settings(bytes: &[u8]) {
    let mut values = bytes.split(|&byte| byte == 0).map(|value| OsString::from_vec(value.to_vec()));
    let environment = variable::ALL.iter().map_while(|&name| Some((name.into(), values.next()?)));
    match Settings::read(environment.collect::<Vec<_>>(), None, false) {
        Ok(settings) => assert!(settings.task_root.is_absolute()),
        Err(error) => {
            let message = error.to_string();
            assert!(variable::ALL.iter().any(|name| message.contains(&format!("`{name}`"))), "{message}");
        }
    }
}

/// Any bytes are a CGI document or an error, the same however they are cut, and a head is JSON that says all of it.
pub fn documents(bytes: &[u8]) {
    let cut = bytes.first().map_or(1, |&byte| usize::from(byte).max(1));
    let (whole, parts) = (document(bytes, bytes.len().max(1)), document(bytes, cut));
    assert_eq!(whole, parts);
    let Ok((head, body)) = whole else { return };
    assert!(body.len() < bytes.len() && bytes.ends_with(&body));
    let json = head.to_json();
    assert_eq!(json["statusCode"], head.status.as_u16());
    let headers = json["headers"].as_object().unwrap();
    let cookie_names = usize::from(head.headers.contains_key("set-cookie"));
    assert_eq!(headers.len(), head.headers.keys_len() - cookie_names);
    assert!(headers.values().all(serde_json::Value::is_string) && !headers.contains_key("set-cookie"));
    let cookies = head.headers.get_all("set-cookie").iter().count();
    assert_eq!(json["cookies"].as_array().unwrap().len(), cookies);
    // each head goes out as a response of the local server, too
    let response = url::response::response(head.clone(), ());
    assert_eq!(response.headers().get_all("set-cookie").iter().count(), cookies);
}

/// The head and the body of these bytes, which come in blocks of this size.
fn document(bytes: &[u8], block: usize) -> Result<(Prelude, BytesMut), Failure> {
    let (mut buffer, mut head) = (BytesMut::new(), None);
    for block in bytes.chunks(block) {
        buffer.extend_from_slice(block);
        if head.is_none() {
            head = cgi::head::take_head(&mut buffer, false)?;
        }
    }
    let head = if head.is_some() { head } else { cgi::head::take_head(&mut buffer, true)? };
    Ok((head.unwrap(), buffer))
}

/// Any request to the local server is an event, and that one a request of CGI or an error. The bytes are a method, a target,
/// header lines, an empty line and a body.
pub fn requests(bytes: &[u8]) {
    let Some((parts, body)) = request(bytes) else { return };
    let event = url::event::of(&parts, body, "127.0.0.1:1".parse().unwrap(), 80);
    let json: serde_json::Value = serde_json::from_str(&event.json).unwrap();
    let path = json["rawPath"].as_str().unwrap();
    assert!(path == parts.uri.path() || path == "/" && parts.uri.path().is_empty(), "{path}");
    assert_eq!(json["rawQueryString"], parts.uri.query().unwrap_or_default());
    match cgi::read(event.json.as_bytes(), None) {
        Ok((sender, request)) => {
            assert_eq!(sender, cgi::Sender::FunctionUrl);
            assert_eq!(&request.body[..], body);
            let plain = |value: &[u8]| !value.iter().any(|byte| [b'\n', 0].contains(byte));
            assert!(request.variables.iter().all(|(name, value)| plain(name.as_bytes()) && plain(value)));
            let info = request.variables.iter().find(|(name, _)| name == "PATH_INFO").unwrap();
            assert!(info.1.len() <= path.len());
        }
        Err(cgi::Unusable::Path(..)) => assert!(path.contains("%0")),
        Err(error) => panic!("{error}"),
    }
    // the same bytes as the answer of a handler, and as an event
    if let Ok(response) = url::response::of(&Bytes::copy_from_slice(body)) {
        assert!(response.headers().contains_key("content-type"));
    }
    let _ = cgi::read(body, Some("/x"));
}

fn request(bytes: &[u8]) -> Option<(::http::request::Parts, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let mut lines = bytes[..end].split(|&byte| byte == b'\n');
    let mut line = lines.next()?.splitn(2, |&byte| byte == b' ');
    let builder = ::http::Request::builder().method(line.next()?).uri(line.next()?);
    let request = lines.fold(builder, |builder, line| {
        let mut pair = line.splitn(2, |&byte| byte == b':');
        builder.header(pair.next().unwrap_or_default(), pair.next().unwrap_or_default())
    });
    Some((request.body(()).ok()?.into_parts().0, &bytes[end + 2..]))
}
