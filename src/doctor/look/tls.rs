//! TLS as a client sees it. What our own library cannot speak any more is asked for by a ClientHello written by hand.

use super::{Believed, PATIENCE, names::Place};
use crate::doctor::outside::{Handshake, Side, Tls};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const OLD: [(&str, [u8; 2]); 2] = [("TLS 1.0", [3, 1]), ("TLS 1.1", [3, 2])];
const VERSION_1_2: [u8; 2] = [3, 3];
/// RFC 5246, 4492, 5289: CBC, and RSA key exchange.
const WEAK: [u16; 14] = [0xc013, 0xc014, 0xc009, 0xc00a, 0xc027, 0xc028, 0xc023, 0xc024, 0x002f, 0x0035, 0x003c, 0x009c, 0x009d, 0x000a];
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

pub async fn look(side: Side, origin: &str, place: &Result<Place, String>, believed: &Believed) -> Tls {
    let away = |why: String| Tls {
        side,
        origin: origin.to_owned(),
        away: Some(why),
        old: vec![],
        weak: Handshake::Silent,
        new: None,
        certificate_asked: false,
        untrusted: None,
    };
    let place = match place {
        Ok(place) => place,
        Err(why) => return away(why.clone()),
    };
    if let Err(why) = tcp(place).await {
        return away(format!("{}: {why}", place.address));
    }
    let mut old = vec![];
    for (name, version) in OLD {
        old.push((name, say_hello(place, version).await));
    }
    let weak = say_hello(place, VERSION_1_2).await;
    let noted = Noted::of(Some(believed.clone()));
    let new = match noted.config(&[&TLS13]) {
        Ok(config) => connect(place, config).await.err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    let untrusted = noted.untrusted.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Tls { side, origin: origin.to_owned(), away: None, old, weak, new, certificate_asked: noted.asked.load(Ordering::SeqCst), untrusted }
}

/// A connection without a certificate, whoever answers: what is wrong with his was told already.
pub async fn open(place: &Place) -> io::Result<TlsStream<TcpStream>> {
    connect(place, Noted::of(None).config(&[&TLS13, &TLS12]).map_err(io::Error::other)?).await
}

async fn tcp(place: &Place) -> io::Result<TcpStream> {
    let connected = timeout(PATIENCE, TcpStream::connect(place.address)).await;
    connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn connect(place: &Place, config: Arc<ClientConfig>) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(place.host.clone()).map_err(io::Error::other)?;
    let stream = tcp(place).await?;
    let shaken = timeout(PATIENCE, TlsConnector::from(config).connect(name, stream)).await;
    shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// What the server makes of a hello of this version with weak suites alone.
async fn say_hello(place: &Place, version: [u8; 2]) -> Handshake {
    let heard = async {
        let mut stream = tcp(place).await?;
        stream.write_all(&client_hello(version, &place.host)).await?;
        // record header, then the message's type
        let mut head = [0; 6];
        stream.read_exact(&mut head).await?;
        Ok::<_, io::Error>((head[0], head[5]))
    };
    match timeout(PATIENCE, heard).await {
        Err(_) => Handshake::Silent,
        Ok(Ok((HANDSHAKE, SERVER_HELLO))) => Handshake::Accepted,
        Ok(Ok((ALERT, _)) | Err(_)) => Handshake::Refused,
        Ok(Ok(_)) => Handshake::Silent,
    }
}

/// RFC 5246 s7.4.1.2, RFC 6066 s3, RFC 4492 s5.1.
fn client_hello(version: [u8; 2], host: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let counted = |bytes: &[u8]| [&length(bytes)[..], bytes].concat();
    let extension = |kind: u16, body: &[u8]| [&kind.to_be_bytes()[..], &counted(body)].concat();
    let server_name = counted(&[&[0][..], &counted(host.as_bytes())].concat());
    let groups = counted(&[0, 23, 0, 24, 0, 25]);
    let signatures = counted(&[4, 1, 4, 3, 2, 1, 2, 3, 5, 1, 6, 1]);
    let extensions = [extension(0, &server_name), extension(10, &groups), extension(11, &[1, 0]), extension(13, &signatures)].concat();
    let suites: Vec<u8> = WEAK.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    // a random of zeros: nothing is kept secret by this handshake, which ends with the answer
    let body = [&version[..], &[0; 32], &[0], &counted(&suites), &[1, 0], &counted(&extensions)].concat();
    let size = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    let message = [&[1][..], &size[1..], &body].concat();
    [&[HANDSHAKE, 3, 1][..], &counted(&message)].concat()
}

/// Goes on with whoever holds the key of what he shows, and notes what it is.
#[derive(Debug)]
struct Noted {
    /// `None`: whether he is trusted is not asked.
    believed: Option<Believed>,
    untrusted: Mutex<Option<String>>,
    asked: AtomicBool,
}

impl Noted {
    fn of(believed: Option<Believed>) -> Arc<Self> {
        Arc::new(Self { believed, untrusted: Mutex::new(None), asked: AtomicBool::new(false) })
    }

    fn config(self: &Arc<Self>, versions: &[&'static rustls::SupportedProtocolVersion]) -> Result<Arc<ClientConfig>, Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_protocol_versions(versions)?;
        let mut config = builder.dangerous().with_custom_certificate_verifier(self.clone()).with_client_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    aws_lc_rs::default_provider().signature_verification_algorithms
}

impl ServerCertVerifier for Noted {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        rest: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let why = self.believed.as_ref().and_then(|believed| believed.verify_server_cert(leaf, rest, name, status, now).err());
        *self.untrusted.lock().unwrap_or_else(PoisonError::into_inner) = why.map(|why| why.to_string());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signed, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

impl ResolvesClientCert for Noted {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::SeqCst);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}
