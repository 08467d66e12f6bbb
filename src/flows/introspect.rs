//! RFC 7662: one statement for the token, one verdict for token and certificate together.

use super::certificate::{check_watched, merged_meanwhile, standing_for};
use crate::{
    app::App,
    oauth::{
        brand::BrandId,
        introspection::{self, Inactive, IntrospectionResponse, PresentedCertificate},
        secret::{Handle, HandleKind},
    },
    pki::{self, PresentedChain},
    storage::Outage,
};

/// The QWAC that came with the token at the bank's API, as the caller hands it on.
pub enum CallersCertificate {
    NotSaid,
    /// Leaf first.
    Chain(PresentedChain),
    /// SHA-256 of one that was seen at the tpp counter.
    Thumbprint([u8; 32]),
    /// Sent, but no certificate.
    Unreadable,
}

impl CallersCertificate {
    /// PEM or DER, leaf first.
    pub fn read(bytes: &[u8]) -> Self {
        pki::chain_from_pem_or_der(bytes).map_or(Self::Unreadable, |chain| Self::Chain(PresentedChain::new(chain)))
    }
}

pub async fn answer(app: &App, token: &str, certificate: CallersCertificate, brand: &BrandId) -> Result<IntrospectionResponse, Outage> {
    check_watched(app)?;
    let now = app.clock.now();
    let handle = [HandleKind::AccessToken, HandleKind::RefreshToken].into_iter().find_map(|kind| Handle::parse(kind, token));
    let record = match &handle {
        Some(handle) => app.db.introspect(handle).await?,
        None => None,
    };
    let chain = match certificate {
        CallersCertificate::NotSaid => None,
        CallersCertificate::Unreadable => Some(PresentedChain::default()),
        CallersCertificate::Chain(chain) => Some(chain),
        CallersCertificate::Thumbprint(sha256) => {
            let seen = app.db.find_certificate(&sha256).await?.unwrap_or_default();
            Some(PresentedChain::new(seen.into_iter().map(Into::into).collect::<Vec<_>>()))
        }
    };
    let holder =
        chain.map(|chain| app.trust.judge(brand, &chain, now).verdict.as_ref().ok().map(|accepted| standing_for(app, &accepted.tpp, now)));
    let presented = match &holder {
        None => PresentedCertificate::NotSaid,
        Some(Some(tpp)) => PresentedCertificate::Accepted(tpp),
        Some(None) => PresentedCertificate::Refused,
    };
    let judge = |presented| introspection::introspect(record.as_ref(), handle.as_ref(), presented, Some(brand.as_str()), now);
    let mut verdict = judge(&presented);
    if let (Err(Inactive::CertificateOfOtherOrganisation), Some(Some(tpp))) = (&verdict, &holder)
        && let Some(tpp) = merged_meanwhile(app, tpp, now).await?
    {
        verdict = judge(&PresentedCertificate::Accepted(&tpp));
    }
    let outcome = verdict.as_ref().map_or_else(|why| why.name(), |_| "active");
    metrics::counter!("guichet_introspections_total", "outcome" => outcome).increment(1);
    Ok(match verdict {
        Ok(token) => {
            let issuer = app.brand(&BrandId::new(&token.brand)).map(|b| b.issuer.as_str());
            IntrospectionResponse::active(token, issuer)
        }
        Err(_) => IntrospectionResponse::inactive(),
    })
}
