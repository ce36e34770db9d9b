//! Answers that are streamed to callers of a local server.

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
};

use crate::support::{
    Function,
    http::read_chunk,
    served::{PATH, Served},
    until,
};

fn streaming(code: &str, options: &[&str]) -> Served {
    Function::bash(code).env("SCRIPT_RUNTIME_RESPONSE_MODE", "streaming").serve(options)
}

/// Sends a request for this event, and gives what comes behind the head of the response.
fn request(served: &Served, path: &str) -> BufReader<TcpStream> {
    let (head, reader) = served.send(&format!("POST {path}"), &[], "{}").chunks();
    assert_eq!(head.status, 200);
    for (name, value) in [("content-type", "application/octet-stream"), ("transfer-encoding", "chunked")] {
        assert_eq!(head.headers[name], value);
    }
    reader
}

/// The next chunk; `None` at the end.
fn chunk(reader: &mut impl BufRead) -> Option<String> {
    read_chunk(reader).unwrap().map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn parts_reach_the_caller_as_they_come() {
    for (options, path) in [(&["--http"][..], "/a"), (&[], PATH)] {
        let served =
            streaming("handler() { echo one; until [[ -e go ]]; do sleep 0.01; done; rm go; echo two; }", options);
        for _ in 0..2 {
            let mut reader = request(&served, path);
            assert_eq!(chunk(&mut reader).unwrap(), "one\n");
            std::fs::write(served.running.task_root.path().join("go"), "").unwrap();
            assert_eq!(chunk(&mut reader).unwrap(), "two\n");
            assert_eq!(chunk(&mut reader), None);
        }
    }
}

#[test]
fn an_error_in_mid_stream_breaks_the_body_off() {
    for (options, path) in [(&["--http"][..], "/a"), (&[], PATH)] {
        let served = streaming("handler() { echo part; [[ -e fine ]] || exit 3; }", options);
        let mut reader = request(&served, path);
        assert_eq!(chunk(&mut reader).unwrap(), "part\n");
        let mut rest = Vec::new();
        let _ = reader.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:?}");
        served.running.wait_for_log("Function.ExitStatus");
        std::fs::write(served.running.task_root.path().join("fine"), "").unwrap();
        let mut reader = request(&served, path);
        assert_eq!((chunk(&mut reader).unwrap().as_str(), chunk(&mut reader)), ("part\n", None));
    }
}

#[test]
fn an_error_before_the_first_byte_is_a_502() {
    let served = streaming("handler() { exit 3; }", &["--http"]);
    for _ in 0..2 {
        assert_eq!(served.send("GET /", &[], "").response().status, 502);
    }
}

#[test]
fn a_slow_caller_slows_the_handler_and_one_that_goes_away_does_not_stop_it() {
    let code = "handler() { for i in {1..1000}; do head -c 65536 /dev/zero; echo $i >written; done; }";
    let served = streaming(code, &["--http", "--timeout", "100"]);
    let written = || std::fs::read_to_string(served.running.task_root.path().join("written")).unwrap_or_default();
    let reader = request(&served, "/");
    let mut last = (written(), std::time::Instant::now());
    until("a handler that waits", || {
        if written() != last.0 {
            last = (written(), std::time::Instant::now());
        }
        !last.0.is_empty() && last.1.elapsed().as_millis() > 300
    });
    assert!(last.0.trim().parse::<usize>().unwrap() < 500, "{}", last.0);
    drop(reader);
    until("its end", || written() == "1000\n");
    let mut all = Vec::new();
    let mut reader = request(&served, "/");
    while let Some(part) = chunk(&mut reader) {
        all.extend_from_slice(part.as_bytes());
    }
    assert_eq!(all.len(), 65_536_000);
}
