//! Lodged payments, and who approved them.

use super::{Db, Outage, Tx};
use crate::oauth::{
    brand::BrandId,
    client::ClientId,
    grant::{GrantId, PsuReference},
    interaction::InteractionId,
    lodging::{Execution, Lodged, LodgedState, PaymentApproval},
    payment::{Payment, PaymentId},
};
use sqlx::{PgExecutor, types::Json};
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    client_id: Uuid,
    payment: Json<Payment>,
    revision: i32,
    state: String,
    lodged_at: OffsetDateTime,
    expires_at: OffsetDateTime,
    approved_at: Option<OffsetDateTime>,
    used_at: Option<OffsetDateTime>,
    used_reference: Option<String>,
    invalidated_grant_id: Option<Uuid>,
    grant_id: Option<Uuid>,
    psu: Option<String>,
    accounts: Option<Vec<String>>,
    grant_expires_at: Option<OffsetDateTime>,
    grant_revoked_at: Option<OffsetDateTime>,
}

impl Row {
    fn read(self) -> Option<Lodged> {
        let approval = || {
            Some(PaymentApproval {
                grant: GrantId(self.grant_id?),
                psu: PsuReference::new(self.psu.clone()?),
                accounts: self.accounts.clone().unwrap_or_default(),
                at: self.approved_at?,
                until: self.grant_expires_at?,
                revoked: self.grant_revoked_at.is_some(),
            })
        };
        let state = match self.state.as_str() {
            "lodged" => LodgedState::Open,
            "approved" => LodgedState::Approved(approval()?),
            "used" => LodgedState::Used(approval()?, Execution { at: self.used_at?, reference: self.used_reference.clone()? }),
            "withdrawn" => LodgedState::Withdrawn,
            "replaced" => LodgedState::Replaced,
            _ => return None,
        };
        Some(Lodged {
            id: PaymentId(self.id),
            client: ClientId(self.client_id),
            payment: self.payment.0,
            revision: self.revision,
            lodged_at: self.lodged_at,
            expires_at: self.expires_at,
            state,
            invalidated: self.invalidated_grant_id.map(GrantId),
        })
    }
}

fn read(row: Option<Row>) -> Result<Option<Lodged>, Outage> {
    row.map(|row| row.read().ok_or(Outage::unreadable("payments"))).transpose()
}

async fn select_payment(executor: impl PgExecutor<'_>, brand: &BrandId, id: PaymentId) -> Result<Option<Lodged>, Outage> {
    let row = sqlx::query_as!(
        Row,
        r#"select p.id, p.client_id, p.payment as "payment: Json<Payment>", p.revision, p.state, p.lodged_at, p.expires_at, p.approved_at,
                  p.used_at, p.used_reference, p.invalidated_grant_id, p.grant_id, g.psu as "psu?", g.accounts as "accounts?",
                  g.expires_at as "grant_expires_at?", g.revoked_at as "grant_revoked_at?"
           from payments p left join grants g on g.id = p.grant_id where p.id = $1 and p.brand = $2"#,
        id.0,
        brand.as_str(),
    );
    read(row.fetch_optional(executor).await?)
}

impl Db {
    pub async fn find_payment(&self, brand: &BrandId, id: PaymentId) -> Result<Option<Lodged>, Outage> {
        let mut held = self.pool.hold("find_payment").await?;
        let lodged = select_payment(held.connection(), brand, id).await;
        held.done(lodged)
    }
}

impl Tx {
    pub async fn find_payment(&mut self, brand: &BrandId, id: PaymentId) -> Result<Option<Lodged>, Outage> {
        select_payment(&mut *self.inner, brand, id).await
    }

