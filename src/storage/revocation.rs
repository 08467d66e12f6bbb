use super::{Db, Outage, Subject, Tx, timed};
use crate::pki::{
    Issuer, Pointers,
    revocation::{Checked, Learnt, Record, StatusKey},
    status::{Answer, RevocationReason, Said, Serial},
};
use time::{Duration, OffsetDateTime};

/// What is stored of a certificate's status.
#[derive(Clone, Debug)]
pub struct StoredStatus {
    pub checked: Checked,
    pub record: Record,
    pub seen_at: OffsetDateTime,
    /// By the database's clock.
    pub changed_at: OffsetDateTime,
}

/// What a question brought.
pub struct StatusChange<'a> {
    pub key: &'a StatusKey,
    pub record: &'a Record,
    /// The URL that answered.
    pub via: Option<&'a str>,
    /// The code of what went wrong.
    pub failure: Option<&'a str>,
    pub next_check_at: Option<OffsetDateTime>,
    /// Everybody must know at once.
    pub is_news: bool,
}

/// Who meets a certificate first asks at once; only then it is everybody's to ask.
const UNASKED: Duration = Duration::seconds(10);

struct Row {
    serial: Vec<u8>,
    issuer_name: Vec<u8>,
    issuer_spki: Vec<u8>,
    ocsp_urls: Vec<String>,
    crl_urls: Vec<String>,
    not_after: OffsetDateTime,
    said: Option<String>,
    revoked_at: Option<OffsetDateTime>,
    reason: Option<i16>,
    this_update: Option<OffsetDateTime>,
    next_update: Option<OffsetDateTime>,
    learnt_at: Option<OffsetDateTime>,
    failing_since: Option<OffsetDateTime>,
    failures: i32,
    seen_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl Row {
    fn learnt(&self) -> Result<Option<Learnt>, Outage> {
        let unreadable = || Outage::unreadable("certificate_status.said");
        let said = match (self.said.as_deref(), self.revoked_at, self.reason) {
            (None, _, _) => return Ok(None),
            (Some("good"), None, None) => Said::Good,
            (Some("unknown"), None, None) => Said::Unknown,
            (Some("revoked"), Some(at), Some(reason)) => {
                let reason = u8::try_from(reason).ok().and_then(RevocationReason::from_code).ok_or_else(unreadable)?;
                Said::Revoked { at, reason }
            }
            (Some(_), _, _) => return Err(unreadable()),
        };
        let (Some(this_update), Some(until), Some(at)) = (self.this_update, self.next_update, self.learnt_at) else {
            return Err(unreadable());
        };
        Ok(Some(Learnt { answer: Answer { said, this_update, until }, at }))
    }
}

impl TryFrom<Row> for StoredStatus {
    type Error = Outage;

    fn try_from(row: Row) -> Result<Self, Outage> {
        let failures = u32::try_from(row.failures).unwrap_or(0);
        let record = Record { learnt: row.learnt()?, failing_since: row.failing_since, failures };
        let checked = Checked {
            serial: Serial::from_magnitude(&row.serial).ok_or(Outage::unreadable("certificate_status.serial"))?,
            issuer: Issuer { name: row.issuer_name, spki: row.issuer_spki },
            pointers: Pointers { ocsp: row.ocsp_urls, crl: row.crl_urls, ca_issuers: Vec::new() },
            not_after: row.not_after,
        };
        Ok(Self { checked, record, seen_at: row.seen_at, changed_at: row.changed_at })
    }
}

fn all(rows: Vec<Row>) -> Result<Vec<StoredStatus>, Outage> {
    rows.into_iter().map(StoredStatus::try_from).collect()
}

impl Db {
    /// What is known of a certificate that was just met; makes its row where there is none.
    pub async fn meet_certificate(&self, checked: &Checked, now: OffsetDateTime) -> Result<StoredStatus, Outage> {
        let key = checked.key();
        let row = sqlx::query_as!(
            Row,
            r#"insert into certificate_status
                   (issuer_key, serial, issuer_name, issuer_spki, ocsp_urls, crl_urls, not_after, next_check_at, seen_at)
               values ($1, $2, $3, $4, $5, $6, $7, $9, $8)
               on conflict (issuer_key, serial) do update set seen_at = greatest(certificate_status.seen_at, excluded.seen_at)
               returning serial, issuer_name, issuer_spki, ocsp_urls, crl_urls, not_after, said, revoked_at, reason, this_update,
                         next_update, learnt_at, failing_since, failures, seen_at, changed_at"#,
            &key.issuer[..],
            key.serial.magnitude(),
            checked.issuer.name,
            checked.issuer.spki,
            &checked.pointers.ocsp,
            &checked.pointers.crl,
            checked.not_after,
            now,
            now + UNASKED,
        );
        timed("meet_certificate", row.fetch_one(&self.pool)).await?.try_into()
    }

    /// Whether the caller is the one to ask: until `until` nobody else does.
    pub async fn lease_status(&self, key: &StatusKey, now: OffsetDateTime, until: OffsetDateTime) -> Result<bool, Outage> {
        let update = sqlx::query!(
            "update certificate_status set lease_until = $4
             where issuer_key = $1 and serial = $2 and (lease_until is null or lease_until < $3)",
            &key.issuer[..],
            key.serial.magnitude(),
            now,
            until,
        );
        Ok(timed("lease_status", update.execute(&self.pool)).await?.rows_affected() == 1)
    }

