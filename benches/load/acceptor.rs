//! TLS of the servers that are there only to be measured: as a server for machines has it, without resumption.

use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use std::{path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// With the certificate and key in these files.
pub fn acceptor(certificate: &Path, key: &Path, verifier: Arc<dyn ClientCertVerifier>) -> TlsAcceptor {
    let builder =
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_client_cert_verifier(verifier);
    let mut config = builder.with_single_cert(certificates(certificate), PrivateKeyDer::from_pem_file(key).unwrap()).unwrap();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A client certificate of one of these authorities, or no connection.
pub fn issued_by(authorities: &[impl AsRef<Path>]) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    for authority in authorities.iter().flat_map(|file| certificates(file.as_ref())) {
        roots.add(authority).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).clear_root_hint_subjects().build().unwrap()
}

fn certificates(file: &Path) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_file_iter(file).unwrap().collect::<Result<_, _>>().unwrap()
}
