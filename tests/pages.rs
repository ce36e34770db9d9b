//! What the pages on operations claim, as it stands there.

mod aws;
mod limits;
mod links;
mod migrate;
mod performance;
mod security;
mod snapstart;
mod troubleshooting;
