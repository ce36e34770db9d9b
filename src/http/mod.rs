//! HTTP requests as events, and answers as HTTP responses.

pub mod cgi;
pub mod media_type;
