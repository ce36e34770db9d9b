//! An event with its headers, and streamed answers.

pub mod headers;
pub mod invocation;
pub mod stream;
pub mod suspension;
