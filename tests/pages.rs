//! The claims and the code of the pages on operations.

mod aws;
mod limits;
mod links;
mod migrate;
mod performance;
mod security;
mod snapstart;
mod troubleshooting;
