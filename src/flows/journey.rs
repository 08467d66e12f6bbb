//! The customer's steps between the authorization request and the answer, with scripted customers in a sandbox.

use super::{
    certificate::check_watched,
    conclusion::{self, Approval},
    payment, standing,
};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::{Brand, PsuAuthentication},
        client::Client,
        error::OAuthError,
        grant::{EndReason, Grant, GrantId, PsuReference, ScaEvidence},
        interaction::{BrowserKey, Interaction, InteractionId, MOST_ATTEMPTS, SignedIn, Stage, State},
        payment::Payment,
        sca::ScaFailure,
        secret::{Handle, HandleKind, Secret},
        token::CodeRecord,
    },
    standing::StandingRefusal,
    storage::{CustomerRecord, Outage, Tx},
};
use argon2::{Argon2, PasswordHash, PasswordVerifier};
use time::OffsetDateTime;

/// What to show, or where to send the browser.
pub enum View {
    /// The bank's app was expected: open it, go on here, or cancel.
    OpenApp {
        interaction: Interaction,
        client: Client,
    },
    SignIn {
        interaction: Interaction,
        client: Client,
        wrong_password: bool,
    },
    Consent {
        interaction: Interaction,
        client: Client,
        payment: Option<Payment>,
        until: OffsetDateTime,
    },
    /// There is an answer: the browser fetches it by a navigation of its own.
    Home {
        interaction: Interaction,
        client: Client,
        /// Why nothing was approved; `None`: it was.
        failure: Option<ScaFailure>,
    },
    /// The bank does not serve the TPP at present. The journey stays as it is: it goes on if that ends in time.
    NotServed {
        interaction: Interaction,
        client: Client,
        /// What the operator has to say to customers.
        notice: Option<String>,
    },
    /// The TPP's redirect URI, with the answer in it.
    GoHome(String),
    /// The step was taken: look again with a GET, so that a reload repeats nothing.
    Next,
    Nothing(NoView),
}

/// Why there is no journey to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoView {
    Unknown,
    /// Begun in another browser, or the cookie is gone.
    OtherBrowser,
    /// The code was fetched and used.
    AlreadyAnswered,
    /// The form did not come from our page.
    ForeignForm,
    /// The code went home and nobody used it in time.
    Over,
}

/// What the customer's form says.
pub struct Form {
    pub csrf: String,
    pub step: Step,
}

pub enum Step {
    Cancel,
    /// In the browser, where the bank's app was expected.
    ContinueHere,
    SignIn {
        login: String,
        password: Secret,
    },
    Approve,
    /// Sandbox only: end with this outcome.
    Simulate(ScaFailure),
}

struct Journey<'a> {
    app: &'a App,
    brand: &'a Brand,
    now: OffsetDateTime,
}

/// Shows where the journey stands, and mints nothing.
pub async fn peek(app: &App, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>) -> Result<View, Outage> {
    check_watched(app)?;
    let journey = Journey { app, brand, now: app.clock.now() };
    let mut tx = app.db.begin("peek_at_journey").await?;
    let interaction = match mine(&mut tx, brand, id, browser).await? {
        Ok(interaction) => interaction,
        Err(none) => return Ok(View::Nothing(none)),
    };
    if let Some((client, refusal)) = journey.not_served(&mut tx, &interaction).await? {
        return journey.show_notice(tx, interaction, client, &refusal).await;
    }
    let stage = interaction.stage(brand, journey.now);
    let view = match stage {
        Stage::AppOffered
        | Stage::HandedOff
        | Stage::SignIn
        | Stage::Accounts(_)
        | Stage::Consent(_)
        | Stage::Methods(_)
        | Stage::Challenged(..) => journey.look(&mut tx, interaction).await?,
        Stage::Fail(_) | Stage::Deliver(_) | Stage::Done => match tx.find_client(&brand.id, interaction.client).await? {
            Some(client) => {
                View::Home { interaction, client, failure: if let Stage::Fail(failure) = stage { Some(failure) } else { None } }
            }
            // deleted meanwhile: the answer still goes home
            None => journey.look(&mut tx, interaction).await?,
        },
    };
    tx.commit().await?;
    Ok(view)
}

/// Sends the browser home if there is an answer; the code is minted here.
pub async fn look(app: &App, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>) -> Result<View, Outage> {
    check_watched(app)?;
    let journey = Journey { app, brand, now: app.clock.now() };
    let mut tx = app.db.begin("look_at_journey").await?;
    let interaction = match mine(&mut tx, brand, id, browser).await? {
        Ok(interaction) => interaction,
        Err(none) => return Ok(View::Nothing(none)),
    };
    if let Some((client, refusal)) = journey.not_served(&mut tx, &interaction).await? {
        journey.keep(tx, &client, &refusal).await?;
        let error = OAuthError::PROVIDER_REFUSED.body();
        return Ok(View::GoHome(interaction.redirect(brand).refuse(error.error, &error.error_description)));
    }
    let view = journey.look(&mut tx, interaction).await?;
    tx.commit().await?;
    Ok(view)
}

