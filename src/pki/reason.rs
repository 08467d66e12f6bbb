//! Why a certificate is refused: one table for the wire, the log and the TPP's developer.

use std::fmt;

/// One thing that is wrong with a certificate. Codes are stable; details are for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    CertificateMissing,
    CertificateTooLarge,
    ChainTooLong,
    ChainTooLarge,
    Malformed(&'static str),
    DuplicateExtension(String),
    UnknownCriticalExtension(String),
    Expired,
    NotYetValid,
    CaCertificate,
    UntrustedIssuer(String),
    ServiceWithdrawn(String),
    ServiceNotGranted(String),
    ServiceNotGrantedAtIssuance(String),
    ServiceNotForWeb(String),
    ServiceNotUnderstood(String),
    NotQualifiedByList(String),
    IssuerInvalid(&'static str),
    SignatureInvalid,
    SignatureAlgorithmNotAllowed,
    WeakKey(u32),
    KeyAlgorithmNotAllowed,
    KeyUsageMissing,
    KeyUsageNoDigitalSignature,
    EkuMissing,
    EkuAny,
    EkuTlsBinding,
    EkuNoClientAuth,
    QcStatementsMissing,
    QcStatementsDuplicate,
    QcStatementsCritical,
    QcStatementsMalformed(&'static str),
    QcStatementRepeated(String),
    QcComplianceMissing,
    QcTypeMissing,
    QSealCertificate,
    QcTypeNotWeb(String),
    NotEuLegislation,
    Psd2StatementMissing,
    NoRole,
    RoleUnspecified,
    RoleUnknown(String),
    RoleNameMismatch(String),
    NcaIdMalformed,
    OrganisationNameMissing,
    OrganisationNameMalformed(&'static str),
    OrganisationIdMissing,
    OrganisationIdRepeated,
    OrganisationIdMalformed(&'static str),
    OrganisationIdNotPsd,
    OrganisationIdNcaMismatch,
    NcaCountryNotAccepted(String),
    CabfOrganisationIdMismatch,
    Revoked,
    StatusUnknown,
    RevocationPointersMissing,
    Blocked,
    AuthorisationWithdrawn,
    AuthorisationSuspended,
    NotInRegister,
    NotPassported,
    RoleNotInRegister,
    RegisterMissing,
    RegisterTooOld,
}

/// The NextGenPSD2 message codes, all answered with 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Missing,
    Invalid,
    Expired,
    Revoked,
    RoleInvalid,
    Blocked,
}

/// Odd, but no ground for a refusal: to be logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// The authority's id is not in the annex of ETSI TS 119 495; its country is accepted.
    UnknownNca(String),
    /// The same role stands twice.
    RoleRepeated,
    /// id-qcs-pkixQCSyntax-v1 is present.
    ObsoleteQcStatement,
    /// Accepted under `accept_server_auth_only`.
    ServerAuthOnly,
    /// A pointer to the certificate's status or issuer was left out, for this reason.
    PointerIgnored(&'static str),
    /// A revocation list of the issuer is past its nextUpdate; it was used all the same.
    CrlExpired,
    /// A revocation list of the issuer cannot be used (signature, key usage, algorithm).
    CrlUnusable,
}

impl Reason {
    /// Stable, for logs, audit and the `detail` of an error answer.
    pub const fn code(&self) -> &'static str {
        self.row().1
    }

    /// The answer's family, in the words of NextGenPSD2.
    pub const fn family(&self) -> Family {
        match self {
            Self::CertificateMissing => Family::Missing,
            Self::Expired => Family::Expired,
            Self::Revoked => Family::Revoked,
            Self::NoRole
            | Self::RoleUnspecified
            | Self::RoleUnknown(_)
            | Self::RoleNameMismatch(_)
            | Self::AuthorisationWithdrawn
            | Self::AuthorisationSuspended
            | Self::NotInRegister
            | Self::NotPassported
            | Self::RoleNotInRegister => Family::RoleInvalid,
            Self::Blocked | Self::RegisterMissing | Self::RegisterTooOld => Family::Blocked,
            Self::CertificateTooLarge
            | Self::ChainTooLong
            | Self::ChainTooLarge
            | Self::Malformed(_)
            | Self::DuplicateExtension(_)
            | Self::UnknownCriticalExtension(_)
            | Self::NotYetValid
            | Self::CaCertificate
            | Self::UntrustedIssuer(_)
            | Self::ServiceWithdrawn(_)
            | Self::ServiceNotGranted(_)
            | Self::ServiceNotGrantedAtIssuance(_)
            | Self::ServiceNotForWeb(_)
            | Self::ServiceNotUnderstood(_)
            | Self::NotQualifiedByList(_)
            | Self::IssuerInvalid(_)
            | Self::SignatureInvalid
            | Self::SignatureAlgorithmNotAllowed
            | Self::WeakKey(_)
            | Self::KeyAlgorithmNotAllowed
            | Self::KeyUsageMissing
            | Self::KeyUsageNoDigitalSignature
            | Self::EkuMissing
            | Self::EkuAny
            | Self::EkuTlsBinding
            | Self::EkuNoClientAuth
            | Self::QcStatementsMissing
            | Self::QcStatementsDuplicate
            | Self::QcStatementsCritical
            | Self::QcStatementsMalformed(_)
            | Self::QcStatementRepeated(_)
            | Self::QcComplianceMissing
            | Self::QcTypeMissing
            | Self::QSealCertificate
            | Self::QcTypeNotWeb(_)
            | Self::NotEuLegislation
            | Self::Psd2StatementMissing
            | Self::NcaIdMalformed
            | Self::OrganisationNameMissing
            | Self::OrganisationNameMalformed(_)
            | Self::OrganisationIdMissing
            | Self::OrganisationIdRepeated
            | Self::OrganisationIdMalformed(_)
            | Self::OrganisationIdNotPsd
            | Self::OrganisationIdNcaMismatch
            | Self::NcaCountryNotAccepted(_)
            | Self::CabfOrganisationIdMismatch
            | Self::StatusUnknown
            | Self::RevocationPointersMissing => Family::Invalid,
        }
    }

    /// Where the rule is written.
    pub const fn source(&self) -> &'static str {
        self.row().2
    }

    /// One sentence for the developer who presented the certificate.
    pub const fn explanation(&self) -> &'static str {
        self.row().3
    }

    /// What exactly, where there is more to say than the explanation.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Malformed(text)
            | Self::IssuerInvalid(text)
            | Self::QcStatementsMalformed(text)
            | Self::OrganisationNameMalformed(text)
            | Self::OrganisationIdMalformed(text) => Some((*text).to_owned()),
            Self::DuplicateExtension(text)
            | Self::UntrustedIssuer(text)
            | Self::ServiceWithdrawn(text)
            | Self::ServiceNotGranted(text)
            | Self::ServiceNotGrantedAtIssuance(text)
            | Self::ServiceNotForWeb(text)
            | Self::ServiceNotUnderstood(text)
            | Self::NotQualifiedByList(text)
            | Self::UnknownCriticalExtension(text)
            | Self::QcStatementRepeated(text)
            | Self::QcTypeNotWeb(text)
            | Self::RoleUnknown(text)
            | Self::RoleNameMismatch(text)
            | Self::NcaCountryNotAccepted(text) => Some(text.clone()),
            Self::WeakKey(bits) => Some(format!("{bits} bits")),
            Self::CertificateMissing
            | Self::CertificateTooLarge
            | Self::ChainTooLong
            | Self::ChainTooLarge
            | Self::Expired
            | Self::NotYetValid
            | Self::CaCertificate
            | Self::SignatureInvalid
            | Self::SignatureAlgorithmNotAllowed
            | Self::KeyAlgorithmNotAllowed
            | Self::KeyUsageMissing
            | Self::KeyUsageNoDigitalSignature
            | Self::EkuMissing
            | Self::EkuAny
            | Self::EkuTlsBinding
            | Self::EkuNoClientAuth
            | Self::QcStatementsMissing
            | Self::QcStatementsDuplicate
            | Self::QcStatementsCritical
            | Self::QcComplianceMissing
            | Self::QcTypeMissing
            | Self::QSealCertificate
            | Self::NotEuLegislation
            | Self::Psd2StatementMissing
            | Self::NoRole
            | Self::RoleUnspecified
            | Self::NcaIdMalformed
            | Self::OrganisationNameMissing
            | Self::OrganisationIdMissing
            | Self::OrganisationIdRepeated
            | Self::OrganisationIdNotPsd
            | Self::OrganisationIdNcaMismatch
            | Self::CabfOrganisationIdMismatch
            | Self::Revoked
            | Self::StatusUnknown
            | Self::RevocationPointersMissing
            | Self::Blocked
            | Self::AuthorisationWithdrawn
            | Self::AuthorisationSuspended
            | Self::NotInRegister
            | Self::NotPassported
            | Self::RoleNotInRegister
            | Self::RegisterMissing
            | Self::RegisterTooOld => None,
        }
    }

    /// The step of the check that found it: reasons are listed by it.
    pub(super) const fn step(&self) -> u8 {
        self.row().0
    }

    #[rustfmt::skip]
    const fn row(&self) -> (u8, &'static str, &'static str, &'static str) {
        match self {
            Self::CertificateMissing => (1, "CERTIFICATE_MISSING", "RFC 8705 s2", "No client certificate was presented; connect with the QWAC and its key."),
            Self::CertificateTooLarge => (1, "CERTIFICATE_TOO_LARGE", "local limit: 16 KiB", "The certificate is larger than 16 KiB."),
            Self::ChainTooLong => (1, "CHAIN_TOO_LONG", "local limit: 8 certificates", "More than 8 certificates were sent; send the QWAC and its issuers only."),
            Self::ChainTooLarge => (1, "CHAIN_TOO_LARGE", "local limit: 48 KiB", "The certificates sent are larger than 48 KiB together."),
            Self::Malformed(_) => (1, "CERTIFICATE_MALFORMED", "RFC 5280 s4.1", "The certificate is not an X.509 version 3 certificate in DER as RFC 5280 profiles it."),
            Self::DuplicateExtension(_) => (1, "DUPLICATE_EXTENSION", "RFC 5280 s4.2", "An extension stands in the certificate more than once."),
            Self::UnknownCriticalExtension(_) => (1, "UNKNOWN_CRITICAL_EXTENSION", "RFC 5280 s4.2", "A critical extension is not understood here; pre-certificates, which carry one, are not certificates."),
            Self::Expired => (2, "CERTIFICATE_EXPIRED", "RFC 5280 s4.1.2.5", "The certificate's notAfter has passed; connect with the renewed one."),
            Self::NotYetValid => (2, "CERTIFICATE_NOT_YET_VALID", "RFC 5280 s4.1.2.5", "The certificate's notBefore has not been reached."),
            Self::CaCertificate => (2, "CA_CERTIFICATE", "RFC 5280 s4.2.1.9", "This is the certificate of a certification authority, not of a payment service provider."),
            Self::UntrustedIssuer(_) => (2, "ISSUER_NOT_TRUSTED", "ETSI TS 119 615 s4.3", "The certificate does not lead to a service of the trusted lists; if the issuer named here is below one, send its certificate along."),
            Self::ServiceWithdrawn(_) => (2, "SERVICE_WITHDRAWN", "ETSI TS 119 615 s4.3", "The trusted list calls the issuing service withdrawn; certificates that it issued before are not accepted either."),
            Self::ServiceNotGranted(_) => (2, "SERVICE_NOT_GRANTED", "ETSI TS 119 615 s4.3", "The trusted list does not call the issuing service granted today."),
            Self::ServiceNotGrantedAtIssuance(_) => (2, "SERVICE_NOT_GRANTED_AT_ISSUANCE", "ETSI TS 119 615 s4.3", "The issuing service was not granted when the certificate was issued."),
            Self::ServiceNotForWeb(_) => (2, "SERVICE_NOT_FOR_WEB", "ETSI TS 119 612 s5.5.9.4", "The trusted list does not name website authentication among the uses of the issuing service, today or when the certificate was issued."),
            Self::ServiceNotUnderstood(_) => (2, "SERVICE_NOT_UNDERSTOOD", "ETSI TS 119 612 s5.5.9", "What the trusted list says of the issuing service cannot be understood here, and may not be ignored."),
            Self::NotQualifiedByList(_) => (2, "NOT_QUALIFIED_BY_LIST", "ETSI TS 119 615 s4.4", "The trusted list says of certificates like this one that they are not qualified for website authentication, or says two things at once."),
            Self::IssuerInvalid(_) => (2, "ISSUER_INVALID", "RFC 5280 s6.1", "A certificate between this one and the accepted service cannot be used."),
            Self::SignatureInvalid => (2, "SIGNATURE_INVALID", "RFC 5280 s6.1.3", "The certificate names an accepted issuer, but that issuer's key did not sign it."),
            Self::SignatureAlgorithmNotAllowed => (2, "SIGNATURE_ALGORITHM_NOT_ALLOWED", "ETSI TS 119 312 s8", "The certificate is signed by another algorithm than RSA or ECDSA with SHA-256, SHA-384 or SHA-512."),
            Self::WeakKey(_) => (2, "WEAK_KEY", "ETSI TS 119 312 s8", "The certificate's RSA key has not between 2048 and 8192 bits."),
            Self::KeyAlgorithmNotAllowed => (2, "KEY_ALGORITHM_NOT_ALLOWED", "ETSI TS 119 312 s8", "The certificate's key is neither RSA nor on the named curves P-256, P-384 or P-521."),
            Self::KeyUsageMissing => (3, "KEY_USAGE_MISSING", "ETSI EN 319 412-2 s4.3.2", "The certificate has no keyUsage extension."),
            Self::KeyUsageNoDigitalSignature => (3, "KEY_USAGE_NO_DIGITAL_SIGNATURE", "RFC 8446 s4.4.2.2", "The certificate's keyUsage lacks digitalSignature, without which its key cannot authenticate a TLS client."),
            Self::EkuMissing => (3, "EKU_MISSING", "ETSI EN 319 412-4", "The certificate has no extendedKeyUsage; a QWAC used by a client names clientAuth."),
            Self::EkuAny => (3, "EKU_ANY", "RFC 5280 s4.2.1.12", "The certificate's extendedKeyUsage is anyExtendedKeyUsage, which a QWAC does not have."),
            Self::EkuTlsBinding => (3, "EKU_TLS_BINDING", "ETSI TS 119 411-5", "This is a 2-QWAC, which binds another certificate and is not used in TLS itself."),
            Self::EkuNoClientAuth => (3, "EKU_NO_CLIENT_AUTH", "ETSI TS 119 495 s5.3", "The certificate's extendedKeyUsage lacks clientAuth; ask its issuer for a PSD2 QWAC for client use."),
            Self::QcStatementsMissing => (4, "QC_STATEMENTS_MISSING", "ETSI EN 319 412-5 s4.1", "The certificate has no qcStatements extension: it is not a qualified certificate."),
            Self::QcStatementsDuplicate => (4, "QC_STATEMENTS_DUPLICATE", "RFC 5280 s4.2", "The certificate has more than one qcStatements extension."),
            Self::QcStatementsCritical => (4, "QC_STATEMENTS_CRITICAL", "ETSI EN 319 412-5 s4.1", "The qcStatements extension is marked critical, which it must not be."),
            Self::QcStatementsMalformed(_) => (4, "QC_STATEMENTS_MALFORMED", "ETSI EN 319 412-5 annex B; TS 119 495 annex A", "The qcStatements extension has not the structure of the standard."),
            Self::QcStatementRepeated(_) => (4, "QC_STATEMENT_REPEATED", "RFC 3739 s3.2.6", "A statement stands in qcStatements more than once."),
            Self::QcComplianceMissing => (4, "QC_COMPLIANCE_MISSING", "ETSI EN 319 412-5 s4.2.1", "The certificate lacks the statement QcCompliance: it is not an EU qualified certificate."),
            Self::QcTypeMissing => (4, "QC_TYPE_MISSING", "ETSI EN 319 412-5 s4.2.3", "The certificate lacks the statement QcType."),
            Self::QSealCertificate => (4, "QSEAL_CERTIFICATE", "ETSI EN 319 412-5 s4.2.3", "This is a QSealC, for sealing messages; TLS takes the QWAC."),
            Self::QcTypeNotWeb(_) => (4, "QC_TYPE_NOT_WEB", "ETSI EN 319 412-5 s4.2.3", "The statement QcType is not exactly `web`."),
            Self::NotEuLegislation => (4, "QC_CC_LEGISLATION_PRESENT", "ETSI EN 319 412-5 s4.2.4", "The statement QcCClegislation says that the certificate is qualified under the law of a country outside the EU."),
            Self::Psd2StatementMissing => (5, "PSD2_STATEMENT_MISSING", "ETSI TS 119 495 s5.1", "The certificate lacks the PSD2 statement with roles and national competent authority."),
            Self::NoRole => (5, "ROLE_MISSING", "ETSI TS 119 495 s5.1", "The PSD2 statement names no role."),
            Self::RoleUnspecified => (5, "ROLE_UNSPECIFIED", "ETSI TS 119 495 s5.1", "The PSD2 statement has the role `unspecified`, which authorises nothing."),
            Self::RoleUnknown(_) => (5, "ROLE_UNKNOWN", "ETSI TS 119 495 s5.1", "The PSD2 statement has a role that is not one of PSP_AS, PSP_PI, PSP_AI and PSP_IC."),
            Self::RoleNameMismatch(_) => (5, "ROLE_NAME_MISMATCH", "ETSI TS 119 495 s5.1", "A role's name and object identifier are not one of the standard's pairs."),
            Self::NcaIdMalformed => (5, "NCA_ID_MALFORMED", "ETSI TS 119 495 s5.2.3", "The nCAId is not a country code, a hyphen and 2 to 8 letters, as in `FR-ACPR`."),
            Self::OrganisationNameMissing => (6, "ORGANISATION_NAME_MISSING", "ETSI EN 319 412-3 s4.2.1", "The subject has no organizationName."),
            Self::OrganisationNameMalformed(_) => (6, "ORGANISATION_NAME_MALFORMED", "RFC 5280 s4.1.2.4", "The subject's organizationName cannot be shown to a customer."),
            Self::OrganisationIdMissing => (6, "ORGANISATION_ID_MISSING", "ETSI TS 119 495 s5.2.1", "The subject has no organizationIdentifier (2.5.4.97)."),
            Self::OrganisationIdRepeated => (6, "ORGANISATION_ID_REPEATED", "ETSI TS 119 495 s5.2.1", "The subject has more than one organizationIdentifier."),
            Self::OrganisationIdMalformed(_) => (6, "ORGANISATION_ID_MALFORMED", "ETSI TS 119 495 s5.2.1", "The organizationIdentifier cannot be read."),
            Self::OrganisationIdNotPsd => (6, "ORGANISATION_ID_NOT_PSD", "ETSI TS 119 495 s5.2.1", "The organizationIdentifier has not the form PSD, country, authority and authorisation number, as in `PSDFR-ACPR-12345`."),
            Self::OrganisationIdNcaMismatch => (6, "NCA_MISMATCH", "ETSI TS 119 495 s5.2.1", "The organizationIdentifier and the PSD2 statement name different authorities."),
            Self::NcaCountryNotAccepted(_) => (6, "NCA_COUNTRY_NOT_ACCEPTED", "Directive (EU) 2015/2366 art. 11 and 28", "Authorisations of that country's authority are not accepted here."),
            Self::CabfOrganisationIdMismatch => (6, "CABF_ORGANISATION_ID_MISMATCH", "CA/B Forum EV Guidelines s9.8.2", "The extension cabfOrganizationIdentifier and the subject's organizationIdentifier differ."),
            Self::Revoked => (7, "CERTIFICATE_REVOKED", "RFC 5280 s6.3", "The issuer has revoked the certificate."),
            Self::StatusUnknown => (7, "CERTIFICATE_STATUS_UNKNOWN", "RFC 6960 s2.2", "The issuer's OCSP responder does not know the certificate; ask the issuer, who may not have published it yet."),
            Self::RevocationPointersMissing => (7, "REVOCATION_POINTERS_MISSING", "ETSI EN 319 412-2 s4.4.1", "The certificate names neither an OCSP responder nor a revocation list, so that its status cannot be asked for."),
            Self::Blocked => (8, "CERTIFICATE_BLOCKED", "Directive (EU) 2015/2366 art. 68(5)", "The bank has shut out this certificate, its issuer or its organisation; ask the bank's support."),
            Self::AuthorisationWithdrawn => (8, "AUTHORISATION_WITHDRAWN", "Directive (EU) 2015/2366 art. 13, 14", "The register says that the authorisation was withdrawn."),
            Self::AuthorisationSuspended => (8, "AUTHORISATION_SUSPENDED", "Directive (EU) 2015/2366 art. 13, 14", "The register says that the authorisation is suspended."),
            Self::NotInRegister => (8, "NOT_IN_REGISTER", "Directive (EU) 2015/2366 art. 14, 15", "The register does not list this organizationIdentifier."),
            Self::NotPassported => (8, "NOT_PASSPORTED", "Directive (EU) 2015/2366 art. 28", "The register does not list the bank's country among those that the authorisation is passported into."),
            Self::RoleNotInRegister => (8, "ROLE_NOT_IN_REGISTER", "Directive (EU) 2015/2366 art. 14, 15", "The register does not list the role that is needed."),
            Self::RegisterMissing => (8, "REGISTER_MISSING", "local policy: trust.register", "The bank asks a register and has none at hand; nothing is wrong with the certificate."),
            Self::RegisterTooOld => (8, "REGISTER_TOO_OLD", "local policy: trust.register", "The bank's copy of the register is too old to be believed; nothing is wrong with the certificate."),
        }
    }
}

impl Family {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "CERTIFICATE_MISSING",
            Self::Invalid => "CERTIFICATE_INVALID",
            Self::Expired => "CERTIFICATE_EXPIRED",
            Self::Revoked => "CERTIFICATE_REVOKED",
            Self::RoleInvalid => "ROLE_INVALID",
            Self::Blocked => "CERTIFICATE_BLOCKED",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownNca(id) => write!(f, "the authority {id} is not in the annex of ETSI TS 119 495"),
            Self::RoleRepeated => f.write_str("a role stands twice"),
            Self::ObsoleteQcStatement => f.write_str("the obsolete statement id-qcs-pkixQCSyntax-v1 is present"),
            Self::ServerAuthOnly => f.write_str("extendedKeyUsage is serverAuth without clientAuth, which the configuration accepts"),
            Self::PointerIgnored(why) => write!(f, "a pointer to the certificate's status or issuer was ignored: {why}"),
            Self::CrlExpired => f.write_str("a revocation list of the issuer is past its nextUpdate"),
            Self::CrlUnusable => f.write_str("a revocation list of the issuer could not be verified and was not used"),
        }
    }
}
