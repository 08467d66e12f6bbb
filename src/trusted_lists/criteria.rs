//! The Qualifications extension (TS 119 612 s5.5.9.2): what holds for the certificates that fit some criteria.

use super::{
    services::INFORMATION,
    xml::{ADDITIONAL, QUALIFICATIONS as Q, XADES, child, child_text, children, is_true, text},
};
use crate::pki::trusted_list::{Criteria, Qualification, Qualifier};
use roxmltree::Node;

/// RFC 5280 s4.2.1.3, in the order of its bits, as s5.5.9.2.2.1 spells them.
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

pub(super) fn qualifications(list: Node<'_, '_>) -> Vec<Qualification> {
    children(list, Q, "QualificationElement").map(qualification).collect()
}

fn qualification(element: Node<'_, '_>) -> Qualification {
    let qualifiers = child(element, Q, "Qualifiers").into_iter().flat_map(|all| children(all, Q, "Qualifier"));
    let criteria = child(element, Q, "CriteriaList").map_or_else(|| unknown("no CriteriaList"), criteria_list);
    Qualification { qualifiers: qualifiers.map(|node| qualifier(node.attribute("uri").unwrap_or_default())).collect(), criteria }
}

fn qualifier(uri: &str) -> Qualifier {
    match uri.strip_prefix(INFORMATION) {
        Some("QCStatement") => Qualifier::QcStatement,
        Some("NotQualified") => Qualifier::NotQualified,
        Some("QCForWSA") => Qualifier::QcForWebSiteAuthentication,
        Some("QCForESeal") => Qualifier::QcForSeal,
        Some("QCForESig") => Qualifier::QcForSignature,
        Some(_) | None => Qualifier::Other,
    }
}

fn criteria_list(list: Node<'_, '_>) -> Criteria {
    let mut all = Vec::new();
    for node in list.children().filter(Node::is_element).filter(|node| !node.has_tag_name((Q, "Description"))) {
        match (node.tag_name().namespace(), node.tag_name().name()) {
            (Some(Q), "KeyUsage") => all.push(key_usage(node)),
            (Some(Q), "PolicySet") => all.push(policy_set(node)),
            (Some(Q), "CriteriaList") => all.push(criteria_list(node)),
            (Some(Q), "otherCriteriaList") => all.extend(node.children().filter(Node::is_element).map(other)),
            _ => all.push(unknown(node.tag_name().name())),
        }
    }
    match list.attribute("assert") {
        Some("all") => Criteria::All(all),
        Some("atLeastOne") => Criteria::AtLeastOne(all),
        Some("none") => Criteria::None(all),
        Some(_) | None => unknown("assert"),
    }
}

fn key_usage(node: Node<'_, '_>) -> Criteria {
    let bit = |bit: Node<'_, '_>| {
        let number = KEY_USAGES.iter().position(|name| bit.attribute("name") == Some(name))?;
        Some((u8::try_from(number).ok()?, is_true(&text(bit))))
    };
    let bits: Option<Vec<_>> = children(node, Q, "KeyUsageBit").map(bit).collect();
    bits.map_or_else(|| unknown("KeyUsageBit"), Criteria::KeyUsage)
}

fn policy_set(node: Node<'_, '_>) -> Criteria {
    let oids: Option<Vec<_>> = children(node, Q, "PolicyIdentifier").map(identifier).collect();
    oids.map_or_else(|| unknown("PolicyIdentifier"), Criteria::PolicySet)
}

/// s5.5.9.2.2.3 to s5.5.9.2.2.5.
fn other(node: Node<'_, '_>) -> Criteria {
    let all = |name| children(node, ADDITIONAL, name).map(identifier).collect::<Option<Vec<_>>>();
    let read = match (node.tag_name().namespace(), node.tag_name().name()) {
        (Some(ADDITIONAL), "ExtendedKeyUsage") => all("KeyPurposeId").map(Criteria::ExtendedKeyUsage),
        (Some(ADDITIONAL), "CertSubjectDNAttribute") => all("AttributeOID").map(Criteria::SubjectAttributes),
        _ => None,
    };
    read.unwrap_or_else(|| unknown(node.tag_name().name()))
}

/// An object identifier in dots: plain, as a URN (RFC 3061), or as Italy writes it. One with a dot too many, as Slovenia has,
/// is kept as it is: it is in no certificate.
fn identifier(node: Node<'_, '_>) -> Option<String> {
    let written = child_text(node, XADES, "Identifier")?.to_ascii_lowercase();
    let dots = ["urn:oid:", "oid:"].iter().find_map(|prefix| written.strip_prefix(prefix)).unwrap_or(&written);
    let fits = !dots.is_empty() && dots.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    fits.then(|| dots.to_owned())
}

fn unknown(what: &str) -> Criteria {
    Criteria::Unknown(what.chars().take(80).collect())
}
