//! The operator's blocks and the national register.

use super::{Db, Outage, Tx, timed};
use crate::{
    audit::EVERY_BRAND,
    oauth::{
        brand::BrandId,
        tpp::{OrganisationId, PspRole},
    },
    standing::{Block, BlockId, Country, Entry, Lifted, Notification, RegisterHead, Roles, Status, Target},
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Blocks read at once.
const PAGE: i64 = 100;
/// Register entries written by one statement, which has to end in time.
const BATCH: usize = 5_000;

/// An institution with the name that it has in the register.
pub struct NamedEntry {
    pub name: String,
    pub entry: Entry,
}

struct Row {
    id: Uuid,
    brand: String,
    target: String,
    value: String,
    organisation: String,
    reason: String,
    psu_notice: Option<String>,
    since: OffsetDateTime,
    blocked_by: String,
    authority_notified_on: Option<Date>,
    authority_reference: Option<String>,
    lifted_at: Option<OffsetDateTime>,
    lifted_by: Option<String>,
    lifted_why: Option<String>,
}

impl TryFrom<Row> for Block {
    type Error = Outage;

    fn try_from(row: Row) -> Result<Self, Outage> {
        let lifted = match (row.lifted_at, row.lifted_by, row.lifted_why) {
            (Some(at), Some(by), Some(why)) => Some(Lifted { at, by, why }),
            (None, _, _) => None,
            (Some(_), _, _) => return Err(Outage::unreadable("blocks.lifted_*")),
        };
        Ok(Self {
            id: BlockId(row.id),
            target: Target::read(&row.target, &row.value, &row.organisation).ok_or(Outage::unreadable("blocks.target"))?,
            brand: (row.brand != EVERY_BRAND).then(|| BrandId::new(&row.brand)),
            reason: row.reason,
            psu_notice: row.psu_notice,
            authority: row.authority_notified_on.zip(row.authority_reference).map(|(on, reference)| Notification { on, reference }),
            since: row.since,
            by: row.blocked_by,
            lifted,
        })
    }
}

fn brand_of(block: &Block) -> &str {
    block.brand.as_ref().map_or(EVERY_BRAND, BrandId::as_str)
}

struct Head {
    id: Uuid,
    as_of: Date,
    source: String,
    digest: Vec<u8>,
    entries: i32,
    imported_at: OffsetDateTime,
    imported_by: String,
}

impl TryFrom<Head> for RegisterHead {
    type Error = Outage;

    fn try_from(row: Head) -> Result<Self, Outage> {
        Ok(Self {
            id: row.id,
            as_of: row.as_of,
            source: row.source,
            sha256: row.digest.try_into().map_err(|_| Outage::unreadable("registers.digest"))?,
            entries: usize::try_from(row.entries).map_err(|_| Outage::unreadable("registers.entries"))?,
            imported_at: row.imported_at,
            imported_by: row.imported_by,
        })
    }
}

fn entry(roles: &str, status: &str, hosts: Option<&str>) -> Result<Entry, Outage> {
    let role = |name: &str| PspRole::ALL.into_iter().find(|role| role.name() == name);
    let roles: Option<Roles> = roles.split(' ').filter(|name| !name.is_empty()).map(role).collect();
    let hosts = hosts.map(|codes| codes.split(' ').filter(|code| !code.is_empty()).map(Country::parse).collect::<Option<Box<_>>>());
    match (roles, Status::parse(status), hosts) {
        (Some(roles), Some(status), None) => Ok(Entry { roles, status, hosts: None }),
        (Some(roles), Some(status), Some(Some(hosts))) => Ok(Entry { roles, status, hosts: Some(hosts) }),
        (_, _, _) => Err(Outage::unreadable("register_entries")),
    }
}

impl Db {
    pub async fn live_blocks(&self) -> Result<Vec<Block>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "select id, brand, target, value, organisation, reason, psu_notice, since, blocked_by, authority_notified_on,
                    authority_reference, lifted_at, lifted_by, lifted_why
             from blocks where lifted_at is null",
        );
        timed("live_blocks", rows.fetch_all(&self.watch)).await?.into_iter().map(Block::try_from).collect()
    }

    /// A page of all blocks, lifted ones among them, oldest first: those after `after`.
    pub async fn blocks_after(&self, after: BlockId) -> Result<Vec<Block>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "select id, brand, target, value, organisation, reason, psu_notice, since, blocked_by, authority_notified_on,
                    authority_reference, lifted_at, lifted_by, lifted_why
             from blocks where id > $1 order by id limit $2",
            after.0,
            PAGE,
        );
        timed("blocks_after", rows.fetch_all(&self.pool)).await?.into_iter().map(Block::try_from).collect()
    }

    pub async fn find_block(&self, id: BlockId) -> Result<Option<Block>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, brand, target, value, organisation, reason, psu_notice, since, blocked_by, authority_notified_on,
                    authority_reference, lifted_at, lifted_by, lifted_why
             from blocks where id = $1",
            id.0,
        );
        timed("find_block", row.fetch_optional(&self.pool)).await?.map(Block::try_from).transpose()
    }

    pub async fn register_in_force(&self) -> Result<Option<RegisterHead>, Outage> {
        let row = sqlx::query_as!(
            Head,
            "select id, as_of, source, digest, entries, imported_at, imported_by from registers where superseded_at is null",
        );
        timed("register_in_force", row.fetch_optional(&self.watch)).await?.map(RegisterHead::try_from).transpose()
    }

    /// All of a register; fewer than its head says where it was superseded meanwhile.
    pub async fn register_entries(&self, register: Uuid) -> Result<Vec<(OrganisationId, Entry)>, Outage> {
        let rows =
            sqlx::query!("select organisation, roles, status, host_countries from register_entries where register_id = $1", register);
        let rows = timed("register_entries", rows.fetch_all(&self.pool)).await?;
        let read = rows.into_iter().map(|row| {
            let entry = entry(&row.roles, &row.status, row.host_countries.as_deref())?;
            Ok((OrganisationId::new(row.organisation), entry))
        });
        read.collect()
    }

    pub async fn find_register_entry(&self, register: Uuid, organisation: &OrganisationId) -> Result<Option<NamedEntry>, Outage> {
        let row = sqlx::query!(
            "select name, roles, status, host_countries from register_entries where register_id = $1 and organisation = $2",
            register,
            organisation.as_str(),
        );
        let row = timed("find_register_entry", row.fetch_optional(&self.pool)).await?;
        row.map(|row| Ok(NamedEntry { entry: entry(&row.roles, &row.status, row.host_countries.as_deref())?, name: row.name })).transpose()
    }
}

