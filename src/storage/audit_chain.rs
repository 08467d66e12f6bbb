//! The audit trail as it is read again: events in order of position, the seals over them, the anchors of these.

use super::{Db, Outage, Tx, timed};
use crate::audit::chain::{Hash, Head, Leaf, Recorded, Seal};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub(super) struct EventRow {
    pub(super) id: Uuid,
    pub(super) at: OffsetDateTime,
    pub(super) brand: String,
    pub(super) kind: String,
    pub(super) client_id: Option<Uuid>,
    pub(super) organisation: Option<String>,
    pub(super) grant_id: Option<Uuid>,
    pub(super) reason: Option<String>,
    pub(super) actor: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) position: i64,
    pub(super) psu_key: Option<Uuid>,
    pub(super) psu: Option<Vec<u8>>,
}

impl From<EventRow> for Recorded {
    fn from(row: EventRow) -> Self {
        let EventRow {
            id,
            at,
            brand,
            kind,
            client_id: client,
            organisation,
            grant_id: grant,
            reason,
            actor,
            subject,
            position,
            psu_key,
            psu,
        } = row;
        Self { id, at, brand, kind, client, organisation, grant, reason, actor, subject, position, psu_key, psu }
    }
}

struct SealRow {
    brand: String,
    number: i64,
    from_position: i64,
    to_position: i64,
    sealed_at: OffsetDateTime,
    events: i32,
    first_id: Uuid,
    last_id: Uuid,
    leaf_ids: Option<Vec<Uuid>>,
    leaf_hashes: Option<Vec<u8>>,
    root: Vec<u8>,
    previous: Vec<u8>,
    hash: Vec<u8>,
}

impl SealRow {
    /// What does not read as it was written is a seal all the same, and does not hold.
    fn read(self) -> Seal {
        let hash = |bytes: &[u8]| Hash::from_stored(bytes).unwrap_or(Hash::NONE);
        let leaves = self.leaf_ids.map(|ids| {
            let hashes = self.leaf_hashes.unwrap_or_default();
            let mut hashes = hashes.chunks(Hash::LENGTH);
            ids.into_iter().map(|id| Leaf { id, hash: hash(hashes.next().unwrap_or_default()) }).collect()
        });
        Seal {
            brand: self.brand,
            number: self.number,
            from: self.from_position,
            to: self.to_position,
            sealed_at: self.sealed_at,
            events: self.events,
            first_id: self.first_id,
            last_id: self.last_id,
            leaves,
            root: hash(&self.root),
            previous: hash(&self.previous),
            hash: hash(&self.hash),
        }
    }
}

struct HeadRow {
    brand: String,
    number: i64,
    to_position: i64,
    hash: Vec<u8>,
}

impl HeadRow {
    fn read(self) -> Result<Head, Outage> {
        let hash = Hash::from_stored(&self.hash).ok_or(Outage::unreadable("audit_seals.hash"))?;
        Ok(Head { brand: self.brand, number: self.number, to: self.to_position, hash })
    }
}

/// An event for the outside, with the seal that stands over it.
pub struct Exported {
    pub event: Recorded,
    /// `None`: not yet, or the seal is gone.
    pub seal: Option<i64>,
}

/// What is exported.
pub struct ExportQuery<'a> {
    pub brand: Option<&'a str>,
    /// The least id, and the one that is too great.
    pub ids: [Uuid; 2],
}

impl Tx {
    /// Whoever has it seals, the others pass by, and so does who comes too soon after the last one. Below it everything is sealed.
    pub async fn take_audit_horizon(&mut self, every: Duration) -> Result<Option<i64>, Outage> {
        let row = sqlx::query_scalar!(
            "select position from audit_horizon where one and moved_at <= now() - $1::bigint * interval '1 millisecond' for update skip locked",
            i64::try_from(every.whole_milliseconds()).unwrap_or(0),
        );
        Ok(row.fetch_optional(&mut *self.inner).await?)
    }

