//! An audit trail of some months, sealed and anchored, and whoever tampers with it: a superuser of the database.

use super::{bank::database, sql::execute};
use guichet::{
    audit::{
        AuditEvent, AuditKind, EVERY_BRAND,
        chain::{Head, Recorded, Seal},
        finding::Finding,
        month::Month,
    },
    clock::{Clock, Entropy, System},
    flows::audit::{
        anchor,
        seal::{self, Window},
        verify::{self, Asked, Report},
    },
    oauth::{brand::BrandId, client::ClientId},
    storage::Db,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use std::time::Duration as Wait;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub struct Trail {
    pub options: PgConnectOptions,
    pub db: Db,
    pool: PgPool,
    pub now: OffsetDateTime,
    /// Whom no trigger stops.
    pub superuser: PgConnection,
}

/// Whose chains there are.
pub const CHAINS: [&str; 3] = ["cic", "labanquepostale", EVERY_BRAND];
/// Events of each in a round.
pub const EVENTS: usize = 7;

impl Trail {
    /// Without an event.
    pub async fn empty() -> Self {
        Self::of(database().await).await
    }

    pub async fn of(options: PgConnectOptions) -> Self {
        let pool = PgPool::connect_with(options.clone()).await.unwrap();
        let mut superuser = PgConnection::connect_with(&options).await.unwrap();
        execute(&mut superuser, "set session_replication_role = replica".to_owned()).await;
        Self { options, db: Db::new(pool.clone()), pool, now: System::new().now(), superuser }
    }

    /// Two seals of a month long ago and four of this one, for each chain.
    pub async fn sealed() -> Self {
        let mut trail = Self::empty().await;
        let long_ago = trail.now - Duration::days(75 * 31);
        trail.db.add_audit_month(Month::of(long_ago)).await.unwrap();
        for at in [long_ago, long_ago, trail.now, trail.now, trail.now, trail.now] {
            trail.round(at).await;
        }
        trail
    }

    /// Events of each chain at that time, and a seal over them.
    pub async fn round(&mut self, at: OffsetDateTime) {
        for n in 0..EVENTS {
            for brand in CHAINS {
                self.write(brand, AuditKind::TokenIssued, at + Duration::milliseconds(n as i64)).await;
            }
        }
        self.seal().await;
    }

    pub async fn write(&self, brand: &str, kind: AuditKind, at: OffsetDateTime) -> Uuid {
        let system = System::new();
        let entropy: &dyn Entropy = &system;
        let event =
            AuditEvent::new(entropy.uuid(at), at, &BrandId::new(brand), kind).client(ClientId(Uuid::from_u128(7))).reason("a reason");
        self.db.record(&event).await.unwrap();
        event.id
    }

    /// Waits for transactions of other tests in this cluster that are older than the last event: until they end, it can get company.
    pub async fn complete(&self) {
        let complete = "select coalesce(max(position) < pg_snapshot_xmin(pg_current_snapshot())::text::bigint + audit_offset(), true) from audit_events";
        for _ in 0..6000 {
            if sqlx::query_scalar(complete).fetch_one(&self.pool).await.unwrap() {
                return;
            }
            tokio::time::sleep(Wait::from_millis(10)).await;
        }
        panic!("something in this cluster stays open");
    }

    /// Everything that there is, by one seal for each chain where nobody else seals.
    pub async fn seal(&self) {
        self.complete().await;
        let widest = (0..40).fold(Window::default(), |window, _| window.adapted(0));
        while seal::seal(&self.db, widest, Duration::ZERO, self.now).await.unwrap().is_none_or(|round| round.behind) {}
    }

    pub async fn anchor(&self) -> Vec<Head> {
        anchor::anchor(&self.db, self.now).await.unwrap()
    }

    pub async fn verify(&self) -> Report {
        verify::verify(&self.db, &Asked::default()).await.unwrap()
    }

    pub async fn verify_with(&self, anchors: Vec<Head>) -> Report {
        verify::verify(&self.db, &Asked { anchors, ..Asked::default() }).await.unwrap()
    }

    pub async fn tamper(&mut self, statement: &str) {
        execute(&mut self.superuser, statement.to_owned()).await;
    }

    /// All of a brand, in order.
    pub async fn events(&mut self, brand: &str) -> Vec<Recorded> {
        let mut events = self.db.read_audit_events(0, i64::MAX).await.unwrap();
        events.retain(|event| event.brand == brand);
        events
    }

    pub async fn seals(&self, brand: &str) -> Vec<Seal> {
        self.db.audit_seals_after(brand, 0).await.unwrap()
    }

    pub async fn count(&mut self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut self.superuser).await.unwrap()
    }
}

/// `kind` of each.
pub fn kinds(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(Finding::name).collect()
}

#[track_caller]
pub fn sound(report: &Report) {
    assert_eq!((report.findings.as_slice(), report.counts.findings), (&[][..], 0), "{:?}", report.counts);
}
