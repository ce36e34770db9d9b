//! What holds for any input. The fuzz targets and the tests of the main package both call these.

use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::{Component, Path},
};

use bytes::BytesMut;
use script_runtime::internals::{
    Config, Handler, LANGUAGES, PAYLOAD_LIMIT,
    frame::{Decoder, FrameError, Message},
    http::{self, BODY_LIMIT, HttpError, RESPONSE_HEAD_LIMIT, Response},
    variable,
};

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
        assert!(headers.sum::<usize>() <= RESPONSE_HEAD_LIMIT);
    }
}

/// The first response in these bytes, which come in blocks of this size.
fn response(bytes: &[u8], block: usize) -> Result<Response, HttpError> {
    let (mut decoder, mut buffer) = (http::Decoder::default(), BytesMut::new());
    for block in bytes.chunks(block) {
        buffer.extend_from_slice(block);
        if let Some(response) = decoder.decode(&mut buffer)? {
            return Ok(response);
        }
    }
    decoder.finish(&mut buffer)
}

/// Any text is a handler or an error, and no handler leaves the task root.
pub fn handler(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(handler) = Handler::resolve(&text, &LANGUAGES, &|_: &Path| true) {
        stays_inside(&handler);
    }
    // of one language alone, so that it is not refused as ambiguous
    for extension in ["sh", "py", "ps1", "psm1", "lisp", "ros"] {
        let exists = |file: &Path| file.extension().is_some_and(|own| own == extension);
        if let Ok(handler) = Handler::resolve(&text, &LANGUAGES, &exists) {
            stays_inside(&handler);
        }
    }
}

fn stays_inside(handler: &Handler) {
    for file in &handler.files {
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        assert!(file.components().all(inside), "{handler:?}");
    }
}

/// Any environment is a configuration, or an error in one line that names a variable.
pub fn settings(bytes: &[u8]) {
    let mut values = bytes.split(|&byte| byte == 0).map(|value| OsString::from_vec(value.to_vec()));
    let environment = variable::ALL.iter().map_while(|&name| Some((name.into(), values.next()?)));
    match Config::read(environment.collect::<Vec<_>>(), None, false) {
        Ok(config) => assert!(config.max_concurrency > 0 && config.task_root.is_absolute()),
        Err(error) => {
            let message = error.to_string();
            assert!(variable::ALL.iter().any(|name| message.contains(&format!("`{name}`"))), "{message}");
        }
    }
}
