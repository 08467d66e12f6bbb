//! Signed trusted lists for tests, as ETSI TS 119 612 and XAdES write them.
//!
//! The text is in the form of exclusive canonicalization by construction (no declaration, namespaces where they are used first,
//! attributes in order, no empty-element tags), so that what is hashed is what is written.

use super::{
    der,
    qwac::{Ca, Validity},
};
use crate::pki::trusted_list::{Criteria, Period, Pointer, Qualification, Qualifier, Service, ServiceStatus, Use};
use aws_lc_rs::{
    digest::{SHA256, SHA512, digest},
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA512, RsaEncoding},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, KeyPair};
use std::fmt::Write;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

const TSL: &str = "http://uri.etsi.org/02231/v2#";
const TYPE: &str = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/";
const INFORMATION: &str = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/";
const QUALIFICATIONS: &str = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#";
const ADDITIONAL: &str = "http://uri.etsi.org/02231/v2/additionaltypes#";
const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ROOT_END: &str = "</TrustServiceStatusList>";
const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "crlSign",
    "encipherOnly",
    "decipherOnly",
];

/// How a list is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignerKind {
    EcdsaP256,
    Rsa,
    /// As Germany does: the key itself is marked id-RSASSA-PSS, the hash is SHA-512.
    RsaPss,
}

enum Key {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// A scheme operator's certificate with its key.
pub struct ListSigner {
    pub certificate: Vec<u8>,
    key: Key,
    algorithm: &'static str,
}

/// Whatever cannot happen with keys of our own making.
#[derive(Debug)]
pub struct SigningError(String);

impl std::fmt::Display for SigningError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot sign a test list: {}", self.0)
    }
}

impl std::error::Error for SigningError {}

fn failed(error: impl std::fmt::Display) -> SigningError {
    SigningError(error.to_string())
}

impl ListSigner {
    pub fn new(kind: SignerKind) -> Result<Self, SigningError> {
        match kind {
            SignerKind::EcdsaP256 => Self::ecdsa(),
            SignerKind::Rsa => Self::rsa(&RSA_PKCS1_SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", der_rsa_encryption()),
            SignerKind::RsaPss => Self::rsa(&RSA_PSS_SHA512, "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1", der_rsassa_pss()),
        }
    }

    fn ecdsa() -> Result<Self, SigningError> {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let certificate = CertificateParams::default().self_signed(&pair).map_err(failed)?.der().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der()).map_err(failed)?;
        Ok(Self { certificate, key: Key::Ecdsa(key), algorithm: "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" })
    }

