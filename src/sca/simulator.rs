//! Scripted customers: one per outcome, the same in every sandbox brand, published so that a TPP can meet each. They follow
//! the injected clock and remember nothing, so that each journey of theirs goes the same way.

use super::{
    Occasion, Outcome, Proof, SignIn, Standing,
    script::{Script, ScriptedAnswer, ScriptedMethod, account},
};
use crate::{
    oauth::{
        brand::{Brand, BrandId},
        grant::PsuReference,
        interaction::Challenge,
        method::{Account, Eligibility},
        sca::ScaFailure,
        secret::Secret,
    },
    storage::{CustomerRecord, Db, Outage},
};
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use std::sync::Arc;
use time::Duration;
use tokio::sync::Semaphore;

/// Of every scripted customer. It opens nothing but a sandbox.
pub const PASSWORD: &str = "sandbox";
/// Wrong passwords, or codes, that end it.
const MOST_WRONG: i16 = 3;
/// How long a challenge waits for an answer.
const PATIENCE: Duration = Duration::seconds(120);
/// Of the customers that type one.
pub const CODE: &str = "123456";

#[derive(Clone, Debug)]
pub struct ScriptedCustomer {
    pub login: &'static str,
    pub script: Script,
}

/// Two who get through at once, one per failure at the sign-in, whose login is the failure's name, then those whose challenge
/// takes its time.
pub fn customers() -> impl Iterator<Item = ScriptedCustomer> {
    let through = ["approves", "approves_too"].map(|login| ScriptedCustomer { login, script: Script::approves() });
    let failing = ScaFailure::ALL.map(|failure| ScriptedCustomer { login: failure.name(), script: Script::ends_at_sign_in(failure) });
    through.into_iter().chain(failing).chain(patient())
}

fn patient() -> impl Iterator<Item = ScriptedCustomer> {
    let app = |answer| ScriptedMethod::new("app", "Sandbox app", answer);
    let code = || ScriptedMethod::new("sms", "SMS, +33 6 •• •• •• 12", ScriptedAnswer::Code(CODE.to_owned()));
    let slowly = || app(ScriptedAnswer::Approves { after_seconds: 8 });
    let fails = |reason| Script::by([app(ScriptedAnswer::Fails { after_seconds: 5, reason })]);
    [
        ("approves_slowly", Script::by([slowly()])),
        ("types_a_code", Script::by([code()])),
        ("chooses_a_method", Script::by([slowly(), code()])),
        ("chooses_an_account", Script { accounts: vec![account(1), account(2), account(3)], ..Script::approves() }),
        ("cancels_in_app", fails(ScaFailure::Cancelled)),
        ("never_answers", Script::by([app(ScriptedAnswer::Silent)])),
        ("mistypes_pin_in_app", fails(ScaFailure::BlockedAfterFailures)),
        ("wrong_device_in_app", fails(ScaFailure::WrongDevice)),
        ("app_breaks_down", fails(ScaFailure::Technical)),
    ]
    .map(|(login, script)| ScriptedCustomer { login, script })
    .into_iter()
}

pub struct Simulator {
    db: Db,
    /// Password hashing takes CPU and 19 MiB each: so many at once.
    password_checks: Arc<Semaphore>,
}

