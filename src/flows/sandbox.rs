//! Seeds the scripted customers of a sandbox brand.

use crate::{
    clock::Entropy,
    oauth::{
        brand::{Brand, PsuAuthentication},
        grant::PsuReference,
    },
    sca::simulator::{PASSWORD, customers},
    storage::{Db, NewCustomer, Outage},
};
use argon2::{Argon2, PasswordHasher};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// Customers that are there stay as they are, so it may run at every start.
pub async fn seed(db: &Db, entropy: &dyn Entropy, brand: &Brand) -> Result<(), Outage> {
    let expected = customers().count();
    if brand.psu_authentication != PsuAuthentication::Simulator || db.count_customers(&brand.id).await? >= expected as i64 {
        return Ok(());
    }
    for customer in customers() {
        let salt: [u8; 16] = entropy.bytes();
        let Ok(hash) = Argon2::default().hash_password_with_salt(PASSWORD.as_bytes(), &salt) else { continue };
        let reference = PsuReference::new(format!("psu_{}", URL_SAFE_NO_PAD.encode(entropy.bytes::<16>())));
        let new = NewCustomer { login: customer.login, password_hash: &hash.to_string(), reference: &reference, script: &customer.script };
        db.put_customer(&brand.id, &new).await?;
    }
    Ok(())
}
