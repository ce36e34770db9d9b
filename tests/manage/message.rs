//! Messages of HTTP, whole.

use std::{
    collections::HashMap,
    fmt::Write,
    io::{self, BufRead},
};

use crate::support::api::connection::read_headers;

/// A request or an answer of HTTP.
pub struct Message {
    pub start: String,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Message {
    pub fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut start = String::new();
        reader.read_line(&mut start)?;
        let headers = read_headers(reader)?;
        let mut message = Self { start: start.trim_end().to_owned(), headers, body: Vec::new() };
        let length = message.header("content-length").map_or(0, |length| length.parse().unwrap());
        assert!(message.header("transfer-encoding").is_none(), "{}", message.start);
        message.body.resize(length, 0);
        reader.read_exact(&mut message.body)?;
        Ok(message)
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            if name != "content-length" && name != "connection" {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
        }
        write!(head, "connection: close\r\ncontent-length: {}\r\n\r\n", self.body.len()).unwrap();
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn path(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }
}
