//! Connections kept in hand between statements. A connection that goes back to sqlx's pool is asked a question first, a
//! round trip as long as the statement itself; one whose statement just succeeded needs none.

use super::Stopwatch;
use sqlx::{PgConnection, PgPool, Postgres, pool::PoolConnection};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// After so long a connection goes back to the pool, which knows when it is old.
const IN_HAND: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Hand {
    pool: PgPool,
    idle: Arc<Mutex<Vec<Kept>>>,
}

struct Kept {
    connection: PoolConnection<Postgres>,
    taken_at: Instant,
}

/// A connection in use. Dropped before [`Held::done`], it goes back to the pool, which finds out what state it is in.
pub(super) struct Held<'a> {
    kept: Kept,
    hand: &'a Hand,
    _stopwatch: Stopwatch,
}

impl Hand {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, idle: Arc::default() }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self) -> sqlx::Result<Kept> {
        let in_hand = self.idle().pop();
        match in_hand {
            Some(kept) => Ok(kept),
            None => Ok(Kept { connection: self.pool.acquire().await?, taken_at: Instant::now() }),
        }
    }

    /// For one statement; `name` is the label of its time in the metrics.
    pub(super) async fn hold(&self, name: &'static str) -> sqlx::Result<Held<'_>> {
        let stopwatch = Stopwatch::start(name);
        Ok(Held { kept: self.take().await?, hand: self, _stopwatch: stopwatch })
    }

    /// For a transaction, which gives it back to the pool.
    pub(super) async fn connection(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        Ok(self.take().await?.connection)
    }

    fn keep(&self, kept: Kept) {
        // where the pool has no more to give, somebody may be waiting for this one
        let others = self.pool.num_idle() > 0 || self.pool.size() < self.pool.options().get_max_connections();
        if others && kept.taken_at.elapsed() < IN_HAND && !self.pool.is_closed() {
            self.idle().push(kept);
        }
    }

    pub(super) async fn close(&self) {
        let closing = self.pool.close();
        drop(std::mem::take(&mut *self.idle()));
        closing.await;
    }
}

impl Held<'_> {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.kept.connection
    }

    /// The statement is over: keeps the connection unless something went wrong.
    pub(super) fn done<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        if result.is_ok() {
            self.hand.keep(self.kept);
        }
        result
    }
}
