//! The XAdES signature of a list (TS 119 612 s5.7.1, annex B): enveloped, over the whole list and its own signed properties.

use super::{
    Envelope, Refusal, Signer,
    key::SignerKey,
    sha256_hex,
    xml::{DS, XADES, base64, child, children},
};
use aws_lc_rs::digest;
use roxmltree::Node;
use xml_sec::{
    XmlSecurity,
    api::Operation,
    policy::{PolicyCompileContext, PolicyCompiler, PolicyProfile},
    provider::RustCryptoProvider,
    xmldsig::{DsigError, DsigStatus, SignatureVerificationError, VerificationRequest, VerifyEvidence},
};

/// What may stand as SignatureMethod; the key has its own say (RFC 9231 s2.3). No SHA-1, no DSA, no HMAC.
const ALGORITHMS: [&str; 10] = [
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
    "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
    "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
];

/// A list is signed, all of it, by this signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// SHA-256 over the certificate, hexadecimal.
    pub signer: String,
    /// URI of the signature algorithm.
    pub algorithm: String,
}

/// The parts of the signature that are looked at before any cryptography.
struct Parts {
    algorithm: String,
    /// `Id` of the signed properties, which the second reference names.
    properties: String,
}

/// Proves that one of the signers signed the root element and everything in it.
pub fn verify(list: &Envelope<'_>, signers: &[Signer]) -> Result<Signed, Refusal> {
    let signature = the_one(list)?;
    let parts = parts(list, signature)?;
    let signer = named(signature, signers)?;
    let key = SignerKey::of(signer)?;
    check(list.text(), &key, &parts)?;
    Ok(Signed { signer: signer.sha256().to_owned(), algorithm: parts.algorithm })
}

/// One in the whole document, and a child of its root: nothing is wrapped, and nothing else is signed.
fn the_one<'a, 'i: 'a>(list: &'a Envelope<'i>) -> Result<Node<'a, 'i>, Refusal> {
    let mut all = list.root().descendants().filter(|node| node.has_tag_name((DS, "Signature")));
    let signature = all.next().ok_or(Refusal::SignatureMissing)?;
    if all.next().is_some() {
        return Err(Refusal::SignatureRepeated);
    }
    if signature.parent() == Some(list.root()) { Ok(signature) } else { Err(Refusal::SignatureMisplaced) }
}

fn parts(list: &Envelope<'_>, signature: Node<'_, '_>) -> Result<Parts, Refusal> {
    let signed_info = child(signature, DS, "SignedInfo").ok_or(Refusal::SignatureReferences)?;
    let uris: Vec<&str> = children(signed_info, DS, "Reference").filter_map(|reference| reference.attribute("URI")).collect();
    let is_root = |uri: &str| uri.is_empty() || uri.strip_prefix('#').is_some_and(|id| list.root().attribute("Id") == Some(id));
    let properties = match uris[..] {
        [one, other] if is_root(one) != is_root(other) => {
            if is_root(one) {
                other
            } else {
                one
            }
        }
        _ => return Err(Refusal::SignatureReferences),
    };
    let id = properties.strip_prefix('#').filter(|id| !id.is_empty()).ok_or(Refusal::SignatureReferences)?;
    if signed_properties(signature).and_then(|node| node.attribute("Id")) != Some(id) {
        return Err(Refusal::SignatureReferences);
    }
    let method = child(signed_info, DS, "SignatureMethod").and_then(|method| method.attribute("Algorithm"));
    let algorithm = method.unwrap_or_default().to_owned();
    if !ALGORITHMS.contains(&algorithm.as_str()) {
        return Err(Refusal::SignatureAlgorithm(algorithm));
    }
    Ok(Parts { algorithm, properties: id.to_owned() })
}

fn signed_properties<'a, 'i: 'a>(signature: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let qualifying = children(signature, DS, "Object").find_map(|object| child(object, XADES, "QualifyingProperties"))?;
    child(qualifying, XADES, "SignedProperties")
}

