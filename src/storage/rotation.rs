use super::{Db, Outage, timed};
use crate::oauth::rotation::SuccessionKey;

impl Db {
    /// The deployment's one key. Whoever asks first brings it; of those who come at the same time one wins, and all are told his.
    pub async fn succession_key(&self, fresh: [u8; 32]) -> Result<SuccessionKey, Outage> {
        let put = sqlx::query!("insert into succession_key (key) values ($1) on conflict do nothing", &fresh[..]);
        timed("put_succession_key", put.execute(&self.pool)).await?;
        // a statement of its own, so that it sees what another one put there meanwhile
        let get = sqlx::query_scalar!("select key from succession_key");
        let stored = timed("get_succession_key", get.fetch_one(&self.pool)).await?;
        let bytes = stored.as_slice().try_into().map_err(|_| Outage::unreadable("succession_key.key"))?;
        Ok(SuccessionKey::new(bytes))
    }
}
