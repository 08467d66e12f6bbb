use super::{Db, Outage, tokens::kind_of};
use crate::oauth::{
    client::ClientId,
    grant::{GrantId, PsuReference},
    introspection::{IntrospectedToken, TokenGrant, TokenPayment},
    payment::{PaymentId, PaymentKind},
    scope::Scope,
    secret::{Digest, Handle},
    tpp::OrganisationId,
};

use std::collections::HashMap;
use uuid::Uuid;

impl Db {
    /// The same of several.
    pub async fn introspect_all(&self, tokens: impl IntoIterator<Item = &Handle>) -> Result<HashMap<Uuid, IntrospectedToken>, Outage> {
        let mut all = HashMap::new();
        for token in tokens {
            if let Some(found) = self.introspect(token).await? {
                all.insert(token.id, found);
            }
        }
        Ok(all)
    }

    /// Everything a token's life hangs on, in one statement by primary keys.
    pub async fn introspect(&self, token: &Handle) -> Result<Option<IntrospectedToken>, Outage> {
        let statement = sqlx::query!(
            r#"select t.digest, t.kind as "kind: i8", t.brand, t.client_id, t.scope, t.channel, t.issued_at, t.expires_at, t.revoked_at,
                      t.certificate, c.organisation, c.deleted_at, g.id as "grant_id?", g.psu as "psu?", g.sca_at as "sca_at?",
                      g.expires_at as "grant_expires_at?", g.revoked_at as "grant_revoked_at?", g.accounts as "accounts?",
                      p.id as "payment_id?", p.kind as "payment_kind?", p.name as "payment_name?"
               from tokens t join clients c on c.id = t.client_id left join grants g on g.id = t.grant_id
                    left join payments p on p.id = g.payment_id
               where t.id = $1"#,
            token.id,
        );
        let mut held = self.hand.hold("introspect").await?;
        let row = statement.fetch_optional(held.connection()).await;
        let Some(row) = held.done(row)? else { return Ok(None) };
        let payment = match (row.payment_id, row.payment_kind, row.payment_name) {
            (Some(id), Some(kind), Some(name)) => Some(TokenPayment {
                request: PaymentId(id),
                kind: PaymentKind::from_name(&kind).ok_or(Outage::unreadable("payments.kind"))?,
                name,
            }),
            _ => None,
        };
        let grant = match (row.grant_id, row.psu, row.sca_at, row.grant_expires_at) {
            (Some(id), Some(psu), Some(sca_at), Some(expires_at)) => Some(TokenGrant {
                id: GrantId(id),
                psu: PsuReference::new(psu),
                sca_at,
                expires_at,
                revoked: row.grant_revoked_at.is_some(),
                accounts: row.accounts,
                payment,
            }),
            _ => None,
        };
        Ok(Some(IntrospectedToken {
            digest: Digest::from_stored(&row.digest).ok_or(Outage::unreadable("tokens.digest"))?,
            kind: kind_of(row.kind),
            brand: row.brand,
            client: ClientId(row.client_id),
            organisation: OrganisationId::new(row.organisation),
            client_deleted: row.deleted_at.is_some(),
            scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("tokens.scope"))?,
            channel: row.channel,
            issued_at: row.issued_at,
            expires_at: row.expires_at,
            revoked: row.revoked_at.is_some(),
            certificate: row.certificate,
            grant,
        }))
    }
}