/// The pinned certificate whose digest is signed as SigningCertificate or SigningCertificateV2 (EN 319 132-1 s5.2.2).
fn named<'s>(signature: Node<'_, '_>, signers: &'s [Signer]) -> Result<&'s Signer, Refusal> {
    let properties = signed_properties(signature).and_then(|node| child(node, XADES, "SignedSignatureProperties"));
    let certificate = properties.and_then(|node| {
        let list = child(node, XADES, "SigningCertificateV2").or_else(|| child(node, XADES, "SigningCertificate"))?;
        child(child(list, XADES, "Cert")?, XADES, "CertDigest")
    });
    let certificate = certificate.ok_or(Refusal::SignerUnstated)?;
    let method = child(certificate, DS, "DigestMethod").and_then(|method| method.attribute("Algorithm")).unwrap_or_default();
    let (Some(algorithm), Some(value)) = (digest_algorithm(method), child(certificate, DS, "DigestValue").and_then(base64)) else {
        return Err(Refusal::SignerUnstated);
    };
    let found = signers.iter().find(|signer| digest::digest(algorithm, signer.der()).as_ref() == value);
    found.ok_or_else(|| Refusal::SignerUnknown(enclosed(signature)))
}

/// The digest only picks among pinned certificates, so that SHA-1, which Italy writes, does no harm here.
fn digest_algorithm(uri: &str) -> Option<&'static digest::Algorithm> {
    match uri {
        "http://www.w3.org/2000/09/xmldsig#sha1" => Some(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        "http://www.w3.org/2001/04/xmlenc#sha256" => Some(&digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(&digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Some(&digest::SHA512),
        _ => None,
    }
}

fn enclosed(signature: Node<'_, '_>) -> Option<String> {
    let data = child(child(signature, DS, "KeyInfo")?, DS, "X509Data")?;
    base64(child(data, DS, "X509Certificate")?).map(|der| sha256_hex(&der))
}

fn check(text: &str, key: &SignerKey, parts: &Parts) -> Result<(), Refusal> {
    let provider = RustCryptoProvider;
    let context = PolicyCompileContext { external_resources: false, target_evidence: true };
    let policies =
        PolicyCompiler::new(PolicyProfile::Modern, &provider, None).and_then(|compiler| compiler.compile(&context)).map_err(broken)?;
    let security = XmlSecurity::new(&policies, &provider).map_err(broken)?;
    let document = security.parse_document(text, Operation::Verify).map_err(broken)?;
    let targets = document.with_view(|view| view.node_for_id(&parts.properties, &[]).map(|properties| [view.root_element(), properties]));
    let targets = targets.ok_or(Refusal::SignatureReferences)?;
    let request = VerificationRequest { expected_targets: &targets, ..VerificationRequest::default() };
    let evidence = security.verifier().map_err(broken)?.key(key).verify(&document, &request).map_err(broken)?;
    if evidence.accepted(&document).map_err(broken)? { Ok(()) } else { Err(why(&evidence, parts)) }
}

fn broken(error: impl std::fmt::Display) -> Refusal {
    Refusal::SignatureInvalid(error.to_string())
}

fn why(evidence: &VerifyEvidence, parts: &Parts) -> Refusal {
    match evidence.signatures().first().map(|signature| signature.result()) {
        Some(Err(DsigError::Crypto(SignatureVerificationError::KeyAlgorithmMismatch { uri }))) => Refusal::SignatureAlgorithm(uri.clone()),
        Some(Err(DsigError::Policy(_) | DsigError::AccountedPolicyAlgorithm { .. })) => {
            Refusal::SignatureAlgorithm(parts.algorithm.clone())
        }
        Some(Err(error)) => broken(error),
        // every reference holds, but what they cover is not the list
        Some(Ok(result)) if result.status == DsigStatus::Valid => Refusal::SignatureReferences,
        Some(Ok(result)) => broken(format!("{:?}", result.status)),
        None => Refusal::SignatureMissing,
    }
}
