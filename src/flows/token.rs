//! The token endpoint: one code, refresh token or client's own request becomes tokens, or a refusal that is kept.

use super::{
    Answer, Caller,
    access_token::Mint,
    client::{Reading, authenticate},
    count,
};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        access_jwt::Issued,
        brand::Brand,
        channel::Channel,
        client::AuthenticatedClient,
        error::OAuthError,
        grant::{EndReason, GrantId},
        home,
        partition::Partition,
        pkce::CodeVerifier,
        rotation::{Place, RefreshToken},
        secret::{Handle, HandleKind, Secret},
        token::{self, CodeExchange, Issue, Redemption, RefreshExchange, Renewal, TokenRefusal, TokenRequest, TokenResponse},
    },
    storage::{self, CodeTerms, NewToken, Outage, RefreshTerms, Stored},
    telemetry::request,
};
use time::OffsetDateTime;

/// What an attempt came to.
enum Outcome {
    Issued(TokenResponse),
    /// Nothing was written yet.
    Refused {
        grant: Option<GrantId>,
        refusal: TokenRefusal,
    },
    RefusedAndRecorded(TokenRefusal),
    /// It was written, and cannot be shown.
    NotShown(OAuthError),
    /// Something is not as it was expected to be: look, and judge again.
    Stale,
}

/// A client that changes more often than this during one request has to ask again.
const MOST_ATTEMPTS: usize = 4;

/// One attempt on what is remembered and what the presented code or token says of itself: where that holds, one statement does
/// it all. Where it does not, everything is read and judged, and a refusal rests on that.
pub async fn answer(app: &App, caller: &Caller, channel: &Channel) -> Answer<TokenResponse> {
    let request = TokenRequest::parse(&caller.params, channel, &caller.brand);
    let mut reading = Reading::Remembered;
    for _ in 0..MOST_ATTEMPTS {
        let client = match authenticate(app, caller, reading).await? {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let now = app.clock.now();
        let mint = match Mint::of(app, &caller.brand, now) {
            Ok(mint) => mint,
            Err(error) => return Ok(Err(error)),
        };
        let asked = Asked { app, brand: &caller.brand, client: &client, channel, mint, now };
        match asked.attempt(&request, reading).await? {
            Outcome::Issued(response) => {
                count::issued(&caller.brand, request.as_ref().map_or("none", |request| request.grant_type().as_str()));
                return Ok(Ok(response));
            }
            Outcome::Refused { grant, refusal } if reading == Reading::Fresh => {
                app.db.record(&asked.refused(grant, refusal)).await?;
                return Ok(Err(counted(&caller.brand, refusal)));
            }
            Outcome::NotShown(error) => return Ok(Err(error)),
            Outcome::RefusedAndRecorded(refusal) => return Ok(Err(counted(&caller.brand, refusal))),
            Outcome::Refused { .. } | Outcome::Stale => reading = Reading::Fresh,
        }
    }
    Err(Outage::contended("the client kept changing"))
}

fn counted(brand: &Brand, refusal: TokenRefusal) -> OAuthError {
    metrics::counter!("guichet_tokens_refused_total", "brand" => brand.id.shared(), "reason" => refusal.name()).increment(1);
    refusal.into()
}

const fn refuse(refusal: TokenRefusal) -> Outcome {
    Outcome::Refused { grant: None, refusal }
}

/// Who asks, where and when.
struct Asked<'a> {
    app: &'a App,
    brand: &'a Brand,
    client: &'a AuthenticatedClient,
    channel: &'a Channel,
    mint: Mint<'a>,
    now: OffsetDateTime,
}

