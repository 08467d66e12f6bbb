//! The client certificate at the tpp counter: asked for, proved, and left to `pki` to judge.

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

const MAX_CERTIFICATES: usize = 8;
const MAX_CERTIFICATE_BYTES: usize = 16 << 10;
const MAX_CHAIN_BYTES: usize = 48 << 10;

/// The keys a QWAC may have (ETSI TS 119 312): RSA by PKCS#1 v1.5 (TLS 1.2 only) or PSS, and the three NIST curves.
const SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

/// Checks that the chain is of a size to look at, that its leaf parses, and that the peer holds its key. No more: an
/// alert cannot carry an OAuth error, and what is trusted may change while the connection lives.
#[derive(Debug)]
pub(super) struct ProofOfPossession(pub(super) WebPkiSupportedAlgorithms);

impl ClientCertVerifier for ProofOfPossession {
    /// A missing certificate is answered in HTTP, with 401.
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// Empty: JDKs send no certificate when no listed name fits, and rustls aborts on a list above 65,535 bytes.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        let sizes = || std::iter::once(leaf).chain(rest).map(|certificate| certificate.len());
        if rest.len() >= MAX_CERTIFICATES || sizes().any(|size| size > MAX_CERTIFICATE_BYTES) || sizes().sum::<usize>() > MAX_CHAIN_BYTES {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        }
        webpki::EndEntityCert::try_from(leaf).map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
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
        SCHEMES.to_vec()
    }
}
