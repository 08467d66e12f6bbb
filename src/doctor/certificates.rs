//! Certificates, keys and revocation lists as files hold them.

use super::{Check, Finding, moment};
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::PathBuf;
use time::{Duration, OffsetDateTime};
use webpki::EndEntityCert;
use x509_parser::{certificate::X509Certificate, prelude::FromDer, revocation_list::CertificateRevocationList, time::ASN1Time};

/// So long before its end a certificate is spoken of.
const RENEW_WITHIN: Duration = Duration::days(30);
/// Read or written by others.
const OTHERS: u32 = 0o006;

/// A certificate's file of the settings.
pub struct ChainFile {
    /// The setting, such as `tpp.certificate_file`.
    pub setting: &'static str,
    pub path: PathBuf,
    /// Leaf first, or why not.
    pub chain: Result<Vec<CertificateDer<'static>>, String>,
    pub kind: Kind,
}

/// What a file of certificates is for.
pub enum Kind {
    /// A server's own, shown to clients of these hosts.
    Server { hosts: Vec<String>, trusted: Result<(), String> },
    /// What we show to another.
    Client,
    /// Whom we believe.
    Authorities,
}

/// A private key's file.
pub struct KeyFile {
    pub setting: &'static str,
    pub path: PathBuf,
    /// Unix permissions.
    pub mode: Option<u32>,
    /// Whether it is the key of its certificate; `None`: there is none, or it does not read.
    pub belongs: Option<bool>,
    /// Why it cannot be used.
    pub problem: Option<String>,
}

/// A revocation list's file.
pub struct ListFile {
    pub path: PathBuf,
    /// DER, one or more.
    pub lists: Result<Vec<Vec<u8>>, String>,
}

impl ChainFile {
    pub fn judge(&self, now: OffsetDateTime) -> Vec<Finding> {
        let about = self.path.display().to_string();
        let finding = |check, seen: String| Finding::new(check, &about, format!("{}: {seen}", self.setting));
        let chain = match &self.chain {
            Ok(chain) => chain,
            Err(why) => return vec![finding(Check::FileUnusable, why.clone())],
        };
        let mut read = vec![];
        for der in chain {
            match X509Certificate::from_der(der) {
                Ok((_, certificate)) => read.push(certificate),
                Err(_) => return vec![finding(Check::FileUnusable, "a certificate in it does not read".to_owned())],
            }
        }
        let mut found: Vec<_> = read.iter().filter_map(|one| lifetime(one, now)).map(|(check, seen)| finding(check, seen)).collect();
        match &self.kind {
            Kind::Server { hosts, trusted } => {
                found.extend(broken(&read).map(|seen| finding(Check::ChainBroken, seen)));
                found.extend(
                    hosts.iter().filter(|host| !names(chain, host)).map(|host| finding(Check::CertificateOfOtherHost, host.clone())),
                );
                found.extend(trusted.as_ref().err().map(|why| finding(Check::ChainUntrusted, why.clone())));
            }
            Kind::Client => found.extend(broken(&read).map(|seen| finding(Check::ChainBroken, seen))),
            Kind::Authorities => {}
        }
        found
    }
}

/// What is wrong with the time of a certificate, if anything is.
fn lifetime(certificate: &X509Certificate<'_>, now: OffsetDateTime) -> Option<(Check, String)> {
    let time = |time: ASN1Time| time.to_datetime();
    let (from, until) = (time(certificate.validity().not_before), time(certificate.validity().not_after));
    let subject = certificate.subject();
    if until < now {
        Some((Check::CertificateExpired, format!("{subject} until {}", moment(until))))
    } else if from > now {
        Some((Check::CertificateNotYet, format!("{subject} from {}", moment(from))))
    } else if until - now < RENEW_WITHIN {
        Some((Check::CertificateExpiring, format!("{subject} until {}, {} days left", moment(until), (until - now).whole_days())))
    } else {
        None
    }
}

/// The first certificate whose issuer is not the next one.
fn broken(chain: &[X509Certificate<'_>]) -> Option<String> {
    let gap = chain.windows(2).find(|pair| pair[0].issuer().as_raw() != pair[1].subject().as_raw())?;
    Some(format!("after {} comes {}, and not {}", gap[0].subject(), gap[1].subject(), gap[0].issuer()))
}

/// Whether the leaf is for this host.
fn names(chain: &[CertificateDer<'_>], host: &str) -> bool {
    let (Some(leaf), Ok(name)) = (chain.first(), ServerName::try_from(host)) else { return false };
    EndEntityCert::try_from(leaf).is_ok_and(|leaf| leaf.verify_is_valid_for_subject_name(&name).is_ok())
}

impl KeyFile {
    pub fn judge(&self) -> Vec<Finding> {
        let about = self.path.display().to_string();
        let finding = |check, seen: String| Finding::new(check, &about, format!("{}: {seen}", self.setting));
        let exposed =
            self.mode.filter(|mode| mode & OTHERS != 0).map(|mode| finding(Check::KeyExposed, format!("mode {:04o}", mode & 0o7777)));
        let unusable = self.problem.clone().map(|why| finding(Check::FileUnusable, why));
        let foreign = (self.belongs == Some(false)).then(|| finding(Check::KeyOfAnother, "it is not the certificate's".to_owned()));
        exposed.into_iter().chain(unusable).chain(foreign).collect()
    }
}

impl ListFile {
    pub fn judge(&self, now: OffsetDateTime) -> Vec<Finding> {
        let about = self.path.display().to_string();
        let unusable = |why: &str| vec![Finding::new(Check::FileUnusable, &about, why)];
        let lists = match &self.lists {
            Ok(lists) => lists,
            Err(why) => return unusable(why),
        };
        let mut found = vec![];
        for der in lists {
            let Ok((_, list)) = CertificateRevocationList::from_der(der) else { return unusable("it is no revocation list") };
            let until = list.next_update().map(|until| until.to_datetime());
            if let Some(until) = until.filter(|until| *until < now) {
                found.push(Finding::new(Check::RevocationListOld, &about, format!("of {}, good until {}", list.issuer(), moment(until))));
            }
        }
        found
    }
}
