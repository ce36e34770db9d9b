//! The answer to `InvokeWithResponseStream`: messages in AWS's event stream encoding, as the SDKs read them.
//!
//! `PayloadChunk` has bytes of the answer. `InvokeComplete` is the last message, and has the error, if any.

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Map, Value};

use super::answer::{Body, Reply, whole};
use crate::{failure::Failure, logs::tail::Tail};

/// The type of the whole answer.
pub(super) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// The type of a header that is a string.
const STRING: u8 = 7;

/// The size of the two lengths and their checksum before each message, and of the checksum after it, in bytes.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// The reply as one stream, with the end of the log if the caller requested it.
pub(super) fn of(reply: Reply, log: Option<Tail>) -> Body {
    match reply {
        Reply::Whole(Ok(answer)) => whole([chunk(&answer), complete(None, log)].concat()),
        Reply::Whole(Err(failure)) => whole(complete(Some(&failure), log)),
        Reply::Streamed(_, body) => {
            let messages = stream::unfold(Some((body, log)), async |state| {
                let (mut body, log) = state?;
                let (message, rest) = match body.frame().await {
                    Some(Ok(frame)) => (chunk(&frame.into_data().unwrap_or_default()), Some((body, log))),
                    Some(Err(failure)) => (complete(Some(&failure), log), None),
                    None => (complete(None, log), None),
                };
                Some((Ok(Frame::data(message)), rest))
            });
            UnsyncBoxBody::new(StreamBody::new(messages))
        }
    }
}

fn chunk(bytes: &[u8]) -> Bytes {
    if bytes.is_empty() {
        return Bytes::new();
    }
    message("PayloadChunk", "application/octet-stream", bytes)
}

/// The last message, with the error and the end of the log, if any.
fn complete(failure: Option<&Failure>, log: Option<Tail>) -> Bytes {
    let mut fields = Map::new();
    if let Some(failure) = failure {
        fields.insert("ErrorCode".to_owned(), failure.header_type().into());
        fields.insert("ErrorDetails".to_owned(), String::from_utf8_lossy(&failure.to_json()).into());
    }
    fields.extend(log.map(|log| ("LogResult".to_owned(), log.encoded().into())));
    message("InvokeComplete", "application/json", Value::Object(fields).to_string().as_bytes())
}

fn message(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    let mut headers = BytesMut::new();
    for (name, value) in [(":event-type", event_type), (":content-type", content_type), (":message-type", "event")] {
        headers.put_u8(name.len().try_into().expect("BUG: our names are short"));
        headers.put_slice(name.as_bytes());
        headers.put_u8(STRING);
        headers.put_u16(value.len().try_into().expect("BUG: our values are short"));
        headers.put_slice(value.as_bytes());
    }
    let size = |bytes: usize| u32::try_from(bytes).expect("BUG: an answer is far below 4 GiB");
    let mut message = BytesMut::new();
    message.put_u32(size(PRELUDE + headers.len() + payload.len() + CHECKSUM));
    message.put_u32(size(headers.len()));
    message.put_u32(crc32fast::hash(&message));
    message.put_slice(&headers);
    message.put_slice(payload);
    message.put_u32(crc32fast::hash(&message));
    message.freeze()
}
