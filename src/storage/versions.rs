use super::{Db, Outage, Tx, timed};

/// What every process keeps in memory. The number of each rises in the transaction that changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The accepted trusted lists.
    Snapshot,
    /// Blocks, the register, merges of organisations.
    Standing,
    /// What is known of certificates' revocation.
    Revocation,
    /// The signing keys.
    Signing,
}

impl Subject {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Standing => "standing",
            Self::Revocation => "revocation",
            Self::Signing => "signing",
        }
    }
}

/// The numbers as of one reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    pub snapshot: i64,
    pub standing: i64,
    pub revocation: i64,
    pub signing: i64,
}

impl Db {
    /// On a connection of its own: a crowd of requests must not delay it.
    pub async fn versions(&self) -> Result<Versions, Outage> {
        let row = sqlx::query_as!(
            Versions,
            r#"select (select version from versions where subject = 'snapshot') as "snapshot!",
                      (select version from versions where subject = 'standing') as "standing!",
                      (select version from versions where subject = 'revocation') as "revocation!",
                      (select version from versions where subject = 'signing') as "signing!""#,
        );
        Ok(timed("versions", row.fetch_one(&self.watch)).await?)
    }
}

impl Tx {
    /// Tells every process, at commit. Writers of one subject take turns by it: call it last.
    pub async fn bump(&mut self, subject: Subject) -> Result<(), Outage> {
        sqlx::query!("update versions set version = version + 1 where subject = $1", subject.name()).execute(&mut *self.inner).await?;
        Ok(())
    }
}
