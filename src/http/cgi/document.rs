//! The document that a CGI program writes: a head, and a body that is passed on unchanged.

use std::{mem, sync::Arc};

use bytes::{Bytes, BytesMut};
use http::header;

use super::{super::prelude::Part, head::take_head, sender::Sender};
use crate::{
    event::invocation::{Invocation, Request},
    failure::secrets::Secrets,
    failure::{ErrorType, Failure},
    logs::Origin,
    settings::Settings,
};

pub(in crate::http) struct Document {
    pub(in crate::http) sender: Sender,
    origin: Origin,
    /// For an error that shows how the document begins.
    secrets: Arc<Secrets>,
    is_head_request: bool,
    state: State,
}

enum State {
    Head(BytesMut),
    /// The head is complete. `missing`: the number of bytes of its `Content-Length` that have not come yet.
    Body {
        missing: usize,
    },
    /// There is no valid head, for this reason. The rest is dropped.
    Invalid(Failure),
}

impl Document {
    pub(super) fn new(settings: &Settings, sender: Sender, invocation: &Invocation, request: Option<&Request>) -> Self {
        let is_head = |(name, value): &(String, Vec<u8>)| name == "REQUEST_METHOD" && value == b"HEAD";
        Self {
            sender,
            origin: Origin::of(invocation),
            secrets: Arc::clone(&settings.secrets),
            is_head_request: request.is_some_and(|request| request.variables.iter().any(is_head)),
            state: State::Head(BytesMut::new()),
        }
    }

    /// Takes bytes of the document, and returns the parts that they complete.
    pub(in crate::http) fn take(&mut self, bytes: Bytes, is_last: bool) -> Vec<Part> {
        let (mut head, mut body) = (None, bytes);
        if let State::Head(begin) = &mut self.state {
            begin.extend_from_slice(&body);
            match take_head(begin, is_last) {
                Ok(Some(prelude)) => {
                    body = mem::take(begin).freeze();
                    let has_body = !self.is_head_request && !matches!(prelude.status.as_u16(), 204 | 304);
                    let length = prelude.headers.get(header::CONTENT_LENGTH).filter(|_| has_body);
                    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
                    self.state = State::Body { missing: length.unwrap_or(0) };
                    head = Some(Part::Head(prelude));
                }
                Ok(None) => {}
                Err(failure) => self.state = State::Invalid(failure),
            }
        }
        let State::Body { missing } = &mut self.state else { return Vec::new() };
        *missing = missing.saturating_sub(body.len());
        let body = (!body.is_empty()).then_some(Part::Body(body));
        head.into_iter().chain(body).collect()
    }

    /// The outcome of the event. If the program has written its whole document, the event has an answer, even if the
    /// status is not 0.
    pub(in crate::http) fn judge(self, ended: Result<(), Failure>) -> Result<(), Failure> {
        match (ended, self.state) {
            (Ok(()), State::Invalid(failure)) => Err(self.secrets.masked(failure)),
            (Err(failure), State::Body { missing: 0 })
                if failure.diagnostic.error_type == ErrorType::ExitStatus.name() =>
            {
                let message = failure.diagnostic.error_message;
                self.origin.warn(format_args!("the caller has the whole document, but {message}"));
                Ok(())
            }
            (ended, _) => ended,
        }
    }
}
