//! RFC 7662: one statement for the token, one verdict for token and certificate together. For several one for all.

use super::{
    access_token,
    certificate::{acting_for, check_watched, merged_meanwhile, standing_for},
    revocation,
};
use crate::{
    app::App,
    oauth::{
        brand::{Brand, BrandId},
        introspection::{self, Inactive, IntrospectedToken, IntrospectionResponse, PresentedCertificate},
        partition::Partition,
        scope::ScopeToken,
        secret::{Handle, HandleKind},
        tpp::{OrganisationId, Tpp},
    },
    pki::{self, PresentedChain, staleness::Staleness},
    standing::{CertificateRef, StandingRefusal, Subject},
    storage::Outage,
    telemetry::request,
    trust::Judged,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use time::OffsetDateTime;
use tokio::task::yield_now;

/// Signatures or certificates of a batch, before others' requests get their turn.
const JUDGED_AT_A_TIME: usize = 8;

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

    const fn thumbprint(&self) -> Option<[u8; 32]> {
        match self {
            Self::Thumbprint(sha256) => Some(*sha256),
            Self::NotSaid | Self::Chain(_) | Self::Unreadable => None,
        }
    }
}

/// One token, and what came with it.
pub struct Asked {
    token: AskedToken,
    certificate: CallersCertificate,
}

enum AskedToken {
    Access(Handle),
    Refresh(Handle),
    /// None of ours.
    Stranger,
}

impl Asked {
    pub fn new(app: &App, token: &str, certificate: CallersCertificate) -> Self {
        let refresh = || Handle::parse(HandleKind::RefreshToken, token).map(AskedToken::Refresh);
        let access = || access_token::presented(app, token).map(AskedToken::Access);
        Self { token: refresh().or_else(access).unwrap_or(AskedToken::Stranger), certificate }
    }

    pub async fn each(app: &App, all: Vec<(&str, CallersCertificate)>) -> Vec<Self> {
        let (mut asked, mut signatures) = (Vec::with_capacity(all.len()), 0);
        for (token, certificate) in all {
            // a signature costs what many look-ups do: others' requests come between
            signatures += usize::from(token.contains('.'));
            if signatures == JUDGED_AT_A_TIME {
                signatures = 0;
                yield_now().await;
            }
            asked.push(Self::new(app, token, certificate));
        }
        asked
    }
}

impl AskedToken {
    const fn handle(&self) -> Option<&Handle> {
        match self {
            Self::Access(handle) | Self::Refresh(handle) => Some(handle),
            Self::Stranger => None,
        }
    }

    /// To be looked up among access tokens. What its id says to be over needs none.
    fn access(&self, now: OffsetDateTime) -> Option<&Handle> {
        match self {
            Self::Access(handle) => Some(handle).filter(|handle| Partition::of_id(&handle.id).ends_at() > now),
            Self::Refresh(_) | Self::Stranger => None,
        }
    }

    const fn refresh(&self) -> Option<&Handle> {
        match self {
            Self::Refresh(handle) => Some(handle),
            Self::Access(_) | Self::Stranger => None,
        }
    }
}

/// The certificate, as far as there is one.
enum Came {
    NotSaid,
    /// Empty: it could not be read.
    Chain(PresentedChain),
    /// Named by its SHA-256. Empty: it was never met at the tpp counter.
    Seen(PresentedChain, [u8; 32]),
}

/// Whoever presented the token.
enum Presenter {
    /// The caller did not say.
    NotSaid,
    /// SHA-256 over the DER, where a certificate came or was named.
    Refused(Option<[u8; 32]>),
    Accepted(Holder),
}

/// Of an accepted certificate.
struct Holder {
    judged: Arc<Judged>,
    says: Arc<Tpp>,
    /// After a merge, in the name of the new organisation.
    acts_for: Arc<Tpp>,
}

