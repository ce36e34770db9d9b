//! Headers of a response or an event. Values may have any bytes except line ends and NUL. The crate `http` is not used,
//! because it refuses the character DEL, which a client context in JSON may contain.

use bytes::Bytes;

/// Names in lower case with their values, in their original order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Bytes)>);

impl Headers {
    pub fn append(&mut self, name: &str, value: impl Into<Bytes>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// Appends a space and these bytes to the value of the last header.
    pub fn extend_last(&mut self, more: &[u8]) {
        if let Some((_, value)) = self.0.last_mut() {
            *value = [value, &b" "[..], more].concat().into();
        }
    }

    /// The first value of this name, which is in lower case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The same, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }

    /// All values of this name, which is in lower case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(own, _)| *own == name).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), &value[..]))
    }
}
