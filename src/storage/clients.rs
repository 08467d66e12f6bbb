use super::{Db, Outage, Tx};
use crate::oauth::{
    brand::BrandId,
    client::{Client, ClientId},
    grant::EndReason,
    scope::Scope,
    secret::Digest,
    software_statement::Statement,
    tpp::OrganisationId,
};
use sqlx::{PgExecutor, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

/// The same registration of the same organisation, a moment ago: its answer may have got lost.
pub struct RegistrationRetry {
    pub id: ClientId,
}

struct Row {
    id: Uuid,
    brand: String,
    organisation: String,
    legal_name: String,
    metadata: Json<crate::oauth::client_metadata::ClientMetadata>,
    scope: String,
    secret_digests: Vec<Vec<u8>>,
    registration_token_digests: Vec<Vec<u8>>,
    created_at: OffsetDateTime,
    revision: i64,
}

impl TryFrom<Row> for Client {
    type Error = Outage;

    fn try_from(row: Row) -> Result<Self, Outage> {
        let digests = |stored: Vec<Vec<u8>>| {
            stored.iter().map(|d| Digest::from_stored(d)).collect::<Option<Vec<_>>>().ok_or(Outage::unreadable("clients.*_digests"))
        };
        Ok(Self {
            id: ClientId(row.id),
            brand: BrandId::new(&row.brand),
            organisation: OrganisationId::new(row.organisation),
            legal_name: row.legal_name,
            metadata: row.metadata.0,
            scope: Scope::parse(&row.scope).map_err(|_| Outage::unreadable("clients.scope"))?,
            secrets: digests(row.secret_digests)?,
            registration_tokens: digests(row.registration_token_digests)?,
            issued_at: row.created_at,
            revision: row.revision,
        })
    }
}

fn stored(digests: &[Digest]) -> Vec<Vec<u8>> {
    digests.iter().map(|d| d.as_bytes().to_vec()).collect()
}

async fn select_client(executor: impl PgExecutor<'_>, brand: &BrandId, id: ClientId) -> Result<Option<Client>, Outage> {
    let row = sqlx::query_as!(
        Row,
        r#"select id, brand, organisation, legal_name, metadata as "metadata: _", scope, secret_digests, registration_token_digests,
                  created_at, revision
           from clients where id = $1 and brand = $2 and deleted_at is null"#,
        id.0,
        brand.as_str(),
    );
    row.fetch_optional(executor).await?.map(Client::try_from).transpose()
}

impl Db {
    pub async fn find_client(&self, brand: &BrandId, id: ClientId) -> Result<Option<Client>, Outage> {
        let mut held = self.pool.hold("find_client").await?;
        let client = select_client(held.connection(), brand, id).await;
        held.done(client)
    }
}

impl Tx {
    /// Registrations of one organisation take turns until commit, so that a retry sees its first try.
    pub async fn lock_registrations(&mut self, brand: &BrandId, organisation: &OrganisationId) -> Result<(), Outage> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1 || ' ' || $2, 0))", brand.as_str(), organisation.as_str())
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    pub async fn find_registration_retry(
        &mut self,
        brand: &BrandId,
        organisation: &OrganisationId,
        fingerprint: &[u8; 32],
        statement: Option<&Statement>,
        since: OffsetDateTime,
    ) -> Result<Option<RegistrationRetry>, Outage> {
        let id = sqlx::query_scalar!(
            "select id from clients
             where brand = $1 and organisation = $2 and fingerprint = $3 and created_at >= $4 and updated_at = created_at and deleted_at is null
               and software_statement is not distinct from $5
             order by created_at desc limit 1",
            brand.as_str(),
            organisation.as_str(),
            &fingerprint[..],
            since,
            statement.map(Statement::compact),
        )
        .fetch_optional(&mut *self.inner)
        .await?;
        Ok(id.map(|id| RegistrationRetry { id: ClientId(id) }))
    }

    pub async fn count_clients(&mut self, brand: &BrandId, organisation: &OrganisationId) -> Result<i64, Outage> {
        Ok(sqlx::query_scalar!(
            r#"select count(*) as "count!" from clients where brand = $1 and organisation = $2 and deleted_at is null"#,
            brand.as_str(),
            organisation.as_str()
        )
        .fetch_one(&mut *self.inner)
        .await?)
    }

    pub async fn lock_client(&mut self, brand: &BrandId, id: ClientId) -> Result<Option<Client>, Outage> {
        sqlx::query_as!(
            Row,
            r#"select id, brand, organisation, legal_name, metadata as "metadata: _", scope, secret_digests, registration_token_digests,
                      created_at, revision
               from clients where id = $1 and brand = $2 and deleted_at is null for update"#,
            id.0,
            brand.as_str(),
        )
        .fetch_optional(&mut *self.inner)
        .await?
        .map(Client::try_from)
        .transpose()
    }

    /// As [`Db::find_client`], on the connection this transaction has already: whoever holds one never waits for another.
    pub async fn find_client(&mut self, brand: &BrandId, id: ClientId) -> Result<Option<Client>, Outage> {
        select_client(&mut *self.inner, brand, id).await
    }

    /// Is the client still as it was when it was judged?
    pub async fn client_is_current(&mut self, id: ClientId, revision: i64) -> Result<bool, Outage> {
        let row =
            sqlx::query_scalar!("select revision from clients where id = $1 and revision = $2 and deleted_at is null", id.0, revision)
                .fetch_optional(&mut *self.inner)
                .await?;
        Ok(row.is_some())
    }

    /// What a directory said of it when it was registered or last updated.
    pub async fn find_statement(&mut self, id: ClientId) -> Result<Option<Statement>, Outage> {
        let stored = sqlx::query_scalar!("select software_statement from clients where id = $1 and deleted_at is null", id.0)
            .fetch_optional(&mut *self.inner)
            .await?;
        let read = |compact| Statement::registered(compact).map_err(|_| Outage::unreadable("clients.software_statement"));
        stored.flatten().map(read).transpose()
    }

    pub async fn insert_client(&mut self, client: &Client, statement: Option<&Statement>, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "insert into clients (id, brand, organisation, legal_name, metadata, scope, secret_digests, registration_token_digests,
                                  fingerprint, created_at, updated_at, software_statement)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)",
            client.id.0,
            client.brand.as_str(),
            client.organisation.as_str(),
            client.legal_name,
            Json(&client.metadata) as _,
            client.scope.to_string(),
            &stored(&client.secrets),
            &stored(&client.registration_tokens),
            &client.metadata.fingerprint()[..],
            now,
            statement.map(Statement::compact),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// RFC 7592 s2.2: replaces what is registered.
    pub async fn update_client(&mut self, client: &Client, statement: Option<&Statement>, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "update clients set legal_name = $2, metadata = $3, scope = $4, fingerprint = $5, updated_at = $6, revision = revision + 1,
                    software_statement = $7
             where id = $1",
            client.id.0,
            client.legal_name,
            Json(&client.metadata) as _,
            client.scope.to_string(),
            &client.metadata.fingerprint()[..],
            now,
            statement.map(Statement::compact),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// Live secrets and registration tokens, newest first. A change of secrets is a new revision: one that fell off must
    /// not authenticate where the client is still remembered.
    pub async fn set_credentials(&mut self, id: ClientId, secrets: &[Digest], registration_tokens: &[Digest]) -> Result<(), Outage> {
        sqlx::query!(
            "update clients set secret_digests = $2, registration_token_digests = $3,
                    revision = revision + case when secret_digests = $2 then 0 else 1 end
             where id = $1",
            id.0,
            &stored(secrets),
            &stored(registration_tokens),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// RFC 7592 s2.3: the client, its secrets and registration tokens are dead at once; so are its grants.
    pub async fn delete_client(&mut self, id: ClientId, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!(
            "with client as (
                 update clients set deleted_at = $2, updated_at = $2, revision = revision + 1, secret_digests = '{}',
                        registration_token_digests = '{}' where id = $1 returning id)
             update grants set revoked_at = $2, revoked_reason = $3
             from client where grants.client_id = client.id and revoked_at is null",
            id.0,
            now,
            EndReason::ClientDeleted.name(),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
