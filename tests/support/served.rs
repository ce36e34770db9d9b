//! A bootstrap as a server, and its callers.

use std::{
    collections::HashMap,
    io::{BufReader, Write},
    net::TcpStream,
};

use serde_json::Value;

use super::{
    Function, Running,
    http::{self, Message, read_head},
    until,
};

/// The path for events.
pub const PATH: &str = "/2015-03-31/functions/function/invocations";

/// A bootstrap that is a server on 127.0.0.1.
pub struct Served {
    pub running: Running,
    pub port: u16,
}

/// The response that a caller gets.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

/// A caller that waits.
pub struct Caller(BufReader<TcpStream>);

impl Function {
    /// Starts it as `--serve 0` with these options.
    pub fn serve(self, options: &[&str]) -> Served {
        let running = self.serve_at("0", options);
        let mut port = None;
        until("the port", || {
            let log = running.log();
            let first = log.split_once('\n').map(|(line, _)| line.to_owned());
            port = first.map(|line| {
                let path = if options.contains(&"--http") { "/" } else { PATH };
                let url = line.strip_prefix("serving http://127.0.0.1:");
                let (port, rest) = url.and_then(|url| url.split_once('/')).expect(&line);
                assert!(format!("/{rest}").starts_with(path), "{line}");
                port.parse().unwrap()
            });
            port.is_some()
        });
        Served { running, port: port.unwrap() }
    }

    /// Starts it as `--serve ADDRESS` with these options.
    pub fn serve_at(self, address: &str, options: &[&str]) -> Running {
        let mut command = self.bare_command();
        self.change_environment(&mut command);
        command.args(["--serve", address]).args(options).arg(&self.handler);
        self.start_as(command)
    }
}

impl Served {
    /// Posts an event.
    pub fn call(&self, event: impl AsRef<[u8]>) -> Caller {
        self.call_with(&[], event)
    }

    /// Posts an event with headers.
    pub fn call_with(&self, headers: &[(&str, &str)], event: impl AsRef<[u8]>) -> Caller {
        self.send(&format!("POST {PATH}"), headers, event)
    }

    /// Sends a request with this method and path.
    pub fn send(&self, method_and_path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Caller {
        send(self.port, method_and_path, headers, body.as_ref())
    }

    /// The answer to an event.
    pub fn text(&self, event: impl AsRef<[u8]>) -> String {
        self.call(event).text()
    }
}

/// Posts an event to this port.
pub fn call(port: u16, event: &str) -> Caller {
    send(port, &format!("POST {PATH}"), &[], event.as_bytes())
}

fn send(port: u16, method_and_path: &str, headers: &[(&str, &str)], body: &[u8]) -> Caller {
    let mut head = Vec::new();
    write!(head, "{method_and_path} HTTP/1.1\r\nhost: localhost\r\n").unwrap();
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap();
    Caller(http::send(("127.0.0.1", port), &[&head, body].concat()).unwrap())
}

impl Caller {
    /// Waits for the response.
    pub fn response(mut self) -> Response {
        let message = Message::read(&mut self.0).unwrap().expect("a response");
        Response { status: message.status(), headers: message.headers, body: message.body }
    }

    /// Waits for the head of a chunked response. Also returns the reader of the chunks.
    pub fn chunks(mut self) -> (Response, BufReader<TcpStream>) {
        let (start, headers) = read_head(&mut self.0).unwrap().expect("a response");
        let head = Message { start, headers, body: Vec::new() };
        (Response { status: head.status(), headers: head.headers, body: head.body }, self.0)
    }

    /// Waits for the handler's answer.
    pub fn text(self) -> String {
        let response = self.response();
        assert_eq!((response.status, response.headers.get("x-amz-function-error")), (200, None), "{response:?}");
        String::from_utf8(response.body).unwrap()
    }

    /// Waits for an error: its `errorType` and its `errorMessage`.
    pub fn error(self) -> (String, String) {
        let response = self.response();
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.headers["x-amz-function-error"], "Unhandled");
        let json: Value = serde_json::from_slice(&response.body).unwrap();
        let text = |name: &str| json[name].as_str().unwrap().to_owned();
        (text("errorType"), text("errorMessage"))
    }

    /// Waits for a refusal: status and line.
    pub fn refusal(self) -> (u16, String) {
        let response = self.response();
        let line = String::from_utf8(response.body).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(response.headers.contains_key("x-amzn-errortype"), "{:?}", response.headers);
        let json: Value = serde_json::from_str(&line).unwrap();
        (response.status, json["message"].as_str().unwrap().to_owned())
    }
}