impl Tx {
    /// `false`: the same is blocked already.
    pub async fn insert_block(&mut self, block: &Block) -> Result<bool, Outage> {
        let target = block.target.row();
        let done = sqlx::query!(
            "insert into blocks (id, brand, target, value, organisation, reason, psu_notice, since, blocked_by, authority_notified_on,
                                 authority_reference)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             on conflict (brand, target, value, organisation) where lifted_at is null do nothing",
            block.id.0,
            brand_of(block),
            target.kind,
            target.value,
            target.organisation,
            block.reason,
            block.psu_notice,
            block.since,
            block.by,
            block.authority.as_ref().map(|notified| notified.on),
            block.authority.as_ref().map(|notified| notified.reference.as_str()),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// The live block of the same target and brand.
    pub async fn find_live_block(&mut self, like: &Block) -> Result<Option<Block>, Outage> {
        let target = like.target.row();
        let row = sqlx::query_as!(
            Row,
            "select id, brand, target, value, organisation, reason, psu_notice, since, blocked_by, authority_notified_on,
                    authority_reference, lifted_at, lifted_by, lifted_why
             from blocks where brand = $1 and target = $2 and value = $3 and organisation = $4 and lifted_at is null",
            brand_of(like),
            target.kind,
            target.value,
            target.organisation,
        );
        row.fetch_optional(&mut *self.inner).await?.map(Block::try_from).transpose()
    }

    pub async fn lock_block(&mut self, id: BlockId) -> Result<Option<Block>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select id, brand, target, value, organisation, reason, psu_notice, since, blocked_by, authority_notified_on,
                    authority_reference, lifted_at, lifted_by, lifted_why
             from blocks where id = $1 for update",
            id.0,
        );
        row.fetch_optional(&mut *self.inner).await?.map(Block::try_from).transpose()
    }

    pub async fn lift_block(&mut self, id: BlockId, lifted: &Lifted) -> Result<(), Outage> {
        sqlx::query!(
            "update blocks set lifted_at = $2, lifted_by = $3, lifted_why = $4 where id = $1",
            id.0,
            lifted.at,
            lifted.by,
            lifted.why
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    pub async fn note_notification(&mut self, id: BlockId, notified: &Notification) -> Result<(), Outage> {
        sqlx::query!(
            "update blocks set authority_notified_on = $2, authority_reference = $3 where id = $1",
            id.0,
            notified.on,
            notified.reference
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Imports take turns: the second waits for the first's end.
    pub async fn lock_registers(&mut self) -> Result<(), Outage> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('registers', 0))").execute(&mut *self.inner).await?;
        Ok(())
    }

    pub async fn register_in_force(&mut self) -> Result<Option<RegisterHead>, Outage> {
        let row = sqlx::query_as!(
            Head,
            "select id, as_of, source, digest, entries, imported_at, imported_by from registers where superseded_at is null",
        );
        row.fetch_optional(&mut *self.inner).await?.map(RegisterHead::try_from).transpose()
    }

    /// Its row stays, its entries go.
    pub async fn supersede_register(&mut self, id: Uuid, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!("update registers set superseded_at = $2 where id = $1", id, now).execute(&mut *self.inner).await?;
        sqlx::query!("delete from register_entries where register_id = $1", id).execute(&mut *self.inner).await?;
        Ok(())
    }

    pub async fn insert_register(&mut self, head: &RegisterHead) -> Result<(), Outage> {
        sqlx::query!(
            "insert into registers (id, as_of, source, digest, entries, imported_at, imported_by) values ($1, $2, $3, $4, $5, $6, $7)",
            head.id,
            head.as_of,
            head.source,
            &head.sha256[..],
            i32::try_from(head.entries).unwrap_or(i32::MAX),
            head.imported_at,
            head.imported_by,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Organisation, name and entry of each.
    pub async fn insert_register_entries(
        &mut self,
        register: Uuid,
        rows: impl Iterator<Item = (&OrganisationId, &str, &Entry)>,
    ) -> Result<(), Outage> {
        let mut rows = rows.peekable();
        while rows.peek().is_some() {
            let (mut ids, mut names, mut roles, mut statuses, mut hosts) = (vec![], vec![], vec![], vec![], vec![]);
            for (organisation, name, entry) in rows.by_ref().take(BATCH) {
                ids.push(organisation.to_string());
                names.push(name.to_owned());
                roles.push(entry.roles.names());
                statuses.push(entry.status.name().to_owned());
                let codes = |countries: &[Country]| countries.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                hosts.push(entry.hosts.as_deref().map(codes));
            }
            sqlx::query!(
                "insert into register_entries (register_id, organisation, name, roles, status, host_countries)
                 select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])",
                register,
                &ids,
                &names,
                &roles,
                &statuses,
                &hosts as &[Option<String>],
            )
            .execute(&mut *self.inner)
            .await?;
        }
        Ok(())
    }
}
