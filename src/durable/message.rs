//! The messages between the bootstrap and the users of its socket: the command `durable` and the libraries of PowerShell
//! and Lisp.
//!
//! A message is a number of fields: `COUNT\n`, then for each field `LENGTH:BYTES,`. The first field is the verb, each
//! other one `KEY=VALUE`. A key may come more than once. A connection takes any number of requests, one after the other.
//!
//! | Request | Keys | Replies |
//! |---|---|---|
//! | `step` | `context`, `name`, `arg`…, `any-args`, `at-most-once`, `retry`, `backoff`, `rate`, `max-delay`, `retry-on`…, `every`, `timeout` | `run`, `done`, `failed` |
//! | `context` | `context`, `name`, `sub-type` | `run`, `done`, `failed` |
//! | `end` | `id`, and one of `result`; `again`; or `status`, `type`, `message`, `data`, `stack`… | `done`, `failed`, `run` |
//! | `wait` | `context`, `name`, and `seconds` or `until` | `done` |
//! | `callback` | `context`, `name`, `timeout`, `heartbeat` | `created` |
//! | `result` | `context`, and `id` or `name` | `done`, `failed` |
//! | `invoke` | `context`, `name`, `function`, `event`, `tenant` | `done`, `failed` |
//! | `fail` | `type`, `message` | `suspend` |
//! | `replaying` | | `yes`, `no` |
//!
//! | Reply | Keys | The client |
//! |---|---|---|
//! | `run` | `id`, `attempt`, `state` | runs the body, and sends `end` |
//! | `done` | `result` | continues with the result |
//! | `failed` | `status`, `type`, `message`, `data` | fails, as its language does |
//! | `created` | `id`, `callback` | returns the callback's id |
//! | `suspend` | | stops: the invocation is over |
//! | `refused` | `message` | fails: the request was wrong |
//!
//! `context` is the id from the `run` of the surrounding context, empty at the top. `arg` are the words of a command,
//! which belong to the step's identity unless `any-args=1`. Times are seconds, with fractions; `until` is a time since
//! 1970. With `every`, a step is repeated (`until` of the command): its `end` has `again=STATE` for "not yet", and the
//! next `run` has this `state`. If a client gets `run` and closes its connection without an `end`, the body has not
//! ended, unless the request has `detached=1`: then `end` comes on another connection. `done` of a callback or an
//! invocation has the unchanged payload. The command adds `client=command`: the bootstrap refuses it if the handler
//! runs in an interpreter that has a library.

use std::io::{self, Read, Write};

/// The longest field, in bytes. A result may not be larger than the 6 MB of an answer.
const FIELD_LIMIT: usize = 8 * 1024 * 1024;
/// The most fields of a message.
const FIELDS_LIMIT: usize = 65_536;

/// A message: its verb and its keys with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The first field.
    pub verb: String,
    /// The other fields, in order.
    pub fields: Vec<(String, Vec<u8>)>,
}

impl Message {
    /// A message without fields.
    #[must_use]
    pub fn new(verb: impl Into<String>) -> Self {
        Self { verb: verb.into(), fields: Vec::new() }
    }

    /// The message with one more field.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        self.fields.push((key.to_owned(), value.into()));
        self
    }

    /// The first value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| &value[..])
    }

    /// All values of a key.
    pub fn values<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |(name, _)| name == key).map(|(_, value)| &value[..])
    }

    /// The first value of a key as text.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<String> {
        self.value(key).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The encoded message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = format!("{}\n{}:{},", self.fields.len() + 1, self.verb.len(), self.verb).into_bytes();
        for (key, value) in &self.fields {
            bytes.extend_from_slice(format!("{}:{key}=", key.len() + 1 + value.len()).as_bytes());
            bytes.extend_from_slice(value);
            bytes.push(b',');
        }
        bytes
    }

    /// Writes the message. Fails if the message is over a limit.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        if self.fields.len() >= FIELDS_LIMIT {
            return Err(invalid("a message of this many fields"));
        }
        if self.fields.iter().any(|(key, value)| key.len() + 1 + value.len() > FIELD_LIMIT) {
            return Err(invalid("a field of this length"));
        }
        to.write_all(&self.encode())
    }

    /// Reads a message; `None` at the end of the connection.
    pub fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut decoder = Decoder::default();
        loop {
            // read only the missing bytes: those of the next message stay unread
            let mut bytes = vec![0; decoder.missing()];
            match from.read(&mut bytes)? {
                0 if decoder.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => {
                    if let Some(message) = decoder.push(&bytes[..count])? {
                        return Ok(Some(message));
                    }
                }
            }
        }
    }
}

