//! One connection to the small Runtime API: reads requests, writes events and receipts.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use super::{
    super::http::{Headers, ignore, read_chunk, read_head, read_headers, read_sized},
    Api, Body, Chunk, Event, Reception,
};

/// Answers the requests of one connection until it is closed.
pub(super) fn serve(api: &Api, connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut writer = connection.try_clone()?;
    let mut reader = BufReader::with_capacity(1 << 20, connection);
    loop {
        let Some((line, headers)) = read_head(&mut reader)? else { return Ok(()) };
        let path = line.split(' ').nth(1).unwrap();
        if path.ends_with("/invocation/next") {
            let event = api.next()?;
            let response = response(&event);
            // before the event is written: the answer may come before this thread runs again
            api.lock().handed_out.insert(event.id().to_owned(), Instant::now());
            writer.write_all(&response)?;
        } else if path.ends_with("/restore/next") {
            let status = api.next_restore()?;
            write!(writer, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
            if status.starts_with("200") {
                // a copy has no open connections
                return ignore(reader);
            }
        } else if path.ends_with("/extension/register") {
            assert_eq!(read_sized(&mut reader, &headers)?, br#"{"events":[]}"#);
            assert_eq!(headers["lambda-extension-name"], "lambda-script-runtime");
            api.note_extension(false);
            if api.lock().ignores_extensions {
                return ignore(reader);
            }
            write!(writer, "HTTP/1.1 200 OK\r\nlambda-extension-identifier: ext-1\r\ncontent-length: 2\r\n\r\n{{}}")?;
        } else if path.ends_with("/extension/event/next") {
            assert_eq!(headers["lambda-extension-identifier"], "ext-1");
            api.note_extension(true);
            // no event comes any more
            return ignore(reader);
        } else if !receive(api, path, headers, &mut reader, &mut writer)? {
            return Ok(());
        }
    }
}

/// Receives a post in the next way of reception. Returns whether the connection stays open.
fn receive(
    api: &Api,
    path: &str,
    headers: Headers,
    reader: &mut impl BufRead,
    writer: &mut TcpStream,
) -> io::Result<bool> {
    let reception = api.lock().receptions.pop_front();
    let breaks_off = matches!(reception, Some(Reception::Reset | Reception::Never));
    let (body, is_whole) = if headers.contains_key("transfer-encoding") {
        read_chunks(api, reception.as_ref(), reader)?
    } else {
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let read = if breaks_off { length / 2 } else { length };
        let mut bytes = Vec::with_capacity(read);
        reader.take(read as u64).read_to_end(&mut bytes)?;
        let is_whole = bytes.len() == length;
        (Body { bytes, ..Body::default() }, is_whole)
    };
    if let Some(Reception::Never) = reception {
        api.lock().stalled += 1;
        api.shared.observed.notify_all();
        // the connection stays open
        ignore(&mut *writer)?;
    }
    if breaks_off || !is_whole && !matches!(reception, Some(Reception::Status(_))) {
        return Ok(false);
    }
    api.note(path, headers, body);
    if let Some(Reception::Held) = reception {
        api.shared.observed.notify_all();
        api.wait_until_given(|state| state.released.then_some(()))?;
    }
    let status = match reception {
        Some(Reception::Status(status)) => status,
        _ => "202 Accepted",
    };
    let body = format!(r#"{{"status":"{status}"}}"#);
    let response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let written = writer.write_all(response.as_bytes());
    // last, so that a test that waits for the post does not take the processor from the bootstrap
    api.shared.observed.notify_all();
    written.map(|()| is_whole)
}

/// Reads a chunked body and its trailers, and returns whether it is complete. If the post is refused or reset, only the
/// first chunk is read.
fn read_chunks(api: &Api, reception: Option<&Reception>, reader: &mut impl BufRead) -> io::Result<(Body, bool)> {
    let mut body = Body::default();
    while let Some(bytes) = read_chunk(reader)? {
        body.bytes.extend_from_slice(&bytes);
        let chunk = Chunk { bytes, at: Instant::now() };
        api.note_chunk(chunk.clone());
        body.chunks.push(chunk);
        match reception {
            None | Some(Reception::Held) => {}
            Some(Reception::Slow) => api.wait_until_given(|state| state.released.then_some(()))?,
            Some(Reception::Status(_) | Reception::Reset | Reception::Never) => return Ok((body, false)),
        }
    }
    body.trailers = read_headers(reader)?;
    Ok((body, true))
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
        ("lambda-runtime-trace-id".to_owned(), "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1".to_owned()),
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
