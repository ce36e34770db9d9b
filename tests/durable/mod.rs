//! Durable functions: the command against the real socket, faults against a stand-in of the service, and AWS's own runner
//! with its conformance suite.

mod calls;
mod command;
mod conformance;
mod deadline;
mod desk;
mod errors;
mod execution;
mod faults;
mod functions;
mod lisp;
mod places;
mod powershell;
mod runner;
mod served;
mod service;
mod tls;
