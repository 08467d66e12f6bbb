//! A connection to PostgreSQL. No wait on it is without an end, and one that may have been cut off is never used again: the
//! server may be gone without a word, and another one be the primary.

use futures_core::{
    future::BoxFuture,
    stream::{BoxStream, Stream},
};
use sqlx::{
    AssertSqlSafe, Connection, Describe, Either, Error, Execute, Executor, PgConnection, Postgres, Row, SqlStr,
    postgres::{PgConnectOptions, PgDatabaseError, PgQueryResult, PgRow, PgSeverity, PgStatement, PgTypeInfo},
};
use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::time::{Instant, error::Elapsed, timeout};

/// What a statement's answer is made of.
type Step = Either<PgQueryResult, PgRow>;

/// read_only_sql_transaction: this server is not the primary (any more). invalid_sql_statement_name: a pooler gave us another's
/// connection.
const ELSEWHERE: [&str; 2] = ["25006", "26000"];

pub(super) struct Session {
    /// `None`: lost.
    connection: Option<PgConnection>,
    /// For each statement; the server has given up on it before.
    deadline: Duration,
    /// A statement was begun, and nobody has seen the end of its answer.
    left: bool,
    in_transaction: bool,
    /// A statement of this transaction failed: it cannot commit.
    failed: bool,
    pub(super) opened_at: Instant,
    pub(super) resting_since: Instant,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// A session with these settings, at a server that has proved to be the primary. `None`: the server there may not be written
    /// to, so what it says may be of yesterday.
    pub(super) async fn open(options: &PgConnectOptions, settings: &str, deadline: Duration) -> sqlx::Result<Option<Self>> {
        let mut connection = PgConnection::connect_with(options).await?;
        let opening = AssertSqlSafe(format!("{settings}show transaction_read_only"));
        let row = sqlx::raw_sql(opening).fetch_one(&mut connection).await?;
        let read_only: String = row.try_get(0)?;
        if read_only != "off" {
            return Ok(None);
        }
        // a primary that was replaced while it hung does not know it yet, and would read from yesterday; but no standby confirms what
        // it commits, so that this never comes to an end there
        sqlx::raw_sql("select pg_logical_emit_message(true, 'guichet', '')").execute(&mut connection).await?;
        let now = Instant::now();
        let connection = Some(connection);
        let session = Self { connection, deadline, left: false, in_transaction: false, failed: false, opened_at: now, resting_since: now };
        Ok(Some(session))
    }

    /// What stays where a session was taken from.
    pub(super) fn none() -> Self {
        let now = Instant::now();
        let (deadline, left, in_transaction, failed) = (Duration::ZERO, false, false, false);
        Self { connection: None, deadline, left, in_transaction, failed, opened_at: now, resting_since: now }
    }

    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_none()
    }

    /// Nothing is under way on it.
    pub(super) fn is_sound(&self) -> bool {
        !self.is_lost() && !self.left && !self.in_transaction
    }

    /// Whether the server answers in that time. If not, it is lost.
    pub(super) async fn answers(&mut self, within: Duration) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let answered = timeout(within, connection.ping()).await;
        self.note(answered).is_ok()
    }

    /// Brings it back to where a new one is, whatever was left unfinished.
    pub(super) async fn settle(&mut self) -> bool {
        if self.in_transaction {
            self.end("rollback").await.is_ok()
        } else {
            let deadline = self.deadline;
            self.answers(deadline).await
        }
    }

    pub(super) async fn begin(&mut self) -> sqlx::Result<()> {
        self.in_transaction = true;
        self.failed = false;
        self.execute("begin").await.map(drop)
    }

    pub(super) async fn commit(&mut self) -> sqlx::Result<()> {
        // PostgreSQL would answer, and have undone everything
        if self.failed {
            return Err(Error::Protocol("commit of a transaction with a statement that failed".into()));
        }
        self.end("commit").await
    }

    async fn end(&mut self, how: &'static str) -> sqlx::Result<()> {
        self.execute(how).await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(super) async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = timeout(Duration::from_secs(1), connection.close()).await;
        }
    }

    fn note<T>(&mut self, answered: Result<sqlx::Result<T>, Elapsed>) -> sqlx::Result<T> {
        let answer = answered.unwrap_or_else(|_| Err(Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer in time"))));
        self.left = false;
        if let Err(error) = &answer {
            self.failed = true;
            if !is_an_answer(error) {
                self.connection = None;
            }
        }
        answer
    }

    pub(super) async fn ask<'q>(&mut self, query: impl Execute<'q, Postgres> + 'q) -> sqlx::Result<Vec<Step>> {
        self.left = true;
        let Some(connection) = &mut self.connection else { return Err(Error::PoolClosed) };
        let answered = timeout(self.deadline, all(connection.fetch_many(query))).await;
        self.note(answered)
    }

    async fn ask_for_one<'q>(&mut self, query: impl Execute<'q, Postgres> + 'q) -> sqlx::Result<Option<PgRow>> {
        self.left = true;
        let Some(connection) = &mut self.connection else { return Err(Error::PoolClosed) };
        let answered = timeout(self.deadline, connection.fetch_optional(query)).await;
        self.note(answered)
    }
}

/// The server refused the statement, and goes on.
fn is_an_answer(error: &Error) -> bool {
    let Some(error) = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>()) else { return false };
    match error.severity() {
        PgSeverity::Panic | PgSeverity::Fatal => false,
        PgSeverity::Error | PgSeverity::Warning | PgSeverity::Notice | PgSeverity::Debug | PgSeverity::Info | PgSeverity::Log => {
            !ELSEWHERE.contains(&error.code())
        }
    }
}

async fn all(mut steps: BoxStream<'_, sqlx::Result<Step>>) -> sqlx::Result<Vec<Step>> {
    let mut all = Vec::new();
    while let Some(step) = poll_fn(|context| steps.as_mut().poll_next(context)).await {
        all.push(step?);
    }
    Ok(all)
}

/// An answer that is waited for as a whole, handed out step by step.
pub(super) enum Answer<'a> {
    Awaited(BoxFuture<'a, sqlx::Result<Vec<Step>>>),
    Here(std::vec::IntoIter<Step>),
}

impl Stream for Answer<'_> {
    type Item = sqlx::Result<Step>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut *self {
                Self::Here(steps) => return Poll::Ready(steps.next().map(Ok)),
                Self::Awaited(answer) => {
                    let answer = ready!(answer.as_mut().poll(context));
                    let (steps, failed) = answer.map_or_else(|error| (Vec::new(), Some(error)), |steps| (steps, None));
                    *self = Self::Here(steps.into_iter());
                    if let Some(error) = failed {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Step>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(Answer::Awaited(Box::pin(self.ask(query))))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(self.ask_for_one(query))
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            self.left = true;
            let Some(connection) = &mut self.connection else { return Err(Error::PoolClosed) };
            let answered = timeout(self.deadline, connection.prepare_with(sql, parameters)).await;
            self.note(answered)
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            self.left = true;
            let Some(connection) = &mut self.connection else { return Err(Error::PoolClosed) };
            let answered = timeout(self.deadline, connection.describe(sql)).await;
            self.note(answered)
        })
    }
}
