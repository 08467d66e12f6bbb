//! Acts that wait for a second person.

use super::{Db, Outage, Tx, timed};
use crate::{
    admin::{Decided, Decision, Person, Proposal, Through},
    audit::EVERY_BRAND,
};
use sqlx::types::{Json, JsonValue};
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    arguments: JsonValue,
    reason: String,
    proposed_at: OffsetDateTime,
    proposed_by: String,
    proposed_through: String,
    proposed_as: String,
    expires_at: OffsetDateTime,
    decision: Option<String>,
    decided_at: Option<OffsetDateTime>,
    decided_by: Option<String>,
    decided_through: Option<String>,
    decided_as: Option<String>,
    decided_why: Option<String>,
    outcome: Option<JsonValue>,
}

impl Row {
    fn read(self) -> Option<Proposal> {
        let person = |name, through: &str, account| Some(Person { name, through: Through::from_name(through)?, account });
        let decided = match (self.decision, self.decided_at) {
            (Some(decision), Some(at)) => Some(Decided {
                decision: Decision::from_name(&decision)?,
                at,
                by: match (self.decided_by, self.decided_through, self.decided_as) {
                    (Some(name), Some(through), Some(account)) => Some(person(name, &through, account)?),
                    _ => None,
                },
                why: self.decided_why,
                outcome: self.outcome,
            }),
            _ => None,
        };
        Some(Proposal {
            id: self.id,
            act: serde_json::from_value(self.arguments).ok()?,
            reason: self.reason,
            at: self.proposed_at,
            by: person(self.proposed_by, &self.proposed_through, self.proposed_as)?,
            expires_at: self.expires_at,
            decided,
        })
    }

    fn proposal(self) -> Result<Proposal, Outage> {
        self.read().ok_or(Outage::unreadable("acts"))
    }
}

impl Db {
    pub async fn find_act(&self, id: Uuid) -> Result<Option<Proposal>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, arguments, reason, proposed_at, proposed_by, proposed_through, proposed_as, expires_at, decision, decided_at,
                    decided_by, decided_through, decided_as, decided_why, outcome
             from acts where id = $1",
            id,
        );
        timed("find_act", row.fetch_optional(&self.pool)).await?.map(Row::proposal).transpose()
    }

    /// Newest first, those before `before`.
    pub async fn acts_before(&self, before: Option<Uuid>, limit: i64) -> Result<Vec<Proposal>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "select id, arguments, reason, proposed_at, proposed_by, proposed_through, proposed_as, expires_at, decision, decided_at,
                    decided_by, decided_through, decided_as, decided_why, outcome
             from acts where id < coalesce($1::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) order by id desc limit $2",
            before,
            limit,
        );
        timed("acts_before", rows.fetch_all(&self.pool)).await?.into_iter().map(Row::proposal).collect()
    }
}

impl Tx {
    /// `false`: the same waits already.
    pub async fn insert_act(&mut self, proposal: &Proposal) -> Result<bool, Outage> {
        let done = sqlx::query!(
            "insert into acts (id, act, brand, arguments, digest, reason, proposed_at, proposed_by, proposed_through, proposed_as, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (digest) where decision is null do nothing",
            proposal.id,
            proposal.act.kind().name(),
            proposal.act.brand().unwrap_or(EVERY_BRAND),
            Json(&proposal.act) as _,
            &proposal.act.digest()[..],
            proposal.reason,
            proposal.at,
            proposal.by.name,
            proposal.by.through.name(),
            proposal.by.account,
            proposal.expires_at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The same act, as it waits. Held.
    pub async fn lock_same_act(&mut self, digest: &[u8; 32]) -> Result<Option<Proposal>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, arguments, reason, proposed_at, proposed_by, proposed_through, proposed_as, expires_at, decision, decided_at,
                    decided_by, decided_through, decided_as, decided_why, outcome
             from acts where digest = $1 and decision is null for update",
            &digest[..],
        );
        row.fetch_optional(&mut *self.inner).await?.map(Row::proposal).transpose()
    }

    /// Held: of two who approve it the second finds it done.
    pub async fn lock_act(&mut self, id: Uuid) -> Result<Option<Proposal>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, arguments, reason, proposed_at, proposed_by, proposed_through, proposed_as, expires_at, decision, decided_at,
                    decided_by, decided_through, decided_as, decided_why, outcome
             from acts where id = $1 for update",
            id,
        );
        row.fetch_optional(&mut *self.inner).await?.map(Row::proposal).transpose()
    }

    /// Those of these that wait. Held.
    pub async fn lock_open_acts(&mut self, digests: &[Vec<u8>]) -> Result<Vec<Uuid>, Outage> {
        let ids = sqlx::query_scalar!("select id from acts where digest = any($1) and decision is null order by id for update", digests);
        Ok(ids.fetch_all(&mut *self.inner).await?)
    }

    /// From then on it has nothing of a customer: whoever was forgotten cannot be found by what forgot him.
    pub async fn decide_act(&mut self, id: Uuid, decided: &Decided) -> Result<(), Outage> {
        let by = decided.by.as_ref();
        sqlx::query!(
            "update acts set decision = $2, decided_at = $3, decided_by = $4, decided_through = $5, decided_as = $6, decided_why = $7,
                    outcome = $8,
                    arguments = case act when 'psu.erase' then arguments - 'psu'::text else arguments end,
                    digest = case act when 'psu.erase' then sha256(uuid_send(id)) else digest end
             where id = $1",
            id,
            decided.decision.name(),
            decided.at,
            by.map(|person| person.name.as_str()),
            by.map(|person| person.through.name()),
            by.map(|person| person.account.as_str()),
            decided.why,
            decided.outcome,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
