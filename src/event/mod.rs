//! An event with its headers, and an answer that is passed on while it is written.

pub mod headers;
pub mod invocation;
pub mod stream;
pub mod suspension;
