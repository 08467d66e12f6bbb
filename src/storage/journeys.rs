//! Journeys as the bank's own people look for them.

use super::{Db, Outage, interactions::Row, timed};
use crate::oauth::{
    brand::BrandId,
    client::ClientId,
    interaction::{Interaction, InteractionId},
};
use uuid::Uuid;

/// Which journeys: begun in a span of time, newest first.
pub struct JourneyQuery<'a> {
    pub brand: Option<&'a BrandId>,
    pub client: Option<ClientId>,
    /// Ids are in order of time.
    pub from: Uuid,
    pub before: Uuid,
    /// So many are looked at, whatever they are.
    pub scan: i64,
}

/// What was looked at: those that fit, and where to go on.
pub struct JourneysFound {
    pub fitting: Vec<(BrandId, Interaction)>,
    /// `None`: all were looked at.
    pub next: Option<Uuid>,
}

impl Db {
    pub async fn journeys(&self, query: &JourneyQuery<'_>) -> Result<JourneysFound, Outage> {
        let last = sqlx::query_scalar!(
            "select id from interactions where id >= $1 and id < $2 order by id desc offset $3 limit 1",
            query.from,
            query.before,
            query.scan - 1,
        );
        let next = timed("journeys", last.fetch_optional(&self.pool)).await?;
        let rows = sqlx::query_as!(
            Row,
            r#"select brand, id, channel, client_id, redirect_uri, redirect_uri_sent, tpp_state, scope, challenge, lang, browser_digest, state,
                      attempts, psu, grant_id, failure, begun_by, ticket_digest, payment_id, payment_revision, fallback, facts as "facts: _",
                      conclusion_digest, request_digest, pushed_id, response_mode,
                      authorization_details as "authorization_details: _", created_at, active_at, expires_at
               from interactions
               where id >= $1 and id < $2 and ($3::text is null or brand = $3) and ($4::uuid is null or client_id = $4)
               order by id desc limit $5"#,
            next.unwrap_or(query.from),
            query.before,
            query.brand.map(BrandId::as_str),
            query.client.map(|client| client.0),
            query.scan,
        );
        let rows = timed("journeys", rows.fetch_all(&self.pool)).await?;
        let fitting = rows.into_iter().map(Row::with_brand).collect::<Result<_, _>>()?;
        Ok(JourneysFound { fitting, next })
    }

    pub async fn find_journey(&self, id: InteractionId) -> Result<Option<(BrandId, Interaction)>, Outage> {
        let row = sqlx::query_as!(
            Row,
            r#"select brand, id, channel, client_id, redirect_uri, redirect_uri_sent, tpp_state, scope, challenge, lang, browser_digest, state,
                      attempts, psu, grant_id, failure, begun_by, ticket_digest, payment_id, payment_revision, fallback, facts as "facts: _",
                      conclusion_digest, request_digest, pushed_id, response_mode,
                      authorization_details as "authorization_details: _", created_at, active_at, expires_at
               from interactions where id = $1"#,
            id.0,
        );
        timed("find_journey", row.fetch_optional(&self.pool)).await?.map(Row::with_brand).transpose()
    }
}