/// `POST` of the journey: takes one step, then has the browser look again.
pub async fn step(app: &App, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>, form: Form) -> Result<View, Outage> {
    check_watched(app)?;
    let journey = Journey { app, brand, now: app.clock.now() };
    if !browser.is_some_and(|key| key.accepts(id, &form.csrf)) {
        return Ok(View::Nothing(if browser.is_some() { NoView::ForeignForm } else { NoView::OtherBrowser }));
    }
    // the password is checked before the journey's row is held: hashing takes time, and is for an open sign-in only
    let attempt = match &form.step {
        Step::SignIn { login, password } if journey.awaits_sign_in(id, browser).await? => {
            Some(check_password(app, brand, login, password).await?)
        }
        Step::SignIn { .. } | Step::Cancel | Step::ContinueHere | Step::Approve | Step::Simulate(_) => None,
    };
    let mut tx = app.db.begin("step_of_journey").await?;
    let interaction = match mine(&mut tx, brand, id, browser).await? {
        Ok(interaction) => interaction,
        Err(none) => return Ok(View::Nothing(none)),
    };
    if let Some((client, refusal)) = journey.not_served(&mut tx, &interaction).await? {
        return journey.show_notice(tx, interaction, client, &refusal).await;
    }
    let view = journey.take(&mut tx, interaction, &form.step, attempt).await?;
    tx.commit().await?;
    Ok(view)
}

/// The journey, if this browser began it.
async fn mine(tx: &mut Tx, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>) -> Result<Result<Interaction, NoView>, Outage> {
    let Some(interaction) = tx.lock_interaction(&brand.id, id).await? else { return Ok(Err(NoView::Unknown)) };
    if !browser.is_some_and(|key| key.digest().matches(&interaction.browser)) {
        return Ok(Err(NoView::OtherBrowser));
    }
    // the app took the request meanwhile and answered the TPP: the tab that offered the app has nothing more to say
    if let (State::AppOffered, Some(request)) = (&interaction.state, &interaction.request)
        && tx.answered_in_app(request).await?
    {
        return Ok(Err(NoView::AlreadyAnswered));
    }
    Ok(Ok(interaction))
}

