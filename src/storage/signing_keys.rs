//! The bank's signing keys, private halves wrapped.

use super::{Db, Outage, Tx, timed};
use crate::admin::{Algorithm, KeyTimes, Sealed, StoredKey};
use sqlx::{PgExecutor, types::JsonValue};
use time::OffsetDateTime;

struct Row {
    kid: String,
    algorithm: String,
    public: JsonValue,
    sealed: Option<Vec<u8>>,
    wrapped_by: Option<Vec<u8>>,
    made_at: OffsetDateTime,
    made_by: String,
    signs_from: OffsetDateTime,
    signs_until: Option<OffsetDateTime>,
    published_until: Option<OffsetDateTime>,
}

impl Row {
    fn key(self) -> Result<StoredKey, Outage> {
        let sealed = match (self.sealed, self.wrapped_by) {
            (Some(bytes), Some(by)) => {
                Some(Sealed { bytes, wrapped_by: by.try_into().map_err(|_| Outage::unreadable("signing_keys.wrapped_by"))? })
            }
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return Err(Outage::unreadable("signing_keys.sealed")),
        };
        Ok(StoredKey {
            kid: self.kid,
            algorithm: Algorithm::from_name(&self.algorithm).ok_or(Outage::unreadable("signing_keys.algorithm"))?,
            public: self.public,
            sealed,
            made_at: self.made_at,
            made_by: self.made_by,
            times: KeyTimes { signs_from: self.signs_from, signs_until: self.signs_until, published_until: self.published_until },
        })
    }
}

async fn published(executor: impl PgExecutor<'_>, now: OffsetDateTime) -> Result<Vec<StoredKey>, Outage> {
    let rows = sqlx::query_as!(
        Row,
        "select kid, algorithm, public, sealed, wrapped_by, made_at, made_by, signs_from, signs_until, published_until
         from signing_keys where published_until is null or published_until > $1 order by signs_from, kid",
        now,
    );
    rows.fetch_all(executor).await?.into_iter().map(Row::key).collect()
}

impl Db {
    /// Those that are not retired, in the order in which they sign.
    pub async fn published_keys(&self, now: OffsetDateTime) -> Result<Vec<StoredKey>, Outage> {
        timed("published_keys", published(&self.watch, now)).await
    }

    /// Retired ones, latest first.
    pub async fn retired_keys(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<StoredKey>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "select kid, algorithm, public, sealed, wrapped_by, made_at, made_by, signs_from, signs_until, published_until
             from signing_keys where published_until <= $1 order by published_until desc limit $2",
            now,
            limit,
        );
        timed("retired_keys", rows.fetch_all(&self.pool)).await?.into_iter().map(Row::key).collect()
    }
}

impl Tx {
    /// Rotations take turns until commit.
    pub async fn lock_signing_keys(&mut self) -> Result<(), Outage> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('signing_keys', 0))").execute(&mut *self.inner).await?;
        Ok(())
    }

    pub async fn published_keys(&mut self, now: OffsetDateTime) -> Result<Vec<StoredKey>, Outage> {
        published(&mut *self.inner, now).await
    }

    pub async fn find_signing_key(&mut self, kid: &str) -> Result<Option<StoredKey>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select kid, algorithm, public, sealed, wrapped_by, made_at, made_by, signs_from, signs_until, published_until
             from signing_keys where kid = $1",
            kid,
        );
        row.fetch_optional(&mut *self.inner).await?.map(Row::key).transpose()
    }

    pub async fn insert_signing_key(&mut self, key: &StoredKey) -> Result<(), Outage> {
        sqlx::query!(
            "insert into signing_keys (kid, algorithm, public, sealed, wrapped_by, made_at, made_by, signs_from, signs_until, published_until)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            key.kid,
            key.algorithm.name(),
            key.public,
            key.sealed.as_ref().map(|sealed| &sealed.bytes[..]),
            key.sealed.as_ref().map(|sealed| &sealed.wrapped_by[..]),
            key.made_at,
            key.made_by,
            key.times.signs_from,
            key.times.signs_until,
            key.times.published_until,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    pub async fn set_key_times(&mut self, kid: &str, times: &KeyTimes) -> Result<(), Outage> {
        sqlx::query!(
            "update signing_keys set signs_from = $2, signs_until = $3, published_until = $4 where kid = $1",
            kid,
            times.signs_from,
            times.signs_until,
            times.published_until,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Out of the published set from now on; its private half is destroyed.
    pub async fn retire_key(&mut self, kid: &str, by: &str, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "update signing_keys
             set published_until = $2, signs_until = least(signs_until, $2), retired_by = $3, sealed = null, wrapped_by = null
             where kid = $1",
            kid,
            now,
            by,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Private halves of keys that sign no more: nobody needs them, and nobody can lose what is not there.
    pub async fn destroy_private_halves(&mut self, now: OffsetDateTime) -> Result<u64, Outage> {
        let done = sqlx::query!(
            "update signing_keys set sealed = null, wrapped_by = null where kid = any (
                 array(select kid from signing_keys where published_until is not null and signs_until <= $1 and sealed is not null limit 100))",
            now
        );
        Ok(done.execute(&mut *self.inner).await?.rows_affected())
    }

    /// The same private half under another wrapping key.
    pub async fn rewrap_key(&mut self, kid: &str, sealed: &Sealed) -> Result<(), Outage> {
        sqlx::query!("update signing_keys set sealed = $2, wrapped_by = $3 where kid = $1", kid, sealed.bytes, &sealed.wrapped_by[..])
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }
}
