//! From the bytes of a shim to its reports.

use bytes::{Buf, Bytes, BytesMut};
use rustix::process::Pid;

use super::frame::Report;
use crate::limits::PAYLOAD_LIMIT;

/// The frames of a shim, which `report` reads.
const NAMES: [&str; 8] =
    ["shutdown-hook", "ready", "answer", "failure", "undefined", "trace", "exited", "ended"];

/// What stands between the lines of a call stack.
const LINE_END: char = '\u{1e}';

/// The longest head line that is still waited for, in bytes.
const FRAME_HEAD_LIMIT: usize = 64;

/// Why the bytes of a shim are not frames. The worker is of no use after any of these.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FrameError {
    /// The head line is no `NAME LENGTH`.
    #[error("a shim's frame begins with {0:?}")]
    Head(String),
    /// No frame has this name.
    #[error("a shim sent an unknown frame `{0}`")]
    Name(String),
    /// The payload is not what a frame of this name holds.
    #[error("a shim's frame `{0}` holds {1:?}")]
    Payload(&'static str, String),
    /// The payload is larger than any frame of this name may be.
    #[error("a shim announced a frame `{0}` of {1} bytes")]
    Size(String, usize),
    /// A frame that only another kind of shim sends.
    #[error("a shim sent a frame `{0}`, which is not for shims of its kind")]
    Foreign(&'static str),
    /// The worker ended inside a frame.
    #[error("a shim's frame ended in the middle")]
    Truncated,
}

/// Makes reports out of a shim's bytes, however they are cut.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    /// The bytes of an oversized answer that are still to be dropped.
    to_drop: usize,
}

impl Decoder {
    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        let dropped = self.to_drop.min(bytes.len());
        self.to_drop -= dropped;
        self.buffer.extend_from_slice(&bytes[dropped..]);
    }

    /// The next whole report, or `None` until more bytes come.
    pub fn next_report(&mut self) -> Result<Option<Report>, FrameError> {
        let Some(end) = end_of_head(&self.buffer[..self.buffer.len().min(FRAME_HEAD_LIMIT)]) else {
            // now, and not with the next frame: what a handler has written here must not cost the next event
            if self.buffer.len() >= FRAME_HEAD_LIMIT || !begins_head(&self.buffer) {
                return Err(FrameError::Head(lossy(&self.buffer[..self.buffer.len().min(FRAME_HEAD_LIMIT)])));
            }
            return Ok(None);
        };
        let (name, length) = head(&self.buffer[..end])?;
        let Some(length) = length else { return self.line(&name, end + 1) };
        if name == "answer" && length > PAYLOAD_LIMIT {
            self.buffer.advance(end + 1);
            let here = length.min(self.buffer.len());
            self.buffer.advance(here);
            self.to_drop = length - here;
            return Ok(Some(Report::AnswerTooLarge(length)));
        }
        if length > PAYLOAD_LIMIT {
            return Err(FrameError::Size(name, length));
        }
        let whole = end + 1 + length;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(end + 1);
        let payload = self.buffer.split_to(length).freeze();
        if self.buffer.is_empty() {
            // the allocation of a large answer goes with it
            self.buffer = BytesMut::new();
        }
        report(&name, payload).map(Some)
    }

    /// A report whose payload begins here and ends at a newline.
    fn line(&mut self, name: &str, begin: usize) -> Result<Option<Report>, FrameError> {
        let Some(length) = memchr::memchr(b'\n', &self.buffer[begin..]) else {
            let size = self.buffer.len() - begin;
            return if size > PAYLOAD_LIMIT {
                Err(FrameError::Size(name.to_owned(), size))
            } else {
                Ok(None)
            };
        };
        self.buffer.advance(begin);
        let payload = self.buffer.split_to(length).freeze();
        self.buffer.advance(1);
        report(name, payload).map(Some)
    }

    /// How many bytes are held or set aside.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.buffer.capacity()
    }

    /// The worker's end: right between two frames, an error inside one.
    pub fn finish(&self) -> Result<(), FrameError> {
        if self.buffer.is_empty() && self.to_drop == 0 { Ok(()) } else { Err(FrameError::Truncated) }
    }
}

/// Where the newline or the second space is.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut spaces = 0;
    bytes.iter().position(|&byte| {
        spaces += usize::from(byte == b' ');
        byte == b'\n' || spaces == 2
    })
}

/// Whether these bytes can become a head line.
fn begins_head(bytes: &[u8]) -> bool {
    let (name, length) = bytes.split_at(bytes.iter().position(|&byte| byte == b' ').unwrap_or(bytes.len()));
    let fits = |known: &&str| {
        if length.is_empty() { known.as_bytes().starts_with(name) } else { known.as_bytes() == name }
    };
    NAMES.iter().any(fits) && (length == b" -" || length.iter().skip(1).all(u8::is_ascii_digit))
}

/// The name and the length; none where the payload is a line.
fn head(line: &[u8]) -> Result<(String, Option<usize>), FrameError> {
    let malformed = || FrameError::Head(lossy(line));
    let line = std::str::from_utf8(line).map_err(|_| malformed())?;
    let (name, length) = line.split_once(' ').ok_or_else(malformed)?;
    let length = match length {
        "-" => None,
        // `parse` would take a sign
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(digits.parse().map_err(|_| malformed())?)
        }
        _ => return Err(malformed()),
    };
    Ok((name.to_owned(), length))
}