impl Journey<'_> {
    /// A look without a step: anybody can post a form, and hashing for nobody's journey is free work for strangers.
    async fn awaits_sign_in(&self, id: InteractionId, browser: Option<&BrowserKey>) -> Result<bool, Outage> {
        let mut tx = self.app.db.begin("find_sign_in").await?;
        let found = mine(&mut tx, self.brand, id, browser).await?;
        tx.commit().await?;
        Ok(found.is_ok_and(|interaction| matches!(interaction.stage(self.brand, self.now), Stage::SignIn)))
    }

    /// The journey's TPP and what stands against it now. An answer that is there already still goes home.
    async fn not_served(&self, tx: &mut Tx, interaction: &Interaction) -> Result<Option<(Client, StandingRefusal)>, Outage> {
        match interaction.stage(self.brand, self.now) {
            Stage::Fail(_) | Stage::Done => return Ok(None),
            Stage::AppOffered
            | Stage::HandedOff
            | Stage::SignIn
            | Stage::Accounts(_)
            | Stage::Consent(_)
            | Stage::Methods(_)
            | Stage::Challenged(..)
            | Stage::Deliver(_) => {}
        }
        if !self.app.standing.asks(&self.brand.id) {
            return Ok(None);
        }
        let Some(client) = tx.find_client(&self.brand.id, interaction.client).await? else { return Ok(None) };
        let refusal = standing::may_receive(self.app, self.brand, &client, &interaction.scope, self.now).err();
        Ok(refusal.map(|refusal| (client, refusal)))
    }

    async fn show_notice(&self, tx: Tx, interaction: Interaction, client: Client, refusal: &StandingRefusal) -> Result<View, Outage> {
        self.keep(tx, &client, refusal).await?;
        Ok(View::NotServed { interaction, client, notice: refusal.notice() })
    }

    /// Ends the transaction with the refusal in the audit trail, once in a while.
    async fn keep(&self, mut tx: Tx, client: &Client, refusal: &StandingRefusal) -> Result<(), Outage> {
        let telling = standing::of_client(self.app, self.brand, client, refusal, self.now);
        if let Some(telling) = &telling {
            tx.record(&telling.event).await?;
        }
        tx.commit().await?;
        if let Some(telling) = telling {
            telling.done(self.app, self.now);
        }
        Ok(())
    }

    fn event(&self, interaction: &Interaction, kind: AuditKind) -> AuditEvent {
        self.app.event(self.now, self.brand, kind).client(interaction.client)
    }

    async fn look(&self, tx: &mut Tx, interaction: Interaction) -> Result<View, Outage> {
        let stage = interaction.stage(self.brand, self.now);
        match stage {
            Stage::Fail(failure) => self.fail(tx, &interaction, failure).await,
            Stage::Deliver(grant) => self.deliver(tx, &interaction, grant).await,
            Stage::Done => Ok(View::GoHome(interaction.redirect(self.brand).done())),
            Stage::AppOffered
            | Stage::HandedOff
            | Stage::SignIn
            | Stage::Accounts(_)
            | Stage::Consent(_)
            | Stage::Methods(_)
            | Stage::Challenged(..) => {
                let Some(client) = tx.find_client(&self.brand.id, interaction.client).await? else {
                    return self.fail(tx, &interaction, ScaFailure::Technical).await;
                };
                let payment = match payment::of_journey(self.app, self.brand, tx, &interaction, self.now).await? {
                    Ok(payment) => payment,
                    Err(failure) => return self.end(tx, &interaction, failure).await,
                };
                tx.set_interaction_state(interaction.id, &interaction.state, self.now).await?;
                Ok(match stage {
                    Stage::Consent(_) => {
                        let until = self.brand.policy(&interaction.scope).map_or(self.now, |policy| Grant::end(policy, self.now));
                        View::Consent { interaction, client, payment, until }
                    }
                    Stage::AppOffered => View::OpenApp { interaction, client },
                    Stage::HandedOff
                    | Stage::SignIn
                    | Stage::Accounts(_)
                    | Stage::Methods(_)
                    | Stage::Challenged(..)
                    | Stage::Deliver(_)
                    | Stage::Done
                    | Stage::Fail(_) => View::SignIn { interaction, client, wrong_password: false },
                })
            }
        }
    }

    async fn take(&self, tx: &mut Tx, interaction: Interaction, step: &Step, attempt: Option<Attempt>) -> Result<View, Outage> {
        match (interaction.stage(self.brand, self.now), step) {
            // answered or over already: a second click meets the first one's answer
            (Stage::Fail(_) | Stage::Deliver(_) | Stage::Done, _) => Ok(View::Next),
            (_, Step::Cancel) => self.end(tx, &interaction, ScaFailure::Cancelled).await,
            (Stage::AppOffered, Step::ContinueHere) => self.continue_here(tx, &interaction).await,
            (Stage::SignIn, Step::SignIn { .. }) => self.sign_in(tx, interaction, attempt).await,
            (Stage::Consent(who), Step::Approve) => self.approve(tx, &interaction, who.psu).await,
            (Stage::Consent(_), Step::Simulate(failure)) if self.brand.psu_authentication == PsuAuthentication::Simulator => {
                self.end(tx, &interaction, *failure).await
            }
            // a form of another step, as the back button brings: show where the journey stands
            (_, Step::SignIn { .. } | Step::ContinueHere | Step::Approve | Step::Simulate(_)) => Ok(View::Next),
        }
    }

    /// The journey stays the channel's: its code is worth nothing at another one's token endpoint.
    async fn continue_here(&self, tx: &mut Tx, interaction: &Interaction) -> Result<View, Outage> {
        let Some(state) = State::in_browser(self.brand) else { return Ok(View::Next) };
        tx.set_fallback(interaction.id).await?;
        tx.set_interaction_state(interaction.id, &state, self.now).await?;
        tx.record(&self.event(interaction, AuditKind::AppFallback).reason(interaction.channel.clone())).await?;
        metrics::counter!("guichet_app_fallbacks_total", "channel" => interaction.channel.clone()).increment(1);
        Ok(View::Next)
    }

    async fn sign_in(&self, tx: &mut Tx, interaction: Interaction, attempt: Option<Attempt>) -> Result<View, Outage> {
        let so_far = if let State::SignIn { attempts } = interaction.state { attempts } else { 0 };
        match attempt {
            Some(Attempt::Right(customer)) => match customer.outcome {
                Some(failure) => self.end(tx, &interaction, failure).await,
                None => {
                    let state = State::Consent(SignedIn { psu: customer.reference, methods: vec![], accounts: vec![] });
                    tx.set_interaction_state(interaction.id, &state, self.now).await?;
                    tx.record(&self.event(&interaction, AuditKind::SignedIn)).await?;
                    Ok(View::Next)
                }
            },
            Some(Attempt::Wrong) | None if so_far + 1 >= MOST_ATTEMPTS => {
                self.end(tx, &interaction, ScaFailure::BlockedAfterFailures).await
            }
            Some(Attempt::Wrong) | None => {
                let state = State::SignIn { attempts: so_far + 1 };
                tx.set_interaction_state(interaction.id, &state, self.now).await?;
                tx.record(&self.event(&interaction, AuditKind::SignInFailed)).await?;
                match tx.find_client(&self.brand.id, interaction.client).await? {
                    Some(client) => Ok(View::SignIn { interaction, client, wrong_password: true }),
                    None => Ok(View::Next),
                }
            }
        }
    }

    async fn approve(&self, tx: &mut Tx, interaction: &Interaction, psu: PsuReference) -> Result<View, Outage> {
        let evidence = ScaEvidence { method: "simulated".to_owned(), reference: None };
        let approval = Approval { psu, sca_at: self.now, evidence, accounts: vec![] };
        conclusion::approve(self.app, self.brand, tx, interaction, approval, self.now).await?;
        Ok(View::Next)
    }

    /// Ends the journey badly; the next look sends the browser home.
    async fn end(&self, tx: &mut Tx, interaction: &Interaction, failure: ScaFailure) -> Result<View, Outage> {
        conclusion::fail(self.app, self.brand, tx, interaction, failure, self.now).await?;
        Ok(View::Next)
    }

    async fn fail(&self, tx: &mut Tx, interaction: &Interaction, failure: ScaFailure) -> Result<View, Outage> {
        if !matches!(interaction.state, State::Failed(_)) {
            self.end(tx, interaction, failure).await?;
        }
        Ok(match self.brand.channel(&interaction.channel) {
            Some(channel) => View::GoHome(interaction.failure_redirect(failure, channel, self.brand)),
            // the channel's row was taken out of the configuration while the journey ran
            None => View::Nothing(NoView::Unknown),
        })
    }

    /// The code is minted when the browser comes for it; a second look before it is used replaces it.
    async fn deliver(&self, tx: &mut Tx, interaction: &Interaction, grant: GrantId) -> Result<View, Outage> {
        let Some(grant) = tx.find_grant(grant).await? else { return Ok(View::Nothing(NoView::Unknown)) };
        if self.now >= interaction.expires_at {
            return self.too_late(tx, interaction, grant.id).await;
        }
        let (handle, code) = Handle::mint(HandleKind::Code, self.app.entropy.uuid(self.now), &self.app.entropy.bytes());
        let record = CodeRecord {
            digest: handle.digest,
            redirect_uri: interaction.redirect_uri.clone(),
            redirect_uri_sent: interaction.redirect_uri_sent,
            challenge: interaction.challenge.clone(),
            expires_at: self.now + self.brand.code_lifetime,
            consumed_at: None,
            grant,
        };
        if !tx.put_code(&handle, &record).await? {
            return Ok(View::Nothing(NoView::AlreadyAnswered));
        }
        tx.record(&self.event(interaction, AuditKind::CodeIssued).grant(record.grant.id)).await?;
        Ok(View::GoHome(interaction.redirect(self.brand).approve(&code)))
    }

    /// The deadline passed after the approval. Without a code on its way, the TPP still learns how it ended.
    async fn too_late(&self, tx: &mut Tx, interaction: &Interaction, grant: GrantId) -> Result<View, Outage> {
        match tx.code_was_used(grant).await? {
            Some(true) => Ok(View::Nothing(NoView::AlreadyAnswered)),
            Some(false) => Ok(View::Nothing(NoView::Over)),
            None => {
                tx.reopen_payment(grant, interaction.id).await?;
                tx.revoke_grant(grant, EndReason::AnswerNotFetched, self.now).await?;
                self.fail(tx, interaction, ScaFailure::TimedOut).await
            }
        }
    }
}

enum Attempt {
    Right(CustomerRecord),
    Wrong,
}

/// An unknown login costs as much time as a wrong password.
async fn check_password(app: &App, brand: &Brand, login: &str, password: &Secret) -> Result<Attempt, Outage> {
    let customer = app.db.find_customer(&brand.id, login).await?;
    let hash = customer.as_ref().map_or_else(|| NOBODYS_HASH.to_owned(), |c| c.password_hash.clone());
    let password = password.clone();
    // never closed; were it, hashing unbounded would be wrong, so nobody gets in
    let Ok(permit) = app.password_checks.clone().acquire_owned().await else { return Ok(Attempt::Wrong) };
    let right = tokio::task::spawn_blocking(move || {
        // held until the hash is done, also when the request has been given up meanwhile
        let _permit = permit;
        PasswordHash::new(&hash).is_ok_and(|hash| Argon2::default().verify_password(password.reveal().as_bytes(), &hash).is_ok())
    })
    .await
    .unwrap_or(false);
    Ok(match customer {
        Some(customer) if right => Attempt::Right(customer),
        Some(_) | None => Attempt::Wrong,
    })
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
}
