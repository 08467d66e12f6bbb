//! The test PKI of `guichet dev`: made once under a directory, renewed before it expires.

use super::qwac::{Ca, Issued, QwacSpec, Validity, pem};
use crate::oauth::tpp::PspRole::{self, AccountInformation, AccountServicing, CardIssuing, PaymentInitiation};
use rcgen::KeyPair;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    error, fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    net::IpAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use time::{Duration, OffsetDateTime};
use x509_parser::{
    extensions::{GeneralName, ParsedExtension},
    prelude::{FromDer, X509Certificate},
};

/// What ends within this is made anew.
const RENEW_WITHIN: Duration = Duration::days(7);
const CRL_LIFE: Duration = Duration::days(30);

/// The files and authorities of the test PKI.
///
/// Besides the authorities (`qtsp-root`, `qtsp-issuing`, `untrusted-root`, `server-ca`, `bank-ca`, each `.pem` and `.key`):
/// - `qtsp.pem`, the issuing authority and its root: the trust anchors; `qtsp.crl`, DER, its revocation list;
/// - `server.pem`/`.key` for the public hosts, under `server-ca`;
/// - `internal.pem`/`.key` and the client `gateway.pem`/`.key`, under `bank-ca`;
/// - `signing.key`, the bank's ES256 key;
/// - QWACs, each `.pem` with the issuing authority, `.key` in PKCS#8: [`QWACS`].
pub struct TestPki {
    dir: PathBuf,
    /// Issues QWACs that `qtsp.pem` vouches for.
    pub qtsp: Ca,
    /// Vouches for the server's own certificate.
    pub servers: Ca,
    /// The bank's own authority, of the internal counter.
    pub bank: Ca,
}

/// A TPP of the test PKI.
#[derive(Clone, Copy, Debug)]
pub struct TestQwac {
    /// File name without its ending.
    pub name: &'static str,
    pub organisation: &'static str,
    pub legal_name: &'static str,
    pub roles: &'static [PspRole],
    pub flaw: Flaw,
}

/// Why a test QWAC must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    None,
    /// A seal certificate, not a web one.
    Seal,
    Expired,
    /// Stands in `qtsp.crl`.
    Revoked,
    /// From an authority nobody vouches for.
    Untrusted,
}

const fn qwac(name: &'static str, organisation: &'static str, legal_name: &'static str, roles: &'static [PspRole], flaw: Flaw) -> TestQwac {
    TestQwac { name, organisation, legal_name, roles, flaw }
}

const AI: &[PspRole] = &[AccountInformation];

/// Good ones first. `roleless` is good but holds only PSP_AS, which gives no scope.
pub const QWACS: [TestQwac; 9] = [
    qwac("aisp", "PSDFR-ACPR-10001", "Agrégateur Test SAS", AI, Flaw::None),
    qwac("pisp", "PSDFR-ACPR-10002", "Initiateur Test SAS", &[PaymentInitiation], Flaw::None),
    qwac("cbpii", "PSDFR-ACPR-10003", "Carte Test SAS", &[CardIssuing], Flaw::None),
    qwac("all", "PSDFR-ACPR-10004", "Toutes Activités Test SA", &[PaymentInitiation, AccountInformation, CardIssuing], Flaw::None),
    qwac("roleless", "PSDFR-ACPR-10005", "Banque Test SA", &[AccountServicing], Flaw::None),
    qwac("qsealc", "PSDFR-ACPR-10006", "Cachet Test SAS", AI, Flaw::Seal),
    qwac("expired", "PSDFR-ACPR-10007", "Périmé Test SAS", AI, Flaw::Expired),
    qwac("revoked", "PSDFR-ACPR-10008", "Révoqué Test SAS", AI, Flaw::Revoked),
    qwac("untrusted", "PSDFR-ACPR-10009", "Inconnu Test SAS", AI, Flaw::Untrusted),
];

/// Why the test PKI could not be made.
#[derive(Debug)]
pub enum PkiError {
    File(PathBuf, io::Error),
    Certificate(rcgen::Error),
    /// What was just written does not parse: a defect.
    Unreadable(PathBuf),
}

