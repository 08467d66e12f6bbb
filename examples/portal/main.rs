//! `cargo run --example portal`: a bank's own pages beside `guichet dev --portal URL`, which prints the arguments.

mod portal;

use clap::Parser;
use portal::Portal;
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{error::Error, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:8453")]
    address: SocketAddr,
    /// PEM, of this portal's host
    #[arg(long)]
    certificate: PathBuf,
    #[arg(long)]
    key: PathBuf,
    /// Guichet's internal listener
    #[arg(long, default_value = "https://localhost:8444")]
    internal: String,
    /// PEM: who issued the internal listener's certificate
    #[arg(long)]
    internal_ca: PathBuf,
    /// PEM, of the bank's own authority: what the portal shows to the internal listener
    #[arg(long)]
    client_certificate: PathBuf,
    #[arg(long)]
    client_key: PathBuf,
}

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_file_iter(&arguments.internal_ca)? {
        roots.add(authority?)?;
    }
    let (chain, key) = identity(&arguments.client_certificate, &arguments.client_key)?;
    let tls = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(2))
        .build()?;
    let (chain, key) = identity(&arguments.certificate, &arguments.key)?;
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    #[expect(clippy::disallowed_methods, reason = "the portal's one door for time")]
    let portal = Portal::new(arguments.internal, client, Arc::new(OffsetDateTime::now_utc));
    let listener = TcpListener::bind(arguments.address).await?;
    println!("the portal listens on https://{}; Ctrl-C ends it", arguments.address);
    portal::serve(listener, TlsAcceptor::from(Arc::new(tls)), &portal).await?;
    Ok(())
}

fn identity(certificate: &PathBuf, key: &PathBuf) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Failure> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
    Ok((chain, PrivateKeyDer::from_pem_file(key)?))
}
