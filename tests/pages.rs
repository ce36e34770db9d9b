//! What the pages on operations claim, as it stands there.

mod aws;
mod performance;
mod snapstart;
