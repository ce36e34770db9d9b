//! Which content types are text, and so can stand in JSON as they are.

/// Whether this is the content type of a text: `text/html; charset=utf-8`, `application/problem+json`, but no form,
/// which API Gateway and function URLs give in base64, too.
pub fn is_text(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(essence.as_str(), "application/json" | "application/xml" | "application/javascript")
}
