//! The host of a request.

/// A host without its port: `[::1]:80` is `[::1]`.
pub fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|address| address.find(']')) {
        Some(end) => &host[..end + 2],
        None => host.split(':').next().unwrap_or_default(),
    }
}