    /// Certificates in use whose time has come, the longest waiting first, a few at a time; each for the caller
    /// alone until `until`.
    pub async fn claim_due_statuses(
        &self,
        now: OffsetDateTime,
        until: OffsetDateTime,
        seen_since: OffsetDateTime,
    ) -> Result<Vec<StoredStatus>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "update certificate_status set lease_until = $2
             where (issuer_key, serial) in (
                 select issuer_key, serial from certificate_status
                 where next_check_at <= $1 and (lease_until is null or lease_until < $1) and seen_at >= $3 and not_after > $1
                 order by next_check_at limit 16 for update skip locked)
             returning serial, issuer_name, issuer_spki, ocsp_urls, crl_urls, not_after, said, revoked_at, reason, this_update,
                       next_update, learnt_at, failing_since, failures, seen_at, changed_at",
            now,
            until,
            seen_since,
        );
        all(timed("claim_due_statuses", rows.fetch_all(&self.pool)).await?)
    }

    /// What changed since a moment of the database's clock, the oldest change first, a page at a time.
    pub async fn changed_statuses(&self, since: OffsetDateTime, seen_since: OffsetDateTime) -> Result<Vec<StoredStatus>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            "select serial, issuer_name, issuer_spki, ocsp_urls, crl_urls, not_after, said, revoked_at, reason, this_update,
                    next_update, learnt_at, failing_since, failures, seen_at, changed_at
             from certificate_status
             where changed_at >= $1 and seen_at >= $2 order by changed_at limit 100",
            since,
            seen_since,
        );
        all(timed("changed_statuses", rows.fetch_all(&self.watch)).await?)
    }

    /// These were in use.
    pub async fn see_certificates(&self, keys: &[StatusKey], now: OffsetDateTime) -> Result<(), Outage> {
        let issuers: Vec<Vec<u8>> = keys.iter().map(|key| key.issuer.to_vec()).collect();
        let serials: Vec<Vec<u8>> = keys.iter().map(|key| key.serial.magnitude().to_vec()).collect();
        let update = sqlx::query!(
            "update certificate_status set seen_at = $3
             from unnest($1::bytea[], $2::bytea[]) as seen (issuer_key, serial)
             where certificate_status.issuer_key = seen.issuer_key and certificate_status.serial = seen.serial and seen_at < $3",
            &issuers,
            &serials,
            now,
        );
        timed("see_certificates", update.execute(&self.pool)).await?;
        Ok(())
    }

    /// Those that have expired are refused without asking.
    pub async fn forget_expired_statuses(&self, now: OffsetDateTime) -> Result<u64, Outage> {
        let delete = sqlx::query!("delete from certificate_status where not_after < $1", now);
        Ok(timed("forget_expired_statuses", delete.execute(&self.pool)).await?.rows_affected())
    }
}

impl Tx {
    /// Until commit nobody else changes it. None: it has expired and is forgotten.
    pub async fn lock_status(&mut self, key: &StatusKey) -> Result<Option<StoredStatus>, Outage> {
        let row = sqlx::query_as!(
            Row,
            "select serial, issuer_name, issuer_spki, ocsp_urls, crl_urls, not_after, said, revoked_at, reason, this_update,
                    next_update, learnt_at, failing_since, failures, seen_at, changed_at
             from certificate_status where issuer_key = $1 and serial = $2 for update",
            &key.issuer[..],
            key.serial.magnitude(),
        );
        row.fetch_optional(&mut *self.inner).await?.map(StoredStatus::try_from).transpose()
    }

    /// Ends the lease, too.
    pub async fn write_status(&mut self, change: &StatusChange<'_>) -> Result<(), Outage> {
        let learnt = change.record.learnt.map(|learnt| (learnt.at, learnt.answer));
        let (said, revoked_at, reason) = match learnt.map(|(_, answer)| answer.said) {
            None => (None, None, None),
            Some(Said::Good) => (Some("good"), None, None),
            Some(Said::Unknown) => (Some("unknown"), None, None),
            Some(Said::Revoked { at, reason }) => (Some("revoked"), Some(at), Some(i16::from(reason.code()))),
        };
        sqlx::query!(
            "update certificate_status
             set said = $3, revoked_at = $4, reason = $5, this_update = $6, next_update = $7, learnt_at = $8, via = coalesce($9, via),
                 failing_since = $10, failures = $11, failure = $12, next_check_at = $13, lease_until = null,
                 changed_at = clock_timestamp()
             where issuer_key = $1 and serial = $2",
            &change.key.issuer[..],
            change.key.serial.magnitude(),
            said,
            revoked_at,
            reason,
            learnt.map(|(_, answer)| answer.this_update),
            learnt.map(|(_, answer)| answer.until),
            learnt.map(|(at, _)| at),
            change.via,
            change.record.failing_since,
            i32::try_from(change.record.failures).unwrap_or(i32::MAX),
            change.failure,
            change.next_check_at,
        )
        .execute(&mut *self.inner)
        .await?;
        if change.is_news {
            self.bump(Subject::Revocation).await?;
        }
        Ok(())
    }
}