    /// Approving, changing, withdrawing and using one request take turns. Whoever also holds a journey takes that first.
    pub async fn lock_payment(&mut self, brand: &BrandId, id: PaymentId) -> Result<Option<Lodged>, Outage> {
        // the rows first and alone: a statement that waited for one would still see them as they were before
        let found = sqlx::query_scalar!("select grant_id from payments where id = $1 and brand = $2 for update", id.0, brand.as_str());
        let Some(grant) = found.fetch_optional(&mut *self.inner).await? else { return Ok(None) };
        if let Some(grant) = grant {
            // the customer may be withdrawing it
            sqlx::query!("select id from grants where id = $1 for update", grant).fetch_optional(&mut *self.inner).await?;
        }
        select_payment(&mut *self.inner, brand, id).await
    }

    /// Lodgings of one payment take turns until commit. Gives the request that there is, if it was not replaced or withdrawn.
    pub async fn lock_lodging(&mut self, brand: &BrandId, payment: &Payment) -> Result<Option<Lodged>, Outage> {
        let (kind, name) = (payment.kind.name(), &payment.payment_id);
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended(concat_ws(' ', 'payment', $1::text, $2::text, $3::text), 0))",
            brand.as_str(),
            kind,
            name
        )
        .execute(&mut *self.inner)
        .await?;
        let found = sqlx::query_scalar!(
            "select id from payments where brand = $1 and kind = $2 and name = $3 and state in ('lodged', 'approved', 'used')",
            brand.as_str(),
            kind,
            name,
        );
        match found.fetch_optional(&mut *self.inner).await? {
            Some(id) => self.lock_payment(brand, PaymentId(id)).await,
            None => Ok(None),
        }
    }

    pub async fn insert_payment(&mut self, lodged: &Lodged, brand: &BrandId) -> Result<(), Outage> {
        sqlx::query!(
            "insert into payments (id, brand, client_id, kind, name, payment, revision, state, lodged_at, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7, 'lodged', $8, $9)",
            lodged.id.0,
            brand.as_str(),
            lodged.client.0,
            lodged.payment.kind.name(),
            lodged.payment.payment_id,
            Json(&lodged.payment) as _,
            lodged.revision,
            lodged.lodged_at,
            lodged.expires_at,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    /// It is over, and its name is free again.
    pub async fn replace_payment(&mut self, id: PaymentId) -> Result<(), Outage> {
        sqlx::query!("update payments set state = 'replaced' where id = $1", id.0).execute(&mut *self.inner).await?;
        Ok(())
    }

    /// Another payment under the same name: open again, whoever approved the former one.
    pub async fn change_payment(&mut self, changed: &Lodged) -> Result<(), Outage> {
        sqlx::query!(
            "update payments set payment = $2, revision = $3, state = 'lodged', expires_at = $4, invalidated_grant_id = $5, grant_id = null,
                    approved_at = null
             where id = $1",
            changed.id.0,
            Json(&changed.payment) as _,
            changed.revision,
            changed.expires_at,
            changed.invalidated.map(|grant| grant.0),
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    pub async fn withdraw_payment(&mut self, id: PaymentId, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!("update payments set state = 'withdrawn', withdrawn_at = $2 where id = $1", id.0, now)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    pub async fn approve_payment(&mut self, id: PaymentId, grant: GrantId, now: OffsetDateTime) -> Result<(), Outage> {
        sqlx::query!("update payments set state = 'approved', grant_id = $2, approved_at = $3 where id = $1", id.0, grant.0, now)
            .execute(&mut *self.inner)
            .await?;
        Ok(())
    }

    /// The approval came to nothing: no code ever went out for it.
    pub async fn reopen_payment(&mut self, grant: GrantId, interaction: InteractionId) -> Result<(), Outage> {
        sqlx::query!(
            "update payments set state = 'lodged', grant_id = null, approved_at = null
             where id = (select payment_id from interactions where id = $2) and grant_id = $1 and state = 'approved'",
            grant.0,
            interaction.0,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }

    pub async fn use_payment(&mut self, id: PaymentId, execution: &Execution) -> Result<(), Outage> {
        sqlx::query!(
            "update payments set state = 'used', used_at = $2, used_reference = $3 where id = $1",
            id.0,
            execution.at,
            execution.reference,
        )
        .execute(&mut *self.inner)
        .await?;
        Ok(())
    }
}
