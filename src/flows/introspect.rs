//! RFC 7662: one statement for the token, one verdict for token and certificate together.

use super::{
    certificate::{check_watched, merged_meanwhile, standing_for},
    revocation,
};
use crate::{
    app::App,
    oauth::{
        brand::BrandId,
        introspection::{self, Inactive, IntrospectedToken, IntrospectionResponse, PresentedCertificate},
        partition::Partition,
        scope::ScopeToken,
        secret::{Handle, HandleKind},
        tpp::Tpp,
    },
    pki::{self, PresentedChain, staleness::Staleness},
    standing::{CertificateRef, StandingRefusal, Subject},
    storage::Outage,
};
use std::sync::Arc;
use time::OffsetDateTime;

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
    let presented =
        [HandleKind::AccessToken, HandleKind::RefreshToken].into_iter().find_map(|kind| Some((kind, Handle::parse(kind, token)?)));
    let record = match &presented {
        Some((HandleKind::RefreshToken, handle)) => app.db.introspect_refresh_token(handle).await?,
        // what its id says to be over needs no looking up
        Some((_, handle)) if Partition::of_id(&handle.id).ends_at() > now => app.db.introspect_access_token(handle).await?,
        Some(_) | None => None,
    };
    let handle = presented.map(|(_, handle)| handle);
    let chain = match certificate {
        CallersCertificate::NotSaid => None,
        CallersCertificate::Unreadable => Some(PresentedChain::default()),
        CallersCertificate::Chain(chain) => Some(chain),
        CallersCertificate::Thumbprint(sha256) => {
            let seen = app.db.find_certificate(&sha256).await?.unwrap_or_default();
            Some(PresentedChain::new(seen.into_iter().map(Into::into).collect::<Vec<_>>()))
        }
    };
    let accepted = chain.map(|chain| {
        let judged = app.trust.judge(brand, &chain, now);
        let revoked = judged.status_key.is_some_and(|key| revocation::is_known_as_revoked(app, brand, &key));
        let out = revoked || judged.staleness(now) == Staleness::Refuse;
        judged.verdict.as_ref().ok().filter(|_| !out).map(|accepted| accepted.tpp.clone())
    });
    let holder = accepted.as_ref().map(|tpp| tpp.as_ref().map(|tpp| standing_for(app, tpp, now)));
    let presented = match &holder {
        None => PresentedCertificate::NotSaid,
        Some(Some(tpp)) => PresentedCertificate::Accepted(tpp),
        Some(None) => PresentedCertificate::Refused,
    };
    let judge = |presented: &PresentedCertificate<'_>| {
        introspection::introspect(record.as_ref(), handle.as_ref(), presented, Some(brand.as_str()), now)
    };
    let mut verdict = judge(&presented);
    if let (Err(Inactive::CertificateOfOtherOrganisation), Some(Some(tpp))) = (&verdict, &holder)
        && let Some(tpp) = merged_meanwhile(app, tpp, now).await?
    {
        verdict = judge(&PresentedCertificate::Accepted(&tpp));
    }
    let verdict = verdict.and_then(|token| {
        let holder = accepted.as_ref().and_then(Option::as_ref);
        check_standing(app, token, holder.map(Arc::as_ref), brand, now).map(|()| token)
    });
    let outcome = verdict.as_ref().map_or_else(|why| why.name(), |_| "active");
    metrics::counter!("guichet_introspections_total", "outcome" => outcome).increment(1);
    Ok(match verdict {
        Ok(token) => {
            if let Some(grant) = &token.grant {
                app.uses.note(grant.id, now);
            }
            let issuer = app.brand(&BrandId::new(&token.brand)).map(|b| b.issuer.as_str());
            IntrospectionResponse::active(token, issuer)
        }
        Err(_) => IntrospectionResponse::inactive(),
    })
}

/// A token gives nothing while its organisation, its certificate or its role is out; nothing is revoked by that.
fn check_standing(
    app: &App,
    token: &IntrospectedToken,
    holder: Option<&Tpp>,
    brand: &BrandId,
    now: OffsetDateTime,
) -> Result<(), Inactive> {
    let bound = token.certificate.as_deref().and_then(|sha256| sha256.try_into().ok());
    let certificate = match holder {
        Some(tpp) => Subject::holder(tpp).certificate,
        None => bound.map(|sha256| CertificateRef { sha256, issuer_name: None, issuer_key: None }),
    };
    // a certificate of before a merge stands under its old identifier, too
    let organisation = holder.map_or(&token.organisation, |tpp| &tpp.organisation);
    let who = Subject { organisation, certificate, roles: token.scope.iter().map(ScopeToken::role).collect() };
    app.standing.judge_all(&who, brand, now).map(drop).map_err(|refusal| match refusal {
        StandingRefusal::Blocked(_) => Inactive::Blocked,
        StandingRefusal::Register(_) => Inactive::NotInRegister,
    })
}
