//! Certificates for tests: authorities, QWACs as ETSI TS 119 495 and EN 319 412 write them, and wrong ones on request.

use super::der;
use crate::oauth::tpp::PspRole;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType, DnValue, Error, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason, RevokedCertParams, RsaKeySize, SerialNumber, SigningKey,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

const ORGANIZATION_IDENTIFIER: [u64; 4] = [2, 5, 4, 97];
const CERTIFICATE_POLICIES: [u64; 4] = [2, 5, 29, 32];
const CRL_DISTRIBUTION_POINTS: [u64; 4] = [2, 5, 29, 31];
const AUTHORITY_INFO_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
const AD_OCSP: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 48, 1];
const OCSP_NO_CHECK: [u64; 10] = [1, 3, 6, 1, 5, 5, 7, 48, 1, 5];
/// GeneralName's uniformResourceIdentifier.
const URI: u8 = 0x86;
const QC_STATEMENTS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 3];
const QC_SYNTAX_V2: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 11, 2];
const SEMANTICS_LEGAL: [u64; 6] = [0, 4, 0, 194121, 1, 2];
const QC_COMPLIANCE: [u64; 6] = [0, 4, 0, 1862, 1, 1];
const QC_PDS: [u64; 6] = [0, 4, 0, 1862, 1, 5];
const QC_TYPE: [u64; 6] = [0, 4, 0, 1862, 1, 6];
const PSD2: [u64; 5] = [0, 4, 0, 19495, 2];
const POLICY_QCP_W: [u64; 6] = [0, 4, 0, 194112, 1, 4];
const POLICY_QCP_L: [u64; 6] = [0, 4, 0, 194112, 1, 1];
const POLICY_QCP_W_PSD2: [u64; 6] = [0, 4, 0, 19495, 3, 1];

/// From when to when a certificate is valid. Whole seconds count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    P256,
    P384,
    P521,
    Rsa2048,
    Rsa4096,
}

impl KeyKind {
    fn generate(self) -> Result<KeyPair, Error> {
        match self {
            Self::P256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::P521 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Rsa4096 => KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA512, RsaKeySize::_4096),
        }
    }
}

/// What the certificate is qualified for (EN 319 412-5 s4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QcType {
    Esign,
    Eseal,
    Web,
}

impl QcType {
    const fn arc(self) -> u64 {
        match self {
            Self::Esign => 1,
            Self::Eseal => 2,
            Self::Web => 3,
        }
    }
}

/// A certificate to be issued. [`QwacSpec::new`] gives a right one; each field then bends one thing.
#[derive(Clone, Debug)]
pub struct QwacSpec {
    /// organizationIdentifier, such as `PSDFR-ACPR-10001`.
    pub organisation: String,
    pub legal_name: String,
    /// The subject's common name and its only subjectAltName (dNSName).
    pub host: String,
    /// Subject's country, two letters.
    pub country: String,
    pub roles: Vec<PspRole>,
    pub nca_name: String,
    /// `CC-ID`, as in the identifier.
    pub nca_id: String,
    pub validity: Validity,
    pub key: KeyKind,
    pub qc_type: QcType,
    pub key_usages: Vec<KeyUsagePurpose>,
    /// Empty: no such extension.
    pub extended_key_usages: Vec<ExtendedKeyUsagePurpose>,
    /// The content of the qcStatements extension in place of what the fields above give. An empty one: no extension.
    pub qc_statements: Option<Vec<u8>>,
    /// authorityInfoAccess: OCSP responders.
    pub ocsp: Vec<String>,
    /// cRLDistributionPoints, each a point of its own.
    pub crl: Vec<String>,
    /// Added as they are: arcs, content, critical.
    pub extensions: Vec<(Vec<u64>, Vec<u8>, bool)>,
}

impl QwacSpec {
    /// A right QWAC. The NCA and the country are read from the identifier.
    pub fn new(organisation: &str, legal_name: &str, roles: &[PspRole], validity: Validity) -> Self {
        let mut parts = organisation.strip_prefix("PSD").unwrap_or(organisation).splitn(3, '-');
        let (country, nca) = (parts.next().unwrap_or("FR"), parts.next().unwrap_or("ACPR"));
        Self {
            organisation: organisation.into(),
            legal_name: legal_name.into(),
            host: format!("{}.tpp.example", organisation.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")),
            country: country.into(),
            roles: roles.into(),
            nca_name: nca.into(),
            nca_id: format!("{country}-{nca}"),
            validity,
            key: KeyKind::P256,
            qc_type: QcType::Web,
            key_usages: vec![KeyUsagePurpose::DigitalSignature],
            extended_key_usages: vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth],
            qc_statements: None,
            ocsp: vec![],
            crl: vec![],
            extensions: vec![],
        }
    }

    /// The same holder's seal certificate: not for TLS, though nothing in TLS itself refuses it.
    pub fn into_seal(mut self) -> Self {
        self.qc_type = QcType::Eseal;
        self.key_usages = vec![KeyUsagePurpose::ContentCommitment];
        self.extended_key_usages.clear();
        self
    }

