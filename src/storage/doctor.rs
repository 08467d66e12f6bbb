//! What PostgreSQL says of itself, for `guichet doctor`. From its catalogues alone: whoever may log in may ask.

use super::{Db, Outage};
use sqlx::Row;
use time::OffsetDateTime;

/// Names told at most.
const MOST_NAMES: i64 = 20;

/// Version, time and the settings that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// `150004` is 15.4.
    pub version: i32,
    pub now: OffsetDateTime,
    pub fsync: bool,
    pub full_page_writes: bool,
    pub synchronous_commit: String,
    /// For those who are no superusers.
    pub connections: i32,
    pub autovacuum: bool,
    pub shared_buffers_bytes: i64,
    pub huge_pages: String,
    /// Transactions since the oldest that is not frozen; at 2^31 writing stops.
    pub transaction_age: i32,
    pub database_bytes: i64,
}

/// What the login may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleFacts {
    pub name: String,
    pub superuser: bool,
    /// It may change tables, being or standing for their owner.
    pub owner: bool,
    /// Tables and functions that serving needs and it may not use.
    pub lacks: Vec<String>,
}

/// A replication slot without a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleSlot {
    pub name: String,
    pub kept_bytes: i64,
}

impl Db {
    pub async fn server_facts(&self) -> Result<ServerFacts, Outage> {
        let row = sqlx::query(
            "select current_setting('server_version_num')::int as version, clock_timestamp() as now,
                    current_setting('fsync')::bool as fsync, current_setting('full_page_writes')::bool as full_page_writes,
                    current_setting('synchronous_commit') as synchronous_commit,
                    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                        - coalesce(current_setting('reserved_connections', true), '0')::int as connections,
                    current_setting('autovacuum')::bool as autovacuum,
                    pg_size_bytes(current_setting('shared_buffers')) as shared_buffers_bytes,
                    current_setting('huge_pages') as huge_pages,
                    (select age(datfrozenxid) from pg_database where datname = current_database()) as transaction_age,
                    pg_database_size(current_database()) as database_bytes",
        );
        let row = row.fetch_one(&self.pool).await?;
        Ok(ServerFacts {
            version: row.try_get("version")?,
            now: row.try_get("now")?,
            fsync: row.try_get("fsync")?,
            full_page_writes: row.try_get("full_page_writes")?,
            synchronous_commit: row.try_get("synchronous_commit")?,
            connections: row.try_get("connections")?,
            autovacuum: row.try_get("autovacuum")?,
            shared_buffers_bytes: row.try_get("shared_buffers_bytes")?,
            huge_pages: row.try_get("huge_pages")?,
            transaction_age: row.try_get("transaction_age")?,
            database_bytes: row.try_get("database_bytes")?,
        })
    }

    /// Reading and adding rows is asked of every table: whether rows may be changed is each table's own matter.
    pub async fn role_facts(&self) -> Result<RoleFacts, Outage> {
        let row = sqlx::query(
            "with tables as (
                 select c.oid, c.relname::text as name, c.relowner from pg_class c
                 where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
             ), lacking as (
                 select name from tables
                 where not has_table_privilege(oid, 'select') or (name <> '_sqlx_migrations' and not has_table_privilege(oid, 'insert'))
                 union all
                 select proname::text from pg_proc
                 where pronamespace = current_schema()::regnamespace and proname in ('add_tokens_partition', 'drop_tokens_partition')
                     and not has_function_privilege(oid, 'execute')
             )
             select current_user::text as name, (select rolsuper from pg_roles where rolname = current_user) as superuser,
                    exists (select from tables where pg_has_role(relowner, 'usage')) as owner,
                    array(select name from lacking order by name limit $1) as lacks",
        );
        let row = row.bind(MOST_NAMES).fetch_one(&self.pool).await?;
        Ok(RoleFacts {
            name: row.try_get("name")?,
            superuser: row.try_get("superuser")?,
            owner: row.try_get("owner")?,
            lacks: row.try_get("lacks")?,
        })
    }

    /// None on a standby, which keeps no log for others by its own position.
    pub async fn idle_slots(&self) -> Result<Vec<IdleSlot>, Outage> {
        let rows = sqlx::query(
            "select slot_name::text as name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint as kept
             from pg_replication_slots where not active and restart_lsn is not null and not pg_is_in_recovery()
             order by slot_name limit $1",
        );
        let rows = rows.bind(MOST_NAMES).fetch_all(&self.pool).await?;
        rows.iter().map(|row| Ok(IdleSlot { name: row.try_get("name")?, kept_bytes: row.try_get("kept")? })).collect()
    }
}