impl Presenter {
    fn new(app: &App, brand: &BrandId, came: Came, now: OffsetDateTime) -> Self {
        let (chain, named) = match came {
            Came::NotSaid => return Self::NotSaid,
            Came::Chain(chain) => (chain, None),
            Came::Seen(chain, sha256) => (chain, Some(sha256)),
        };
        let refused = || Self::Refused(named.or_else(|| chain.certificates().first().map(|leaf| Sha256::digest(leaf).into())));
        let judged = app.trust.judge(brand, &chain, now);
        let revoked = judged.status_key.is_some_and(|key| revocation::is_known_as_revoked(app, brand, &key));
        let Some(says) = judged.verdict.as_ref().ok().map(|accepted| accepted.tpp.clone()) else { return refused() };
        if revoked || judged.staleness(now) == Staleness::Refuse {
            return refused();
        }
        Self::Accepted(Holder { judged, acts_for: standing_for(app, &says, now), says })
    }

    fn certificate(&self) -> PresentedCertificate<'_> {
        match self {
            Self::NotSaid => PresentedCertificate::NotSaid,
            Self::Refused(thumbprint) => PresentedCertificate::Refused(*thumbprint),
            Self::Accepted(holder) => PresentedCertificate::Accepted(&holder.acts_for),
        }
    }

    const fn holder(&self) -> Option<&Holder> {
        match self {
            Self::NotSaid | Self::Refused(_) => None,
            Self::Accepted(holder) => Some(holder),
        }
    }
}

impl Holder {
    /// Until when the certificate holds; `None`: by then it, or the organisation it stands for, is out.
    fn until(&self, app: &App, by: OffsetDateTime) -> Option<OffsetDateTime> {
        let lasts =
            self.judged.staleness(by) != Staleness::Refuse && standing_for(app, &self.says, by).organisation == self.acts_for.organisation;
        self.judged.verdict.as_ref().ok().filter(|_| lasts).map(|accepted| accepted.path.holds_until)
    }
}

pub async fn answer(app: &App, asked: Asked, brand: &Brand) -> Result<IntrospectionResponse, Outage> {
    check_watched(app)?;
    let now = app.clock.now();
    let (handle, access, refresh) = (asked.token.handle(), asked.token.access(now), asked.token.refresh());
    let token = match (access, refresh) {
        (Some(access), _) => app.db.introspect_access_token(access).await?,
        (None, Some(refresh)) => app.db.introspect_refresh_tokens(&[refresh]).await?.pop().flatten(),
        (None, None) => None,
    };
    let came = match asked.certificate {
        CallersCertificate::NotSaid => Came::NotSaid,
        CallersCertificate::Unreadable => Came::Chain(PresentedChain::default()),
        CallersCertificate::Chain(chain) => Came::Chain(chain),
        CallersCertificate::Thumbprint(sha256) => Came::Seen(seen(app.db.find_certificate(&sha256).await?.as_deref()), sha256),
    };
    let mut presenter = Presenter::new(app, &brand.id, came, now);
    let mut verdict = judge(app, token.as_ref(), handle, &presenter, brand, now);
    if let (Err(Inactive::CertificateOfOtherOrganisation), Presenter::Accepted(holder)) = (&verdict, &mut presenter)
        && let Some(acts_for) = merged_meanwhile(app, &holder.acts_for, now).await?
    {
        holder.acts_for = acts_for;
        verdict = judge(app, token.as_ref(), handle, &presenter, brand, now);
    }
    request::note(|facts| {
        if let Some(token) = &token {
            facts.client = Some(token.client);
            facts.by(&token.organisation);
            facts.about(&token.scope);
        }
        facts.reason = verdict.as_ref().err().map(|inactive| inactive.name());
    });
    Ok(told(app, verdict, &presenter, brand, now))
}

