//! The root certificates for TLS.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    pki_types::{
        CertificateDer,
        pem::{self, PemObject},
    },
};
use webpki_roots::TLS_SERVER_ROOTS;

use super::crypto;
use crate::settings::variable;

/// The files with the certificates of systems: Amazon Linux and Fedora, Debian, Alpine, openSUSE.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// The reason why the file of `AWS_CA_BUNDLE` cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum RootsError {
    /// It cannot be read.
    #[error("`{name}` is `{0}`, which cannot be read: {1}", name = variable::CA_BUNDLE)]
    Unreadable(PathBuf, io::Error),
    /// It contains no certificate.
    #[error("`{name}` is `{0}`, which has no certificate in PEM", name = variable::CA_BUNDLE)]
    Empty(PathBuf),
}

/// A client of TLS 1.2 and 1.3 with the root certificates of this file. Without a file, those of the system, or
/// Mozilla's list if the system has none.
pub(super) fn client_config(file: Option<&Path>) -> Result<ClientConfig, RootsError> {
    let roots = match file {
        Some(file) => named(file)?,
        None => SYSTEM_FILES
            .iter()
            .find_map(|file| usable(file))
            .unwrap_or_else(|| RootCertStore { roots: TLS_SERVER_ROOTS.to_vec() }),
    };
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::provider()))
        .with_safe_default_protocol_versions()
        .expect("BUG: the provider has suites of both versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn named(file: &Path) -> Result<RootCertStore, RootsError> {
    let unreadable = |error| RootsError::Unreadable(file.to_owned(), error);
    let roots = of_pem(&std::fs::read(file).map_err(unreadable)?);
    if roots.is_empty() { Err(RootsError::Empty(file.to_owned())) } else { Ok(roots) }
}

fn usable(file: &str) -> Option<RootCertStore> {
    let roots = of_pem(&std::fs::read(file).ok()?);
    (!roots.is_empty()).then_some(roots)
}

/// The certificates of a PEM file. A system's list may contain some that are too old to parse.
fn of_pem(text: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(text);
    roots.add_parsable_certificates(certificates.filter_map(Result::<_, pem::Error>::ok));
    roots
}
