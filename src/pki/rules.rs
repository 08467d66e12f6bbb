//! The rules that a certificate is judged by, in the order of the checks, and how each of them came out.

use super::reason::{Reason, Warning};
use super::{CertificateFacts, Verdict};

/// One rule. What it refuses with are the [`Reason`]s that [`Rule::of`] gives it; each reason belongs to exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    Presented,
    Size,
    Form,
    Extensions,
    Validity,
    EndEntity,
    Algorithms,
    Issuer,
    Service,
    Path,
    KeyUsage,
    ExtendedKeyUsage,
    QcStatements,
    QcCompliance,
    QcType,
    Psd2Statement,
    Roles,
    OrganisationName,
    OrganisationId,
    Authority,
    Revocation,
    Standing,
}

/// What was asked beside the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: what the bank has against a TPP is told to that TPP alone.
    CertificateOnly,
    /// The bank's blocks, and the register where the brand asks it.
    Standing,
}

/// How a rule came out for one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    Pass,
    Fail(Vec<&'a Reason>),
    /// Kept, though something is odd.
    Warn(Vec<&'a Warning>),
    /// It could not be judged, because what it looks at is missing, unreadable or not asked for: neither kept nor broken.
    NotReached,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessed<'a> {
    pub rule: Rule,
    pub outcome: Outcome<'a>,
}

/// Every rule with its outcome, in the order of the checks.
pub fn assess(verdict: &Verdict, asked: Asked) -> Vec<Assessed<'_>> {
    Rule::ALL.into_iter().map(|rule| Assessed { rule, outcome: rule.outcome(verdict, asked) }).collect()
}

impl Outcome<'_> {
    /// Stable, for machines.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::Warn(_) => "warning",
            Self::NotReached => "not_reached",
        }
    }
}

impl Rule {
    pub const ALL: [Self; 22] = [
        Self::Presented,
        Self::Size,
        Self::Form,
        Self::Extensions,
        Self::Validity,
        Self::EndEntity,
        Self::Algorithms,
        Self::Issuer,
        Self::Service,
        Self::Path,
        Self::KeyUsage,
        Self::ExtendedKeyUsage,
        Self::QcStatements,
        Self::QcCompliance,
        Self::QcType,
        Self::Psd2Statement,
        Self::Roles,
        Self::OrganisationName,
        Self::OrganisationId,
        Self::Authority,
        Self::Revocation,
        Self::Standing,
    ];