    fn rsa(encoding: &'static dyn RsaEncoding, algorithm: &'static str, identifier: Vec<u8>) -> Result<Self, SigningError> {
        let key = RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).map_err(failed)?;
        Ok(Self { certificate: der_certificate(&identifier, key.public_key().as_ref()), key: Key::Rsa(key, encoding), algorithm })
    }

    /// Says that it is another, and signs with its own key all the same.
    pub fn claiming_to_be(self, other: &Self) -> Self {
        Self { certificate: other.certificate.clone(), ..self }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Ecdsa(key) => Ok(key.sign(&random, message).map_err(failed)?.as_ref().to_vec()),
            Key::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

fn der_rsa_encryption() -> Vec<u8> {
    der::sequence([der::oid(&[1, 2, 840, 113549, 1, 1, 1]), der::element(0x05, &[])])
}

fn der_rsassa_pss() -> Vec<u8> {
    der::sequence([der::oid(&[1, 2, 840, 113549, 1, 1, 10])])
}

/// Lists' signers are compared, not judged: the certificate needs no signature that verifies.
fn der_certificate(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = |content: &[u8]| der::element(0x03, &[&[0], content].concat());
    let signature = der_rsa_encryption();
    let time = |text: &str| der::element(0x17, text.as_bytes());
    let name = der::sequence([der::element(0x31, &der::sequence([der::oid(&[2, 5, 4, 3]), der::utf8("Test list signer")]))]);
    let tbs = der::sequence([
        der::element(0xa0, &[2, 1, 2]),
        der::element(0x02, &[1]),
        signature.clone(),
        name.clone(),
        der::sequence([time("250101000000Z"), time("450101000000Z")]),
        name,
        der::sequence([algorithm.to_vec(), bits(key)]),
    ]);
    der::sequence([tbs, signature, bits(&[0; 8])])
}

/// A list to be written. Each field can then be bent.
#[derive(Clone, Debug)]
pub struct ListSpec {
    pub territory: String,
    pub version: u8,
    pub sequence: u64,
    pub issued_at: OffsetDateTime,
    pub next_update: Option<OffsetDateTime>,
    pub services: Vec<Service>,
    /// Of a list of lists: to the national lists.
    pub pointers: Vec<Pointer>,
    /// Of a list of lists: where it is, and who may sign the next.
    pub itself: Option<Pointer>,
    /// Of a list of lists: pivots and publications, newest first.
    pub references: Vec<String>,
    /// The signature names the root by its Id, not as the whole document.
    pub by_id: bool,
}

impl ListSpec {
    pub fn national(territory: &str, sequence: u64, services: Vec<Service>, now: OffsetDateTime) -> Self {
        Self {
            territory: territory.into(),
            version: 6,
            sequence,
            issued_at: now - Duration::days(10),
            next_update: Some(now + Duration::days(170)),
            services,
            pointers: vec![],
            itself: None,
            references: vec![],
            by_id: false,
        }
    }

    /// `signers`: who may sign the next one.
    pub fn list_of_lists(sequence: u64, pointers: Vec<Pointer>, signers: &[&ListSigner], references: &[&str], now: OffsetDateTime) -> Self {
        let itself = Pointer {
            territory: "EU".into(),
            url: "https://lists.example/lotl.xml".into(),
            signers: signers.iter().map(|signer| signer.certificate.clone()).collect(),
        };
        let references = references.iter().map(|reference| (*reference).to_owned()).collect();
        Self { pointers, itself: Some(itself), references, ..Self::national("EU", sequence, vec![], now) }
    }

    /// The signed file.
    pub fn sign(&self, signer: &ListSigner) -> Result<String, SigningError> {
        let mut text = self.unsigned();
        let hashed = STANDARD.encode(digest(&SHA256, [&text, ROOT_END].concat().as_bytes()));
        let properties = signed_properties(signer);
        let properties_hashed = STANDARD.encode(digest(&SHA256, properties.as_bytes()));
        let root = if self.by_id { "#list" } else { "" };
        let info = signed_info(signer.algorithm, root, &hashed, &properties_hashed);
        let value = STANDARD.encode(signer.sign(info.as_bytes())?);
        let certificate = STANDARD.encode(&signer.certificate);
        let _ = write!(
            text,
            "<ds:Signature xmlns:ds=\"{DS}\" Id=\"sig\">{info}<ds:SignatureValue>{value}</ds:SignatureValue><ds:KeyInfo><ds:X509Data>\
             <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo><ds:Object>\
             <xades:QualifyingProperties xmlns:xades=\"{XADES}\" Target=\"#sig\">{properties}</xades:QualifyingProperties>\
             </ds:Object></ds:Signature>{ROOT_END}"
        );
        Ok(text)
    }

    /// Up to where the signature goes.
    fn unsigned(&self) -> String {
        let kind = if self.itself.is_some() { "EUlistofthelists" } else { "EUgeneric" };
        let mut out =
            format!("<TrustServiceStatusList xmlns=\"{TSL}\" Id=\"list\" TSLTag=\"http://uri.etsi.org/19612/TSLTag\"><SchemeInformation>");
        let mut put = |name: &str, content: &str| {
            let _ = write!(out, "<{name}>{content}</{name}>");
        };
        put("TSLVersionIdentifier", &self.version.to_string());
        put("TSLSequenceNumber", &self.sequence.to_string());
        put("TSLType", &format!("{TYPE}{kind}"));
        put("SchemeOperatorName", &name("Opérateur de test", "fr"));
        let uris: String = self.references.iter().map(|uri| format!("<URI xml:lang=\"en\">{}</URI>", escape(uri))).collect();
        put("SchemeInformationURI", &uris);
        put("SchemeTerritory", &escape(&self.territory));
        let pointers: String = self
            .itself
            .iter()
            .map(|one| pointer(one, "EUlistofthelists"))
            .chain(self.pointers.iter().map(|one| pointer(one, "EUgeneric")))
            .collect();
        put("PointersToOtherTSL", &pointers);
        put("ListIssueDateTime", &date(self.issued_at));
        put("NextUpdate", &self.next_update.map_or_else(String::new, |at| format!("<dateTime>{}</dateTime>", date(at))));
        out += "</SchemeInformation>";
        if self.itself.is_none() {
            out += "<TrustServiceProviderList>";
            self.services.iter().for_each(|one| provider(&mut out, one));
            out += "</TrustServiceProviderList>";
        }
        out
    }
}

fn name(text: &str, lang: &str) -> String {
    format!("<Name xml:lang=\"{lang}\">{}</Name>", escape(text))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}

fn date(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
}

fn certificates(ders: &[Vec<u8>]) -> String {
    ders.iter().map(|der| format!("<DigitalId><X509Certificate>{}</X509Certificate></DigitalId>", STANDARD.encode(der))).collect()
}

fn pointer(one: &Pointer, kind: &str) -> String {
    let other = |content: &str| format!("<OtherInformation>{content}</OtherInformation>");
    format!(
        "<OtherTSLPointer><ServiceDigitalIdentities><ServiceDigitalIdentity>{}</ServiceDigitalIdentity></ServiceDigitalIdentities>\
         <TSLLocation>{}</TSLLocation><AdditionalInformation>{}{}{}</AdditionalInformation></OtherTSLPointer>",
        certificates(&one.signers),
        escape(&one.url),
        other(&format!("<TSLType>{TYPE}{kind}</TSLType>")),
        other(&format!("<SchemeTerritory>{}</SchemeTerritory>", escape(&one.territory))),
        other(&format!("<n:MimeType xmlns:n=\"{ADDITIONAL}\">application/vnd.etsi.tsl+xml</n:MimeType>")),
    )
}

/// Each service with a provider of its own.
fn provider(out: &mut String, service: &Service) {
    let provider = name("Fournisseur", "fr") + &name(&service.provider, "en");
    *out += &format!("<TrustServiceProvider><TSPInformation><TSPName>{provider}</TSPName></TSPInformation><TSPServices><TSPService>");
    for (at, one) in service.periods.iter().enumerate() {
        match at {
            0 => *out += "<ServiceInformation>",
            1 => *out += "</ServiceInformation><ServiceHistory><ServiceHistoryInstance>",
            _ => *out += "</ServiceHistoryInstance><ServiceHistoryInstance>",
        }
        period(out, service, one, at == 0);
    }
    *out += if service.periods.len() > 1 { "</ServiceHistoryInstance></ServiceHistory>" } else { "</ServiceInformation>" };
    *out += "</TSPService></TSPServices></TrustServiceProvider>";
}

fn period(out: &mut String, service: &Service, one: &Period, now: bool) {
    let status = match one.status {
        ServiceStatus::Granted => "granted",
        ServiceStatus::Withdrawn => "withdrawn",
        ServiceStatus::Other => "undersupervision",
    };
    let identity = if now {
        certificates(&service.certificates)
    } else {
        "<DigitalId><X509SubjectName>CN=former</X509SubjectName></DigitalId>".into()
    };
    let _ = write!(
        out,
        "<ServiceTypeIdentifier>http://uri.etsi.org/TrstSvc/Svctype/CA/QC</ServiceTypeIdentifier><ServiceName>{}</ServiceName>\
         <ServiceDigitalIdentity>{identity}</ServiceDigitalIdentity>\
         <ServiceStatus>http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/{status}</ServiceStatus>\
         <StatusStartingTime>{}</StatusStartingTime><ServiceInformationExtensions>",
        name(&service.name, "en"),
        date(one.from)
    );
    for used in &one.uses {
        let used = match used {
            Use::WebSiteAuthentication => "ForWebSiteAuthentication",
            Use::Seals => "ForeSeals",
            Use::Signatures => "ForeSignatures",
        };
        let _ = write!(
            out,
            "<Extension Critical=\"true\"><AdditionalServiceInformation><URI xml:lang=\"en\">{INFORMATION}{used}</URI>\
             </AdditionalServiceInformation></Extension>"
        );
    }
    if !one.qualifications.is_empty() {
        let all: String = one.qualifications.iter().map(qualification).collect();
        let _ =
            write!(out, "<Extension Critical=\"true\"><q:Qualifications xmlns:q=\"{QUALIFICATIONS}\">{all}</q:Qualifications></Extension>");
    }
    if let Some(name) = &one.unknown_critical {
        let _ = write!(out, "<Extension Critical=\"true\"><x:{name} xmlns:x=\"urn:test\"></x:{name}></Extension>");
    }
    *out += "</ServiceInformationExtensions>";
}

fn qualification(one: &Qualification) -> String {
    let qualifiers = one.qualifiers.iter().map(|qualifier| {
        let uri = match qualifier {
            Qualifier::QcStatement => "QCStatement",
            Qualifier::NotQualified => "NotQualified",
            Qualifier::QcForWebSiteAuthentication => "QCForWSA",
            Qualifier::QcForSeal => "QCForESeal",
            Qualifier::QcForSignature => "QCForESig",
            Qualifier::Other => "QCWithQSCD",
        };
        format!("<q:Qualifier uri=\"{INFORMATION}{uri}\"></q:Qualifier>")
    });
    format!(
        "<q:QualificationElement><q:Qualifiers>{}</q:Qualifiers>{}</q:QualificationElement>",
        qualifiers.collect::<String>(),
        criteria(&one.criteria)
    )
}

fn criteria(one: &Criteria) -> String {
    let list = |assert: &str, all: &[Criteria]| {
        format!("<q:CriteriaList assert=\"{assert}\">{}</q:CriteriaList>", all.iter().map(criteria).collect::<String>())
    };
    let identifier = |oid: &String| format!("<x:Identifier xmlns:x=\"{XADES}\" Qualifier=\"OIDAsURN\">urn:oid:{oid}</x:Identifier>");
    let other = |name: &str, inner: &str, oids: &[String]| {
        let all: String = oids.iter().map(|oid| format!("<n:{inner}>{}</n:{inner}>", identifier(oid))).collect();
        format!("<q:otherCriteriaList><n:{name} xmlns:n=\"{ADDITIONAL}\">{all}</n:{name}></q:otherCriteriaList>")
    };
    match one {
        Criteria::All(all) => list("all", all),
        Criteria::AtLeastOne(all) => list("atLeastOne", all),
        Criteria::None(all) => list("none", all),
        Criteria::KeyUsage(bits) => {
            let bit = |(number, value): &(u8, bool)| {
                format!("<q:KeyUsageBit name=\"{}\">{value}</q:KeyUsageBit>", KEY_USAGES.get(usize::from(*number)).unwrap_or(&"?"))
            };
            format!("<q:KeyUsage>{}</q:KeyUsage>", bits.iter().map(bit).collect::<String>())
        }
        Criteria::PolicySet(oids) => {
            let all: String = oids.iter().map(|oid| format!("<q:PolicyIdentifier>{}</q:PolicyIdentifier>", identifier(oid))).collect();
            format!("<q:PolicySet>{all}</q:PolicySet>")
        }
        Criteria::ExtendedKeyUsage(oids) => other("ExtendedKeyUsage", "KeyPurposeId", oids),
        Criteria::SubjectAttributes(oids) => other("CertSubjectDNAttribute", "AttributeOID", oids),
        Criteria::Unknown(name) => format!("<x:{name} xmlns:x=\"urn:test\"></x:{name}>"),
    }
}

fn signed_properties(signer: &ListSigner) -> String {
    let hashed = STANDARD.encode(digest(&SHA512, &signer.certificate));
    format!(
        "<xades:SignedProperties xmlns:xades=\"{XADES}\" Id=\"properties\"><xades:SignedSignatureProperties>\
         <xades:SigningCertificateV2><xades:Cert><xades:CertDigest>\
         <ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha512\"></ds:DigestMethod>\
         <ds:DigestValue xmlns:ds=\"{DS}\">{hashed}</ds:DigestValue></xades:CertDigest></xades:Cert></xades:SigningCertificateV2>\
         </xades:SignedSignatureProperties></xades:SignedProperties>"
    )
}

fn signed_info(algorithm: &str, root: &str, list: &str, properties: &str) -> String {
    let reference = |attributes: &str, enveloped: &str, hashed: &str| {
        format!(
            "<ds:Reference {attributes}><ds:Transforms>{enveloped}<ds:Transform Algorithm=\"{EXCLUSIVE}\"></ds:Transform></ds:Transforms>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <ds:DigestValue>{hashed}</ds:DigestValue></ds:Reference>"
        )
    };
    format!(
        "<ds:SignedInfo xmlns:ds=\"{DS}\"><ds:CanonicalizationMethod Algorithm=\"{EXCLUSIVE}\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"{algorithm}\"></ds:SignatureMethod>{}{}</ds:SignedInfo>",
        reference(&format!("URI=\"{root}\""), &format!("<ds:Transform Algorithm=\"{DS}enveloped-signature\"></ds:Transform>"), list),
        reference("Type=\"http://uri.etsi.org/01903#SignedProperties\" URI=\"#properties\"", "", properties),
    )
}

/// A service that was granted a year ago for these uses.
pub fn service(name: &str, certificate: Vec<u8>, uses: &[Use], now: OffsetDateTime) -> Service {
    let period = |from: OffsetDateTime, status| Period {
        from: from.replace_nanosecond(0).unwrap_or(from),
        status,
        uses: uses.to_vec(),
        qualifications: vec![],
        unknown_critical: None,
    };
    Service {
        provider: format!("Provider of {name}"),
        name: name.to_owned(),
        certificates: vec![certificate],
        periods: vec![period(now - Duration::days(365), ServiceStatus::Granted), period(now - Duration::days(2000), ServiceStatus::Other)],
    }
}

/// The territories of the EEA, as the lists write them; 30, and the United Kingdom's.
pub const TERRITORIES: [&str; 31] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT",
    "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "UK",
];