fn report(name: &str, payload: Bytes) -> Result<Report, FrameError> {
    Ok(match name {
        "shutdown-hook" => Report::ShutdownHook,
        "ready" => Report::Ready,
        "answer" => Report::Answer(payload),
        "failure" => Report::Failed(
            serde_json::from_slice(&payload).map_err(|_| FrameError::Payload("failure", lossy(&payload)))?,
        ),
        "undefined" => {
            let text = lossy(&payload);
            let names = text.split(['\n', LINE_END]).filter(|name| !name.is_empty());
            Report::Undefined(names.map(str::to_owned).collect())
        }
        "trace" => {
            let text = lossy(&payload);
            let mut lines = text.split(LINE_END);
            let number = integer("trace", lines.next().unwrap_or_default())?;
            let place = lines.next().unwrap_or_default().to_owned();
            Report::Trace(number, place, lines.map(str::to_owned).collect())
        }
        "exited" => {
            let text = lossy(&payload);
            let mut words = text.split(' ');
            let mut word = || words.next().unwrap_or_default();
            let (number, status) = (integer("exited", word())?, integer("exited", word())?);
            Report::Exited(number, status, word().parse().ok().and_then(Pid::from_raw))
        }
        "ended" => status("ended", &payload, Report::Ended)?,
        _ => return Err(FrameError::Name(name.to_owned())),
    })
}

fn status(name: &'static str, payload: &[u8], make: fn(u64, i32) -> Report) -> Result<Report, FrameError> {
    let text = lossy(payload);
    let (number, status) = text.split_once(' ').unwrap_or((&text, ""));
    Ok(make(integer(name, number)?, integer(name, status)?))
}

fn integer<T: std::str::FromStr>(name: &'static str, text: &str) -> Result<T, FrameError> {
    text.parse().map_err(|_| FrameError::Payload(name, text.to_owned()))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Vec<Report>, FrameError> {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        let mut reports = Vec::new();
        while let Some(report) = decoder.next_report()? {
            reports.push(report);
        }
        Ok(reports)
    }

    #[test]
    fn decodes_frames_however_they_are_cut() {
        let bytes = b"ready 0\nanswer 5\na\nb\0\xfftrace - 7\x1eat line 1: `x`\x1eat f, f.sh: 1\nexited 3 7 3ended 3\n7 3";
        let expected = vec![
            Report::Ready,
            Report::Answer(Bytes::from_static(b"a\nb\0\xff")),
            Report::Trace(7, "at line 1: `x`".to_owned(), vec!["at f, f.sh: 1".to_owned()]),
        ];
        let mut decoder = Decoder::default();
        let mut reports = Vec::new();
        for byte in &bytes[..bytes.len() - 23] {
            decoder.feed(&[*byte]);
            while let Some(report) = decoder.next_report().unwrap() {
                reports.push(report);
            }
        }
        assert_eq!(reports, expected);
        assert_eq!(
            decode(b"exited 3\n7 3ended 3\n7 3").unwrap(),
            [Report::Exited(7, 3, None), Report::Ended(7, 3)]
        );
    }

    #[test]
    fn drops_an_oversized_answer_without_keeping_it() {
        let mut decoder = Decoder::default();
        let size = PAYLOAD_LIMIT + 1;
        decoder.feed(format!("answer {size}\nabc").as_bytes());
        assert_eq!(decoder.next_report().unwrap(), Some(Report::AnswerTooLarge(size)));
        for _ in 0..(size - 3) / 1024 {
            decoder.feed(&[b'x'; 1024]);
            assert!(decoder.buffer.is_empty());
        }
        assert_eq!(decoder.finish(), Err(FrameError::Truncated));
        decoder.feed(&vec![b'x'; (size - 3) % 1024]);
        decoder.feed(b"ready 0\n");
        assert_eq!(decoder.next_report().unwrap(), Some(Report::Ready));
        assert_eq!(decoder.finish(), Ok(()));
    }

    #[test]
    fn refuses_what_is_no_frame() {
        assert_eq!(decode(b"hello\n"), Err(FrameError::Head("hello".into())));
        assert_eq!(decode(b"ready x\n"), Err(FrameError::Head("ready x".into())));
        assert_eq!(decode(b"ready -1\n"), Err(FrameError::Head("ready -1".into())));
        assert_eq!(decode(b"nonsense 0\n"), Err(FrameError::Name("nonsense".into())));
        assert_eq!(decode(b"ended 1\nx"), Err(FrameError::Payload("ended", "x".into())));
        assert_eq!(decode(&[b'x'; FRAME_HEAD_LIMIT]), Err(FrameError::Head("x".repeat(FRAME_HEAD_LIMIT))));
        for part in ["junk", "answerx", "answer 1x", " "] {
            assert_eq!(decode(part.as_bytes()), Err(FrameError::Head(part.into())));
        }
        for part in ["", "a", "answer", "answer ", "answer 12"] {
            assert_eq!(decode(part.as_bytes()).unwrap(), []);
        }
        let huge = format!("trace {}\n", usize::MAX);
        assert_eq!(decode(huge.as_bytes()), Err(FrameError::Size("trace".into(), usize::MAX)));
    }

    #[test]
    fn tells_an_end_between_frames_from_one_inside() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.finish(), Ok(()));
        decoder.feed(b"ended 2\n1");
        assert_eq!(decoder.next_report(), Ok(None));
        assert_eq!(decoder.finish(), Err(FrameError::Truncated));
    }
}
