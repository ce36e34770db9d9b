//! HTTP as events: function URLs (requests to events, answers to responses), CGI, media types, the prelude of a streamed
//! response.
//!
//! `lambda` and `local` use it, which have the caller. A slot knows nothing of HTTP.

pub mod answer;
pub mod cgi;
mod fields;
pub mod prelude;
pub mod url;
