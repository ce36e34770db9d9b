//! The service that the environment names: its URL, its region and the credentials.

use std::{
    fmt::{self, Debug, Formatter},
    path::PathBuf,
};

use http::{Uri, uri::Scheme};

use crate::settings::{Environment, Variable, variable};

/// The suffixes of the host names in AWS's partitions, by the prefixes of their regions; `amazonaws.com` for all
/// others.
const SUFFIXES: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov"),
];

/// The reason why no service can be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    /// A variable is not set.
    #[error("`{0}` is not set: a durable function needs {1}")]
    Missing(&'static str, &'static str),
    /// A value is invalid.
    #[error("`{0}` is `{1}`: it takes a URL as `https://HOST` or `http://HOST:PORT/PATH`")]
    NoUrl(&'static str, String),
    /// A value cannot be put into a header.
    #[error("`{0}` has a character that no header can have")]
    NotPrintable(&'static str),
}

/// The address of the service, and the credentials.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) is_tls: bool,
    /// The value of the header: with the port, unless it is the scheme's default.
    pub(super) host: String,
    /// The host as a name or an address, and the port.
    pub(super) address: (String, u16),
    /// The prefix of all paths, without a slash at its end.
    pub(super) prefix: String,
    /// The file with the root certificates, if not those of the system.
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) region: String,
    pub(super) credentials: Credentials,
}

/// The credentials of the function's role.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

impl Debug for Credentials {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credentials")
    }
}

impl Target {
    pub(super) fn of(environment: &Environment) -> Result<Self, TargetError> {
        let region = [variable::REGION, variable::DEFAULT_REGION];
        let region = region.into_iter().find_map(|variable| text(environment, variable).transpose());
        let region = region.ok_or(TargetError::Missing(variable::REGION.name, "the region it runs in"))??;
        let credential = |variable: Variable| {
            let missing = || TargetError::Missing(variable.name, "the credentials of its role");
            text(environment, variable)?.ok_or_else(missing)
        };
        let credentials = Credentials {
            access_key_id: credential(variable::ACCESS_KEY_ID)?,
            secret_access_key: credential(variable::SECRET_ACCESS_KEY)?,
            session_token: text(environment, variable::SESSION_TOKEN)?,
        };
        let urls = [variable::ENDPOINT_URL_LAMBDA, variable::ENDPOINT_URL];
        let url = urls.into_iter().find_map(|variable| Some((variable, variable.of(environment)?)));
        let (url, malformed) = if let Some((variable, url)) = url {
            let url = url.to_string_lossy().into_owned();
            (url.clone(), TargetError::NoUrl(variable.name, url))
        } else {
            let url = format!("https://lambda.{region}.{}", suffix(&region));
            (url, TargetError::NotPrintable(variable::REGION.name))
        };
        let target = Self::at(&url, region, credentials).ok_or(malformed)?;
        Ok(Self { ca_bundle: variable::CA_BUNDLE.of(environment).map(PathBuf::from), ..target })
    }

    fn at(url: &str, region: String, credentials: Credentials) -> Option<Self> {
        let uri: Uri = url.trim().parse().ok()?;
        if uri.query().is_some() {
            return None;
        }
        let (is_tls, usual_port) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => (true, 443),
            Some(scheme) if *scheme == Scheme::HTTP => (false, 80),
            _ => return None,
        };
        let name = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(usual_port);
        let host = if port == usual_port { name.clone() } else { format!("{name}:{port}") };
        let address = (name.trim_matches(['[', ']']).to_owned(), port);
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Some(Self { is_tls, host, address, prefix, ca_bundle: None, region, credentials })
    }
}

fn suffix(region: &str) -> &'static str {
    let own = SUFFIXES.iter().find(|(beginning, _)| region.starts_with(beginning));
    own.map_or("amazonaws.com", |(_, suffix)| suffix)
}

/// A value, if it is set. It must be valid in a header.
fn text(environment: &Environment, variable: Variable) -> Result<Option<String>, TargetError> {
    let Some(value) = variable.of(environment) else { return Ok(None) };
    let printable = value.to_str().map(str::trim).filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()));
    printable.map(|text| Some(text.to_owned())).ok_or(TargetError::NotPrintable(variable.name))
}
