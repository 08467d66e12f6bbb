use super::{Db, Outage, TokenStatement};
use crate::oauth::{
    client::ClientId,
    details::AuthorizationDetails,
    grant::{GrantId, PsuReference},
    introspection::{IntrospectedToken, TokenGrant, TokenPayment},
    partition::Partition,
    payment::{PaymentId, PaymentKind},
    scope::Scope,
    secret::{Digest, Handle, HandleKind},
    tpp::OrganisationId,
};
use sqlx::{AssertSqlSafe, FromRow, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

/// Everything a token's life hangs on, by primary keys.
macro_rules! introspect {
    ($place:literal, $from:literal) => {
        concat!(
            "select ",
            $place,
            "\
             t.digest, t.brand, t.client_id, t.scope, t.channel, t.issued_at, t.expires_at, t.revoked_at, t.certificate,
       c.organisation, c.deleted_at, g.id as grant_id, g.psu, g.sca_at, g.expires_at as grant_expires_at,
       g.revoked_at as grant_revoked_at, g.sca_forced_at is not null as sca_forced, g.accounts, g.authorization_details,
       p.id as payment_id, p.kind as payment_kind, p.name as payment_name
from ",
            $from,
            " join clients c on c.id = t.client_id
     left join grants g on g.id = t.grant_id left join payments p on p.id = g.payment_id"
        )
    };
}

pub(super) const INTROSPECT: &str = concat!(introspect!("", "{tokens} t"), "\nwhere t.id = $1");
/// `limit 1`: nobody takes statistics of tables of tokens, and PostgreSQL, which would guess that an id leads to many tokens, would
/// read all clients and payments for them.
pub(super) const INTROSPECT_EACH: &str = introspect!(
    "asked.place, ",
    "unnest($1::uuid[]) with ordinality asked (id, place) cross join lateral (select * from {tokens} t where t.id = asked.id limit 1) t"
);

#[derive(FromRow)]
struct Row {
    /// Of several, from 1.
    #[sqlx(default)]
    place: i64,
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
    sca_forced: bool,
    accounts: Option<Vec<String>>,
    authorization_details: Option<Json<AuthorizationDetails>>,
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
                sca_forced: self.sca_forced,
                accounts: self.accounts,
                payment,
                details: self.authorization_details.map(|Json(details)| details),
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
        let table = Partition::of_id(&token.id);
        let find = || async {
            let text = self.tables.text(table, TokenStatement::Introspect);
            let mut held = self.pool.hold("introspect_access_token").await?;
            let row = sqlx::query_as::<_, Row>(text).bind(token.id).fetch_optional(held.connection()).await;
            Ok(held.done(row)?)
        };
        let row = self.about(table, find).await?;
        row.map(|row| row.token(HandleKind::AccessToken)).transpose()
    }

    /// The same of several, in their order and in one statement, whatever tables they are in.
    pub async fn introspect_access_tokens(&self, tokens: &[&Handle]) -> Result<Vec<Option<IntrospectedToken>>, Outage> {
        let Some(first) = tokens.first().map(|token| Partition::of_id(&token.id)) else { return Ok(Vec::new()) };
        let one_table = tokens.iter().all(|token| Partition::of_id(&token.id) == first);
        let ids: Vec<Uuid> = tokens.iter().map(|token| token.id).collect();
        let find = || async {
            let text = if one_table {
                self.tables.text(first, TokenStatement::IntrospectEach)
            } else {
                // the parent looks into the one table of each; to choose among them costs 0.1 ms, once for all
                AssertSqlSafe(TokenStatement::IntrospectEach.text("tokens").into())
            };
            let mut held = self.pool.hold("introspect_access_tokens").await?;
            let rows = sqlx::query_as::<_, Row>(text).bind(&ids).fetch_all(held.connection()).await;
            Ok(held.done(rows)?)
        };
        placed(self.about(first, find).await?, tokens.len(), HandleKind::AccessToken)
    }

    /// In their order. Each as issued with its code's exchange; it ends with its grant.
    pub async fn introspect_refresh_tokens(&self, tokens: &[&Handle]) -> Result<Vec<Option<IntrospectedToken>>, Outage> {
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let (ids, digests): (Vec<_>, Vec<_>) = tokens.iter().map(|token| (token.id, token.digest.as_bytes().to_vec())).unzip();
        let statement = sqlx::query_as!(
            Row,
            r#"select asked.place as "place!",
                      case when g.refresh_next_digest = asked.digest then g.refresh_next_digest else g.refresh_digest end as "digest!",
                      g.brand, g.client_id, g.scope, g.channel, g.code_consumed_at as "issued_at!", g.expires_at,
                      g.revoked_at, null::bytea as certificate, c.organisation, c.deleted_at,
                      g.id as grant_id, g.psu, g.sca_at, g.expires_at as grant_expires_at, g.revoked_at as grant_revoked_at,
                      g.sca_forced_at is not null as "sca_forced!", g.accounts,
                      g.authorization_details as "authorization_details: Json<AuthorizationDetails>",
                      p.id as "payment_id?", p.kind as "payment_kind?", p.name as "payment_name?"
               from unnest($1::uuid[], $2::bytea[]) with ordinality asked (id, digest, place) join grants g on g.id = asked.id
                    join clients c on c.id = g.client_id left join payments p on p.id = g.payment_id
               where g.refresh_digest is not null and g.code_consumed_at is not null"#,
            &ids,
            &digests,
        );
        let mut held = self.pool.hold("introspect_refresh_tokens").await?;
        let rows = statement.fetch_all(held.connection()).await;
        placed(held.done(rows)?, tokens.len(), HandleKind::RefreshToken)
    }
}

/// Each where it was asked about; `None` where there is none.
fn placed(rows: Vec<Row>, asked: usize, kind: HandleKind) -> Result<Vec<Option<IntrospectedToken>>, Outage> {
    let mut all: Vec<_> = (0..asked).map(|_| None).collect();
    for row in rows {
        let place = usize::try_from(row.place - 1).ok().and_then(|place| all.get_mut(place));
        *place.ok_or(Outage::unreadable("place"))? = Some(row.token(kind)?);
    }
    Ok(all)
}
