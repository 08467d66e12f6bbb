//! The scripted customers of a sandbox brand: the built-in ones, seeded, and those that somebody scripts beside them.

use super::Answer;
use crate::{
    app::App,
    clock::Entropy,
    oauth::{
        brand::{Brand, PsuAuthentication},
        error::{ErrorCode, OAuthError},
        grant::PsuReference,
    },
    sca::{
        script::Script,
        simulator::{PASSWORD, customers},
    },
    storage::{Db, NewCustomer, Outage, StoredCustomer},
};
use argon2::{Argon2, PasswordHasher};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// So many customers may be scripted for a brand.
pub const MOST_SCRIPTED: i64 = 200;

/// Customers that are there stay as they are, so it may run at every start.
pub async fn seed(db: &Db, entropy: &dyn Entropy, brand: &Brand) -> Result<(), Outage> {
    if brand.psu_authentication != PsuAuthentication::Simulator {
        return Ok(());
    }
    let known: Vec<_> = db.customers(&brand.id).await?.into_iter().map(|customer| customer.login).collect();
    for customer in customers().filter(|customer| known.iter().all(|login| login != customer.login)) {
        let Some(password_hash) = hash(PASSWORD, entropy.bytes()) else { continue };
        let reference = new_reference(entropy);
        let new = NewCustomer {
            login: customer.login,
            password: None,
            password_hash: &password_hash,
            reference: &reference,
            script: &customer.script,
        };
        db.put_customer(&brand.id, &new).await?;
    }
    Ok(())
}

fn hash(password: &str, salt: [u8; 16]) -> Option<String> {
    Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).ok().map(|hash| hash.to_string())
}

fn new_reference(entropy: &dyn Entropy) -> PsuReference {
    PsuReference::new(format!("psu_{}", URL_SAFE_NO_PAD.encode(entropy.bytes::<16>())))
}

/// A customer as developers are told of him.
#[derive(Debug)]
pub struct SandboxCustomer {
    pub login: String,
    /// Published: it opens nothing but the sandbox.
    pub password: String,
    pub reference: PsuReference,
    pub built_in: bool,
    pub script: Script,
}

impl From<StoredCustomer> for SandboxCustomer {
    fn from(stored: StoredCustomer) -> Self {
        Self {
            built_in: is_built_in(&stored.login),
            login: stored.login,
            password: stored.password.unwrap_or_else(|| PASSWORD.to_owned()),
            reference: stored.reference,
            script: stored.script,
        }
    }
}

fn is_built_in(login: &str) -> bool {
    customers().any(|customer| customer.login == login)
}

/// All of a brand, as the simulator goes by them: built-in ones first, then by login.
pub async fn list(db: &Db, brand: &Brand) -> Result<Vec<SandboxCustomer>, Outage> {
    let order: Vec<_> = customers().map(|customer| customer.login).collect();
    let mut all: Vec<_> = db.customers(&brand.id).await?.into_iter().map(SandboxCustomer::from).collect();
    all.sort_by_key(|customer| order.iter().position(|login| *login == customer.login).unwrap_or(order.len()));
    Ok(all)
}

/// Writes a customer down, or anew: his reference stays, and with it what he allowed.
pub async fn write(app: &App, brand: &Brand, login: &str, password: Option<String>, script: Script) -> Answer<SandboxCustomer> {
    if !is_login(login) {
        return Ok(Err(OAuthError::SANDBOX_LOGIN));
    }
    if is_built_in(login) {
        return Ok(Err(OAuthError::SANDBOX_BUILT_IN));
    }
    let short = |password: &String| (1..=64).contains(&password.chars().count()) && !password.chars().any(char::is_control);
    if password.as_ref().is_some_and(|password| !short(password)) {
        return Ok(Err(OAuthError::SANDBOX_PASSWORD));
    }
    if let Err(why) = script.check() {
        return Ok(Err(OAuthError::described(ErrorCode::InvalidRequest, format!("script: {why}"))));
    }
    // hashing takes CPU, as explaining does: one at a time
    let Ok(permit) = app.explanations.acquire().await else { return Err(Outage::contended("hashing")) };
    let (typed, salt) = (password.clone().unwrap_or_else(|| PASSWORD.to_owned()), app.entropy.bytes());
    let hashed = tokio::task::spawn_blocking(move || hash(&typed, salt)).await.ok().flatten();
    drop(permit);
    let Some(password_hash) = hashed else { return Ok(Err(OAuthError::INTERNAL)) };
    let reference = new_reference(&*app.entropy);
    let new = NewCustomer { login, password: password.as_deref(), password_hash: &password_hash, reference: &reference, script: &script };
    let mut tx = app.db.begin("script_customer").await?;
    let written = tx.script_customer(&brand.id, &new, MOST_SCRIPTED + customers().count() as i64).await?;
    tx.commit().await?;
    Ok(written.map(SandboxCustomer::from).ok_or(OAuthError::SANDBOX_FULL))
}

/// Gone, also where there was none.
pub async fn remove(app: &App, brand: &Brand, login: &str) -> Answer<()> {
    if is_built_in(login) {
        return Ok(Err(OAuthError::SANDBOX_BUILT_IN));
    }
    app.db.remove_customer(&brand.id, login).await?;
    Ok(Ok(()))
}

fn is_login(login: &str) -> bool {
    (1..=64).contains(&login.len()) && login.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}
