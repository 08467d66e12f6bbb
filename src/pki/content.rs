//! The rules on what a certificate says, whoever signed it.

use super::certificate::{self, CertificateFacts, Leaf, PublicKey};
use super::name::{Attribute, Name};
use super::qc_statements::{self, Psd2Statement, QcStatements};
use super::reason::{Reason, Warning};
use super::x509::Extension;
use super::{TrustPolicy, der, oid, organisation};
use std::collections::BTreeSet;

/// Critical extensions that these checks and the path building understand.
const UNDERSTOOD: [&[u8]; 6] = [
    oid::KEY_USAGE,
    oid::SUBJECT_ALT_NAME,
    oid::BASIC_CONSTRAINTS,
    oid::NAME_CONSTRAINTS,
    oid::CRL_DISTRIBUTION_POINTS,
    oid::EXTENDED_KEY_USAGE,
];

const SIGNATURE_ALGORITHMS: [&[u8]; 7] = [
    oid::SHA256_WITH_RSA,
    oid::SHA384_WITH_RSA,
    oid::SHA512_WITH_RSA,
    oid::RSASSA_PSS,
    oid::ECDSA_WITH_SHA256,
    oid::ECDSA_WITH_SHA384,
    oid::ECDSA_WITH_SHA512,
];

/// What a certificate says and what is wrong with that, apart from its issuer, its dates and its revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// None when it cannot be parsed at all.
    pub facts: Option<CertificateFacts>,
    pub reasons: Vec<Reason>,
    pub warnings: Vec<Warning>,
}

/// Applies every rule on the contents of one certificate (ETSI TS 119 495, EN 319 412-1 to -5, TS 119 312).
pub fn judge_content(certificate: &[u8], policy: &TrustPolicy) -> Content {
    match certificate::read(certificate) {
        Ok(leaf) => judge(&leaf, certificate, policy),
        Err(error) => Content { facts: None, reasons: vec![Reason::Malformed(error.0)], warnings: Vec::new() },
    }
}

/// The same for one that was read.
pub(super) fn judge(leaf: &Leaf<'_>, certificate: &[u8], policy: &TrustPolicy) -> Content {
    let mut judge = Judge { facts: leaf.facts(certificate), reasons: Vec::new(), warnings: Vec::new(), policy };
    judge.extensions(leaf);
    judge.algorithms(leaf);
    judge.usage(leaf);
    judge.qualification(leaf);
    judge.organisation(leaf);
    judge.pointers(leaf);
    Content { facts: Some(judge.facts), reasons: judge.reasons, warnings: judge.warnings }
}

struct Judge<'a> {
    facts: CertificateFacts,
    reasons: Vec<Reason>,
    warnings: Vec<Warning>,
    policy: &'a TrustPolicy,
}

