//! A verdict in a fixed form for machines: what the certificate says, the chain, and each rule. In English.

use super::organisation::visible;
use super::reason::{Reason, Warning};
use super::rules::{Asked, Assessed, Outcome, assess};
use super::{CertificateFacts, FoundPath, Verdict};
use serde::Serialize;
use time::OffsetDateTime;

/// Characters that steer a terminal or deceive a reader stand in it as `\u{..}`.
#[derive(Debug, Serialize)]
pub struct Report {
    pub accepted: bool,
    /// None when the certificate could not be parsed, or none was presented.
    pub certificate: Option<ReportedCertificate>,
    /// None when no way to an accepted service was found.
    pub path: Option<ReportedPath>,
    /// In the order of the checks.
    pub rules: Vec<ReportedRule>,
}

/// The members of [`CertificateFacts`].
#[derive(Debug, Serialize)]
pub struct ReportedCertificate {
    pub subject: String,
    pub subject_dn: String,
    pub issuer: String,
    pub serial: String,
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    pub organisation_name: Option<String>,
    pub organisation_id: Option<String>,
    pub roles: Vec<&'static str>,
    pub nca_id: Option<String>,
    pub nca_name: Option<String>,
    pub key: String,
    pub signature_algorithm: String,
    pub key_usage: Option<Vec<&'static str>>,
    pub extended_key_usage: Option<Vec<String>>,
    pub ocsp: Vec<String>,
    pub crl: Vec<String>,
    pub ca_issuers: Vec<String>,
    /// SHA-256, hexadecimal.
    pub thumbprint: String,
}

/// From the leaf's issuer to what is trusted.
#[derive(Debug, Serialize)]
pub struct ReportedPath {
    pub issuers: Vec<String>,
    /// The last issuer is trusted by configuration: no list is asked.
    pub configured: bool,
    /// The entry that vouches. None: none is asked, or none may.
    pub listed: Option<ReportedService>,
}

/// The entry of a trusted list.
#[derive(Debug, Serialize)]
pub struct ReportedService {
    pub territory: String,
    pub provider: String,
    pub service: String,
    pub list_sequence: u64,
}

/// One rule and how it came out.
#[derive(Debug, Serialize)]
pub struct ReportedRule {
    pub rule: &'static str,
    pub title: &'static str,
    pub source: &'static str,
    pub outcome: &'static str,
    pub findings: Vec<Finding>,
    /// Where the outcome is `fail`.
    pub advice: Option<&'static str>,
}

/// What broke a rule, or what is odd.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub code: &'static str,
    pub explanation: String,
    pub detail: Option<String>,
    pub source: Option<&'static str>,
}

impl Report {
    pub fn of(verdict: &Verdict, asked: Asked) -> Self {
        Self {
            accepted: verdict.reasons.is_empty(),
            certificate: verdict.facts.as_ref().map(ReportedCertificate::of),
            path: verdict.path.as_ref().map(ReportedPath::of),
            rules: assess(verdict, asked).iter().map(ReportedRule::of).collect(),
        }
    }
}

impl ReportedCertificate {
    pub fn of(facts: &CertificateFacts) -> Self {
        let shown = |text: &Option<String>| text.as_deref().map(visible);
        let all = |urls: &[String]| urls.iter().map(|url| visible(url)).collect();
        Self {
            subject: visible(&facts.subject),
            subject_dn: visible(&facts.subject_dn),
            issuer: visible(&facts.issuer),
            serial: facts.serial.clone(),
            not_before: facts.not_before,
            not_after: facts.not_after,
            organisation_name: shown(&facts.organisation_name),
            organisation_id: shown(&facts.organisation_id),
            roles: facts.roles.iter().map(|role| role.name()).collect(),
            nca_id: shown(&facts.nca_id),
            nca_name: shown(&facts.nca_name),
            key: facts.key.to_string(),
            signature_algorithm: facts.signature_algorithm.clone(),
            key_usage: facts.key_usage.clone(),
            extended_key_usage: facts.extended_key_usage.clone(),
            ocsp: all(&facts.pointers.ocsp),
            crl: all(&facts.pointers.crl),
            ca_issuers: all(&facts.pointers.ca_issuers),
            thumbprint: facts.thumbprint.iter().map(|octet| format!("{octet:02x}")).collect(),
        }
    }
}

impl ReportedPath {
    pub fn of(path: &FoundPath) -> Self {
        let listed = path.listed.as_ref().map(|listed| ReportedService {
            territory: visible(&listed.territory),
            provider: visible(&listed.provider),
            service: visible(&listed.service),
            list_sequence: listed.list_sequence,
        });
        Self { issuers: path.chain.iter().map(|name| visible(name)).collect(), configured: path.configured, listed }
    }
}

impl ReportedRule {
    fn of(assessed: &Assessed<'_>) -> Self {
        let rule = assessed.rule;
        let (findings, advice) = match &assessed.outcome {
            Outcome::Pass | Outcome::NotReached => (Vec::new(), None),
            Outcome::Fail(reasons) => (reasons.iter().map(|reason| Finding::of(reason)).collect(), Some(rule.advice())),
            Outcome::Warn(warnings) => (warnings.iter().map(|warning| Finding::of_warning(warning)).collect(), None),
        };
        let outcome = assessed.outcome.name();
        Self { rule: rule.name(), title: rule.title(), source: rule.source(), outcome, findings, advice }
    }
}

impl Finding {
    fn of(reason: &Reason) -> Self {
        Self {
            code: reason.code(),
            explanation: reason.explanation().to_owned(),
            detail: reason.detail().as_deref().map(visible),
            source: Some(reason.source()),
        }
    }

    fn of_warning(warning: &Warning) -> Self {
        Self { code: warning.code(), explanation: visible(&warning.to_string()), detail: None, source: None }
    }
}

impl Warning {
    /// Stable, for machines and as the key of the texts in other languages.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownNca(_) => "UNKNOWN_NCA",
            Self::RoleRepeated => "ROLE_REPEATED",
            Self::ObsoleteQcStatement => "OBSOLETE_QC_STATEMENT",
            Self::ServerAuthOnly => "SERVER_AUTH_ONLY",
            Self::CrlExpired => "CRL_EXPIRED",
            Self::CrlUnusable => "CRL_UNUSABLE",
            Self::PointerIgnored(_) => "POINTER_IGNORED",
        }
    }

    /// What exactly, where there is more to say.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::UnknownNca(id) => Some(id),
            Self::PointerIgnored(why) => Some(why),
            Self::RoleRepeated | Self::ObsoleteQcStatement | Self::ServerAuthOnly | Self::CrlExpired | Self::CrlUnusable => None,
        }
    }
}