    /// QCStatements of EN 319 412-5 and TS 119 495 s5.1.
    pub fn qc_statements_der(&self) -> Vec<u8> {
        let statement = |id: &[u64], info: Vec<u8>| der::sequence([der::oid(id), info]);
        let pds = der::sequence([der::sequence([der::ia5("https://qtsp.example/pds_en.pdf"), der::printable("en")])]);
        der::sequence([
            statement(&QC_SYNTAX_V2, der::sequence([der::oid(&SEMANTICS_LEGAL)])),
            statement(&QC_COMPLIANCE, vec![]),
            statement(&QC_TYPE, der::sequence([der::oid(&[0, 4, 0, 1862, 1, 6, self.qc_type.arc()])])),
            statement(&QC_PDS, pds),
            statement(&PSD2, self.psd2_der()),
        ])
    }

    fn psd2_der(&self) -> Vec<u8> {
        let roles = self.roles.iter().map(|role| der::sequence([der::oid(&role_oid(*role)), der::utf8(role.name())]));
        der::sequence([der::sequence(roles), der::utf8(&self.nca_name), der::utf8(&self.nca_id)])
    }

    fn params(&self) -> Result<CertificateParams, Error> {
        let mut params = params(&self.legal_name, &self.host, self.validity, &[&self.host])?;
        params.distinguished_name.push(DnType::CountryName, DnValue::PrintableString(self.country.as_str().try_into()?));
        params.distinguished_name.push(DnType::CustomDnType(ORGANIZATION_IDENTIFIER.into()), self.organisation.as_str());
        params.key_usages = self.key_usages.clone();
        params.extended_key_usages = self.extended_key_usages.clone();
        let policies = match self.qc_type {
            QcType::Web => vec![POLICY_QCP_W, POLICY_QCP_W_PSD2],
            QcType::Esign | QcType::Eseal => vec![POLICY_QCP_L],
        };
        let policies = der::sequence(policies.iter().map(|policy| der::sequence([der::oid(policy)])));
        params.custom_extensions.push(CustomExtension::from_oid_content(&CERTIFICATE_POLICIES, policies));
        let statements = self.qc_statements.clone().unwrap_or_else(|| self.qc_statements_der());
        if !statements.is_empty() {
            params.custom_extensions.push(CustomExtension::from_oid_content(&QC_STATEMENTS, statements));
        }
        let uri = |url: &String| der::element(URI, url.as_bytes());
        if !self.ocsp.is_empty() {
            let access = der::sequence(self.ocsp.iter().map(|url| der::sequence([der::oid(&AD_OCSP), uri(url)])));
            params.custom_extensions.push(CustomExtension::from_oid_content(&AUTHORITY_INFO_ACCESS, access));
        }
        if !self.crl.is_empty() {
            let point = |url| der::sequence([der::explicit(0, &der::explicit(0, &uri(url)))]);
            let points = der::sequence(self.crl.iter().map(point));
            params.custom_extensions.push(CustomExtension::from_oid_content(&CRL_DISTRIBUTION_POINTS, points));
        }
        for (arcs, content, critical) in &self.extensions {
            let mut extension = CustomExtension::from_oid_content(arcs, content.clone());
            extension.set_criticality(*critical);
            params.custom_extensions.push(extension);
        }
        Ok(params)
    }
}

/// TS 119 495 s5.1.
const fn role_oid(role: PspRole) -> [u64; 6] {
    let arc = match role {
        PspRole::AccountServicing => 1,
        PspRole::PaymentInitiation => 2,
        PspRole::AccountInformation => 3,
        PspRole::CardIssuing => 4,
    };
    [0, 4, 0, 19495, 1, arc]
}

/// A certificate with the key that was made for it.
#[derive(Debug)]
pub struct Issued {
    /// Leaf, then its authority.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// The chain.
    pub pem: String,
    /// PKCS#8.
    pub key_pem: String,
}

/// A certificate authority.
pub struct Ca {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    /// A self-signed authority with a new key, ECDSA P-256.
    pub fn root(name: &str, validity: Validity) -> Result<Self, Error> {
        Self::root_with(KeyKind::P256, name, validity)
    }

