//! HTTP as events: requests to events and back (function URLs), CGI, media types, the head of a streamed response.
//!
//! Callers of a handler use it; the handler's slot knows nothing of HTTP.

pub mod answer;
pub mod cgi;
pub mod host;
pub mod media_type;
pub mod part;
pub mod prelude;
pub mod url;
