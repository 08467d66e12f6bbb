//! What probes ask, on connections that no request waits for.

use super::{Db, Outage, SchemaState, timed};
use crate::oauth::partition::Partition;
use std::collections::BTreeSet;
use time::OffsetDateTime;

pub struct Vitals {
    pub schema: SchemaState,
    /// The database's own.
    pub clock: OffsetDateTime,
}

impl Db {
    pub async fn vitals(&self) -> Result<Vitals, Outage> {
        let schema = self.schema_state().await?;
        // last, so that it is compared with a time that is near
        let clock = sqlx::query_scalar("select clock_timestamp()").fetch_one(&self.watch);
        Ok(Vitals { schema, clock: timed("clock", clock).await? })
    }

    /// The tables of tokens that statements name, as of the last look.
    pub fn known_token_tables(&self) -> BTreeSet<Partition> {
        self.tables.all()
    }
}