/// As [`answer`] would each, in their order, at one time, and with one statement for all access tokens, refresh tokens, certificates.
pub async fn answers(app: &App, asked: Vec<Asked>, brand: &Brand) -> Result<Vec<IntrospectionResponse>, Outage> {
    check_watched(app)?;
    let now = app.clock.now();
    let (asked, certificates): (Vec<_>, Vec<_>) = asked.into_iter().map(|asked| (asked.token, asked.certificate)).unzip();
    let tokens = stored(app, &asked, now).await?;
    let mut presenters = presenters(app, certificates, &brand.id, now).await?;
    let judge = |place: usize, presenter: &Presenter| {
        let token = tokens.get(place).and_then(Option::as_ref);
        judge(app, token, asked.get(place).and_then(AskedToken::handle), presenter, brand, now)
    };
    let mut verdicts: Vec<_> = presenters.iter().enumerate().map(|(place, presenter)| judge(place, presenter)).collect();
    let strangers: BTreeSet<_> = verdicts.iter().zip(&presenters).filter_map(|(verdict, presenter)| stranger(verdict, presenter)).collect();
    if !strangers.is_empty() {
        let merged = app.db.merged_into_each(strangers, now).await?;
        for (place, (verdict, presenter)) in verdicts.iter_mut().zip(&mut presenters).enumerate() {
            let Some(new) = stranger(verdict, presenter).and_then(|old| merged.get(old).cloned()) else { continue };
            if let Presenter::Accepted(holder) = presenter {
                holder.acts_for = acting_for(&holder.acts_for, new);
            }
            *verdict = judge(place, presenter);
        }
    }
    Ok(verdicts.into_iter().zip(&presenters).map(|(verdict, presenter)| told(app, verdict, presenter, brand, now)).collect())
}

/// Of each what is stored, where anything is.
async fn stored(app: &App, asked: &[AskedToken], now: OffsetDateTime) -> Result<Vec<Option<IntrospectedToken>>, Outage> {
    let access: Vec<_> = asked.iter().filter_map(|token| token.access(now)).collect();
    let refresh: Vec<_> = asked.iter().filter_map(AskedToken::refresh).collect();
    let mut access = app.db.introspect_access_tokens(&access).await?.into_iter();
    let mut refresh = app.db.introspect_refresh_tokens(&refresh).await?.into_iter();
    let of = |token: &AskedToken| match (token.access(now), token.refresh()) {
        (Some(_), _) => access.next().flatten(),
        (None, Some(_)) => refresh.next().flatten(),
        (None, None) => None,
    };
    Ok(asked.iter().map(of).collect())
}

/// The organisation that came with another one's token.
fn stranger<'p>(verdict: &Result<&IntrospectedToken, Inactive>, presenter: &'p Presenter) -> Option<&'p OrganisationId> {
    let other = matches!(verdict, Err(Inactive::CertificateOfOtherOrganisation));
    presenter.holder().filter(|_| other).map(|holder| &holder.acts_for.organisation)
}

/// Those that were seen here are read in one statement.
async fn presenters(
    app: &App,
    certificates: Vec<CallersCertificate>,
    brand: &BrandId,
    now: OffsetDateTime,
) -> Result<Vec<Presenter>, Outage> {
    let thumbprints: BTreeSet<[u8; 32]> = certificates.iter().filter_map(CallersCertificate::thumbprint).collect();
    let known = if thumbprints.is_empty() { HashMap::new() } else { app.db.find_certificates(thumbprints).await? };
    let mut presenters = Vec::with_capacity(certificates.len());
    for (place, certificate) in certificates.into_iter().enumerate() {
        // one that was never judged costs what many look-ups do: others' requests come between
        if place % JUDGED_AT_A_TIME == JUDGED_AT_A_TIME - 1 {
            yield_now().await;
        }
        let came = match certificate {
            CallersCertificate::NotSaid => Came::NotSaid,
            CallersCertificate::Unreadable => Came::Chain(PresentedChain::default()),
            CallersCertificate::Chain(chain) => Came::Chain(chain),
            CallersCertificate::Thumbprint(sha256) => Came::Seen(seen(known.get(&sha256).map(Vec::as_slice)), sha256),
        };
        presenters.push(Presenter::new(app, brand, came, now));
    }
    Ok(presenters)
}

