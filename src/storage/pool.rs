//! The connections of this process. One whose statement just succeeded is given to the next request without a question, which
//! would be a round trip as long as the statement itself; one that has rested is asked first, and whatever is in doubt is not
//! waited for beyond its deadline and not used again. No library's: deadpool 0.13, tried, takes as many lines, for it has three time
//! limits and no deadline, asks the rest one by one when one is dead, ages only those taken, and waits for nobody when it closes.

use super::{
    PoolSettings, PoolState, Stopwatch,
    session::{Answer, Session},
};
use futures_core::{future::BoxFuture, stream::BoxStream};
use sqlx::{
    Describe, Either, Error, Execute, Executor, Postgres, SqlStr,
    postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, timeout, timeout_at},
};

/// A connection is not used for longer: what it has gathered in PostgreSQL's memory goes with it.
const LIFETIME: Duration = Duration::from_secs(1800);
/// Used within this time, a connection is believed to be alive.
const FRESH: Duration = Duration::from_millis(100);
/// How long one that has rested may take to say that it is.
const QUESTION: Duration = Duration::from_secs(1);
/// While no primary is there: as long as a request waits for a connection, it is looked for again.
const LOOK_AGAIN: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(250)];
/// Past `statement_timeout`, when a server that lives has ended the statement.
const MARGIN: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    options: Arc<PgConnectOptions>,
    settings: PoolSettings,
    /// What each session begins with: SQL.
    opening: String,
    places: Arc<Semaphore>,
    /// Longest rested first.
    resting: Mutex<Vec<Session>>,
    /// For a connection.
    waiting: AtomicU32,
}

/// One more, as long as it lives.
struct Counted<'a>(&'a AtomicU32);

impl<'a> Counted<'a> {
    fn new(number: &'a AtomicU32) -> Self {
        number.fetch_add(1, Relaxed);
        Self(number)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A session in use. Dropped, it goes back if nothing is under way on it, and is brought back to that if something is.
pub(super) struct Lease {
    session: Session,
    pool: Pool,
    place: Option<OwnedSemaphorePermit>,
}

/// A session for one statement.
pub(super) struct Held {
    lease: Lease,
    _stopwatch: Stopwatch,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// Connects when the first connection is asked for.
    pub(super) fn new(options: PgConnectOptions, settings: PoolSettings, opening: String) -> Self {
        let places = Arc::new(Semaphore::new(settings.max_connections as usize));
        Self(Arc::new(Inner { options: options.into(), settings, opening, places, resting: Mutex::default(), waiting: AtomicU32::new(0) }))
    }

    pub(super) fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.0.options.clone()
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Session>> {
        self.0.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that rested last; those that nobody needed for long, and the old ones, are let go.
    fn rested(&self) -> Option<Session> {
        let mut resting = self.resting();
        resting.retain(|session| session.resting_since.elapsed() < self.0.settings.idle_timeout && session.opened_at.elapsed() < LIFETIME);
        resting.pop()
    }

    fn rest(&self, mut session: Session) {
        if !self.0.places.is_closed() {
            session.resting_since = Instant::now();
            self.resting().push(session);
        }
    }

    /// One server is gone, so the others' connections probably are: new ones find out where the primary is.
    fn forget(&self) {
        drop(std::mem::take(&mut *self.resting()));
    }

    pub(super) async fn take(&self) -> sqlx::Result<Lease> {
        let until = Instant::now() + self.0.settings.acquire_timeout;
        let _waiting = Counted::new(&self.0.waiting);
        let place = timeout_at(until, self.0.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        while let Some(mut session) = self.rested() {
            if session.resting_since.elapsed() < FRESH || session.answers(QUESTION).await {
                return Ok(Lease { session, pool: self.clone(), place: Some(place) });
            }
            self.forget();
        }
        Ok(Lease { session: self.open(until).await?, pool: self.clone(), place: Some(place) })
    }

    /// A new session at a server that may be written to, which during a failover may take some tries.
    async fn open(&self, until: Instant) -> sqlx::Result<Session> {
        let [mut pause, longest] = LOOK_AGAIN;
        loop {
            let why = match self.connect(until).await {
                Ok(Some(session)) => return Ok(session),
                Ok(None) => Error::Protocol("the server is a standby: it may not be written to".into()),
                Err(error) if may_pass(&error) => error,
                Err(error) => return Err(error),
            };
            if Instant::now() + pause >= until {
                return Err(why);
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    pub(super) fn state(&self) -> PoolState {
        let most = self.0.settings.max_connections;
        let free = u32::try_from(self.0.places.available_permits()).unwrap_or(most);
        let idle = u32::try_from(self.resting().len()).unwrap_or(u32::MAX);
        PoolState { used: most.saturating_sub(free), idle, most, waiting: self.0.waiting.load(Relaxed) }
    }

    /// On a thread of its own: to prove a password (RFC 7677) takes 4096 hashes, and sqlx gives way to others after every fifth. When
    /// everybody needs a new connection at once, these others are many.
    async fn connect(&self, until: Instant) -> sqlx::Result<Option<Session>> {
        let (pool, runtime) = (self.0.clone(), Handle::current());
        let opened = tokio::task::spawn_blocking(move || {
            let deadline = pool.settings.statement_timeout + MARGIN;
            runtime.block_on(async { timeout_at(until, Session::open(&pool.options, &pool.opening, deadline)).await })
        });
        opened.await.map_err(|_| Error::WorkerCrashed)?.unwrap_or(Err(Error::PoolTimedOut))
    }

    /// For one statement; `name` is the label of its time in the metrics.
    pub(super) async fn hold(&self, name: &'static str) -> sqlx::Result<Held> {
        let stopwatch = Stopwatch::start(name);
        Ok(Held { lease: self.take().await?, _stopwatch: stopwatch })
    }

    /// Nobody gets a connection any more; those in use are waited for, a while.
    pub(super) async fn close(&self) {
        let all = self.0.places.acquire_many(self.0.settings.max_connections);
        let _ = timeout(self.0.settings.statement_timeout, all).await;
        self.0.places.close();
        let resting = std::mem::take(&mut *self.resting());
        for mut session in resting {
            session.close().await;
        }
    }
}

/// While a server starts, stops or hands over. What it says of a user, a password or a database stays true.
fn may_pass(error: &Error) -> bool {
    // operator_intervention, connection_exception, insufficient_resources; a pooler's own words
    let passing = |code: &str| ["57", "08", "53"].contains(&code.get(..2).unwrap_or_default());
    let said = error.as_database_error().and_then(|error| error.code());
    said.map_or(matches!(error, Error::Io(_) | Error::Protocol(_)), |code| passing(&code))
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut session = std::mem::replace(&mut self.session, Session::none());
        let (pool, place) = (self.pool.clone(), self.place.take());
        if session.is_sound() {
            pool.rest(session);
        } else if session.is_lost() {
            pool.forget();
        } else if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                if session.settle().await {
                    pool.rest(session);
                }
                drop(place);
            });
        }
    }
}

impl Held {
    pub(super) fn connection(&mut self) -> &mut Session {
        &mut self.lease
    }

    /// The statement is over, and so is what its name measures.
    pub(super) fn done<T, E>(self, result: Result<T, E>) -> Result<T, E> {
        result
    }
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(Answer::Awaited(Box::pin(async move { self.take().await?.ask(query).await })))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move { self.take().await?.fetch_optional(query).await })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        Box::pin(async move { self.take().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'p: 'e,
    {
        Box::pin(async move { self.take().await?.describe(sql).await })
    }
}