impl Asked<'_> {
    async fn attempt(&self, request: &Result<TokenRequest, TokenRefusal>, reading: Reading) -> Result<Outcome, Outage> {
        let request = match request {
            Ok(request) => request,
            Err(refusal) => return Ok(refuse(*refusal)),
        };
        if let Err(refusal) = token::check_grant_type(request, self.client) {
            return Ok(refuse(refusal));
        }
        match (request, reading) {
            (TokenRequest::ClientCredentials { scope }, _) => match token::client_credentials(scope.as_ref(), self.client, self.brand) {
                Ok(issue) => {
                    request::note(|facts| facts.about(&issue.scope));
                    self.client_credentials(&issue).await
                }
                Err(refusal) => Ok(refuse(refusal)),
            },
            (TokenRequest::AuthorizationCode(exchange), Reading::Remembered) => {
                let Some(code) = &exchange.code else { return Ok(refuse(TokenRefusal::CodeUnknown)) };
                let hint = GrantId(code.id).scope_hint();
                request::note(|facts| facts.about(&hint));
                match token::exchange_for(&hint, exchange, self.client, self.brand) {
                    Ok(issue) => self.redeem(code, exchange, &issue).await,
                    Err(refusal) => Ok(refuse(refusal)),
                }
            }
            (TokenRequest::AuthorizationCode(exchange), Reading::Fresh) => self.look_and_redeem(exchange).await,
            (TokenRequest::RefreshToken(exchange), Reading::Remembered) => {
                let Some(token) = &exchange.token else { return Ok(refuse(TokenRefusal::RefreshTokenUnknown)) };
                let hint = token.grant().scope_hint();
                request::note(|facts| facts.about(&hint));
                match token::refresh_for(&hint, exchange, self.client, self.brand) {
                    Ok(issue) => self.refresh(token, Place::Current, &issue).await,
                    Err(refusal) => Ok(refuse(refusal)),
                }
            }
            (TokenRequest::RefreshToken(exchange), Reading::Fresh) => self.look_and_refresh(exchange).await,
        }
    }

    fn event(&self, kind: AuditKind) -> AuditEvent {
        let event = self.app.event(self.now, self.brand, kind);
        event.client(self.client.client().id).organisation(&self.client.tpp().organisation)
    }

    fn refused(&self, grant: Option<GrantId>, refusal: TokenRefusal) -> AuditEvent {
        let event = self.event(AuditKind::TokenRefused).reason(refusal.name());
        match grant {
            Some(grant) => event.grant(grant),
            None => event,
        }
    }

    /// An access token, of a grant or of none, and the secret that goes into what is shown.
    fn mint(&self, issue: &Issue, grant: Option<GrantId>) -> (Handle, Secret) {
        let id = Partition::of(self.now, issue.lifetime).id(self.now, &self.app.entropy.bytes());
        let id = grant.map_or(id, |grant| home::beside(id, &grant.0));
        self.mint.mint(id, &self.app.entropy.bytes())
    }

    fn new_token<'a>(&'a self, issue: &'a Issue, handle: &'a Handle) -> NewToken<'a> {
        NewToken {
            handle,
            brand: &self.brand.id,
            client: self.client.client().id,
            revision: self.client.client().revision,
            scope: &issue.scope,
            channel: &self.channel.name,
            issued_at: self.now,
            expires_at: self.now + issue.lifetime,
            certificate: self.brand.binds_access_tokens_of(self.client.client()).then_some(&self.client.tpp().thumbprint[..]),
        }
    }

    /// `None`: nothing was issued.
    fn issued(
        &self,
        issued: Option<storage::Issued>,
        token: &NewToken<'_>,
        grant: Option<GrantId>,
        minted: Secret,
        refresh: Option<&Secret>,
    ) -> Outcome {
        let Some(storage::Issued { until: expires_at, details }) = issued else { return Outcome::Stale };
        let NewToken { client, scope, certificate, issued_at, .. } = *token;
        let issued = Issued { brand: self.brand, client, grant, scope, certificate, details: details.as_ref(), issued_at, expires_at };
        match self.mint.show(minted, &issued) {
            Ok(access) => Outcome::Issued(TokenResponse::new(scope, &access, refresh, expires_at - self.now, details)),
            Err(error) => Outcome::NotShown(error),
        }
    }

    async fn client_credentials(&self, issue: &Issue) -> Result<Outcome, Outage> {
        let (handle, secret) = self.mint(issue, None);
        let (token, event) = (self.new_token(issue, &handle), self.event(AuditKind::ClientCredentialsIssued));
        let issued = self.app.db.issue_client_credentials(&token, &event).await?;
        Ok(self.issued(issued, &token, None, secret, None))
    }

    /// The access token and, where the policy gives one, the refresh token that lives as long as the grant. RFC 8705 s7.1: that
    /// one is bound to its client, or each renewal of a QWAC would end all consents.
    async fn redeem(&self, code: &Handle, exchange: &CodeExchange, issue: &Issue) -> Result<Outcome, Outage> {
        let (handle, access) = self.mint(issue, Some(GrantId(code.id)));
        let refresh = issue.refresh_token.then(|| Handle::mint(HandleKind::RefreshToken, code.id, &self.app.entropy.bytes()));
        let terms = CodeTerms {
            code,
            granted: &issue.granted,
            redirect_uri: exchange.redirect_uri.as_deref(),
            challenge: exchange.verifier.as_ref().map(CodeVerifier::challenge),
        };
        let (token, event) = (self.new_token(issue, &handle), self.event(AuditKind::TokenIssued));
        let issued = self.app.db.redeem_code(&terms, &token, refresh.as_ref().map(|(handle, _)| handle), &event).await?;
        if issued.is_some() {
            self.app.uses.note(GrantId(code.id), self.now);
        }
        Ok(self.issued(issued, &token, Some(GrantId(code.id)), access, refresh.as_ref().map(|(_, secret)| secret)))
    }

    /// A code that gave nothing at first.
    async fn look_and_redeem(&self, exchange: &CodeExchange) -> Result<Outcome, Outage> {
        let Some(code) = &exchange.code else { return Ok(refuse(TokenRefusal::CodeUnknown)) };
        let record = self.app.db.find_code(&self.brand.id, code).await?;
        let grant = record.as_ref().map(|record| record.grant.id);
        match token::redeem(record.as_ref(), exchange, self.client, self.channel, self.brand, self.now) {
            Redemption::Issue(issue) => self.redeem(code, exchange, &issue).await,
            Redemption::Refuse(refusal) => Ok(Outcome::Refused { grant, refusal }),
            Redemption::RefuseAndRevoke(refusal) => {
                let (id, event) = (GrantId(code.id), self.event(AuditKind::CodeReplayed));
                self.app.db.end_grant_of(id, EndReason::CodeReplayed, &event).await?;
                Ok(Outcome::RefusedAndRecorded(refusal))
            }
            Redemption::RefuseAndConsume(refusal) => {
                let (client, event) = (self.client.client(), self.refused(grant, refusal));
                Ok(match self.app.db.spend_code(code, client.id, client.revision, &event).await? {
                    Stored::Yes => Outcome::RefusedAndRecorded(refusal),
                    // the client's deletion or change wins, before a wrong verdict spends the code; or somebody else used it
                    Stored::Stale => Outcome::Stale,
                })
            }
        }
    }

    async fn refresh(&self, presented: &RefreshToken, place: Place, issue: &Issue) -> Result<Outcome, Outage> {
        let (handle, secret) = self.mint(issue, Some(presented.grant()));
        let (token, event) = (self.new_token(issue, &handle), self.event(AuditKind::TokenRefreshed));
        let terms = RefreshTerms { grant: presented.grant(), digest: presented.digest(), granted: &issue.granted };
        let next = if issue.rotate { Some(presented.successor(self.app.succession_key().await?)) } else { None };
        let issued = match (&next, place) {
            (None, Place::Current | Place::Former) => self.app.db.refresh(&terms, &token, &event).await?,
            // told while the brand rotated: its use ends the one before it, whatever the brand does now
            (Some(_), _) | (None, Place::Next) => {
                self.app.db.rotate(&terms, next.as_ref().map(RefreshToken::digest).as_ref(), &token, &event).await?
            }
        };
        if issued.is_some() {
            self.app.uses.note(presented.grant(), self.now);
        }
        Ok(self.issued(issued, &token, Some(presented.grant()), secret, next.as_ref().map(RefreshToken::secret).as_ref()))
    }

    /// A refresh token that gave nothing at first.
    async fn look_and_refresh(&self, exchange: &RefreshExchange) -> Result<Outcome, Outage> {
        let Some(presented) = &exchange.token else { return Ok(refuse(TokenRefusal::RefreshTokenUnknown)) };
        let record = self.app.db.find_refresh_chain(&self.brand.id, presented.grant()).await?;
        let key = self.app.succession_key().await?;
        match token::refresh(record.as_ref(), exchange, key, self.client, self.channel, self.brand, self.now) {
            Renewal::Issue(issue, place) => self.refresh(presented, place, &issue).await,
            Renewal::Refuse(refusal) => Ok(Outcome::Refused { grant: record.map(|record| record.grant.id), refusal }),
            Renewal::RefuseAndRevoke(refusal) => {
                let (reason, event) = (EndReason::RefreshReplayed, self.event(AuditKind::RefreshReplayed));
                self.app.db.end_grant_of(presented.grant(), reason, &event).await?;
                Ok(Outcome::RefusedAndRecorded(refusal))
            }
        }
    }
}
