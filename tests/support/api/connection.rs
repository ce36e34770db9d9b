//! One connection to the small Runtime API: reads requests, writes events and receipts.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use super::{Api, Event, Reception};

/// Answers the requests of one connection until it is closed.
pub(super) fn serve(api: &Api, connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::with_capacity(1 << 20, connection);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap();
        let headers = read_headers(&mut reader)?;
        if path.ends_with("/invocation/next") {
            let event = api.next();
            let response = response(&event);
            // before it is written: the answer may be there before this thread runs again
            api.lock().handed_out.insert(event.id().to_owned(), Instant::now());
            writer.write_all(&response)?;
        } else if path.ends_with("/restore/next") {
            let status = api.next_restore();
            write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
            if status.starts_with("200") {
                // a copy has none of the connections of before: who uses this one again hears nothing
                thread::park();
            }
        } else if !receive(api, path, headers, &mut reader, &mut writer)? {
            return Ok(());
        }
    }
}

/// Receives a post as is next. Says whether the connection goes on.
fn receive(
    api: &Api,
    path: &str,
    headers: HashMap<String, String>,
    reader: &mut impl BufRead,
    writer: &mut TcpStream,
) -> io::Result<bool> {
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let reception = api.lock().receptions.pop_front();
    let breaks_off = matches!(reception, Some(Reception::Reset | Reception::Never));
    let read = if breaks_off { length / 2 } else { length };
    let mut body = Vec::with_capacity(read);
    reader.take(read as u64).read_to_end(&mut body)?;
    if let Some(Reception::Never) = reception {
        api.lock().stalled += 1;
        api.shared.observed.notify_all();
        // the connection stays open
        writer.read_exact(&mut [0]).map(|()| thread::park())?;
    }
    if breaks_off || body.len() < length {
        return Ok(false);
    }
    api.note(path, headers, body);
    if let Some(Reception::Held) = reception {
        api.shared.observed.notify_all();
        api.wait_until_given(|state| state.released.then_some(()));
    }
    let status = match reception {
        Some(Reception::Status(status)) => status,
        _ => "202 Accepted",
    };
    let body = format!(r#"{{"status":"{status}"}}"#);
    let response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let written = writer.write_all(response.as_bytes());
    // last: whoever waits for the post shall not take the processor from the bootstrap
    api.shared.observed.notify_all();
    written.map(|()| true)
}

pub fn read_headers(reader: &mut impl BufRead) -> io::Result<HashMap<String, String>> {
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { return Ok(headers) };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

fn response(event: &Event) -> Vec<u8> {
    let deadline = Event::default().deadline_in(Duration::from_secs(300)).headers.remove(0);
    let usual = [
        deadline,
        ("content-type".to_owned(), "application/json".to_owned()),
        (
            "lambda-runtime-invoked-function-arn".to_owned(),
            "arn:aws:lambda:us-east-1:123456789012:function:f".to_owned(),
        ),
        (
            "lambda-runtime-trace-id".to_owned(),
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1".to_owned(),
        ),
    ];
    let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in &usual {
        if !event.headers.iter().any(|(own, _)| own == name) {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
    }
    for (name, value) in event.headers.iter().filter(|(_, value)| !value.is_empty()) {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", event.body.len()).as_bytes());
    bytes.extend_from_slice(&event.body);
    bytes
}
