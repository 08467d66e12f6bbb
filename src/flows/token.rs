//! The token endpoint: one code, refresh token or client's own request becomes tokens, or a refusal that is kept.

use super::{
    Answer, Caller,
    client::{Reading, authenticate},
};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::Brand,
        channel::Channel,
        client::AuthenticatedClient,
        error::OAuthError,
        grant::{EndReason, GrantId},
        secret::{Handle, HandleKind, Secret},
        token::{self, CodeExchange, Issue, Redemption, RefreshExchange, TokenRefusal, TokenRequest, TokenResponse},
    },
    storage::{NewToken, Outage, Stored, Tx},
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
    /// The client or the grant changed while it was judged: judge again.
    Stale,
}

/// A client that changes more often than this during one request has to ask again.
const MOST_ATTEMPTS: usize = 3;

pub async fn answer(app: &App, caller: &Caller, channel: &Channel) -> Answer<TokenResponse> {
    let request = TokenRequest::parse(&caller.params, channel, &caller.brand);
    let mut reading = match &request {
        Ok(TokenRequest::RefreshToken(_) | TokenRequest::ClientCredentials { .. }) => Reading::Remembered,
        // a code is spent by the attempt, and a malformed request is in no hurry
        Ok(TokenRequest::AuthorizationCode(_)) | Err(_) => Reading::Fresh,
    };
    for _ in 0..MOST_ATTEMPTS {
        let client = match authenticate(app, caller, reading).await? {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        match attempt(app, &caller.brand, &client, channel, &request).await? {
            Outcome::Issued(response) => return Ok(Ok(response)),
            // the client may have changed since it was remembered: refuse only on a fresh reading
            Outcome::Refused { grant, refusal } if reading == Reading::Fresh => {
                app.db.record(&refused(app, app.clock.now(), &caller.brand, &client, grant, refusal)).await?;
                return Ok(Err(counted(refusal)));
            }
            Outcome::RefusedAndRecorded(refusal) => return Ok(Err(counted(refusal))),
            Outcome::Refused { .. } | Outcome::Stale => reading = Reading::Fresh,
        }
    }
    Err(Outage::contended("the client kept changing"))
}

fn counted(refusal: TokenRefusal) -> OAuthError {
    metrics::counter!("guichet_tokens_refused_total", "reason" => refusal.name()).increment(1);
    refusal.into()
}

async fn attempt(
    app: &App,
    brand: &Brand,
    client: &AuthenticatedClient,
    channel: &Channel,
    request: &Result<TokenRequest, TokenRefusal>,
) -> Result<Outcome, Outage> {
    let request = match request {
        Ok(request) => request,
        Err(refusal) => return Ok(refuse(*refusal)),
    };
    if let Err(refusal) = token::check_grant_type(request, client) {
        return Ok(refuse(refusal));
    }
    match request {
        TokenRequest::AuthorizationCode(exchange) => redeem_code(app, brand, client, channel, exchange).await,
        TokenRequest::RefreshToken(exchange) => refresh(app, brand, client, channel, exchange).await,
        TokenRequest::ClientCredentials { scope } => {
            let now = app.clock.now();
            match token::client_credentials(scope.as_ref(), client, brand, now) {
                Ok(issue) => client_credentials(app, brand, client, channel, &issue, now).await,
                Err(refusal) => Ok(refuse(refusal)),
            }
        }
    }
}

const fn refuse(refusal: TokenRefusal) -> Outcome {
    Outcome::Refused { grant: None, refusal }
}

fn refused(
    app: &App,
    now: OffsetDateTime,
    brand: &Brand,
    client: &AuthenticatedClient,
    grant: Option<GrantId>,
    refusal: TokenRefusal,
) -> AuditEvent {
    let event = of_client(app, now, brand, client, AuditKind::TokenRefused).reason(refusal.name());
    match grant {
        Some(grant) => event.grant(grant),
        None => event,
    }
}

fn of_client(app: &App, now: OffsetDateTime, brand: &Brand, client: &AuthenticatedClient, kind: AuditKind) -> AuditEvent {
    app.event(now, brand, kind).client(client.client().id).organisation(&client.tpp().organisation)
}

/// One transaction: the code's row is held, so that a second redemption waits and then finds it consumed.
async fn redeem_code(
    app: &App,
    brand: &Brand,
    client: &AuthenticatedClient,
    channel: &Channel,
    exchange: &CodeExchange,
) -> Result<Outcome, Outage> {
    let now = app.clock.now();
    let mut tx = app.db.begin("redeem_code").await?;
    let code = match &exchange.code {
        Some(handle) => tx.lock_code(&brand.id, handle).await?,
        None => None,
    };
    let grant = code.as_ref().map(|c| c.grant.id);
    let verdict = token::redeem(code.as_ref(), exchange, client, channel, brand, now);
    // the client may have been read a moment ago: its deletion or change must win, before a wrong verdict spends the code
    if matches!(verdict, Redemption::RefuseAndConsume(_)) && !tx.client_is_current(client.client().id, client.client().revision).await? {
        return Ok(Outcome::Stale);
    }
    let outcome = match (verdict, grant) {
        (Redemption::Issue(issue), Some(grant)) => issue_for_code(app, &mut tx, brand, client, channel, grant, &issue, now).await?,
        (Redemption::RefuseAndRevoke(refusal), Some(grant)) => {
            tx.revoke_grant(grant, EndReason::CodeReplayed, now).await?;
            tx.record(&of_client(app, now, brand, client, AuditKind::CodeReplayed).grant(grant)).await?;
            Outcome::RefusedAndRecorded(refusal)
        }
        (Redemption::RefuseAndConsume(refusal), Some(grant)) => {
            tx.consume_code(grant, now).await?;
            tx.record(&refused(app, now, brand, client, Some(grant), refusal)).await?;
            Outcome::RefusedAndRecorded(refusal)
        }
        (Redemption::Refuse(refusal), grant) => {
            tx.record(&refused(app, now, brand, client, grant, refusal)).await?;
            Outcome::RefusedAndRecorded(refusal)
        }
        // the core names a grant's fate only where there is a code
        (Redemption::Issue(_) | Redemption::RefuseAndRevoke(_) | Redemption::RefuseAndConsume(_), None) => {
            Outcome::RefusedAndRecorded(TokenRefusal::CodeUnknown)
        }
    };
    tx.commit().await?;
    Ok(outcome)
}

/// The access token and, where the policy gives one, the refresh token that lives as long as the grant.
#[expect(clippy::too_many_arguments, reason = "the facts of one issue, each used once")]
async fn issue_for_code(
    app: &App,
    tx: &mut Tx,
    brand: &Brand,
    client: &AuthenticatedClient,
    channel: &Channel,
    grant: GrantId,
    issue: &Issue,
    now: OffsetDateTime,
) -> Result<Outcome, Outage> {
    let (access, access_secret) = mint(app, HandleKind::AccessToken, now);
    let refresh = issue.refresh_token.then(|| mint(app, HandleKind::RefreshToken, now));
    let token = NewToken { grant: Some(grant), ..new_token(brand, client, channel, issue, &access, now) };
    let event = of_client(app, now, brand, client, AuditKind::TokenIssued).grant(grant);
    // RFC 8705 s7.1: a refresh token is bound to its client, or each renewal of a QWAC would end all consents
    let renewal = refresh.as_ref().map(|(handle, _)| (handle, issue.grant_expires_at));
    Ok(match tx.issue_for_code(&token, renewal, client.client().revision, &event).await? {
        Stored::Yes => {
            app.uses.note(grant, now);
            Outcome::Issued(TokenResponse::new(issue, &access_secret, refresh.as_ref().map(|(_, secret)| secret), now))
        }
        // the client may have been read a moment ago: its deletion or change wins
        Stored::Stale => Outcome::Stale,
    })
}

fn mint(app: &App, kind: HandleKind, now: OffsetDateTime) -> (Handle, Secret) {
    Handle::mint(kind, app.entropy.uuid(now), &app.entropy.bytes())
}

fn new_token<'a>(
    brand: &'a Brand,
    client: &'a AuthenticatedClient,
    channel: &'a Channel,
    issue: &'a Issue,
    handle: &'a Handle,
    now: OffsetDateTime,
) -> NewToken<'a> {
    NewToken {
        handle,
        kind: HandleKind::AccessToken,
        brand: &brand.id,
        client: client.client().id,
        grant: None,
        scope: &issue.scope,
        channel: &channel.name,
        issued_at: now,
        expires_at: issue.access_token_expires_at,
        certificate: brand.certificate_bound_access_tokens.then_some(&client.tpp().thumbprint[..]),
    }
}