impl Simulator {
    pub(super) fn new(db: Db) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { db, password_checks: Arc::new(Semaphore::new(cores)) }
    }

    pub(super) async fn eligibility(&self, brand: &Brand, login: &str, password: &Secret, attempt: i16) -> Result<SignIn, Outage> {
        let customer = self.db.find_customer(&brand.id, login).await?;
        let right = self.is_right(customer.as_ref(), password).await;
        Ok(match customer.filter(|_| right) {
            None => SignIn::Wrong { attempts_left: u16::try_from(MOST_WRONG - attempt).unwrap_or(0) },
            Some(CustomerRecord { reference, script, .. }) => match script.at_sign_in {
                Some(failure) => SignIn::Failed(failure),
                None => SignIn::Known(Eligibility { psu: reference, methods: script.methods(), remaining: None }),
            },
        })
    }

    /// An unknown login costs as much time as a wrong password.
    async fn is_right(&self, customer: Option<&CustomerRecord>, password: &Secret) -> bool {
        let hash = customer.map_or_else(|| NOBODYS_HASH.to_owned(), |customer| customer.password_hash.clone());
        let password = password.clone();
        // never closed; were it, hashing unbounded would be wrong, so nobody gets in
        let Ok(permit) = self.password_checks.clone().acquire_owned().await else { return false };
        let checked = tokio::task::spawn_blocking(move || {
            // held until the hash is done, also when the request has been given up meanwhile
            let _permit = permit;
            PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.reveal().as_bytes(), &hash).is_ok())
        });
        checked.await.unwrap_or(false)
    }

    pub(super) async fn accounts(&self, brand: &Brand, psu: &PsuReference) -> Result<Vec<Account>, Outage> {
        Ok(self.script(&brand.id, psu).await?.map_or_else(Vec::new, |script| script.accounts))
    }

    pub(super) async fn standing(&self, on: Occasion<'_>, psu: &PsuReference, challenge: &Challenge) -> Result<Standing, Outage> {
        let since = |seconds: u32| challenge.asked_at + Duration::seconds(i64::from(seconds));
        let outcome = match self.scripted(on, psu, challenge).await? {
            None => Outcome::Failed(ScaFailure::NoMethod),
            Some(method) => match method.answer {
                ScriptedAnswer::Approves { after_seconds } if since(after_seconds) <= on.now => {
                    approved(on, challenge, since(after_seconds))
                }
                ScriptedAnswer::Fails { after_seconds, reason } if since(after_seconds) <= on.now => Outcome::Failed(reason),
                ScriptedAnswer::Approves { .. } | ScriptedAnswer::Fails { .. } | ScriptedAnswer::Silent | ScriptedAnswer::Code(_) => {
                    pending(challenge, method)
                }
            },
        };
        Ok(standing(challenge, outcome))
    }

    pub(super) async fn answer(
        &self,
        on: Occasion<'_>,
        psu: &PsuReference,
        challenge: &Challenge,
        code: &Secret,
    ) -> Result<Standing, Outage> {
        let outcome = match self.scripted(on, psu, challenge).await? {
            Some(ScriptedMethod { answer: ScriptedAnswer::Code(right), .. }) if code.reveal() == right => approved(on, challenge, on.now),
            Some(ScriptedMethod { answer: ScriptedAnswer::Code(_), .. }) if challenge.tried < MOST_WRONG => {
                Outcome::WrongCode { attempts_left: u16::try_from(MOST_WRONG - challenge.tried).unwrap_or(0) }
            }
            Some(_) => Outcome::Failed(ScaFailure::OtpSuspended),
            None => Outcome::Failed(ScaFailure::NoMethod),
        };
        Ok(standing(challenge, outcome))
    }

    async fn scripted(&self, on: Occasion<'_>, psu: &PsuReference, challenge: &Challenge) -> Result<Option<ScriptedMethod>, Outage> {
        let script = self.script(&on.brand.id, psu).await?;
        Ok(script.and_then(|script| script.methods.into_iter().find(|method| method.id == challenge.method)))
    }

    async fn script(&self, brand: &BrandId, psu: &PsuReference) -> Result<Option<Script>, Outage> {
        self.db.find_script(brand, psu).await
    }
}

fn standing(challenge: &Challenge, outcome: Outcome) -> Standing {
    Standing { reference: challenge.id.simple().to_string(), outcome }
}

fn approved(on: Occasion<'_>, challenge: &Challenge, at: time::OffsetDateTime) -> Outcome {
    Outcome::Approved(Proof { method: challenge.method.clone(), at, linked_hash: on.interaction.linked_hash(on.payment).wire() })
}

fn pending(challenge: &Challenge, method: ScriptedMethod) -> Outcome {
    Outcome::Pending { hint: Some(method.label), until: Some(challenge.asked_at + PATIENCE) }
}

/// Of no password: only its cost matters.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5c3NhbHQwMDAw$6f0qmCqBkMkD8YbYdJ1DkL9zvW8m5B4n2o0T6lQxk3E";

#[cfg(test)]
mod tests {
    use super::*;

    /// Or an unknown login would be answered faster than a wrong password.
    #[test]
    fn nobodys_hash_costs_what_a_customers_costs() {
        let nobody = PasswordHash::new(NOBODYS_HASH).expect("a PHC string");
        let customer = argon2::PasswordHasher::hash_password_with_salt(&Argon2::default(), b"x", &[7; 16]).expect("hashes");
        assert_eq!((nobody.algorithm.as_str(), nobody.version), (customer.algorithm.as_str(), customer.version));
        for parameter in ["m", "t", "p"] {
            assert_eq!(nobody.params.get_decimal(parameter), customer.params.get_decimal(parameter), "{parameter}");
        }
        let length = |hash: &PasswordHash| hash.hash.as_ref().map(|h| h.as_bytes().len());
        assert_eq!(length(&nobody), length(&customer));
        assert!(Argon2::default().verify_password(b"", &nobody).is_err());
    }

    #[test]
    fn a_script_reads_as_it_was_written_and_takes_nothing_else() {
        for customer in customers() {
            let text = serde_json::to_string(&customer.script).expect("JSON");
            assert_eq!(serde_json::from_str::<Script>(&text).expect("reads"), customer.script, "{text}");
        }
        for wrong in
            [r#"{"methods":[],"outcome":"cancelled"}"#, r#"{"methods":[{"id":"a","label":"b","answer":"maybe"}]}"#, "\"approves\"", "{"]
        {
            assert!(serde_json::from_str::<Script>(wrong).is_err(), "{wrong}");
        }
    }
}
