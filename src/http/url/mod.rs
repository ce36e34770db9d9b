//! A function URL of Lambda: HTTP requests as events, answers as HTTP responses.

pub mod event;
pub mod response;