/// A list of lists and a national list of each territory.
pub struct GeneratedSet {
    pub signer: ListSigner,
    /// Name and content; the first is the list of lists.
    pub files: Vec<(String, String)>,
}

impl GeneratedSet {
    /// `services` over all lists, which stand under the URL `base`, one in four for websites, with certificates of the size of real ones.
    pub fn new(sequence: u64, services: usize, base: &str, journal: &str, now: OffsetDateTime) -> Result<Self, SigningError> {
        let (signer, national) = (ListSigner::new(SignerKind::EcdsaP256)?, ListSigner::new(SignerKind::Rsa)?);
        let validity = Validity { not_before: now - Duration::days(700), not_after: now + Duration::days(3000) };
        let (mut files, mut pointers) = (Vec::new(), Vec::new());
        for (at, territory) in TERRITORIES.iter().enumerate() {
            let mut of_list = Vec::new();
            for number in (at..services).step_by(TERRITORIES.len()) {
                let name = format!("{territory} qualified authority {number}, {}", "of a long and proper name ".repeat(20));
                let certificate = Ca::root(&name, validity).map_err(failed)?.certificate().to_vec();
                let uses: &[Use] = if number % 4 == 0 { &[Use::WebSiteAuthentication, Use::Seals] } else { &[Use::Seals, Use::Signatures] };
                of_list.push(service(&format!("{territory} service {number}"), certificate, uses, now));
            }
            let url = format!("{base}/{territory}.xml");
            pointers.push(Pointer { territory: (*territory).to_owned(), url, signers: vec![national.certificate.clone()] });
            files.push((format!("{territory}.xml"), ListSpec::national(territory, sequence, of_list, now).sign(&national)?));
        }
        let lotl = ListSpec::list_of_lists(sequence, pointers, &[&signer], &[journal], now).sign(&signer)?;
        files.insert(0, ("lotl.xml".to_owned(), lotl));
        Ok(Self { signer, files })
    }
}