impl Judge<'_> {
    fn refuse(&mut self, reason: Reason) {
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }

    fn extensions(&mut self, leaf: &Leaf<'_>) {
        for (at, extension) in leaf.x509.extensions.iter().enumerate() {
            let id = extension.id;
            if id != oid::QC_STATEMENTS && leaf.x509.extensions.iter().take(at).any(|other| other.id == id) {
                self.refuse(Reason::DuplicateExtension(der::dotted(id)));
            }
            if extension.critical && id != oid::QC_STATEMENTS && !UNDERSTOOD.contains(&id) {
                self.refuse(Reason::UnknownCriticalExtension(der::dotted(id)));
            }
        }
    }

    fn algorithms(&mut self, leaf: &Leaf<'_>) {
        if leaf.is_ca || leaf.key_usage.as_ref().is_some_and(|usage| usage.key_cert_sign()) {
            self.refuse(Reason::CaCertificate);
        }
        if !SIGNATURE_ALGORITHMS.contains(&leaf.x509.signature_oid()) {
            self.refuse(Reason::SignatureAlgorithmNotAllowed);
        }
        match self.facts.key {
            PublicKey::Rsa(2048..=8192) | PublicKey::P256 | PublicKey::P384 | PublicKey::P521 => {}
            PublicKey::Rsa(bits) => self.refuse(Reason::WeakKey(bits)),
            PublicKey::Other => self.refuse(Reason::KeyAlgorithmNotAllowed),
        }
    }

    fn usage(&mut self, leaf: &Leaf<'_>) {
        match &leaf.key_usage {
            None => self.refuse(Reason::KeyUsageMissing),
            Some(usage) if !usage.digital_signature() => self.refuse(Reason::KeyUsageNoDigitalSignature),
            Some(_) => {}
        }
        let Some(purposes) = &leaf.extended_key_usage else { return self.refuse(Reason::EkuMissing) };
        if purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE) {
            self.refuse(Reason::EkuAny);
        }
        if purposes.contains(&oid::TLS_BINDING) {
            self.refuse(Reason::EkuTlsBinding);
        }
        if purposes.contains(&oid::CLIENT_AUTH) {
            return;
        }
        if self.policy.accept_server_auth_only && purposes.contains(&oid::SERVER_AUTH) {
            self.warnings.push(Warning::ServerAuthOnly);
        } else {
            self.refuse(Reason::EkuNoClientAuth);
        }
    }

    fn qualification(&mut self, leaf: &Leaf<'_>) {
        let mut found = leaf.x509.extensions.iter().filter(|extension| extension.id == oid::QC_STATEMENTS);
        let Some(extension) = found.next() else { return self.refuse(Reason::QcStatementsMissing) };
        if found.next().is_some() {
            return self.refuse(Reason::QcStatementsDuplicate);
        }
        self.qc_statements(extension);
    }

    fn qc_statements(&mut self, extension: &Extension<'_>) {
        if extension.critical {
            self.refuse(Reason::QcStatementsCritical);
        }
        match qc_statements::read(extension.value) {
            Err(error) => self.refuse(Reason::QcStatementsMalformed(error.0)),
            Ok(statements) => self.statements(&statements),
        }
    }

    fn statements(&mut self, statements: &QcStatements) {
        for what in &statements.malformed {
            self.refuse(Reason::QcStatementsMalformed(what));
        }
        if let Some(id) = statements.repeated() {
            self.refuse(Reason::QcStatementRepeated(id));
        }
        if !statements.has(oid::QC_COMPLIANCE) {
            self.refuse(Reason::QcComplianceMissing);
        }
        match statements.qc_types.as_deref() {
            None if statements.has(oid::QC_TYPE) => {} // unreadable, and refused as such
            None => self.refuse(Reason::QcTypeMissing),
            Some([only]) if only == oid::QC_TYPE_WEB => {}
            Some([only]) if only == oid::QC_TYPE_ESEAL => self.refuse(Reason::QSealCertificate),
            Some(types) => self.refuse(Reason::QcTypeNotWeb(types.iter().map(|id| der::dotted(id)).collect::<Vec<_>>().join(", "))),
        }
        if statements.cc_legislation {
            self.refuse(Reason::NotEuLegislation);
        }
        if statements.has(oid::PKIX_QC_SYNTAX_V1) {
            self.warnings.push(Warning::ObsoleteQcStatement);
        }
        match &statements.psd2 {
            Some(psd2) => self.psd2(psd2),
            None if statements.has(oid::PSD2) => {} // unreadable, and refused as such
            None => self.refuse(Reason::Psd2StatementMissing),
        }
    }

    fn psd2(&mut self, psd2: &Psd2Statement) {
        self.facts.nca_name = Some(psd2.nca_name.clone());
        self.facts.nca_id = Some(psd2.nca_id.clone());
        if psd2.roles.is_empty() {
            self.refuse(Reason::NoRole);
        }
        let mut roles = BTreeSet::new();
        for written in &psd2.roles {
            match written.role() {
                Ok(role) if !roles.insert(role) => self.warnings.push(Warning::RoleRepeated),
                Ok(_) => {}
                Err(reason) => self.refuse(reason),
            }
        }
        self.warnings.dedup();
        self.facts.roles = roles.into_iter().collect();
        if organisation::nca_country(&psd2.nca_id).is_none() {
            self.refuse(Reason::NcaIdMalformed);
        } else if !organisation::is_known_nca(&psd2.nca_id) {
            self.warnings.push(Warning::UnknownNca(psd2.nca_id.clone()));
        }
    }

    fn organisation(&mut self, leaf: &Leaf<'_>) {
        let subject = &leaf.subject;
        self.organisation_name(subject);
        self.organisation_id(subject);
        self.countries();
        let cabf = leaf.x509.extension(oid::CABF_ORGANIZATION_IDENTIFIER);
        if cabf.is_some_and(|value| !self.agrees(value)) {
            self.refuse(Reason::CabfOrganisationIdMismatch);
        }
        if subject.attributes().filter_map(Attribute::text).any(|text| text.contains(char::is_control)) {
            self.refuse(Reason::Malformed("a control character stands in the subject"));
        }
    }

    /// Nothing is refused for them: they only say where to ask.
    fn pointers(&mut self, leaf: &Leaf<'_>) {
        for extension in &leaf.x509.extensions {
            let read = match extension.id {
                oid::AUTHORITY_INFO_ACCESS => self.facts.pointers.read_information_access(extension.value),
                oid::CRL_DISTRIBUTION_POINTS => self.facts.pointers.read_distribution_points(extension.value),
                _ => continue,
            };
            self.warnings.extend(read.err().map(|error| Warning::PointerIgnored(error.0)));
        }
    }

    /// Some issuers leave the authority out of the extension's reference; the country and the number must agree all the same.
    fn agrees(&self, cabf_extension: &[u8]) -> bool {
        let (Ok(cabf), Some(id)) = (organisation::cabf_identifier(cabf_extension), &self.facts.organisation_id) else { return false };
        let without_authority = organisation::psd_identifier(id).map(|psd| format!("PSD{}-{}", psd.country, psd.authorisation_number));
        cabf == *id || Some(cabf) == without_authority
    }

    fn organisation_name(&mut self, subject: &Name<'_>) {
        let mut names = attributes(subject, oid::ORGANIZATION_NAME);
        match (names.next(), names.next()) {
            (None, _) => self.refuse(Reason::OrganisationNameMissing),
            (Some(_), Some(_)) => self.refuse(Reason::OrganisationNameMalformed("there is more than one")),
            (Some(name), None) => match directory_string(name) {
                Ok(text) => self.facts.organisation_name = Some(text),
                Err(why) => self.refuse(Reason::OrganisationNameMalformed(why)),
            },
        }
    }

    fn organisation_id(&mut self, subject: &Name<'_>) {
        let mut ids = attributes(subject, oid::ORGANIZATION_IDENTIFIER);
        let id = match (ids.next(), ids.next()) {
            (None, _) => return self.refuse(Reason::OrganisationIdMissing),
            (Some(_), Some(_)) => return self.refuse(Reason::OrganisationIdRepeated),
            (Some(id), None) => directory_string(id),
        };
        match id {
            Ok(id) => self.facts.organisation_id = Some(id),
            Err(why) => self.refuse(Reason::OrganisationIdMalformed(why)),
        }
    }

    /// The identifier's form, its agreement with the PSD2 statement, and the authority's country.
    fn countries(&mut self) {
        let Some(id) = self.facts.organisation_id.clone() else { return };
        let accepted_as_is = self.policy.other_organisation_ids.contains(&id);
        let psd = organisation::psd_identifier(&id);
        if psd.is_none() && !accepted_as_is {
            self.refuse(Reason::OrganisationIdNotPsd);
        }
        let Some(nca_id) = self.facts.nca_id.clone() else { return };
        if psd.is_some_and(|psd| psd.nca_id != nca_id) {
            self.refuse(Reason::OrganisationIdNcaMismatch);
        }
        if let Some(country) = organisation::nca_country(&nca_id).filter(|country| !self.policy.nca_countries.contains(*country)) {
            self.refuse(Reason::NcaCountryNotAccepted(country.to_owned()));
        }
    }
}

fn attributes<'n, 'a>(name: &'n Name<'a>, id: &'static [u8]) -> impl Iterator<Item = &'n Attribute<'a>> {
    name.attributes().filter(move |attribute| attribute.id == id)
}

/// RFC 5280 s4.1.2.4: a UTF8String or a PrintableString; here also not blank and without characters that deceive a reader.
fn directory_string(attribute: &Attribute<'_>) -> Result<String, &'static str> {
    if attribute.tag != der::UTF8_STRING && attribute.tag != der::PRINTABLE_STRING {
        return Err("it is neither a UTF8String nor a PrintableString");
    }
    let text = attribute.text().ok_or("it is not UTF-8")?;
    if text.trim().is_empty() {
        return Err("it is blank");
    }
    if text.contains(organisation::is_deceptive) {
        return Err("it has control characters or invisible ones");
    }
    Ok(text.to_owned())
}
