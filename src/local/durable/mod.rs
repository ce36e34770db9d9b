//! The embedded service of durable functions: it replaces Lambda's service in local runs.
//!
//! 1. `execution` is one execution with its rules, `state` has all executions, `file` stores them.
//! 2. `desk` is the service for handlers, and `schedule` invokes them when an operation has changed.
//! 3. `run` is one execution as a command, `answer` answers its callbacks, `table` shows its operations.
//! 4. `served` has the executions of a server, `api` the API calls about them.

pub mod answer;
pub mod api;
mod desk;
mod execution;
pub mod file;
pub mod functions;
mod inbox;
pub mod link;
mod report;
pub mod run;
pub mod schedule;
pub mod served;
mod state;
mod table;
