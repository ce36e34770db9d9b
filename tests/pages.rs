//! What the pages on operations claim, as it stands there.

mod aws;
