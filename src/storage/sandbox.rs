use super::{Db, Outage, timed};
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

    pub async fn count_customers(&self, brand: &BrandId) -> Result<i64, Outage> {
        Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from sandbox_customers where brand = $1"#, brand.as_str())
            .fetch_one(&self.pool)
            .await?)
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
