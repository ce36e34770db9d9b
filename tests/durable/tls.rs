//! The service over HTTPS, by a certificate that a file names.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::NamedTempFile;
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer, version};

use super::{
    execution::{End, Execution},
    service::Service,
};
use crate::support::Function;

const SCRIPT: &str = "handler() { durable step greet echo hello; durable wait 1s; }";

/// The service over TLS, and the file with its certificate.
pub fn service() -> (Service, NamedTempFile) {
    service_of(&[&version::TLS12, &version::TLS13])
}

fn service_of(versions: &[&'static tokio_rustls::rustls::SupportedProtocolVersion]) -> (Service, NamedTempFile) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Service::start_tls(config), file)
}

#[test]
fn a_service_is_known_by_the_certificates_that_aws_ca_bundle_names() {
    for version in [&version::TLS12, &version::TLS13] {
        let (service, certificate) = service_of(&[version]);
        let mut execution = Execution::of(service.clone(), || Function::bash(SCRIPT))
            .with("AWS_CA_BUNDLE", certificate.path().to_str().unwrap());
        assert_eq!(execution.run("1"), End::Succeeded("hello".to_owned()));
        assert_eq!(execution.invocations, ["PENDING", "SUCCEEDED"]);
        assert_eq!(service.connections(), 1);
    }
}

#[test]
fn a_service_that_is_not_known_fails_the_invocation() {
    let (service, _) = service();
    let mut execution = Execution::of(service.clone(), || Function::bash(SCRIPT));
    let answer = execution.invoke("1").unwrap();
    assert_eq!(answer["errorType"], "Runtime.CheckpointFailed");
    let message = answer["errorMessage"].as_str().unwrap();
    assert!(message.contains("invalid peer certificate: UnknownIssuer"), "{message}");
    assert_eq!(service.operations(), []);
}
