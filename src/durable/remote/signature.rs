//! Signature Version 4, as in AWS's SDKs for all services except S3.
//!
//! The crate `aws-sigv4` is not used, because it needs 60 more crates. The tests compare the signatures with
//! botocore's.

use std::{fmt::Write, time::SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::target::Credentials;

/// The bytes that AWS encodes in a path or a query: all except these four, letters and digits.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same for a whole path.
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// The service's name in a signature.
const SERVICE: &str = "lambda";

/// The parts of a request that are signed.
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// The value of the header: with the port, unless it is the scheme's default.
    pub(super) host: &'a str,
    /// The path of the request: encoded once. The signature uses the path encoded once more.
    pub(super) path: &'a str,
    /// The query of the request: encoded, in alphabetical order.
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

/// The further headers of a signed request. `content-type: application/json` and `host` are signed, too.
pub(super) fn headers(
    credentials: &Credentials,
    region: &str,
    request: &Signed<'_>,
    now: SystemTime,
) -> Vec<(&'static str, String)> {
    let time = date_and_time(now);
    let date = &time[..8];
    let mut signed = vec![
        ("content-type", "application/json".to_owned()),
        ("host", request.host.to_owned()),
        ("x-amz-date", time.clone()),
    ];
    signed.extend(credentials.session_token.clone().map(|token| ("x-amz-security-token", token)));
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let mut canonical =
        format!("{}\n{}\n{}\n", request.method, utf8_percent_encode(request.path, ENCODED_PATH), request.query);
    for (name, value) in &signed {
        let _ = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _ = write!(canonical, "\n{names}\n{}", hash(request.body));
    let scope = format!("{date}/{region}/{SERVICE}/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(canonical.as_bytes()));
    let first = format!("AWS4{}", credentials.secret_access_key).into_bytes();
    let key = [date, region, SERVICE, "aws4_request"].iter().fold(first, |key, part| sign(&key, part));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        credentials.access_key_id,
        hex(&sign(&key, &text))
    );
    signed.retain(|(name, _)| name.starts_with("x-amz-"));
    signed.push(("authorization", authorization));
    signed
}

fn sign(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A time as `20260102T030405Z`, made of `Fri, 02 Jan 2026 03:04:05 GMT`.
fn date_and_time(time: SystemTime) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = httpdate::fmt_http_date(time);
    let month = MONTHS.find(&text[8..11]).expect("BUG: a date of HTTP has a month") / 3 + 1;
    let clock = text[17..25].replace(':', "");
    format!("{}{month:02}{}T{clock}Z", &text[12..16], &text[5..7])
}
