//! A client certificate that a TLS-terminating proxy hands over in a header: header values in, a chain of DER out.
//!
//! Whom to believe is not judged here, nor is the certificate: `tls::front_proxy` knows the proxy, [`super::judge`] the chain.
//! There is no fallback: a value that is not exactly what its format says is refused, with one reason.

mod encoding;
#[cfg(test)]
mod tests;
mod xfcc;

use super::{MAX_CERTIFICATE, MAX_CERTIFICATES, MAX_CHAIN, der};
use rustls::pki_types::CertificateDer;

/// Percent-encoding triples a byte at most, base64 adds a third: a longer value decodes to more than a chain may have.
const MAX_TEXT: usize = 4 * MAX_CHAIN;

/// How a product writes the client's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 9440 s2: `Client-Cert` is a byte sequence, `Client-Cert-Chain` a list of them without the leaf.
    Rfc9440,
    /// nginx, ngx_http_ssl_module: `$ssl_client_escaped_cert`, "in the PEM format (urlencoded)"; the leaf alone.
    Nginx,
    /// HAProxy configuration manual, s7.3.4: `ssl_c_der` and `ssl_c_chain_der` (one DER after another), through `base64`.
    HaProxy,
    /// Envoy, HTTP header manipulation, x-forwarded-client-cert: `Cert` and `Chain` (with the leaf) in URL-encoded PEM.
    Envoy,
    /// F5 BIG-IP, iRules: `[b64encode [SSL::cert 0]]`, or `[X509::whole [SSL::cert 0]]` with its line ends removed.
    BigIp,
    /// AWS, Mutual authentication with TLS in Application Load Balancer, passthrough: the chain, leaf first, in URL-encoded
    /// PEM "with `+=/` as safe characters".
    AwsAlb,
    /// Azure App Service, Configure TLS mutual authentication: `X-ARR-ClientCert` in base64.
    AzureAppService,
    /// Azure Application Gateway, Rewrite HTTP headers: the server variable `client_certificate`, PEM, URL-encoded.
    AzureApplicationGateway,
}

#[derive(Clone, Copy)]
enum Encoding {
    /// RFC 9651 byte sequences.
    Structured,
    /// URL-encoded PEM with at most so many certificates.
    EscapedPem(usize),
    Base64Der,
    /// `-` begins no base64, so the first byte tells which.
    PemLineOrBase64Der,
    Xfcc,
}

impl Format {
    pub const ALL: [Self; 8] = [
        Self::Rfc9440,
        Self::Nginx,
        Self::HaProxy,
        Self::Envoy,
        Self::BigIp,
        Self::AwsAlb,
        Self::AzureAppService,
        Self::AzureApplicationGateway,
    ];

    /// Name in the settings, usual header, usual header of the other certificates, encoding.
    const fn row(self) -> (&'static str, &'static str, Option<&'static str>, Encoding) {
        match self {
            Self::Rfc9440 => ("rfc9440", "client-cert", Some("client-cert-chain"), Encoding::Structured),
            Self::Nginx => ("nginx", "x-ssl-client-cert", None, Encoding::EscapedPem(1)),
            Self::HaProxy => ("haproxy", "x-ssl-client-cert", Some("x-ssl-client-cert-chain"), Encoding::Base64Der),
            Self::Envoy => ("envoy", "x-forwarded-client-cert", None, Encoding::Xfcc),
            Self::BigIp => ("f5", "x-client-cert", None, Encoding::PemLineOrBase64Der),
            Self::AwsAlb => ("aws-alb", "x-amzn-mtls-clientcert", None, Encoding::EscapedPem(MAX_CERTIFICATES)),
            Self::AzureAppService => ("azure-app-service", "x-arr-clientcert", None, Encoding::Base64Der),
            Self::AzureApplicationGateway => ("azure-application-gateway", "x-arr-clientcert", None, Encoding::EscapedPem(1)),
        }
    }

    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// In lower case, as HTTP/2 has it.
    pub const fn header(self) -> &'static str {
        self.row().1
    }

    /// `None`: the format hands the other certificates over in the same header, or not at all.
    pub const fn chain_header(self) -> Option<&'static str> {
        self.row().2
    }
}

/// Headers in which one product or another hands on what it saw of a client's certificate, beside those of [`Format::ALL`].
pub const OTHER_HEADERS: [&str; 14] = [
    "ssl-client-cert",
    "ssl-client-subject-dn",
    "ssl-client-verify",
    "x-amzn-mtls-clientcert-issuer",
    "x-amzn-mtls-clientcert-leaf",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-validity",
    "x-client-certificate",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-ssl-cert",
    "x-ssl-client-dn",
    "x-ssl-client-verify",
];

