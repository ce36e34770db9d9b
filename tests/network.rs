//! A Runtime API on a bad network, or gone wrong: what comes slowly comes whole; what cannot be an event is asked for
//! again, five times, and ends the bootstrap with one line and status 1, so that Lambda starts another.

use std::{
    io::{self, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Function, PATIENCE, Running,
    http::{Message, Server, ignore, read_chunk, read_head, read_headers, read_sized},
    until,
};

const ECHO: &str = "handler() { printf %s \"$1\"; }";

/// The response to a request for the next event.
#[derive(Clone)]
enum Answer {
    /// These bytes, and the connection stays.
    Whole(Vec<u8>),
    /// The same, one by one.
    Dripping(Vec<u8>),
    /// The same, and the connection is closed.
    Cut(Vec<u8>),
    /// The same, and the connection is reset.
    Reset(Vec<u8>),
}

#[derive(Default)]
struct Seen {
    asked: usize,
    posts: Vec<(String, Vec<u8>)>,
}

/// A Runtime API that answers as it is told, and then no more.
#[derive(Clone)]
struct Raw {
    address: SocketAddr,
    answers: Arc<Vec<Answer>>,
    /// The response to each post.
    receipt: Arc<Answer>,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// None in the server itself.
    _server: Option<Arc<Server>>,
}

impl Raw {
    fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let receipt = Answer::Dripping(b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}".into());
        Self::start_with(answers, receipt)
    }

    fn start_with(answers: impl IntoIterator<Item = Answer>, receipt: Answer) -> Self {
        let (answers, seen) = (Arc::new(answers.into_iter().collect()), Arc::default());
        let receipt = Arc::new(receipt);
        let server = (Arc::clone(&answers), Arc::clone(&receipt), Arc::clone(&seen));
        let server = Server::start(move |connection| {
            let (answers, receipt, seen) = server.clone();
            let address = connection.local_addr()?;
            Self { address, answers, receipt, seen, _server: None }.serve(&connection)
        });
        Self { address: server.address, answers, receipt, seen, _server: Some(Arc::new(server)) }
    }

    fn serve(&self, connection: &TcpStream) -> std::io::Result<()> {
        connection.set_nodelay(true)?;
        let mut reader = BufReader::new(connection);
        loop {
            let mut first = [0];
            if connection.peek(&mut first)? == 1
                && first == *b"G"
                && let Some(Answer::Reset(bytes)) = self.answers.get(self.asked())
            {
                // a connection that is closed with something unread is reset
                self.seen.0.lock().unwrap().asked += 1;
                return (&*connection).write_all(bytes);
            }
            let Some((start, headers)) = read_head(&mut reader)? else { return Ok(()) };
            let body = if headers.contains_key("transfer-encoding") {
                let chunks = std::iter::from_fn(|| read_chunk(&mut reader).transpose());
                let body = chunks.collect::<io::Result<Vec<_>>>()?.concat();
                read_headers(&mut reader)?;
                body
            } else {
                read_sized(&mut reader, &headers)?
            };
            let request = Message { start, headers, body };
            let mut seen = self.seen.0.lock().unwrap();
            if request.start.starts_with("GET") {
                seen.asked += 1;
                let answer = self.answers.get(seen.asked - 1).cloned();
                drop(seen);
                match answer {
                    Some(answer) => give(connection, answer)?,
                    None => return ignore(reader),
                }
            } else {
                seen.posts.push((request.path().to_owned(), request.body));
                drop(seen);
                self.seen.1.notify_all();
                give(connection, Answer::clone(&self.receipt))?;
            }
        }
    }

    fn function(&self) -> Running {
        self.run(Function::bash(ECHO))
    }

    fn run(&self, function: Function) -> Running {
        function.env("AWS_LAMBDA_RUNTIME_API", &self.address.to_string()).start()
    }

    fn asked(&self) -> usize {
        self.seen.0.lock().unwrap().asked
    }

    /// The posts, once there are this many.
    fn posts(&self, count: usize) -> Vec<(String, Vec<u8>)> {
        let seen = self.seen.0.lock().unwrap();
        let (seen, _) = self.seen.1.wait_timeout_while(seen, PATIENCE, |seen| seen.posts.len() < count).unwrap();
        assert_eq!(seen.posts.len(), count);
        seen.posts.clone()
    }
}

fn give(mut connection: &TcpStream, answer: Answer) -> std::io::Result<()> {
    match answer {
        Answer::Whole(bytes) => connection.write_all(&bytes),
        Answer::Dripping(bytes) => bytes.iter().try_for_each(|byte| {
            thread::sleep(Duration::from_micros(500));
            connection.write_all(&[*byte])
        }),
        Answer::Cut(bytes) | Answer::Reset(bytes) => {
            connection.write_all(&bytes)?;
            connection.shutdown(Shutdown::Both)
        }
    }
}