async fn refresh(
    app: &App,
    brand: &Brand,
    client: &AuthenticatedClient,
    channel: &Channel,
    exchange: &RefreshExchange,
) -> Result<Outcome, Outage> {
    let now = app.clock.now();
    let record = match &exchange.token {
        Some(handle) => app.db.find_refresh_token(&brand.id, handle).await?,
        None => None,
    };
    let grant = record.as_ref().map(|r| r.grant.id);
    let issue = match token::refresh(record.as_ref(), exchange, client, channel, brand, now) {
        Ok(issue) => issue,
        Err(refusal) => return Ok(Outcome::Refused { grant, refusal }),
    };
    let (handle, secret) = mint(app, HandleKind::AccessToken, now);
    let token = NewToken { grant, ..new_token(brand, client, channel, &issue, &handle, now) };
    let event = of_client(app, now, brand, client, AuditKind::TokenRefreshed);
    Ok(match app.db.issue_refreshed(&token, client.client().revision, &event).await? {
        Stored::Yes => {
            if let Some(grant) = grant {
                app.uses.note(grant, now);
            }
            Outcome::Issued(TokenResponse::new(&issue, &secret, None, now))
        }
        Stored::Stale => Outcome::Stale,
    })
}

async fn client_credentials(
    app: &App,
    brand: &Brand,
    client: &AuthenticatedClient,
    channel: &Channel,
    issue: &Issue,
    now: OffsetDateTime,
) -> Result<Outcome, Outage> {
    let (handle, secret) = mint(app, HandleKind::AccessToken, now);
    let token = new_token(brand, client, channel, issue, &handle, now);
    let event = of_client(app, now, brand, client, AuditKind::ClientCredentialsIssued);
    Ok(match app.db.issue_client_credentials(&token, client.client().revision, &event).await? {
        Stored::Yes => Outcome::Issued(TokenResponse::new(issue, &secret, None, now)),
        Stored::Stale => Outcome::Stale,
    })
}