impl fmt::Display for PkiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file, error) => write!(f, "{}: {error}", file.display()),
            Self::Certificate(error) => write!(f, "cannot issue a test certificate: {error}"),
            Self::Unreadable(file) => write!(f, "{}: not a certificate", file.display()),
        }
    }
}

impl error::Error for PkiError {}

impl From<rcgen::Error> for PkiError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

impl TestPki {
    /// Reads what `dir` holds and makes what is missing, ends within seven days of `now`, names other `hosts`, or comes
    /// from an authority that is no more. Files are for their owner alone. A second process waits for the first.
    pub fn load_or_create(dir: &Path, hosts: &[&str], now: OffsetDateTime) -> Result<Self, PkiError> {
        let at = |error| PkiError::File(dir.into(), error);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(at)?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(dir.join("lock")).map_err(at)?;
        lock.lock().map_err(at)?;
        let store = Store { dir, now };
        let root = store.authority("qtsp-root", None)?;
        let qtsp = store.authority("qtsp-issuing", Some(&root))?;
        let untrusted = store.authority("untrusted-root", None)?;
        let servers = store.authority("server-ca", None)?;
        let bank = store.authority("bank-ca", None)?;
        store.write_if_new("qtsp.pem", pem([qtsp.certificate(), root.certificate()]).as_bytes())?;
        store.keep("server", &servers, Some(hosts), || servers.issue_server(hosts, store.days(-1, 397)))?;
        store.keep("internal", &bank, Some(hosts), || bank.issue_server(hosts, store.days(-1, 397)))?;
        store.keep("gateway", &bank, None, || bank.issue_client("gateway", store.days(-1, 397)))?;
        for one in &QWACS {
            let ca = if one.flaw == Flaw::Untrusted { &untrusted } else { &qtsp };
            store.keep_qwac(one, ca)?;
        }
        store.revocation_list(&qtsp)?;
        store.signing_key()?;
        Ok(Self { dir: dir.into(), qtsp, servers, bank })
    }

    /// `file("aisp.pem")`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// The directory at a moment, its lock held.
struct Store<'a> {
    dir: &'a Path,
    now: OffsetDateTime,
}

