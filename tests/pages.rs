//! What the pages on operations claim, as it stands there.

mod aws;
mod limits;
mod migrate;
mod performance;
mod security;
mod snapstart;
mod troubleshooting;
