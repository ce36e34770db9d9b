//! What stands between the start of the process and its first event: the command line, the exec wrapper, and whether this
//! is the main process of a container.

pub mod cli;
pub mod container;
pub mod wrapper;