    /// The rule that a reason breaks. Whoever adds a reason says here whose it is.
    pub const fn of(reason: &Reason) -> Self {
        match reason {
            Reason::CertificateMissing => Self::Presented,
            Reason::CertificateTooLarge | Reason::ChainTooLong | Reason::ChainTooLarge => Self::Size,
            Reason::Malformed(_) => Self::Form,
            Reason::DuplicateExtension(_) | Reason::UnknownCriticalExtension(_) => Self::Extensions,
            Reason::Expired | Reason::NotYetValid => Self::Validity,
            Reason::CaCertificate => Self::EndEntity,
            Reason::SignatureAlgorithmNotAllowed | Reason::WeakKey(_) | Reason::KeyAlgorithmNotAllowed => Self::Algorithms,
            Reason::UntrustedIssuer(_) => Self::Issuer,
            Reason::ServiceWithdrawn(_)
            | Reason::ServiceNotGranted(_)
            | Reason::ServiceNotGrantedAtIssuance(_)
            | Reason::ServiceNotForWeb(_)
            | Reason::ServiceNotUnderstood(_)
            | Reason::NotQualifiedByList(_) => Self::Service,
            Reason::IssuerInvalid(_) | Reason::SignatureInvalid => Self::Path,
            Reason::KeyUsageMissing | Reason::KeyUsageNoDigitalSignature => Self::KeyUsage,
            Reason::EkuMissing | Reason::EkuAny | Reason::EkuTlsBinding | Reason::EkuNoClientAuth => Self::ExtendedKeyUsage,
            Reason::QcStatementsMissing
            | Reason::QcStatementsDuplicate
            | Reason::QcStatementsCritical
            | Reason::QcStatementsMalformed(_)
            | Reason::QcStatementRepeated(_) => Self::QcStatements,
            Reason::QcComplianceMissing | Reason::NotEuLegislation => Self::QcCompliance,
            Reason::QcTypeMissing | Reason::QSealCertificate | Reason::QcTypeNotWeb(_) => Self::QcType,
            Reason::Psd2StatementMissing | Reason::NcaIdMalformed => Self::Psd2Statement,
            Reason::NoRole | Reason::RoleUnspecified | Reason::RoleUnknown(_) | Reason::RoleNameMismatch(_) => Self::Roles,
            Reason::OrganisationNameMissing | Reason::OrganisationNameMalformed(_) => Self::OrganisationName,
            Reason::OrganisationIdMissing
            | Reason::OrganisationIdRepeated
            | Reason::OrganisationIdMalformed(_)
            | Reason::OrganisationIdNotPsd
            | Reason::CabfOrganisationIdMismatch => Self::OrganisationId,
            Reason::OrganisationIdNcaMismatch | Reason::NcaCountryNotAccepted(_) => Self::Authority,
            Reason::Revoked | Reason::StatusUnknown | Reason::RevocationPointersMissing => Self::Revocation,
            Reason::Blocked
            | Reason::AuthorisationWithdrawn
            | Reason::AuthorisationSuspended
            | Reason::NotInRegister
            | Reason::NotPassported
            | Reason::RoleNotInRegister
            | Reason::RegisterMissing
            | Reason::RegisterTooOld => Self::Standing,
        }
    }

    /// The rule that something odd belongs to.
    pub const fn of_warning(warning: &Warning) -> Self {
        match warning {
            Warning::UnknownNca(_) => Self::Authority,
            Warning::RoleRepeated => Self::Roles,
            Warning::ObsoleteQcStatement => Self::QcStatements,
            Warning::ServerAuthOnly => Self::ExtendedKeyUsage,
            Warning::PointerIgnored(_) => Self::Extensions,
            Warning::CrlExpired | Warning::CrlUnusable => Self::Revocation,
        }
    }

