//! The embedded service of durable functions: what Lambda keeps for an execution is kept here, for runs on a desk.
//!
//! 1. `execution` is one execution with its rules, `state` all of them, `file` the place where they are kept.
//! 2. `desk` is the service for the handlers, and `schedule` invokes them when something has happened.
//! 3. `run` is one execution as a command, `answer` answers its callbacks, `table` shows its operations.
//! 4. `served` are the executions of a server, `api` the calls that ask for them.

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
