//! The embedded service of durable functions: what Lambda keeps for an execution is kept here, for runs on a desk.

pub mod execution;