/// A chain as it was met at the tpp counter; empty where it never was.
fn seen(chain: Option<&[Vec<u8>]>) -> PresentedChain {
    PresentedChain::new(chain.unwrap_or_default().iter().cloned().map(Into::into).collect::<Vec<_>>())
}

/// What token and certificate are worth together.
fn judge<'t>(
    app: &App,
    token: Option<&'t IntrospectedToken>,
    handle: Option<&Handle>,
    presenter: &Presenter,
    brand: &Brand,
    now: OffsetDateTime,
) -> Result<&'t IntrospectedToken, Inactive> {
    let token = introspection::introspect(token, handle, &presenter.certificate(), Some(brand.id.as_str()), now)?;
    if token.organisation.is_local() && !token.scope.is_within(&brand.self_signed_scopes) {
        return Err(Inactive::NeedsQwac);
    }
    check_standing(app, token, presenter, &brand.id, now).map(|()| token)
}

/// What the caller is told, once it is counted.
fn told(
    app: &App,
    verdict: Result<&IntrospectedToken, Inactive>,
    presenter: &Presenter,
    brand: &Brand,
    now: OffsetDateTime,
) -> IntrospectionResponse {
    let outcome = verdict.map_or_else(Inactive::name, |_| "active");
    metrics::counter!("guichet_introspections_total", "brand" => brand.id.shared(), "outcome" => outcome).increment(1);
    let Ok(token) = verdict else { return IntrospectionResponse::inactive() };
    if let Some(grant) = &token.grant {
        app.uses.note(grant.id, now);
    }
    if let Some(practice) = token.practice() {
        app.practices.note(token.client, [practice], now);
    }
    let mut told = IntrospectionResponse::active(token, brand);
    told.cache_seconds = cache_seconds(app, token, presenter, brand, now).filter(|seconds| *seconds > 0);
    told
}

/// For how long the answer may be used again: it must be the same all the while, as far as is known today.
fn cache_seconds(app: &App, token: &IntrospectedToken, presenter: &Presenter, brand: &Brand, now: OffsetDateTime) -> Option<u32> {
    let most = brand.introspection_cache;
    if most.is_zero() {
        return None;
    }
    let by = now + most;
    check_standing(app, token, presenter, &brand.id, by).ok()?;
    let certificate_until = match presenter.holder() {
        Some(holder) => Some(holder.until(app, by)?),
        None => None,
    };
    Some(introspection::cache_seconds(token, certificate_until, most, now))
}

/// A token gives nothing while its organisation, its certificate or its role is out; nothing is revoked by that.
fn check_standing(
    app: &App,
    token: &IntrospectedToken,
    presenter: &Presenter,
    brand: &BrandId,
    now: OffsetDateTime,
) -> Result<(), Inactive> {
    let holder = presenter.holder().map(|holder| holder.says.as_ref());
    let bound = token.certificate.as_deref().and_then(|sha256| sha256.try_into().ok());
    let certificate = match holder {
        Some(tpp) => Subject::holder(tpp).certificate,
        None => bound.map(|sha256| CertificateRef { sha256, issuer_name: None, issuer_key: None }),
    };
    // a certificate of before a merge stands under its old identifier, too
    let organisation = holder.map_or(&token.organisation, |tpp| &tpp.organisation);
    let who = Subject { organisation, client: Some(token.client), certificate, roles: token.scope.iter().map(ScopeToken::role).collect() };
    app.standing.judge_all(&who, brand, now).map(drop).map_err(|refusal| match refusal {
        StandingRefusal::Blocked(_) => Inactive::Blocked,
        StandingRefusal::Register(_) => Inactive::NotInRegister,
    })
}
