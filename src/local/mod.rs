//! Runs without Lambda.

pub mod durable;
pub mod one_shot;
pub mod serve;
mod watch;

use std::{io::Write, time::Duration};

use bytes::Bytes;

use crate::{
    event::headers::Headers,
    event::invocation::{self, Invocation},
    logs::{own_line, tail},
    process::Children,
    settings::Settings,
};

/// An invocation with Lambda's headers, without a deadline. `own` are the caller's headers.
fn invocation(settings: &Settings, event: Bytes, own: Headers) -> Invocation {
    let mut headers = own;
    let arn = format!("arn:aws:lambda:us-east-1:012345678912:function:{}", settings.function_name);
    for (header, value) in [
        (invocation::REQUEST_ID, uuid::Uuid::new_v4().to_string()),
        (invocation::FUNCTION_ARN, arn),
        ("content-type", "application/json".to_owned()),
    ] {
        if headers.get(header).is_none() {
            headers.append(header, value);
        }
    }
    Invocation::new(headers, event)
}

/// Prints the `REPORT` line of an event, as Lambda logs it.
fn report(request_id: Option<&str>, init: Option<Duration>, ran: Duration, children: &Children) {
    let id = request_id.map(|id| format!("RequestId: {id}\t")).unwrap_or_default();
    let init = init.map(|init| format!("Init Duration: {:.2} ms\t", milliseconds(init))).unwrap_or_default();
    let (ran, memory) = (milliseconds(ran), children.peak_memory().div_ceil(1 << 20));
    let line = format!("REPORT {id}{init}Duration: {ran:.2} ms\tMax Memory Used: {memory} MB\n");
    tail::add_line(request_id.unwrap_or_default(), &line);
    // a closed standard error has no reader
    let _ = own_line().write_all(line.as_bytes());
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
