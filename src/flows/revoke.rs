//! RFC 7009: a token is ended, at once and in one statement.

use super::{
    Answer, Caller,
    client::{Reading, authenticate},
};
use crate::{
    app::App,
    audit::AuditKind,
    oauth::{
        error::OAuthError,
        revocation::{self, Revocation, RevocationRequest},
    },
};

pub async fn answer(app: &App, caller: &Caller) -> Answer<()> {
    let client = match authenticate(app, caller, Reading::Fresh).await? {
        Ok(client) => client,
        Err(error) => return Ok(Err(error)),
    };
    let Ok(request) = RevocationRequest::parse(&caller.params) else {
        return Ok(Err(OAuthError::TOKEN_MISSING));
    };
    let Some((_, handle)) = request.token else { return Ok(Ok(())) };
    let now = app.clock.now();
    let token = app.db.find_token(&caller.brand.id, &handle).await?;
    let event = |kind| app.event(now, &caller.brand, kind).client(client.client().id).organisation(&client.tpp().organisation);
    // who a token belongs to never changes, so nothing needs to be held between the reading and the write
    match revocation::revoke(token.as_ref(), &handle, &client, &caller.brand) {
        Revocation::Nothing => {}
        Revocation::OtherClient => {
            app.db.record(&event(AuditKind::RevocationRefused).reason("token_of_other_client")).await?;
            return Ok(Err(OAuthError::TOKEN_OF_OTHER_CLIENT));
        }
        Revocation::AccessToken(id) => app.db.revoke_token(id, &event(AuditKind::TokenRevoked)).await?,
        Revocation::Grant(grant) => app.db.revoke_grant_of_client(grant, &event(AuditKind::GrantRevoked)).await?,
    }
    Ok(Ok(()))
}
