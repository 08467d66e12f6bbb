//! Pushed authorization requests (RFC 9126).

use super::{Db, Outage, Tx, timed};
use crate::oauth::{
    brand::BrandId,
    client::{Client, ClientId},
    params::Params,
    pushed::PushedRequest,
    secret::{Digest, Handle},
};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

impl Db {
    /// `false`: the client is no longer as it was when this was judged.
    pub async fn keep_pushed_request(
        &self,
        client: &Client,
        handle: &Handle,
        params: &Params,
        expires_at: OffsetDateTime,
    ) -> Result<bool, Outage> {
        let insert = sqlx::query!(
            "insert into pushed_requests (id, brand, client_id, digest, parameters, expires_at)
             select $1, brand, id, $4, $5, $6 from clients where id = $2 and revision = $3 and deleted_at is null",
            handle.id,
            client.id.0,
            client.revision,
            handle.digest.as_bytes(),
            Json(params.pairs()) as _,
            expires_at,
        );
        Ok(timed("keep_pushed_request", insert.execute(&self.pool)).await?.rows_affected() == 1)
    }

    pub async fn find_pushed_request(&self, brand: &BrandId, handle: &Handle) -> Result<Option<PushedRequest>, Outage> {
        let row = sqlx::query!(
            r#"select client_id, digest, parameters as "parameters: Json<Vec<(String, String)>>", expires_at, spent_at is not null as "spent!"
               from pushed_requests where id = $1 and brand = $2"#,
            handle.id,
            brand.as_str(),
        );
        let row = timed("find_pushed_request", row.fetch_optional(&self.pool)).await?;
        let Some(row) = row.filter(|row| Digest::from_stored(&row.digest).is_some_and(|stored| stored.matches(&handle.digest))) else {
            return Ok(None);
        };
        let params = Params::from_pairs(row.parameters.0);
        Ok(Some(PushedRequest { id: handle.id, client: ClientId(row.client_id), params, expires_at: row.expires_at, spent: row.spent }))
    }
}

impl Tx {
    /// `false`: another journey that began with it was answered before, or it is forgotten.
    pub async fn spend_pushed_request(&mut self, id: Uuid, now: OffsetDateTime) -> Result<bool, Outage> {
        let spent = sqlx::query!("update pushed_requests set spent_at = $2 where id = $1 and spent_at is null", id, now)
            .execute(&mut *self.inner)
            .await?;
        Ok(spent.rows_affected() == 1)
    }
}
