//! What clients signed to say who they are, as far as it must not be said again (RFC 7523 s3).

use super::{Db, Outage, timed};
use crate::oauth::{assertion::Occasion, client::ClientId};

impl Db {
    /// `false`: it was used before, here or at another replica.
    pub async fn use_assertion(&self, client: ClientId, occasion: &Occasion) -> Result<bool, Outage> {
        let insert = sqlx::query!(
            "insert into client_assertions (digest, client_id, expires_at) values ($1, $2, $3) on conflict (digest) do nothing",
            occasion.digest.as_bytes(),
            client.0,
            occasion.until,
        );
        Ok(timed("use_assertion", insert.execute(&self.pool)).await?.rows_affected() == 1)
    }
}
