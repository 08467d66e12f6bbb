//! Seeds the scripted customers of a sandbox brand.

use crate::{
    app::App,
    oauth::{
        brand::{Brand, PsuAuthentication},
        grant::PsuReference,
    },
    sca::simulator::{PASSWORD, customers},
    storage::{NewCustomer, Outage},
};
use argon2::{
    Argon2, PasswordHasher,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Customers that are there stay as they are, so it may run at every start.
pub async fn seed(app: &App, brand: &Brand) -> Result<(), Outage> {
    let expected = customers().count();
    if brand.psu_authentication != PsuAuthentication::Simulator || app.db.count_customers(&brand.id).await? >= expected as i64 {
        return Ok(());
    }
    for customer in customers() {
        let salt: [u8; 16] = app.entropy.bytes();
        let Ok(hash) = Argon2::default().hash_password_with_salt(PASSWORD.as_bytes(), &salt) else { continue };
        let reference = PsuReference::new(format!("psu_{}", URL_SAFE_NO_PAD.encode(app.entropy.bytes::<16>())));
        let new = NewCustomer { login: customer.login, password_hash: &hash.to_string(), reference: &reference, outcome: customer.outcome };
        app.db.put_customer(&brand.id, &new).await?;
    }
    Ok(())
}
