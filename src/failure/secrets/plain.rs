//! A text without escapes and line ends, with the original place of each byte.

use std::ops::Range;

/// Bytes, each with its range in the original text.
pub(super) struct Plain {
    pub(super) bytes: Vec<u8>,
    ranges: Vec<Range<usize>>,
}

impl Plain {
    pub(super) fn of(text: &str) -> Self {
        Self { bytes: text.as_bytes().to_vec(), ranges: (0..text.len()).map(|at| at..at + 1).collect() }
    }

    /// The same with each escape replaced by its byte; `None` if there is no escape.
    pub(super) fn without_escapes(&self) -> Option<Self> {
        let mut plain = Self { bytes: Vec::new(), ranges: Vec::new() };
        let mut at = 0;
        while let Some(&first) = self.bytes.get(at) {
            let (byte, length) = unit(&self.bytes[at..]).unwrap_or((Some(first), 1));
            if let Some(byte) = byte {
                plain.bytes.push(byte);
                plain.ranges.push(self.origin(at..at + length));
            }
            at += length;
        }
        (plain.bytes.len() < self.bytes.len()).then_some(plain)
    }

    /// The range of these bytes in the original text.
    pub(super) fn origin(&self, bytes: Range<usize>) -> Range<usize> {
        self.ranges[bytes.start].start..self.ranges[bytes.end - 1].end
    }
}

/// The byte of an escape at the beginning, if it has one, and the escape's length.
fn unit(text: &[u8]) -> Option<(Option<u8>, usize)> {
    match text {
        [b'\n' | b'\r', ..] => {
            let blanks = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            Some((None, blanks))
        }
        [b'%' | b'=', rest @ ..] => number(rest, 2, 2, 16).map(|(byte, length)| (Some(byte), length + 1)),
        [b'&', b'#', b'x' | b'X', rest @ ..] => entity(rest, 16, 3),
        [b'&', b'#', rest @ ..] => entity(rest, 10, 2),
        [b'\\', ..] => {
            let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
            let (byte, length) = escaped(&text[slashes..]);
            Some((byte, slashes + length))
        }
        _ => None,
    }
}

/// The byte of an escape with backslashes, and the escape's length.
fn escaped(text: &[u8]) -> (Option<u8>, usize) {
    let coded = match text {
        [b'u', rest @ ..] => number(rest, 4, 4, 16),
        [b'x', rest @ ..] => number(rest, 2, 2, 16),
        [b'0'..=b'3', ..] => number(text, 3, 3, 8).map(|(byte, length)| (byte, length - 1)),
        [b'n' | b'r' | b't', ..] => return (None, 1),
        _ => None,
    };
    match (coded, text) {
        (Some((byte, length)), _) => (Some(byte), length + 1),
        (None, [b'\n' | b'\r', ..] | []) => (None, 0),
        (None, [byte, ..]) => (Some(*byte), 1),
    }
}

fn entity(text: &[u8], radix: u32, before: usize) -> Option<(Option<u8>, usize)> {
    let (byte, length) = number(text, 1, 6, radix)?;
    (text.get(length) == Some(&b';')).then_some((Some(byte), before + length + 1))
}

/// A number with `least` to `most` digits, if it is an ASCII byte.
fn number(text: &[u8], least: usize, most: usize, radix: u32) -> Option<(u8, usize)> {
    let digits = text.iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let digits = (digits >= least).then(|| std::str::from_utf8(&text[..digits]).ok()).flatten()?;
    let byte = u8::try_from(u32::from_str_radix(digits, radix).ok()?).ok().filter(u8::is_ascii)?;
    Some((byte, digits.len()))
}
