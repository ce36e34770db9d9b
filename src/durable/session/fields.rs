//! The fields of requests and replies.

use crate::durable::{message::Message, operation::ErrorObject};

/// An invalid request: the client reports the error, and the handler continues.
pub struct Refused(pub String);

/// The reply, or the reason of a refusal.
pub type Answered = Result<Message, Refused>;

pub fn done(result: String) -> Message {
    Message::new("done").with("result", result)
}

pub fn refused(message: String) -> Message {
    Message::new("refused").with("message", message)
}

/// The error of a result that cannot be stored.
pub fn invalid_result(message: String) -> ErrorObject {
    ErrorObject::new("Durable.InvalidResult", message)
}

/// A number of a request.
pub fn number(request: &Message, key: &str) -> Result<Option<f64>, Refused> {
    let Some(text) = request.text(key).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.map(Some).ok_or_else(|| Refused(format!("`{key}` is a number, not `{text}`")))
}

/// A text of a request.
pub fn text(request: &Message, key: &str) -> Result<Option<String>, Refused> {
    let Some(bytes) = request.value(key) else { return Ok(None) };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(error) => Err(Refused(format!(
            "the {key} is no UTF-8 text at byte {}: encode it, as by `base64`",
            error.valid_up_to()
        ))),
    }
}
