//! HTTP as events: function URLs (requests to events, answers to responses), CGI, media types, the prelude of a streamed
//! response.
//!
//! `lambda` and `local`, which have the caller, use it. A slot does not depend on HTTP.

pub mod answer;
pub mod cgi;
mod fields;
pub mod prelude;
pub mod url;