    pub async fn set_audit_horizon(&mut self, position: i64) -> Result<(), Outage> {
        sqlx::query!("update audit_horizon set position = $1, moved_at = now() where one", position).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// No transaction that runs now, or begins later, writes an event below it. It is read before the events are.
    pub async fn audit_complete_until(&mut self) -> Result<i64, Outage> {
        let until = sqlx::query_scalar!(r#"select pg_snapshot_xmin(pg_current_snapshot())::text::bigint + audit_offset() as "until!""#);
        Ok(until.fetch_one(&mut *self.inner).await?)
    }

    pub async fn audit_events_between(&mut self, from: i64, to: i64) -> Result<Vec<Recorded>, Outage> {
        let rows = sqlx::query_as!(
            EventRow,
            "select id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, position, psu_key, psu
             from audit_events where position >= $1 and position < $2 order by position, id",
            from,
            to,
        );
        Ok(rows.fetch_all(&mut *self.inner).await?.into_iter().map(Recorded::from).collect())
    }

    pub async fn audit_head(&mut self, brand: &str) -> Result<Head, Outage> {
        let row = sqlx::query_as!(
            HeadRow,
            "select brand, number, to_position, hash from audit_seals where brand = $1 order by number desc limit 1",
            brand,
        );
        row.fetch_optional(&mut *self.inner).await?.map_or_else(|| Ok(Head::none(brand)), HeadRow::read)
    }

    pub async fn put_audit_seal(&mut self, seal: &Seal) -> Result<(), Outage> {
        let leaves = seal.leaves.as_deref().unwrap_or_default();
        let ids: Vec<_> = leaves.iter().map(|leaf| leaf.id).collect();
        let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| *leaf.hash.as_bytes()).collect();
        sqlx::query!(
            "insert into audit_seals (brand, number, from_position, to_position, sealed_at, events, first_id, last_id, leaf_ids, leaf_hashes,
                                      root, previous, hash)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            seal.brand,
            seal.number,
            seal.from,
            seal.to,
            seal.sealed_at,
            seal.events,
            seal.first_id,
            seal.last_id,
            &ids,
            hashes,
            &seal.root.as_bytes()[..],
            &seal.previous.as_bytes()[..],
            &seal.hash.as_bytes()[..],
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// What the outside is told of now.
    pub async fn put_audit_anchor(&mut self, head: &Head, at: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "insert into audit_anchors (at, brand, number, hash) values ($1, $2, $3, $4) on conflict do nothing",
            at,
            head.brand,
            head.number,
            &head.hash.as_bytes()[..],
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}

impl Db {
    pub async fn audit_horizon(&self) -> Result<i64, Outage> {
        let horizon = sqlx::query_scalar!("select position from audit_horizon where one");
        Ok(timed("audit_horizon", horizon.fetch_one(&self.pool)).await?)
    }

    /// The time of an event that has no seal yet, the oldest of some hundreds. `None`: every event has one.
    pub async fn oldest_unsealed(&self) -> Result<Option<OffsetDateTime>, Outage> {
        let oldest = sqlx::query_scalar!(
            "select min(at) from (select at from audit_events where position >= (select position from audit_horizon where one) limit 200) as open"
        );
        Ok(timed("oldest_unsealed", oldest.fetch_one(&self.pool)).await?)
    }

    /// Of every brand that has a seal.
    pub async fn audit_heads(&self) -> Result<Vec<Head>, Outage> {
        let rows = sqlx::query_as!(
            HeadRow,
            r#"with recursive brands (brand) as (
                   (select brand from audit_seals where brand > '' order by brand limit 1)
                   union all
                   select (select s.brand from audit_seals s where s.brand > b.brand order by s.brand limit 1) from brands b
                   where b.brand is not null)
               select h.brand as "brand!", h.number as "number!", h.to_position as "to_position!", h.hash as "hash!"
               from brands b cross join lateral (
                   select brand, number, to_position, hash from audit_seals s where s.brand = b.brand order by number desc limit 1) h"#,
        );
        timed("audit_heads", rows.fetch_all(&self.pool)).await?.into_iter().map(HeadRow::read).collect()
    }

    pub async fn audit_seals_after(&self, brand: &str, number: i64) -> Result<Vec<Seal>, Outage> {
        let rows = sqlx::query_as!(
            SealRow,
            "select brand, number, from_position, to_position, sealed_at, events, first_id, last_id, leaf_ids, leaf_hashes, root, previous, hash
             from audit_seals where brand = $1 and number > $2 order by number limit 16",
            brand,
            number,
        );
        Ok(timed("audit_seals_after", rows.fetch_all(&self.pool)).await?.into_iter().map(SealRow::read).collect())
    }

    /// The end of each chain as it was then.
    pub async fn audit_head_before(&self, brand: &str, at: OffsetDateTime) -> Result<Head, Outage> {
        let row = sqlx::query_as!(
            HeadRow,
            "select brand, number, to_position, hash from audit_seals where sealed_at < $2 and brand = $1 order by sealed_at desc, number desc limit 1",
            brand,
            at,
        );
        timed("audit_head_before", row.fetch_optional(&self.pool)).await?.map_or_else(|| Ok(Head::none(brand)), HeadRow::read)
    }

    pub async fn audit_seal_hash(&self, brand: &str, number: i64) -> Result<Option<Hash>, Outage> {
        let hash = sqlx::query_scalar!("select hash from audit_seals where brand = $1 and number = $2", brand, number);
        let hash = timed("audit_seal_hash", hash.fetch_optional(&self.pool)).await?;
        Ok(hash.map(|bytes| Hash::from_stored(&bytes).unwrap_or(Hash::NONE)))
    }

    pub async fn read_audit_events(&self, from: i64, to: i64) -> Result<Vec<Recorded>, Outage> {
        let rows = sqlx::query_as!(
            EventRow,
            "select id, at, brand, kind, client_id, organisation, grant_id, reason, actor, subject, position, psu_key, psu
             from audit_events where position >= $1 and position < $2 order by position, id",
            from,
            to,
        );
        Ok(timed("read_audit_events", rows.fetch_all(&self.pool)).await?.into_iter().map(Recorded::from).collect())
    }

    /// Anchors told at that time or later, oldest first.
    pub async fn audit_anchors_after(&self, at: OffsetDateTime, brand: &str) -> Result<Vec<(OffsetDateTime, Head)>, Outage> {
        let rows = sqlx::query!(
            "select at, brand, number, hash from audit_anchors where (at, brand) > ($1, $2) order by at, brand limit 200",
            at,
            brand,
        );
        let rows = timed("audit_anchors_after", rows.fetch_all(&self.pool)).await?;
        let head = |brand, number, hash: &[u8]| Head { brand, number, to: 0, hash: Hash::from_stored(hash).unwrap_or(Hash::NONE) };
        Ok(rows.into_iter().map(|row| (row.at, head(row.brand, row.number, &row.hash))).collect())
    }
}

impl Db {
    pub async fn export_audit_events(&self, query: &ExportQuery<'_>, from: i64, to: i64) -> Result<Vec<Exported>, Outage> {
        let rows = sqlx::query!(
            r#"select e.id, e.at, e.brand, e.kind, e.client_id, e.organisation, e.grant_id, e.reason, e.actor, e.subject, e.position, e.psu_key,
                      s.number as "seal?"
               from audit_events e
               left join lateral (select number from audit_seals s where s.brand = e.brand and s.to_position > e.position
                                  order by s.to_position limit 1) s on true
               where e.position >= $1 and e.position < $2 and e.id >= $3 and e.id < $4 and ($5::text is null or e.brand = $5)
               order by e.position, e.id"#,
            from,
            to,
            query.ids[0],
            query.ids[1],
            query.brand,
        );
        let exported = timed("export_audit_events", rows.fetch_all(&self.pool)).await?.into_iter().map(|row| Exported {
            event: Recorded {
                id: row.id,
                at: row.at,
                brand: row.brand,
                kind: row.kind,
                client: row.client_id,
                organisation: row.organisation,
                grant: row.grant_id,
                reason: row.reason,
                actor: row.actor,
                subject: row.subject,
                position: row.position,
                psu_key: row.psu_key,
                // of no use outside
                psu: None,
            },
            seal: row.seal,
        });
        Ok(exported.collect())
    }
}
