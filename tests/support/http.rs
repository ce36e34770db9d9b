//! HTTP for tests and benchmarks: one server, one client, and the messages that both read and write.

use std::{
    collections::HashMap,
    fmt::Write as _,
    io::{self, BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use super::api::PATIENCE;

/// Headers by their names, in lower case.
pub type Headers = HashMap<String, String>;

/// A server on a free port of 127.0.0.1, with a thread for each connection. Dropping it shuts down all connections, and
/// waits for their threads.
pub struct Server {
    pub address: SocketAddr,
    has_ended: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server. `serve` must return soon after its connection was shut down.
    pub fn start(serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, has_ended) = (listener.local_addr().unwrap(), Arc::<AtomicBool>::default());
        let ended = Arc::clone(&has_ended);
        let accepting = thread::spawn(move || {
            let mut served = Vec::<(JoinHandle<()>, Weak<TcpStream>)>::new();
            for connection in listener.incoming().flatten() {
                if ended.load(Ordering::SeqCst) {
                    break;
                }
                let (serve, open) = (serve.clone(), Arc::new(connection.try_clone().unwrap()));
                let stream = Arc::downgrade(&open);
                let thread = thread::spawn(move || {
                    let _open = open;
                    // a client may disconnect at any time
                    let _ = serve(connection);
                });
                served.retain(|(thread, _)| !thread.is_finished());
                served.push((thread, stream));
            }
            for stream in served.iter().filter_map(|(_, stream)| stream.upgrade()) {
                let _ = stream.shutdown(Shutdown::Both);
            }
            for (thread, _) in served {
                // a thread that panicked has printed its message
                drop(thread.join());
            }
        });
        Self { address, has_ended, accepting: Some(accepting) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::SeqCst);
        // wakes the thread that accepts
        drop(TcpStream::connect(self.address));
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

/// Reads further requests without a response, until the connection is closed.
pub fn ignore(mut connection: impl io::Read) -> io::Result<()> {
    io::copy(&mut connection, &mut io::sink()).map(drop)
}

/// A port of 127.0.0.1 on which nothing listens.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Sends a request, and returns the reader of its response.
pub fn send(address: impl ToSocketAddrs, request: &[u8]) -> io::Result<BufReader<TcpStream>> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.write_all(request)?;
    Ok(BufReader::new(connection))
}

/// A request or a response.
#[derive(Debug)]
pub struct Message {
    /// The first line.
    pub start: String,
    pub headers: Headers,
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a message whose length is given by `Content-Length`; `None` at the end of the connection.
    pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some((start, headers)) = read_head(reader)? else { return Ok(None) };
        let body = read_sized(reader, &headers)?;
        Ok(Some(Self { start, headers, body }))
    }

    /// The bytes of the message, the last one of its connection.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            if name != "content-length" && name != "connection" {
                write!(head, "{name}: {value}\r\n").unwrap();
            }
        }
        write!(head, "connection: close\r\ncontent-length: {}\r\n\r\n", self.body.len()).unwrap();
        [head.as_bytes(), &self.body].concat()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The path of a request.
    pub fn path(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// The status of a response.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// Reads the first line and the headers; `None` at the end of the connection.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some((line.trim_end().to_owned(), read_headers(reader)?)))
}

/// Reads headers or trailers, up to the empty line.
pub fn read_headers(reader: &mut impl BufRead) -> io::Result<Headers> {
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(headers) };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

/// Reads a body of the length that the headers give.
pub fn read_sized(reader: &mut impl BufRead, headers: &Headers) -> io::Result<Vec<u8>> {
    assert!(!headers.contains_key("transfer-encoding"), "{headers:?}");
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

/// Reads the next chunk of a body; `None` for the last one, whose trailers follow.
pub fn read_chunk(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let size = usize::from_str_radix(line.trim_end(), 16).expect("the size of a chunk");
    if size == 0 {
        return Ok(None);
    }
    let mut bytes = vec![0; size + 2];
    reader.read_exact(&mut bytes)?;
    assert_eq!(bytes.split_off(size), b"\r\n");
    Ok(Some(bytes))
}