/// Why no chain was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedRefusal {
    /// The header came more than once, or names its certificate more than once.
    Repeated,
    /// The header came, with nothing in it.
    Empty,
    /// A certificate above 16 KiB or a chain above 48 KiB.
    TooLarge,
    /// More than 8 certificates.
    TooMany,
    /// Not in the format's encoding, or with something before or after it.
    BadEncoding,
    /// What was encoded is not exactly one DER SEQUENCE.
    NotACertificate,
    /// More than one certificate where the client's own is due.
    SeveralCertificates,
    /// XFCC: elements of more than one hop; which of them is the client's, nobody proved.
    SeveralElements,
    /// XFCC: an element without `Cert` and `Chain`.
    NoCertificate,
    /// XFCC: `Chain` does not begin with `Cert`.
    OtherChain,
    /// The header of the other certificates came without the client's own.
    ChainAlone,
}

impl ForwardedRefusal {
    pub const ALL: [Self; 11] = [
        Self::Repeated,
        Self::Empty,
        Self::TooLarge,
        Self::TooMany,
        Self::BadEncoding,
        Self::NotACertificate,
        Self::SeveralCertificates,
        Self::SeveralElements,
        Self::NoCertificate,
        Self::OtherChain,
        Self::ChainAlone,
    ];

    /// Stable: for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::BadEncoding => "bad_encoding",
            Self::NotACertificate => "not_a_certificate",
            Self::SeveralCertificates => "several_certificates",
            Self::SeveralElements => "several_elements",
            Self::NoCertificate => "no_certificate",
            Self::OtherChain => "other_chain",
            Self::ChainAlone => "chain_alone",
        }
    }
}

/// What the decoders hand back.
type Certificates = Result<Vec<Vec<u8>>, ForwardedRefusal>;

/// The chain, leaf first, of the values of the format's headers as they came. `None`: the proxy handed nothing over.
pub fn read(format: Format, certificate: &[&[u8]], chain: &[&[u8]]) -> Result<Option<Vec<CertificateDer<'static>>>, ForwardedRefusal> {
    let (certificate, chain) = match (certificate, chain) {
        ([], []) => return Ok(None),
        ([], [_, ..]) => return Err(ForwardedRefusal::ChainAlone),
        ([one], []) => (*one, None),
        ([one], [others]) => (*one, Some(*others)),
        ([_, ..], _) => return Err(ForwardedRefusal::Repeated),
    };
    if certificate.is_empty() || chain.is_some_and(<[u8]>::is_empty) {
        return Err(ForwardedRefusal::Empty);
    }
    if certificate.len() + chain.map_or(0, <[u8]>::len) > MAX_TEXT {
        return Err(ForwardedRefusal::TooLarge);
    }
    let found = decode(format.row().3, certificate, chain)?;
    check(&found)?;
    Ok(Some(found.into_iter().map(CertificateDer::from).collect()))
}

fn decode(encoding: Encoding, certificate: &[u8], chain: Option<&[u8]>) -> Certificates {
    match encoding {
        Encoding::Structured => joined(encoding::byte_sequence(certificate)?, chain, encoding::byte_sequences),
        Encoding::Base64Der => joined(encoding::base64_leaf(certificate)?, chain, encoding::base64_chain),
        Encoding::EscapedPem(most) => up_to(most, encoding::pem(&encoding::unescape(certificate)?)?),
        Encoding::PemLineOrBase64Der if certificate.starts_with(b"-") => up_to(1, encoding::pem(certificate)?),
        Encoding::PemLineOrBase64Der => Ok(vec![encoding::base64_leaf(certificate)?]),
        Encoding::Xfcc => xfcc::read(certificate),
    }
}

/// A proxy may put the leaf first into the other header, too: libraries differ in what a peer's chain is.
fn joined(leaf: Vec<u8>, chain: Option<&[u8]>, read: fn(&[u8]) -> Certificates) -> Certificates {
    let mut others = chain.map(read).transpose()?.unwrap_or_default();
    if others.first() != Some(&leaf) {
        others.insert(0, leaf);
    }
    Ok(others)
}

fn up_to(most: usize, found: Vec<Vec<u8>>) -> Certificates {
    if found.len() <= most { Ok(found) } else { Err(ForwardedRefusal::SeveralCertificates) }
}

/// The bounds of a chain in a handshake, and DER all through.
fn check(found: &[Vec<u8>]) -> Result<(), ForwardedRefusal> {
    if found.is_empty() {
        return Err(ForwardedRefusal::NoCertificate);
    }
    if found.len() > MAX_CERTIFICATES {
        return Err(ForwardedRefusal::TooMany);
    }
    if found.iter().any(|one| one.len() > MAX_CERTIFICATE) || found.iter().map(Vec::len).sum::<usize>() > MAX_CHAIN {
        return Err(ForwardedRefusal::TooLarge);
    }
    let is_one = |der: &Vec<u8>| der::only(der, der::SEQUENCE).is_ok();
    if found.iter().all(is_one) { Ok(()) } else { Err(ForwardedRefusal::NotACertificate) }
}
