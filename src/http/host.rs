//! The host of a request.

/// A host without its port: `[::1]:80` is `[::1]`.
#[must_use]
pub fn name_of(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|address| address.find(']')) {
        Some(end) => &host[..end + 2],
        None => host.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_port() {
        for (host, name) in [
            ("a.org:80", "a.org"),
            ("a.org", "a.org"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("[", "["),
            ("", ""),
        ] {
            assert_eq!(name_of(host), name);
        }
    }
}
