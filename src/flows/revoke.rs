//! RFC 7009: a token is ended, at once and in one transaction.

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
    let mut tx = app.db.begin("revoke").await?;
    let token = tx.find_token(&caller.brand.id, &handle).await?;
    let event = |kind| app.event(now, &caller.brand, kind).client(client.client().id).organisation(&client.tpp().organisation);
    let answer = match revocation::revoke(token.as_ref(), &handle, &client) {
        Revocation::Nothing => Ok(()),
        Revocation::OtherClient => {
            tx.record(&event(AuditKind::RevocationRefused).reason("token_of_other_client")).await?;
            Err(OAuthError::TOKEN_OF_OTHER_CLIENT)
        }
        Revocation::AccessToken(id) => {
            tx.revoke_token(id, now).await?;
            tx.record(&event(AuditKind::TokenRevoked)).await?;
            Ok(())
        }
        Revocation::Grant(grant) => {
            tx.revoke_grant(grant, "revoked_by_client", now).await?;
            tx.record(&event(AuditKind::GrantRevoked).grant(grant)).await?;
            Ok(())
        }
    };
    tx.commit().await?;
    Ok(answer)
}
