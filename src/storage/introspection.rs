use super::{Db, Outage, TokenStatement};
use crate::oauth::{
    client::ClientId,
    grant::{GrantId, PsuReference},
    introspection::{IntrospectedToken, TokenGrant, TokenPayment},
    partition::Partition,
    payment::{PaymentId, PaymentKind},
    scope::Scope,
    secret::{Digest, Handle, HandleKind},
    tpp::OrganisationId,
};

use sqlx::FromRow;
use time::OffsetDateTime;
use uuid::Uuid;

/// Everything a token's life hangs on, by primary keys.
pub(super) const INTROSPECT: &str = "\
select t.digest, t.brand, t.client_id, t.scope, t.channel, t.issued_at, t.expires_at, t.revoked_at, t.certificate,
       c.organisation, c.deleted_at, g.id as grant_id, g.psu, g.sca_at, g.expires_at as grant_expires_at,
       g.revoked_at as grant_revoked_at, g.accounts, p.id as payment_id, p.kind as payment_kind, p.name as payment_name
from {tokens} t join clients c on c.id = t.client_id
     left join grants g on g.id = t.grant_id left join payments p on p.id = g.payment_id
where t.id = $1";

#[derive(FromRow)]
struct Row {
    digest: Vec<u8>,
    brand: String,
    client_id: Uuid,
    scope: String,
    channel: String,
    issued_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
    certificate: Option<Vec<u8>>,
    organisation: String,
    deleted_at: Option<OffsetDateTime>,
    grant_id: Option<Uuid>,
    psu: Option<String>,
    sca_at: Option<OffsetDateTime>,
    grant_expires_at: Option<OffsetDateTime>,
    grant_revoked_at: Option<OffsetDateTime>,
    accounts: Option<Vec<String>>,
    payment_id: Option<Uuid>,
    payment_kind: Option<String>,
    payment_name: Option<String>,
}

impl Row {
    fn token(self, kind: HandleKind) -> Result<IntrospectedToken, Outage> {
        let payment = match (self.payment_id, self.payment_kind, self.payment_name) {
            (Some(id), Some(kind), Some(name)) => Some(TokenPayment {
                request: PaymentId(id),
                kind: PaymentKind::from_name(&kind).ok_or(Outage::unreadable("payments.kind"))?,
                name,
            }),
            _ => None,
        };
        let grant = match (self.grant_id, self.psu, self.sca_at, self.grant_expires_at) {
            (Some(id), Some(psu), Some(sca_at), Some(expires_at)) => Some(TokenGrant {
                id: GrantId(id),
                psu: PsuReference::new(psu),
                sca_at,
                expires_at,
                revoked: self.grant_revoked_at.is_some(),
                accounts: self.accounts,
                payment,
            }),
            _ => None,
        };
        Ok(IntrospectedToken {
            digest: Digest::from_stored(&self.digest).ok_or(Outage::unreadable("tokens.digest"))?,
            kind,
            brand: self.brand,
            client: ClientId(self.client_id),
            organisation: OrganisationId::new(self.organisation),
            client_deleted: self.deleted_at.is_some(),
            scope: Scope::parse(&self.scope).map_err(|_| Outage::unreadable("tokens.scope"))?,
            channel: self.channel,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            revoked: self.revoked_at.is_some(),
            certificate: self.certificate,
            grant,
        })
    }
}

impl Db {
    pub async fn introspect_access_token(&self, token: &Handle) -> Result<Option<IntrospectedToken>, Outage> {
        let statement = sqlx::query_as::<_, Row>(self.tables.text(Partition::of_id(&token.id), TokenStatement::Introspect)).bind(token.id);
        let mut held = self.hand.hold("introspect_access_token").await?;
        let row = statement.fetch_optional(held.connection()).await;
        held.done(row)?.map(|row| row.token(HandleKind::AccessToken)).transpose()
    }

    /// As issued with its code's exchange; it ends with its grant.
    pub async fn introspect_refresh_token(&self, token: &Handle) -> Result<Option<IntrospectedToken>, Outage> {
        let statement = sqlx::query_as!(
            Row,
            r#"select case when g.refresh_next_digest = $2 then g.refresh_next_digest else g.refresh_digest end as "digest!",
                      g.brand, g.client_id, g.scope, g.channel, g.code_consumed_at as "issued_at!", g.expires_at,
                      g.revoked_at, null::bytea as certificate, c.organisation, c.deleted_at,
                      g.id as grant_id, g.psu, g.sca_at, g.expires_at as grant_expires_at, g.revoked_at as grant_revoked_at, g.accounts,
                      p.id as "payment_id?", p.kind as "payment_kind?", p.name as "payment_name?"
               from grants g join clients c on c.id = g.client_id left join payments p on p.id = g.payment_id
               where g.id = $1 and g.refresh_digest is not null and g.code_consumed_at is not null"#,
            token.id,
            token.digest.as_bytes(),
        );
        let mut held = self.hand.hold("introspect_refresh_token").await?;
        let row = statement.fetch_optional(held.connection()).await;
        held.done(row)?.map(|row| row.token(HandleKind::RefreshToken)).transpose()
    }
}