fn event(id: &str, length_or_encoding: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n\
         Content-Type: application/json\r\n{length_or_encoding}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn sized(id: &str, body: &str) -> Vec<u8> {
    event(id, &format!("Content-Length: {}", body.len()), body)
}

fn response_of(id: &str, body: &str) -> (String, Vec<u8>) {
    (format!("/2018-06-01/runtime/invocation/{id}/response"), body.into())
}

#[test]
fn what_comes_byte_by_byte_comes_whole() {
    let body = "drop ".repeat(200);
    let raw = Raw::start([Answer::Dripping(sized("slow", &body)), Answer::Whole(sized("next", "fine"))]);
    let function = raw.function();
    let posts = raw.posts(2);
    assert_eq!(posts, [response_of("slow", &body), response_of("next", "fine")]);
    assert_eq!(function.log(), "");
}

#[test]
fn an_event_in_chunks_is_one_event() {
    let chunks = "4\r\n1234\r\n3;name=value\r\n567\r\n0\r\n\r\n";
    let chunked = event("chunks", "Transfer-Encoding: chunked", chunks);
    let raw = Raw::start([Answer::Dripping(chunked), Answer::Whole(sized("next", "fine"))]);
    let _function = raw.function();
    assert_eq!(raw.posts(2), [response_of("chunks", "1234567"), response_of("next", "fine")]);
}

#[test]
fn connections_that_are_closed_between_events_are_made_anew() {
    let raw = Raw::start([Answer::Cut(sized("first", "1")), Answer::Cut(sized("second", "2"))]);
    let _function = raw.function();
    assert_eq!(raw.posts(2), [response_of("first", "1"), response_of("second", "2")]);
}

/// Answers that are no event, and a part of what is said of each.
fn no_events() -> Vec<(&'static str, Answer, &'static str)> {
    let answer = |text: &str| text.replace('\n', "\r\n").into_bytes();
    let half = sized("half", "0123456789");
    let half = &half[..half.len() - 5];
    vec![
        ("500", Answer::Whole(answer("HTTP/1.1 500 Oops\nContent-Length: 2\n\n{}")), "no event"),
        ("403", Answer::Whole(answer("HTTP/1.1 403 Forbidden\nContent-Length: 0\n\n")), "no event"),
        (
            "redirect",
            Answer::Whole(answer("HTTP/1.1 302 Found\nLocation: /elsewhere\nContent-Length: 0\n\n")),
            "no event",
        ),
        ("no id", Answer::Whole(answer("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}")), "no event"),
        ("garbage", Answer::Cut(answer("\0\u{1}garbage\n\n")), "invalid HTTP"),
        ("nothing", Answer::Cut(Vec::new()), "connection closed"),
        ("half a head", Answer::Cut(answer("HTTP/1.1 200 OK\nLambda-Run")), "connection closed"),
        ("half a body", Answer::Cut(half.to_vec()), "end of file before message length reached"),
        ("a reset body", Answer::Reset(half.to_vec()), "Connection reset"),
        ("no length", Answer::Whole(event("x", "Transfer-Encoding: chunked", "zz\r\n")), "Invalid chunk size"),
    ]
}

#[test]
fn what_is_no_event_is_asked_for_again_and_ends_with_one_line() {
    // at the same time: the pauses between six requests take 1.5 seconds
    let threads: Vec<_> = no_events()
        .into_iter()
        .map(|(case, given, said)| {
            thread::spawn(move || {
                let raw = Raw::start(vec![given; 6]);
                let mut function = raw.function();
                assert_eq!(function.wait().code(), Some(1), "{case}");
                let log = function.log();
                assert!(log.starts_with("bootstrap: the runtime ends: ") && log.lines().count() == 1, "{case}: {log}");
                assert!(log.contains(said), "{case}: {log}");
                assert_eq!((raw.asked(), raw.posts(0).len()), (6, 0), "{case}");
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn an_event_that_comes_after_failures_is_answered() {
    let mut answers: Vec<_> = no_events().into_iter().map(|(_, answer, _)| answer).take(5).collect();
    answers.push(Answer::Whole(sized("first", "1")));
    answers.push(Answer::Whole(sized("second", "2")));
    let raw = Raw::start(answers);
    let function = raw.function();
    assert_eq!(raw.posts(2), [response_of("first", "1"), response_of("second", "2")]);
    assert_eq!(function.log(), "");
}

#[test]
fn a_receipt_is_its_status_whatever_follows() {
    let receipts = [
        ("202 Accepted", "\r\n", "stays open"),
        ("202 Accepted", "\r\nhalf", "stays open"),
        ("202 Accepted", "Content-Length: 100\r\n\r\nhalf", "stays open"),
        ("202 Accepted", "Content-Length: 100\r\n\r\nhalf", "is closed"),
        ("202 Accepted", "Content-Length: many\r\n\r\n", "stays open"),
        ("202 Accepted", "Transfer-Encoding: chunked\r\n\r\n5\r\nhalf", "stays open"),
        ("202 Accepted", "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "is closed"),
        ("410 Gone", "\r\n", "stays open"),
        ("413 Payload Too Large", "Content-Length: 100\r\n\r\ntoo large", "stays open"),
    ];
    thread::scope(|scope| {
        for (status, rest, end) in receipts {
            for mode in ["buffered", "streaming"] {
                scope.spawn(move || {
                    let bytes = format!("HTTP/1.1 {status}\r\n{rest}").into_bytes();
                    let receipt = if end == "is closed" { Answer::Cut(bytes) } else { Answer::Whole(bytes) };
                    let events = [Answer::Whole(sized("first", "1")), Answer::Whole(sized("second", "2"))];
                    let raw = Raw::start_with(events, receipt);
                    let began = Instant::now();
                    let function = raw.run(Function::bash(ECHO).env("SCRIPT_RUNTIME_RESPONSE_MODE", mode));
                    until("a request for a third event", || raw.asked() == 3);
                    let case = format!("{status} {rest:?} {end} {mode}: {}", function.log());
                    assert!(began.elapsed() < Duration::from_secs(30), "{case}");
                    assert_eq!(raw.posts(2), [response_of("first", "1"), response_of("second", "2")], "{case}");
                    let log = function.log();
                    assert_eq!(log.lines().count(), if status.starts_with("202") { 0 } else { 2 }, "{case}");
                    assert!(log.lines().all(|line| line.contains(status)), "{case}");
                });
            }
        }
    });
}

#[test]
fn an_event_that_stops_in_the_middle_is_asked_for_again() {
    let whole = sized("half", "0123456789");
    let chunked = event("half", "Transfer-Encoding: chunked", "5\r\nab");
    let endless = event("half", "X-No-Length: 1", "{}");
    thread::scope(|scope| {
        for half in [&whole[..20], &whole[..whole.len() - 5], &chunked, &endless] {
            scope.spawn(move || {
                let raw = Raw::start([
                    Answer::Whole(half.to_vec()),
                    Answer::Whole(sized("first", "1")),
                    Answer::Whole(half.to_vec()),
                    Answer::Whole(sized("second", "2")),
                ]);
                let function = raw.function();
                let case = String::from_utf8_lossy(half);
                assert_eq!(raw.posts(2), [response_of("first", "1"), response_of("second", "2")], "{case}");
                assert_eq!(function.log(), "", "{case}");
            });
        }
    });
}

#[test]
fn a_folded_header_is_one_line_and_a_malformed_one_is_left_out() {
    let code =
        "handler() { printf %s \"${AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT-none} ${AWS_LAMBDA_RUNTIME_TENANT_ID-none}\"; }";
    for (lines, answer, left_out) in [
        ("Client-Context: a,\r\n b\r\n\tc", "a, b c none", None),
        ("Client-Context: a\r\n \r\nLambda-Runtime-Aws-Tenant-Id: t", "a t", None),
        ("Client-Context: a\r\nno colon\r\nLambda-Runtime-Aws-Tenant-Id: t", "a t", Some("\"no colon\", 1 in all")),
        (
            "Client-Context : a\r\n b\r\n: c\r\nLambda-Runtime-Aws-Tenant-Id: t",
            "none t",
            Some("Client-Context : a\", 3 in all"),
        ),
        ("Client-Context: a\0b\r\nLambda-Runtime-Aws-Tenant-Id: t", "none t", Some(", 1 in all")),
    ] {
        let answers = ["first", "second"]
            .map(|id| Answer::Whole(event(id, &format!("Lambda-Runtime-{lines}\r\nContent-Length: 2"), "{}")));
        let raw = Raw::start(answers);
        let function = raw.run(Function::bash(code));
        assert_eq!(raw.posts(2), [response_of("first", answer), response_of("second", answer)], "{lines:?}");
        let log = function.log();
        assert_eq!(log.lines().count(), if left_out.is_some() { 2 } else { 0 }, "{log}");
        for line in log.lines() {
            assert!(line.contains("WARN malformed header lines") && line.contains(left_out.unwrap()), "{log}");
        }
    }
}

#[test]
fn values_of_headers_are_bytes() {
    let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: bytes\r\nLambda-Runtime-Client-Context: ";
    let bytes = [head.as_bytes(), b"\xe4\xff\x80 {}\r\nContent-Length: 2\r\n\r\n{}"].concat();
    let raw = Raw::start([Answer::Whole(bytes), Answer::Whole(sized("next", "fine"))]);
    let code = "handler() { printf %s \"${AWS_LAMBDA_RUNTIME_CLIENT_CONTEXT-none}\"; }";
    let _function = Function::bash(code).env("AWS_LAMBDA_RUNTIME_API", &raw.address.to_string()).start();
    let posts = raw.posts(2);
    assert_eq!(posts[0].1, b"\xe4\xff\x80 {}");
    assert_eq!(posts[1].1, b"none");
}

#[test]
fn waiting_costs_no_time_of_the_processor() {
    let raw = Raw::start([]);
    let function = raw.function();
    until("a request for the next event", || raw.asked() == 1);
    let used = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", function.pid())).unwrap();
        // user and system time, in hundredths of a second
        stat.split(' ').skip(13).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum::<u64>()
    };
    let before = used();
    thread::sleep(Duration::from_secs(1));
    assert!(used() - before <= 2, "{} ticks", used() - before);
    assert_eq!(raw.asked(), 1);
}
