use super::{Db, Outage, timed};
use crate::oauth::{brand::BrandId, grant::PsuReference, sca::ScaFailure};

/// A scripted customer as stored.
pub struct CustomerRecord {
    /// argon2id, PHC string.
    pub password_hash: String,
    pub reference: PsuReference,
    /// `None`: gets through.
    pub outcome: Option<ScaFailure>,
}

pub struct NewCustomer<'a> {
    pub login: &'a str,
    pub password_hash: &'a str,
    pub reference: &'a PsuReference,
    pub outcome: Option<ScaFailure>,
}

impl Db {
    pub async fn find_customer(&self, brand: &BrandId, login: &str) -> Result<Option<CustomerRecord>, Outage> {
        let statement = sqlx::query!(
            "select password_hash, reference, outcome from sandbox_customers where brand = $1 and login = $2",
            brand.as_str(),
            login
        );
        let Some(row) = timed("find_customer", statement.fetch_optional(&self.pool)).await? else { return Ok(None) };
        let outcome =
            row.outcome.map(|name| ScaFailure::from_name(&name).ok_or(Outage::unreadable("sandbox_customers.outcome"))).transpose()?;
        Ok(Some(CustomerRecord { password_hash: row.password_hash, reference: PsuReference::new(row.reference), outcome }))
    }

    pub async fn count_customers(&self, brand: &BrandId) -> Result<i64, Outage> {
        Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from sandbox_customers where brand = $1"#, brand.as_str())
            .fetch_one(&self.pool)
            .await?)
    }

    /// Seeds; one that is there stays as it is.
    pub async fn put_customer(&self, brand: &BrandId, customer: &NewCustomer<'_>) -> Result<(), Outage> {
        sqlx::query!(
            "insert into sandbox_customers (brand, login, password_hash, reference, outcome) values ($1, $2, $3, $4, $5)
             on conflict do nothing",
            brand.as_str(),
            customer.login,
            customer.password_hash,
            customer.reference.as_str(),
            customer.outcome.map(ScaFailure::name),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