    /// Stable, for machines and as the key of the texts in other languages.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Where it is written.
    pub const fn source(self) -> &'static str {
        self.row().1
    }

    /// What is demanded, in a few words.
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// What a TPP does, or asks its QTSP (qualified trust service provider) for, when it is broken.
    pub const fn advice(self) -> &'static str {
        self.row().3
    }

    fn outcome(self, verdict: &Verdict, asked: Asked) -> Outcome<'_> {
        let broken: Vec<_> = verdict.reasons.iter().filter(|reason| Self::of(reason) == self).collect();
        let odd: Vec<_> = verdict.warnings.iter().filter(|warning| Self::of_warning(warning) == self).collect();
        match (broken.is_empty(), self.is_reached(verdict, asked), odd.is_empty()) {
            (false, _, _) => Outcome::Fail(broken),
            (true, false, _) => Outcome::NotReached,
            (true, true, false) => Outcome::Warn(odd),
            (true, true, true) => Outcome::Pass,
        }
    }

    /// Whether what the rule looks at was there to be looked at.
    fn is_reached(self, verdict: &Verdict, asked: Asked) -> bool {
        match &verdict.facts {
            Some(_) if self == Self::Standing => asked == Asked::Standing,
            Some(facts) => self.is_reached_in(facts, verdict),
            None => match self {
                Self::Presented => true,
                Self::Size => !broken(verdict, Self::Presented),
                Self::Form => !broken(verdict, Self::Presented) && !broken(verdict, Self::Size),
                Self::Extensions
                | Self::Validity
                | Self::EndEntity
                | Self::Algorithms
                | Self::Issuer
                | Self::Service
                | Self::Path
                | Self::KeyUsage
                | Self::ExtendedKeyUsage
                | Self::QcStatements
                | Self::QcCompliance
                | Self::QcType
                | Self::Psd2Statement
                | Self::Roles
                | Self::OrganisationName
                | Self::OrganisationId
                | Self::Authority
                | Self::Revocation
                | Self::Standing => false,
            },
        }
    }

    fn is_reached_in(self, facts: &CertificateFacts, verdict: &Verdict) -> bool {
        let psd2_was_read = facts.nca_id.is_some();
        match self {
            Self::Presented
            | Self::Size
            | Self::Form
            | Self::Extensions
            | Self::Validity
            | Self::EndEntity
            | Self::Algorithms
            | Self::KeyUsage
            | Self::ExtendedKeyUsage
            | Self::QcStatements
            | Self::OrganisationName
            | Self::OrganisationId => true,
            Self::Standing => false, // not the certificate's
            // a fault of the service says that the way led to it
            Self::Issuer => verdict.path.is_some() || broken(verdict, Self::Service),
            // an anchor of the configuration is in no list
            Self::Service => verdict.path.as_ref().is_some_and(|path| path.listed.is_some()),
            Self::Path => verdict.path.is_some(),
            Self::QcCompliance | Self::QcType => statements_were_read(verdict),
            Self::Psd2Statement => statements_were_read(verdict) || psd2_was_read,
            Self::Roles => psd2_was_read,
            // both halves of the comparison, each in the form that can be compared
            Self::Authority => {
                psd2_was_read
                    && facts.organisation_id.is_some()
                    && !verdict.reasons.iter().any(|reason| matches!(reason, Reason::NcaIdMalformed | Reason::OrganisationIdNotPsd))
            }
            Self::Revocation => verdict.path.as_ref().is_some_and(|path| path.crl_covers_until.is_some()),
        }
    }

    #[rustfmt::skip]
    const fn row(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Presented => ("presented", "RFC 8705 s2", "A certificate is presented",
                "Configure your TLS client with the QWAC, its issuing certificates and its private key, and connect again."),
            Self::Size => ("size", "local limit: 16 KiB, 48 KiB and 8 certificates", "Certificate and chain are of a sensible size",
                "Send your QWAC first, then only the certificates between it and the listed service."),
            Self::Form => ("form", "RFC 5280 s4.1", "It is an X.509 certificate in correct DER",
                "Check that the file is your certificate, whole and unchanged. If it is, ask your QTSP to reissue it in the profile of RFC 5280."),
            Self::Extensions => ("extensions", "RFC 5280 s4.2", "No extension stands twice, and every critical one is understood",
                "Ask your QTSP for the final certificate (not a pre-certificate), without critical extensions of its own."),
            Self::Validity => ("validity", "RFC 5280 s4.1.2.5", "Now is within its validity",
                "Use the certificate that is valid today. If it has expired, ask your QTSP for a renewal; a new one works at once, no registration is needed."),
            Self::EndEntity => ("end_entity", "RFC 5280 s4.2.1.9", "It is the certificate of an organisation, not of a certification authority",
                "Present your own certificate first, then its issuer's: the file may be in the wrong order."),
            Self::Algorithms => ("algorithms", "ETSI TS 119 312 s8", "Key and signature are strong enough",
                "Ask your QTSP for a certificate over an RSA key of 2048 to 8192 bits (3072 or more is better) or one on P-256, P-384 or P-521, signed with SHA-2."),
            Self::Issuer => ("issuer", "ETSI TS 119 615 s4.3", "It leads to a service that is known here",
                "Send the intermediate certificates along. If they are there, ask your QTSP under which service of the EU trusted lists, granted for website authentication, this certificate was issued."),
            Self::Service => ("service", "ETSI TS 119 612 s5.5; TS 119 615 s4.3, s4.4", "The trusted list grants that service website authentication, now and at issuance",
                "Ask your QTSP for a certificate of a service that its trusted list calls granted for website authentication; this one's status does not come back for certificates of before."),
            Self::Path => ("path", "RFC 5280 s6.1", "Every signature and constraint up to that service holds",
                "Ask your QTSP for the current intermediate certificates, and replace those that you send."),
            Self::KeyUsage => ("key_usage", "ETSI EN 319 412-2 s4.3.2", "keyUsage allows digital signatures",
                "Ask your QTSP for a QWAC whose keyUsage includes digitalSignature."),
            Self::ExtendedKeyUsage => ("extended_key_usage", "ETSI TS 119 495 s5.3", "extendedKeyUsage allows TLS client authentication",
                "Ask your QTSP for a PSD2 QWAC for client use: with id-kp-clientAuth in extendedKeyUsage."),
            Self::QcStatements => ("qc_statements", "ETSI EN 319 412-5 s4.1", "qcStatements is there once and can be read",
                "Ask your QTSP for a qualified certificate whose qcStatements extension follows ETSI EN 319 412-5 and TS 119 495; certificates for testing often do not."),
            Self::QcCompliance => ("qc_compliance", "ETSI EN 319 412-5 s4.2.1", "It is qualified under the law of the EU",
                "Ask your QTSP for an EU qualified certificate, with the statement QcCompliance and without QcCClegislation."),
            Self::QcType => ("qc_type", "ETSI EN 319 412-5 s4.2.3", "It is for website authentication",
                "Ask your QTSP for a QWAC: QcType exactly web. A seal certificate (QSealC) signs messages and does not open connections."),
            Self::Psd2Statement => ("psd2_statement", "ETSI TS 119 495 s5.1", "The PSD2 statement is there",
                "Ask your QTSP for a PSD2 certificate, with the statement 0.4.0.19495.2: roles, name and id of your competent authority."),
            Self::Roles => ("roles", "ETSI TS 119 495 s5.1", "It names roles of the standard",
                "Ask your QTSP to write the roles of your authorisation, each with the object identifier and name of TS 119 495."),
            Self::OrganisationName => ("organisation_name", "ETSI EN 319 412-3 s4.2.1", "The subject names the organisation",
                "Ask your QTSP for exactly one organizationName with your legal name, as UTF8String or PrintableString."),
            Self::OrganisationId => ("organisation_id", "ETSI TS 119 495 s5.2.1", "The subject has the authorisation number",
                "Ask your QTSP for exactly one organizationIdentifier of the form PSDFR-ACPR-12345, the same wherever it stands in the certificate."),
            Self::Authority => ("authority", "ETSI TS 119 495 s5.2.1; Directive (EU) 2015/2366 art. 11 and 28", "One competent authority, of an accepted country",
                "The authority in organizationIdentifier must be the one of the PSD2 statement, and of the EEA: ask your QTSP to correct it, or your authority about your passport."),
            Self::Revocation => ("revocation", "RFC 5280 s6.3", "The issuer has not revoked it",
                "A revoked certificate does not come back: ask your QTSP why it was revoked, and for a new one over a new key."),
            Self::Standing => ("standing", "Directive (EU) 2015/2366 art. 14, 15, 28 and 68(5)", "Neither the bank's blocks nor the register stand against it",
                "Your QTSP cannot help here: ask your competent authority to correct the register, or the bank's support why it has blocked you."),
        }
    }
}

fn broken(verdict: &Verdict, rule: Rule) -> bool {
    verdict.reasons.iter().any(|reason| Rule::of(reason) == rule)
}

/// The statements by themselves: a critical flag or a repeated statement hides none of them.
fn statements_were_read(verdict: &Verdict) -> bool {
    let unread =
        |reason: &Reason| matches!(reason, Reason::QcStatementsMissing | Reason::QcStatementsDuplicate | Reason::QcStatementsMalformed(_));
    !verdict.reasons.iter().any(unread)
}
