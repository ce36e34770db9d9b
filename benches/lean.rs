//! The least that a client of the Runtime API can be: blocking, one connection, no error looked after.

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::TcpStream,
};

/// A connection that asks for events one by one.
pub struct Lean {
    api: String,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Lean {
    /// To the Runtime API that the environment names.
    pub fn connect() -> Result<Self, Box<dyn Error + Send + Sync>> {
        let api = env::var("AWS_LAMBDA_RUNTIME_API")?;
        let stream = TcpStream::connect(&api)?;
        stream.set_nodelay(true)?;
        Ok(Self { api, stream, buffer: vec![0; 8 << 20] })
    }

    /// The request id and the event.
    pub fn next(&mut self) -> Result<(String, Vec<u8>), Box<dyn Error + Send + Sync>> {
        let api = &self.api;
        let request = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n");
        self.stream.write_all(request.as_bytes())?;
        let (head, body) = self.response()?;
        let id = header(&head, "lambda-runtime-aws-request-id").ok_or("an event without an id")?;
        Ok((id.to_owned(), body))
    }

    /// Posts an answer and waits for the receipt.
    pub fn respond(&mut self, id: &str, answer: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (api, length) = (&self.api, answer.len());
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {length}\r\n\r\n"
        );
        self.stream.write_all(&[head.as_bytes(), answer].concat())?;
        self.response()?;
        Ok(())
    }

    fn response(&mut self) -> Result<(String, Vec<u8>), Box<dyn Error + Send + Sync>> {
        let mut count = self.read(0)?;
        let head = loop {
            match self.buffer[..count].windows(4).position(|end| end == b"\r\n\r\n") {
                Some(head) => break head,
                None => count += self.read(count)?,
            }
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).into_owned();
        let length: usize = header(&text, "content-length").ok_or("a body without a length")?.parse()?;
        let body = head + 4..head + 4 + length;
        while count < body.end {
            count += self.read(count)?;
        }
        Ok((text, self.buffer[body].to_vec()))
    }

    fn read(&mut self, from: usize) -> io::Result<usize> {
        match self.stream.read(&mut self.buffer[from..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => Ok(count),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
