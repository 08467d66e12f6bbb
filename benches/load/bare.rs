//! A bare accept loop: the TLS handshake that the server makes, then the same answer to whatever is asked.

use crate::{
    acceptor::acceptor,
    harness::bank::pki,
    process::{Program, free_address, this},
};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::{
        ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use std::{io, net::SocketAddr, path::Path, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The argument that makes this program one.
pub const CHILD: &str = "--bare";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

pub fn start(folder: &Path) -> (Program, SocketAddr) {
    let (pki, address) = (&pki().1, free_address());
    let mut command = this(CHILD);
    command.arg(address.to_string()).arg(pki.file("server.pem")).arg(pki.file("server.key"));
    (Program::start(&mut command, &folder.join("bare.log")).until_listening(address), address)
}

/// The child: address, certificate, key.
pub fn serve(arguments: &[String]) {
    let [address, certificate, key] = arguments else { panic!("{arguments:?}") };
    let verifier = Possession(aws_lc_rs::default_provider().signature_verification_algorithms);
    let acceptor = acceptor(Path::new(certificate), Path::new(key), Arc::new(verifier));
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let listener = TcpListener::bind(address).await.unwrap();
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            // who hangs up early is no fault
            tokio::spawn(answer(socket, acceptor.clone()));
        }
    });
}

async fn answer(socket: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut stream = acceptor.accept(socket).await?;
    let mut request = [0; 4096];
    while stream.read(&mut request).await? > 0 {
        stream.write_all(ANSWER).await?;
    }
    stream.shutdown().await
}

/// The client must hold the key of its certificate; whose it is, nobody asks.
#[derive(Debug)]
struct Possession(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for Possession {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(&self, leaf: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        ParsedCertificate::try_from(leaf).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
