//! The start of the process: the command line, the exec wrapper, the main process of a container.

pub mod cli;
pub mod container;
pub mod wrapper;
