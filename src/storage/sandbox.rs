use super::{Db, Outage, Tx, timed};
use crate::{
    oauth::{brand::BrandId, grant::PsuReference, sca::ScaFailure},
    sca::script::Script,
};
use sqlx::types::Json;

/// A scripted customer as stored.
pub struct CustomerRecord {
    /// argon2id, PHC string.
    pub password_hash: String,
    pub reference: PsuReference,
    pub script: Script,
}

pub struct NewCustomer<'a> {
    pub login: &'a str,
    /// `None`: the one that the built-in customers have.
    pub password: Option<&'a str>,
    pub password_hash: &'a str,
    pub reference: &'a PsuReference,
    pub script: &'a Script,
}

/// A row of an earlier program has its outcome alone.
fn script(written: Option<Json<Script>>, outcome: Option<String>) -> Result<Script, Outage> {
    match (written, outcome) {
        (Some(Json(script)), _) => Ok(script),
        (None, None) => Ok(Script::approves()),
        (None, Some(name)) => {
            ScaFailure::from_name(&name).map(Script::ends_at_sign_in).ok_or(Outage::unreadable("sandbox_customers.outcome"))
        }
    }
}

impl Db {
    pub async fn find_customer(&self, brand: &BrandId, login: &str) -> Result<Option<CustomerRecord>, Outage> {
        let statement = sqlx::query!(
            r#"select password_hash, reference, outcome, script as "script: Json<Script>" from sandbox_customers where brand = $1 and login = $2"#,
            brand.as_str(),
            login
        );
        let Some(row) = timed("find_customer", statement.fetch_optional(&self.pool)).await? else { return Ok(None) };
        let reference = PsuReference::new(row.reference);
        Ok(Some(CustomerRecord { password_hash: row.password_hash, reference, script: script(row.script, row.outcome)? }))
    }

    pub async fn find_script(&self, brand: &BrandId, psu: &PsuReference) -> Result<Option<Script>, Outage> {
        let statement = sqlx::query!(
            r#"select outcome, script as "script: Json<Script>" from sandbox_customers where brand = $1 and reference = $2"#,
            brand.as_str(),
            psu.as_str()
        );
        let row = timed("find_script", statement.fetch_optional(&self.pool)).await?;
        row.map(|row| script(row.script, row.outcome)).transpose()
    }

    /// Seeds; one that is there stays as it is.
    pub async fn put_customer(&self, brand: &BrandId, customer: &NewCustomer<'_>) -> Result<(), Outage> {
        sqlx::query!(
            "insert into sandbox_customers (brand, login, password_hash, reference, outcome, script) values ($1, $2, $3, $4, $5, $6)
             on conflict do nothing",
            brand.as_str(),
            customer.login,
            customer.password_hash,
            customer.reference.as_str(),
            customer.script.outcome().map(ScaFailure::name),
            Json(customer.script) as _,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// All that is stored of one but the hash.
pub struct StoredCustomer {
    pub login: String,
    /// `None`: the one that the built-in customers have.
    pub password: Option<String>,
    pub reference: PsuReference,
    pub script: Script,
}

struct Row {
    login: String,
    password: Option<String>,
    reference: String,
    outcome: Option<String>,
    script: Option<Json<Script>>,
}

impl TryFrom<Row> for StoredCustomer {
    type Error = Outage;

    fn try_from(row: Row) -> Result<Self, Outage> {
        let script = script(row.script, row.outcome)?;
        Ok(Self { login: row.login, password: row.password, reference: PsuReference::new(row.reference), script })
    }
}

impl Db {
    /// By login. Their number is bounded.
    pub async fn customers(&self, brand: &BrandId) -> Result<Vec<StoredCustomer>, Outage> {
        let rows = sqlx::query_as!(
            Row,
            r#"select login, password, reference, outcome, script as "script: _" from sandbox_customers where brand = $1 order by login"#,
            brand.as_str(),
        );
        timed("customers", rows.fetch_all(&self.pool)).await?.into_iter().map(StoredCustomer::try_from).collect()
    }

    pub async fn remove_customer(&self, brand: &BrandId, login: &str) -> Result<(), Outage> {
        let statement = sqlx::query!("delete from sandbox_customers where brand = $1 and login = $2", brand.as_str(), login);
        timed("remove_customer", statement.execute(&self.pool)).await?;
        Ok(())
    }
}

impl Tx {
    /// A new one, or what is new of one that is there: his reference stays. `None`: there are `most` already. Writers of one brand take
    /// turns until commit, so that no two are the last.
    pub async fn script_customer(
        &mut self,
        brand: &BrandId,
        customer: &NewCustomer<'_>,
        most: i64,
    ) -> Result<Option<StoredCustomer>, Outage> {
        sqlx::query!("select pg_advisory_xact_lock(hashtextextended('sandbox ' || $1, 0))", brand.as_str())
            .execute(&mut *self.inner)
            .await?;
        let row = sqlx::query_as!(
            Row,
            r#"insert into sandbox_customers (brand, login, password, password_hash, reference, outcome, script)
               select $1, $2, $3, $4, $5, $6, $7
               where exists (select 1 from sandbox_customers where brand = $1 and login = $2)
                  or (select count(*) from sandbox_customers where brand = $1) < $8
               on conflict (brand, login) do update set password = excluded.password, password_hash = excluded.password_hash,
                   outcome = excluded.outcome, script = excluded.script
               returning login, password, reference, outcome, script as "script: _""#,
            brand.as_str(),
            customer.login,
            customer.password,
            customer.password_hash,
            customer.reference.as_str(),
            customer.script.outcome().map(ScaFailure::name),
            Json(customer.script) as _,
            most,
        );
        row.fetch_optional(&mut *self.inner).await?.map(StoredCustomer::try_from).transpose()
    }
}
