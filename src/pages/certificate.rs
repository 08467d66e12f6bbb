//! Why a certificate is accepted or refused, for the TPP's developer.

use super::{Site, Texts, certificate_texts as certificates, html};
use crate::{
    oauth::brand::Lang,
    pki::{self, Asked, Outcome, Reason, ReportedCertificate, ReportedPath, Rule, Verdict},
};
use askama::Template;
use time::OffsetDateTime;

/// The form, a verdict, or a verdict with the form for the next one.
#[derive(Template)]
#[template(path = "certificate.html")]
pub struct CertificatePage<'a> {
    pub site: Site<'a>,
    /// None where the page tells of the certificate that was presented in the TLS handshake.
    pub form: Option<CertificateForm<'a>>,
    pub judged: Option<Judged<'a>>,
}

/// Posts `pasted` (text) and `file` to `action`, as multipart/form-data.
pub struct CertificateForm<'a> {
    pub action: &'a str,
    /// More is refused.
    pub kilobytes: usize,
    /// Each language of the brand with the form's path in it.
    pub languages: &'a [(Lang, String)],
    /// Where the presented certificate is told about.
    pub presented_url: &'a str,
    pub problem: Option<HandedOver>,
}

/// Why there is nothing to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandedOver {
    Nothing,
    /// Text and a file.
    Both,
    NoCertificate,
    PrivateKey,
}

#[derive(Clone, Copy)]
pub struct Judged<'a> {
    pub verdict: &'a Verdict,
    pub asked: Asked,
    pub at: OffsetDateTime,
}

struct Fact {
    label: String,
    /// Empty: the certificate does not have it.
    values: Vec<String>,
    /// Text of the certificate's holder rather than a number or a name of the standard.
    foreign: bool,
}

struct Row {
    title: String,
    source: &'static str,
    /// Of the stylesheet.
    class: &'static str,
    outcome: String,
    findings: Vec<Finding>,
    advice: Option<String>,
}

struct Finding {
    code: &'static str,
    explanation: String,
    /// In English, as in the log.
    detail: Option<String>,
    source: Option<&'static str>,
}

impl HandedOver {
    fn text(self, t: &Texts) -> String {
        match self {
            Self::Nothing => t.certificate_empty(),
            Self::Both => t.certificate_both(),
            Self::NoCertificate => t.certificate_unreadable(),
            Self::PrivateKey => t.certificate_private_key(),
        }
    }
}

impl CertificateForm<'_> {
    fn is_invalid(&self) -> bool {
        self.problem.is_some()
    }
}

impl CertificatePage<'_> {
    pub fn render(&self) -> String {
        html(self)
    }

    fn title(&self) -> String {
        let t = self.site.t();
        if self.form.is_some() { t.certificate_title() } else { t.certificate_presented_title() }
    }

    fn problem(&self) -> Option<HandedOver> {
        self.form.as_ref()?.problem
    }

    fn rows(&self, judged: &Judged<'_>) -> Vec<Row> {
        pki::assess(judged.verdict, judged.asked).into_iter().map(|assessed| self.row(assessed.rule, assessed.outcome)).collect()
    }

    fn row(&self, rule: Rule, outcome: Outcome<'_>) -> Row {
        let (t, lang) = (self.site.t(), self.site.lang);
        let (class, label, findings, advice) = match outcome {
            Outcome::Pass => ("pass", t.certificate_pass(), vec![], None),
            Outcome::NotReached => ("unreached", t.certificate_not_reached(), vec![], None),
            Outcome::Fail(reasons) => {
                let findings = reasons.into_iter().map(|reason| Finding::of(reason, lang)).collect();
                ("fail", t.certificate_fail(), findings, Some(certificates::advice(lang, rule)))
            }
            Outcome::Warn(warnings) => {
                let findings = warnings.into_iter().map(|warning| Finding {
                    code: warning.code(),
                    explanation: certificates::warning(lang, warning),
                    // the English sentence has it in it
                    detail: warning.detail().filter(|_| lang != Lang::En).map(pki::visible),
                    source: None,
                });
                ("warn", t.certificate_warning(), findings.collect(), None)
            }
        };
        Row { title: certificates::title(lang, rule), source: rule.source(), class, outcome: label, findings, advice }
    }

    fn time(&self, judged: &Judged<'_>) -> String {
        minute(judged.at)
    }

    fn language(&self, lang: &Lang) -> String {
        Texts::of(*lang).language_name()
    }

    fn path(&self, judged: &Judged<'_>) -> Option<ReportedPath> {
        judged.verdict.path.as_ref().map(ReportedPath::of)
    }

    fn facts(&self, judged: &Judged<'_>) -> Vec<Fact> {
        let t = self.site.t();
        let Some(facts) = judged.verdict.facts.as_ref().map(ReportedCertificate::of) else { return vec![] };
        let authority = facts.nca_id.zip(facts.nca_name).map(|(id, name)| format!("{id} ({name})"));
        let foreign = |label, values: Vec<String>| Fact { label, values, foreign: true };
        let own = |label, values: Vec<String>| Fact { label, values, foreign: false };
        let list = |values: Option<Vec<&str>>| values.unwrap_or_default().into_iter().map(str::to_owned).collect();
        let mut rows = vec![
            foreign(t.certificate_organisation(), facts.organisation_name.into_iter().collect()),
            foreign(t.certificate_identifier(), facts.organisation_id.into_iter().collect()),
            own(t.certificate_roles(), facts.roles.iter().map(|role| (*role).to_owned()).collect()),
            foreign(t.certificate_authority(), authority.into_iter().collect()),
            own(t.certificate_validity(), vec![t.certificate_from_to(&minute(facts.not_before), &minute(facts.not_after))]),
            foreign(t.certificate_subject(), vec![facts.subject]),
            foreign(t.certificate_issuer(), vec![facts.issuer]),
            own(t.certificate_serial(), vec![facts.serial]),
            own(t.certificate_key(), vec![facts.key]),
            own(t.certificate_signature(), vec![named(facts.signature_algorithm)]),
            own(t.certificate_key_usage(), list(facts.key_usage)),
            own(t.certificate_extended_key_usage(), facts.extended_key_usage.unwrap_or_default().into_iter().map(named).collect()),
            own(t.certificate_thumbprint(), vec![facts.thumbprint]),
        ];
        let pointers =
            [(t.certificate_ocsp(), facts.ocsp), (t.certificate_crl(), facts.crl), (t.certificate_ca_issuers(), facts.ca_issuers)];
        rows.extend(pointers.into_iter().map(|(label, urls)| foreign(label, urls)));
        rows
    }
}

impl Finding {
    fn of(reason: &Reason, lang: Lang) -> Self {
        Self {
            code: reason.code(),
            explanation: certificates::reason(lang, reason),
            detail: reason.detail().filter(|detail| !detail.is_empty()).as_deref().map(pki::visible),
            source: Some(reason.source()),
        }
    }
}

/// Object identifiers that a reader should not have to look up.
const NAMES: [(&str, &str); 12] = [
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("0.4.0.194115.1.0", "tls-binding"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
];

fn named(id: String) -> String {
    match NAMES.iter().find(|(known, _)| *known == id) {
        Some((_, name)) => format!("{name} ({id})"),
        None => id,
    }
}

/// `2027-01-31 09:05 UTC`: the same in every language.
fn minute(time: OffsetDateTime) -> String {
    let time = time.to_offset(time::UtcOffset::UTC);
    format!("{:04}-{:02}-{:02} {:02}:{:02} UTC", time.year(), u8::from(time.month()), time.day(), time.hour(), time.minute())
}
