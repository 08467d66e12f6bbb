//! RFC 7009: a token is ended, at once and in one statement.

use super::{
    Answer, Caller, access_token,
    client::{Reading, authenticate},
    count,
};
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{
        brand::Brand,
        client::AuthenticatedClient,
        error::OAuthError,
        revocation::{self, Revocation, RevocationRequest, TokenMissing},
        secret::{Handle, HandleKind},
    },
    storage::{GivenBack, Outage, Stored},
};

/// A client that changes more often than this during one request has to ask again.
const MOST_ATTEMPTS: usize = 3;

pub async fn answer(app: &App, caller: &Caller) -> Answer<()> {
    let mut reading = Reading::Remembered;
    for _ in 0..MOST_ATTEMPTS {
        let client = match authenticate(app, caller, reading).await? {
            Ok(client) => client,
            Err(error) => return Ok(Err(error)),
        };
        let token = RevocationRequest::parse(&caller.params, |text| access_token::signed(app, text)).map(|request| request.token);
        // the remembered client serves to do what was asked; anything else is said on a fresh reading
        if reading == Reading::Fresh {
            match &token {
                Err(TokenMissing) => return Ok(Err(OAuthError::TOKEN_MISSING)),
                Ok(None) => return Ok(Ok(())),
                Ok(Some((kind, handle))) => match judge(app, &caller.brand, &client, *kind, handle).await? {
                    Revocation::Nothing => return Ok(Ok(())),
                    Revocation::OtherClient => return Ok(Err(OAuthError::TOKEN_OF_OTHER_CLIENT)),
                    Revocation::AccessToken(_) | Revocation::Grant(_) => {}
                },
            }
        }
        if let Ok(Some((kind, handle))) = token
            && revoke(app, &caller.brand, &client, kind, &handle).await? == Stored::Yes
        {
            count::revoked(&caller.brand, kind);
            return Ok(Ok(()));
        }
        reading = Reading::Fresh;
    }
    Err(Outage::contended("the client kept changing"))
}

/// Why the token was not this client's to revoke, or that it is after all.
async fn judge(app: &App, brand: &Brand, client: &AuthenticatedClient, kind: HandleKind, handle: &Handle) -> Result<Revocation, Outage> {
    let token = app.db.find_token(&brand.id, kind, handle).await?;
    let verdict = revocation::revoke(token.as_ref(), handle, client, brand);
    if verdict == Revocation::OtherClient {
        let event = app.event(app.clock.now(), brand, AuditKind::RevocationRefused).client(client.client().id);
        app.db.record(&event.organisation(client.organisation()).reason("token_of_other_client")).await?;
    }
    Ok(verdict)
}

async fn revoke(app: &App, brand: &Brand, client: &AuthenticatedClient, kind: HandleKind, handle: &Handle) -> Result<Stored, Outage> {
    let given = GivenBack { token: handle, brand: &brand.id, client: client.client().id, revision: client.client().revision };
    let event = |kind| app.event(app.clock.now(), brand, kind);
    match kind {
        HandleKind::RefreshToken => app.db.revoke_refresh_token(&given, &event(AuditKind::GrantRevoked)).await,
        HandleKind::AccessToken
        | HandleKind::Code
        | HandleKind::Registration
        | HandleKind::Ticket
        | HandleKind::PermissionsLink
        | HandleKind::PermissionsVisit
        | HandleKind::PushedRequest => {
            let alone = revocation::scopes_of_one_token(brand);
            app.db.revoke_access_token(&given, &alone, &event(AuditKind::TokenRevoked), AuditKind::GrantRevoked).await
        }
    }
}
