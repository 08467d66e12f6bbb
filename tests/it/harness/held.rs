//! Grants' rows, held so that whoever wants to change one has looked at it before any of them may act.

use super::bank::Bank;
use sqlx::{PgPool, Postgres, Transaction};
use std::time::Duration;
use uuid::Uuid;

pub struct Held {
    holding: Transaction<'static, Postgres>,
    pool: PgPool,
}

impl Held {
    pub async fn of(bank: &Bank, grants: &[Uuid]) -> Self {
        let pool = bank.pool().await;
        let mut holding = pool.begin().await.unwrap();
        sqlx::query("select 1 from grants where id = any($1) for update").bind(grants).execute(&mut *holding).await.unwrap();
        Self { holding, pool }
    }

    /// How many wait, here or for one who waits here.
    async fn waiting(&self) -> usize {
        let query = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let count: i64 = sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap();
        count.try_into().unwrap()
    }

    pub async fn until_waiting(&self, wanted: usize) {
        for _ in 0..1000 {
            if self.waiting().await == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{} wait, not {wanted}", self.waiting().await);
    }

    /// Until no more come.
    pub async fn until_all_wait(&self) {
        let (mut before, mut same) = (0, 0);
        while same < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let now = self.waiting().await;
            same = if now == before { same + 1 } else { 0 };
            before = now;
        }
    }

    /// They go on, in the order in which they came.
    pub async fn let_go(self) {
        self.holding.commit().await.unwrap();
        self.pool.close().await;
    }
}
