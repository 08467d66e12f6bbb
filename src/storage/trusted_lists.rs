use super::{Db, Outage, Subject, Tx, timed};
use crate::pki::trusted_list::{AcceptedList, Pointer, Snapshot};
use serde::{Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use uuid::Uuid;

/// Of each territory.
const VERSIONS_KEPT: i64 = 5;
/// Two capital letters.
const MOST_TERRITORIES: usize = 676;

/// What was offered and what became of it.
pub struct ListImport<'a> {
    pub id: Uuid,
    pub at: OffsetDateTime,
    pub source: &'a str,
    pub territory: Option<&'a str>,
    pub sequence: Option<u64>,
    /// `accepted`, or the refusal's code.
    pub outcome: &'a str,
    pub detail: Option<&'a str>,
}

impl Db {
    /// The newest accepted list of each territory; `None`: nothing was ever accepted.
    pub async fn accepted_snapshot(&self) -> Result<Option<Snapshot>, Outage> {
        timed("accepted_snapshot", self.read_snapshot()).await
    }

    /// One list a query, by the index: they are large, and the older ones are not touched.
    async fn read_snapshot(&self) -> Result<Option<Snapshot>, Outage> {
        let mut lists: Vec<AcceptedList> = Vec::new();
        while lists.len() < MOST_TERRITORIES {
            let after = lists.last().map_or("", |list| &list.territory).to_owned();
            let Some(list) = self.next_list(&after).await? else { break };
            lists.push(list);
        }
        Ok((!lists.is_empty()).then_some(Snapshot { lists }))
    }

    /// The newest list of the first territory after this one.
    async fn next_list(&self, territory: &str) -> Result<Option<AcceptedList>, Outage> {
        let row = sqlx::query!(
            "select territory, sequence, version, issued_at, next_update, sha256, source, accepted_at, verification, services
             from trusted_lists
             where territory = (select territory from trusted_lists where territory > $1 order by territory limit 1)
             order by sequence desc limit 1",
            territory
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(None) };
        Ok(Some(AcceptedList {
            territory: row.territory,
            version: u8::try_from(row.version).map_err(|_| Outage::unreadable("trusted_lists.version"))?,
            sequence: row.sequence.unsigned_abs(),
            issued_at: row.issued_at,
            next_update: row.next_update,
            sha256: row.sha256,
            source: row.source,
            accepted_at: row.accepted_at,
            verification: read(&row.verification, "trusted_lists.verification")?,
            services: read(&row.services, "trusted_lists.services")?,
        }))
    }

    /// The national lists and their signers, as the newest accepted list of lists names them; with its number.
    pub async fn accepted_pointers(&self) -> Result<Option<(u64, Vec<Pointer>)>, Outage> {
        let row = sqlx::query!(
            r#"select sequence, pointers as "pointers!" from trusted_lists
               where territory = 'EU' and pointers is not null order by sequence desc limit 1"#
        );
        let Some(row) = timed("accepted_pointers", row.fetch_optional(&self.pool)).await? else { return Ok(None) };
        Ok(Some((row.sequence.unsigned_abs(), read(&row.pointers, "trusted_lists.pointers")?)))
    }
}

impl Tx {
    /// Others that accept lists wait until this transaction ends. The number tells whether one did since it was read.
    pub async fn lock_version(&mut self, subject: Subject) -> Result<i64, Outage> {
        let row = sqlx::query_scalar!("select version from versions where subject = $1 for update", subject.name());
        Ok(row.fetch_one(&mut *self.inner).await?)
    }

    /// `pointers`: of the list of lists.
    pub async fn accept_list(&mut self, list: &AcceptedList, pointers: Option<&[Pointer]>) -> Result<(), Outage> {
        let sequence = i64::try_from(list.sequence).map_err(|_| Outage::unreadable("trusted_lists.sequence"))?;
        sqlx::query!(
            "insert into trusted_lists (territory, sequence, version, issued_at, next_update, sha256, source, accepted_at, verification,
                                        services, pointers)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            list.territory,
            sequence,
            i16::from(list.version),
            list.issued_at,
            list.next_update,
            list.sha256,
            list.source,
            list.accepted_at,
            write(&list.verification)?,
            write(&list.services)?,
            pointers.map(write).transpose()?,
        )
        .execute(&mut *self.inner)
        .await?;
        sqlx::query!(
            "delete from trusted_lists where territory = $1
             and sequence <= (select sequence from trusted_lists where territory = $1 order by sequence desc offset $2 limit 1)",
            list.territory,
            VERSIONS_KEPT,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// All versions of a territory's list.
    pub async fn drop_lists(&mut self, territory: &str) -> Result<(), Outage> {
        sqlx::query!("delete from trusted_lists where territory = $1", territory).execute(&mut *self.inner).await?;
        Ok(())
    }

    pub async fn log_list_import(&mut self, import: &ListImport<'_>) -> Result<(), Outage> {
        insert_import(&mut *self.inner, import).await
    }
}

async fn insert_import(to: impl sqlx::PgExecutor<'_>, import: &ListImport<'_>) -> Result<(), Outage> {
    sqlx::query!(
        "insert into trusted_list_imports (id, at, source, territory, sequence, outcome, detail) values ($1, $2, $3, $4, $5, $6, $7)",
        import.id,
        import.at,
        import.source,
        import.territory,
        import.sequence.and_then(|sequence| i64::try_from(sequence).ok()),
        import.outcome,
        import.detail,
    )
    .execute(to)
    .await?;
    Ok(())
}

fn read<T: DeserializeOwned>(json: &[u8], column: &'static str) -> Result<T, Outage> {
    serde_json::from_slice(json).map_err(|_| Outage::unreadable(column))
}

fn write<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Outage> {
    serde_json::to_vec(value).map_err(|_| Outage::unreadable("a list that was read"))
}
