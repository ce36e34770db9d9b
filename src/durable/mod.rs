//! Durable functions: an execution is many invocations of the same handler, and a service keeps what it has done.

pub mod message;
pub mod operation;
pub mod remote;
pub mod service;
