//! Why a certificate is accepted or refused, for its holder's developers. Nothing is remembered, stored or audited here.

use crate::{
    app::App,
    oauth::brand::Brand,
    pki::{self, Asked, PresentedChain, Reason, Trust, Verdict},
    standing::{Purpose, Subject},
};
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;

/// The whole verdict on a certificate, and when it was reached.
pub struct Explained {
    pub verdict: Verdict,
    pub asked: Asked,
    pub at: OffsetDateTime,
}

/// Why there is nothing to explain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unjudged {
    NoCertificate,
    /// Nothing of it was looked at.
    PrivateKey,
}

/// What would be said of a certificate that somebody pasted, if it were presented to this brand now.
///
/// # Errors
/// When there is no certificate to judge.
pub async fn pasted(app: &App, brand: &Brand, bytes: &[u8]) -> Result<Explained, Unjudged> {
    if pki::holds_private_key(bytes) {
        count("private_key");
        return Err(Unjudged::PrivateKey);
    }
    match pki::read_chain(bytes) {
        Ok(chain) => Ok(judge(app, brand, &chain).await),
        Err(_) => {
            count("no_certificate");
            Err(Unjudged::NoCertificate)
        }
    }
}

/// The same about the certificate of a connection, and about having none. Its holder also learns what stands against them
/// beside the certificate, which is asked where nothing is wrong with that, as for any request.
pub async fn presented(app: &App, brand: &Brand, chain: &PresentedChain) -> Explained {
    if chain.is_empty() {
        count("no_certificate");
        let verdict = Verdict::refused(Reason::CertificateMissing);
        return Explained { verdict, asked: Asked::CertificateOnly, at: app.clock.now() };
    }
    let mut explained = judge(app, brand, chain.certificates()).await;
    if let Ok(accepted) = explained.verdict.clone().accepted() {
        let refusal = app.standing.judge(&Subject::holder(&accepted.tpp), &brand.id, Purpose::Use, explained.at).err();
        explained.verdict.reasons.extend(refusal.as_ref().map(super::standing::reason));
        explained.asked = Asked::Standing;
    }
    explained
}

/// The verdicts that requests rest on are not asked: they say what is wrong, and here everything is told.
async fn judge(app: &App, brand: &Brand, chain: &[CertificateDer<'_>]) -> Explained {
    // never closed; were it, one explanation more at once would do no harm
    let _turn = app.explanations.acquire().await;
    let at = app.clock.now();
    let verdict = match app.trust.of(&brand.id) {
        Some(today) => pki::judge(chain, today.trust(), at),
        None => pki::judge(chain, &Trust::nobody(), at),
    };
    count(if verdict.reasons.is_empty() { "accepted" } else { "refused" });
    Explained { verdict, asked: Asked::CertificateOnly, at }
}

fn count(outcome: &'static str) {
    metrics::counter!("guichet_certificates_explained_total", "outcome" => outcome).increment(1);
}