impl Store<'_> {
    fn days(&self, from: i64, to: i64) -> Validity {
        Validity { not_before: self.now + Duration::days(from), not_after: self.now + Duration::days(to) }
    }

    fn authority(&self, name: &str, above: Option<&Ca>) -> Result<Ca, PkiError> {
        let (validity, title) = (self.days(-730, 3650), format!("Guichet test {name}"));
        if let (Some(certificate), Ok(key)) = (self.leaf(name), fs::read_to_string(self.dir.join(format!("{name}.key"))))
            && self.lasts(&certificate)
            && above.is_none_or(|above| issued_by(&certificate, above))
            && let Ok(ca) = Ca::restore(&title, validity, certificate, &key)
        {
            return Ok(ca);
        }
        let ca = match above {
            None => Ca::root(&title, validity)?,
            Some(above) => above.subordinate(&title, validity)?,
        };
        self.write(&format!("{name}.key"), ca.key_pem().as_bytes())?;
        self.write(&format!("{name}.pem"), pem([ca.certificate()]).as_bytes())?;
        Ok(ca)
    }

    fn keep_qwac(&self, one: &TestQwac, ca: &Ca) -> Result<(), PkiError> {
        let expired = one.flaw == Flaw::Expired;
        if expired && self.leaf(one.name).is_some_and(|leaf| issued_by(&leaf, ca)) {
            return Ok(());
        }
        let validity = if expired { self.days(-400, -35) } else { self.days(-1, 365) };
        let spec = QwacSpec::new(one.organisation, one.legal_name, one.roles, validity);
        let spec = if one.flaw == Flaw::Seal { spec.into_seal() } else { spec };
        self.keep(one.name, ca, None, || ca.issue(&spec))
    }

    /// Leaves a good certificate alone, or puts a new one in its place. The key goes first: a pair cut short is made anew.
    fn keep(
        &self,
        name: &str,
        ca: &Ca,
        hosts: Option<&[&str]>,
        issue: impl FnOnce() -> Result<Issued, rcgen::Error>,
    ) -> Result<(), PkiError> {
        let good = |leaf: CertificateDer<'_>| self.lasts(&leaf) && issued_by(&leaf, ca) && hosts.is_none_or(|hosts| names(&leaf, hosts));
        if self.leaf(name).is_some_and(good) && self.dir.join(format!("{name}.key")).exists() {
            return Ok(());
        }
        let issued = issue()?;
        let _ = fs::remove_file(self.dir.join(format!("{name}.pem")));
        self.write(&format!("{name}.key"), issued.key_pem.as_bytes())?;
        self.write(&format!("{name}.pem"), issued.pem.as_bytes())
    }

    /// Always new: it costs nothing, and its date must be recent.
    fn revocation_list(&self, ca: &Ca) -> Result<(), PkiError> {
        let mut revoked = vec![];
        for one in QWACS.iter().filter(|one| one.flaw == Flaw::Revoked) {
            let unreadable = || PkiError::Unreadable(self.dir.join(one.name));
            let leaf = self.leaf(one.name).ok_or_else(unreadable)?;
            let (_, parsed) = X509Certificate::from_der(&leaf).map_err(|_| unreadable())?;
            revoked.push(parsed.raw_serial().to_vec());
        }
        let serials: Vec<&[u8]> = revoked.iter().map(Vec::as_slice).collect();
        let number = u64::try_from(self.now.unix_timestamp()).unwrap_or(0);
        let validity = Validity { not_before: self.now - Duration::hours(1), not_after: self.now + CRL_LIFE };
        self.write("qtsp.crl", &ca.crl(&serials, number, validity)?)
    }

    /// ES256, published in the key set. Kept: what it signed must stay verifiable.
    fn signing_key(&self) -> Result<(), PkiError> {
        if self.dir.join("signing.key").exists() {
            return Ok(());
        }
        self.write("signing.key", KeyPair::generate()?.serialize_pem().as_bytes())
    }

    fn leaf(&self, name: &str) -> Option<CertificateDer<'static>> {
        CertificateDer::from_pem_file(self.dir.join(format!("{name}.pem"))).ok()
    }

    fn lasts(&self, certificate: &CertificateDer<'_>) -> bool {
        let end = |parsed: X509Certificate<'_>| parsed.validity().not_after.to_datetime() > self.now + RENEW_WITHIN;
        X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| end(parsed))
    }

    fn write_if_new(&self, name: &str, content: &[u8]) -> Result<(), PkiError> {
        if fs::read(self.dir.join(name)).is_ok_and(|there| there == content) { Ok(()) } else { self.write(name, content) }
    }

    /// Whole or not at all, for the owner alone.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), PkiError> {
        let (file, new) = (self.dir.join(name), self.dir.join(format!(".{name}.new")));
        let put = || -> io::Result<()> {
            let _ = fs::remove_file(&new);
            let mut out: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            out.write_all(content)?;
            fs::rename(&new, &file)
        };
        put().map_err(|error| PkiError::File(file.clone(), error))
    }
}

fn issued_by(certificate: &CertificateDer<'_>, ca: &Ca) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    parsed.extensions().iter().any(|extension| {
        matches!(extension.parsed_extension(), ParsedExtension::AuthorityKeyIdentifier(id)
            if id.key_identifier.as_ref().is_some_and(|id| id.0 == ca.key_identifier()))
    })
}

/// Whether the certificate is for exactly these names and addresses.
fn names(certificate: &CertificateDer<'_>, hosts: &[&str]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return false };
    let Ok(Some(found)) = parsed.subject_alternative_name() else { return hosts.is_empty() };
    let found = &found.value.general_names;
    found.len() == hosts.len()
        && hosts.iter().all(|host| {
            let octets = host.parse().ok().map(|address: IpAddr| match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            });
            let wanted = match &octets {
                Some(octets) => GeneralName::IPAddress(octets),
                None => GeneralName::DNSName(host),
            };
            found.contains(&wanted)
        })
}