    /// The same with a key of another kind.
    pub fn root_with(key: KeyKind, name: &str, validity: Validity) -> Result<Self, Error> {
        let (params, key) = (authority(name, validity)?, key.generate()?);
        let certificate = params.self_signed(&key)?.der().clone();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// An authority under this one, ECDSA P-256.
    pub fn subordinate(&self, name: &str, validity: Validity) -> Result<Self, Error> {
        self.subordinate_with(KeyKind::P256, name, validity)
    }

    /// The same with a key of another kind.
    pub fn subordinate_with(&self, key: KeyKind, name: &str, validity: Validity) -> Result<Self, Error> {
        let (params, key) = (authority(name, validity)?, key.generate()?);
        let certificate = params.signed_by(&key, &self.issuer)?.der().clone();
        Ok(Self { certificate, issuer: Issuer::new(params, key) })
    }

    /// An authority that was stored: it must have been made under the same `name`.
    pub(super) fn restore(name: &str, validity: Validity, certificate: CertificateDer<'static>, key_pem: &str) -> Result<Self, Error> {
        Ok(Self { certificate, issuer: Issuer::new(authority(name, validity)?, KeyPair::from_pem(key_pem)?) })
    }

    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub fn certificate_pem(&self) -> String {
        pem([&self.certificate])
    }

    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The subjectKeyIdentifier of this authority, the authorityKeyIdentifier of what it issues.
    pub(super) fn key_identifier(&self) -> Vec<u8> {
        CertificateParams::default().key_identifier(self.issuer.key())
    }

    /// A responder's certificate, authorised for OCSP or not, with its key.
    pub fn issue_responder(&self, name: &str, validity: Validity, authorised: bool) -> Result<Issued, Error> {
        let mut params = params("Test authority, no real trust", name, validity, &[])?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            if authorised { vec![ExtendedKeyUsagePurpose::OcspSigning] } else { vec![ExtendedKeyUsagePurpose::ClientAuth] };
        params.custom_extensions.push(CustomExtension::from_oid_content(&OCSP_NO_CHECK, vec![5, 0]));
        self.sign(&params, KeyKind::P256)
    }

    /// Who signs what this authority says of its certificates.
    pub fn signer(&self) -> Result<Signer, Error> {
        Signer::new(&self.certificate, KeyPair::from_pem(&self.key_pem())?)
    }

    pub fn issue(&self, spec: &QwacSpec) -> Result<Issued, Error> {
        self.sign(&spec.params()?, spec.key)
    }

    /// A TLS server's certificate for these names or addresses.
    pub fn issue_server(&self, hosts: &[&str], validity: Validity) -> Result<Issued, Error> {
        let mut params = params("Test bank", hosts.first().unwrap_or(&"localhost"), validity, hosts)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params, KeyKind::P256)
    }

    /// A TLS client's certificate, without anything of PSD2.
    pub fn issue_client(&self, name: &str, validity: Validity) -> Result<Issued, Error> {
        let mut params = params("Test bank", name, validity, &[])?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, KeyKind::P256)
    }

    /// A TLS client's certificate for a machine with these names (dNSName).
    pub fn issue_machine(&self, hosts: &[&str], validity: Validity) -> Result<Issued, Error> {
        let mut params = params("Test bank", hosts.first().unwrap_or(&"localhost"), validity, hosts)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, KeyKind::P256)
    }

    /// A revocation list in DER, good from `validity.not_before` until `validity.not_after`. `revoked`: serial numbers.
    pub fn crl(&self, revoked: &[&[u8]], number: u64, validity: Validity) -> Result<Vec<u8>, Error> {
        let entry = |serial: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: validity.not_before,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: validity.not_before,
            next_update: validity.not_after,
            crl_number: number.into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.der().to_vec())
    }

    fn sign(&self, params: &CertificateParams, key: KeyKind) -> Result<Issued, Error> {
        let key = key.generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            chain: vec![leaf.der().clone(), self.certificate.clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            pem: pem([leaf.der(), &self.certificate]),
            key_pem: key.serialize_pem(),
        })
    }
}

/// A key with the names that its certificate gives it. ECDSA P-256.
pub struct Signer {
    pub certificate: CertificateDer<'static>,
    /// DER of the subject.
    pub name: Vec<u8>,
    /// DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    key: KeyPair,
}

impl Signer {
    fn new(certificate: &CertificateDer<'static>, key: KeyPair) -> Result<Self, Error> {
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| Error::CouldNotParseCertificate)?;
        let (name, spki) = (parsed.subject().as_raw().to_vec(), parsed.public_key().raw.to_vec());
        Ok(Self { certificate: certificate.clone(), name, spki, key })
    }

    /// The holder of a certificate that was just issued.
    pub fn of(issued: &Issued) -> Result<Self, Error> {
        Self::new(&issued.chain[0], KeyPair::from_pem(&issued.key_pem)?)
    }

    /// ecdsa-with-SHA256.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.key.sign(message)
    }
}

/// Certificates one after the other.
pub(super) fn pem<'a>(certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut out = String::new();
    for certificate in certificates {
        out.push_str("-----BEGIN CERTIFICATE-----\n");
        let mut rest = STANDARD.encode(certificate);
        while !rest.is_empty() {
            let tail = rest.split_off(rest.len().min(64));
            out.push_str(&rest);
            out.push('\n');
            rest = tail;
        }
        out.push_str("-----END CERTIFICATE-----\n");
    }
    out
}

fn authority(name: &str, validity: Validity) -> Result<CertificateParams, Error> {
    let mut params = params("Test authority, no real trust", name, validity, &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn params(organisation: &str, name: &str, validity: Validity, hosts: &[&str]) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, organisation);
    params.not_before = validity.not_before;
    params.not_after = validity.not_after;
    params.use_authority_key_identifier_extension = true;
    params.is_ca = IsCa::ExplicitNoCa;
    Ok(params)
}
