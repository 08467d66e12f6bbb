//! The audit trail, as the bank's auditor reads it.

use super::bank::Bank;
use sqlx::{Row, postgres::PgRow};

/// One event: what, why, and of whom.
#[derive(Clone, Debug)]
pub struct Audited {
    pub kind: String,
    pub reason: String,
    pub client: Option<String>,
    pub grant: Option<String>,
    /// Every column as text.
    pub text: String,
}

impl Bank {
    /// Oldest first. A missing reason is empty.
    pub async fn audit(&self) -> Vec<Audited> {
        let rows = "select kind, coalesce(reason, '') as reason, client_id::text, grant_id::text, e::text as text from audit_events e order by at, id";
        let read = |row: PgRow| Audited {
            kind: row.get("kind"),
            reason: row.get("reason"),
            client: row.get("client_id"),
            grant: row.get("grant_id"),
            text: row.get("text"),
        };
        sqlx::query(rows).fetch_all(&self.pool().await).await.unwrap().into_iter().map(read).collect()
    }

    /// How many events of this kind and reason there are.
    pub async fn audited(&self, kind: &str, reason: &str) -> usize {
        self.audit().await.iter().filter(|event| event.kind == kind && event.reason == reason).count()
    }

    pub async fn audited_kind(&self, kind: &str) -> usize {
        self.audit().await.iter().filter(|event| event.kind == kind).count()
    }

    #[track_caller]
    pub fn expect_audit<'a>(&'a self, kind: &'a str, reason: &'a str) -> impl Future<Output = ()> + 'a {
        let caller = std::panic::Location::caller();
        async move {
            let events = self.audit().await;
            let found = events.iter().any(|event| event.kind == kind && event.reason == reason);
            assert!(found, "no {kind} ({reason}) at {caller}: {events:#?}");
        }
    }
}