/// Decodes messages.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// How many bytes have been decoded.
    position: usize,
    /// The number of fields, once it is known.
    count: Option<usize>,
    fields: Vec<Vec<u8>>,
}

impl Decoder {
    /// Whether no message has begun.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many bytes the message needs at least.
    fn missing(&self) -> usize {
        let rest = &self.bytes[self.position..];
        match (self.count, number(rest, b':')) {
            (Some(_), Ok(Some((length, digits)))) => (digits + length + 1).saturating_sub(rest.len()).max(1),
            _ => 1,
        }
    }

    /// Takes further bytes, and returns the message if it is complete. More bytes are an error: a client waits for the
    /// reply.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<Option<Message>> {
        self.bytes.extend_from_slice(bytes);
        if self.count.is_none() {
            let Some((count, digits)) = number(&self.bytes, b'\n')? else { return Ok(None) };
            if !(1..=FIELDS_LIMIT).contains(&count) {
                return Err(invalid("a message of this many fields"));
            }
            (self.count, self.position) = (Some(count), digits);
        }
        while self.count.is_some_and(|count| self.fields.len() < count) {
            let rest = &self.bytes[self.position..];
            let Some((length, digits)) = number(rest, b':')? else { return Ok(None) };
            if length > FIELD_LIMIT {
                return Err(invalid("a field of this length"));
            }
            let Some(field) = rest.get(digits..digits + length + 1) else { return Ok(None) };
            let Some(field) = field.strip_suffix(b",") else { return Err(invalid("a field without an end")) };
            self.fields.push(field.to_vec());
            self.position += digits + length + 1;
        }
        if self.position < self.bytes.len() {
            return Err(invalid("bytes behind a message"));
        }
        let mut fields = std::mem::take(self).fields.into_iter();
        let verb = fields.next().map(String::from_utf8).and_then(Result::ok);
        let verb = verb.ok_or_else(|| invalid("a verb that is no text"))?;
        let fields = fields.map(|field| {
            let at = memchr::memchr(b'=', &field).ok_or_else(|| invalid("a field without a key"))?;
            let key = String::from_utf8(field[..at].to_vec()).map_err(|_| invalid("a key that is no text"))?;
            Ok((key, field[at + 1..].to_vec()))
        });
        Ok(Some(Message { verb, fields: fields.collect::<io::Result<_>>()? }))
    }
}

/// A number, and its length with the byte after it; `None` if it is not complete yet.
fn number(bytes: &[u8], end: u8) -> io::Result<Option<(usize, usize)>> {
    /// More digits than any length has.
    const DIGITS: usize = 9;
    let Some(digits) = bytes.iter().take(DIGITS + 1).position(|&byte| byte == end) else {
        let all_digits = bytes.iter().take(DIGITS + 1).all(u8::is_ascii_digit);
        return if all_digits && bytes.len() <= DIGITS { Ok(None) } else { Err(invalid("a length that is no number")) };
    };
    let text = std::str::from_utf8(&bytes[..digits]).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = text.and_then(|text| text.parse().ok()).ok_or_else(|| invalid("a length that is no number"))?;
    Ok(Some((number, digits + 1)))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{what} on the socket of a durable function"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written_whatever_the_pieces() {
        let message = Message::new("step").with("name", "a,b:c").with("arg", vec![0, 255, b'\n']).with("arg", "");
        let bytes = message.encode();
        assert_eq!(bytes, b"4\n4:step,10:name=a,b:c,7:arg=\0\xff\n,4:arg=,");
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::default();
            let read = bytes.chunks(size).find_map(|piece| decoder.push(piece).unwrap());
            assert_eq!(read.as_ref(), Some(&message), "{size}");
        }
        let two = [&bytes[..], &bytes].concat();
        let mut two = &two[..];
        assert_eq!(Message::read(&mut two).unwrap(), Some(message.clone()));
        assert_eq!(Message::read(&mut two).unwrap(), Some(message));
        assert_eq!(Message::read(&mut two).unwrap(), None);
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        for bytes in
            [&b"x\n"[..], b"0\n", b"1\n4:step;", b"2\n4:step,1:x,", b"1\n99999999:", b"12345678901", b"1\n4:step,x"]
        {
            assert!(Decoder::default().push(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
