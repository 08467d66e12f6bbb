//! The customer's steps on our pages, between the authorization request and the answer. The bank is asked between transactions,
//! never within one: what it says counts only if the journey still stands where it stood when it was asked.

mod choices;
mod follow;
mod home;
mod served;
mod sign_in;
mod verdict;
mod view;

pub use view::{Asked, Form, NoView, Step, View, Waiting};

use super::{certificate::check_watched, conclusion, note, payment};
use crate::{
    app::App,
    audit::{AuditEvent, AuditKind},
    oauth::{
        brand::Brand,
        error::OAuthError,
        fault::FaultSide,
        grant::{Grant, GrantId},
        interaction::{BrowserKey, Challenge, Interaction, InteractionId, SignedIn, Stage, State},
        method::{Account, MethodKind},
        payment::Payment,
        sca::ScaFailure,
    },
    storage::{Outage, Tx},
    telemetry::request,
};
use time::OffsetDateTime;

struct Journey<'a> {
    app: &'a App,
    brand: &'a Brand,
    now: OffsetDateTime,
}

impl<'a> Journey<'a> {
    fn new(app: &'a App, brand: &'a Brand) -> Self {
        Self { app, brand, now: app.clock.now() }
    }

    /// Asking the bank takes its time: what it says is judged by the time at which it says it.
    fn after_asking(&self) -> Self {
        Self::new(self.app, self.brand)
    }
}

/// Shows where the journey stands, and mints nothing.
pub async fn peek(app: &App, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>) -> Result<View, Outage> {
    check_watched(app)?;
    let journey = Journey::new(app, brand);
    let (mut tx, interaction) = match journey.settled("peek_at_journey", id, browser).await? {
        Ok(found) => found,
        Err(none) => return Ok(View::Nothing(none)),
    };
    if let Some((client, refusal)) = journey.not_served(&mut tx, &interaction).await? {
        return journey.show_notice(tx, interaction, client, &refusal).await;
    }
    if let Some(portal) = journey.portal(&interaction, browser, None) {
        tx.commit().await?;
        return Ok(View::Portal(portal));
    }
    let stage = interaction.stage(brand, journey.now);
    let over = if stage.is_under_way() { None } else { tx.find_client(&brand.id, interaction.client).await? };
    let view = match over {
        Some(client) => View::Home { interaction, client, failure: if let Stage::Fail(failure) = stage { Some(failure) } else { None } },
        // under way, or its client was deleted meanwhile: the answer still goes home
        None => journey.look(&mut tx, interaction).await?,
    };
    tx.commit().await?;
    Ok(view)
}

/// Sends the browser home if there is an answer; the code is minted here. `confirmation`: what it brings from the bank's portal.
pub async fn look(
    app: &App,
    brand: &Brand,
    id: InteractionId,
    browser: Option<&BrowserKey>,
    confirmation: Option<&str>,
) -> Result<View, Outage> {
    check_watched(app)?;
    let journey = Journey::new(app, brand);
    let (mut tx, interaction) = match journey.settled("look_at_journey", id, browser).await? {
        Ok(found) => found,
        Err(none) => return Ok(View::Nothing(none)),
    };
    if let Some((client, refusal)) = journey.not_served(&mut tx, &interaction).await? {
        journey.keep(tx, &client, &refusal).await?;
        let error = OAuthError::PROVIDER_REFUSED.body();
        request::note(|facts| facts.verdict(OAuthError::PROVIDER_REFUSED.reason, Some(FaultSide::Tpp)));
        let refused = interaction.redirect(brand).refuse(error.error, &error.error_description);
        return journey.leave(&refused);
    }
    let view = match journey.portal(&interaction, browser, confirmation) {
        Some(portal) => View::Portal(portal),
        None => journey.look(&mut tx, interaction).await?,
    };
    tx.commit().await?;
    Ok(view)
}

/// The answer to an approved journey, for whoever holds its row.
pub(super) async fn deliver(
    app: &App,
    brand: &Brand,
    tx: &mut Tx,
    interaction: &Interaction,
    grant: GrantId,
    now: OffsetDateTime,
) -> Result<View, Outage> {
    Journey { app, brand, now }.deliver(tx, interaction, grant).await
}

/// For the script of a page that waits. It is no sign of life of the customer.
pub async fn status(app: &App, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>) -> Result<Result<Waiting, NoView>, Outage> {
    check_watched(app)?;
    let journey = Journey::new(app, brand);
    let (mut tx, interaction) = match journey.settled("status_of_journey", id, browser).await? {
        Ok(found) => found,
        Err(none) => return Ok(Err(none)),
    };
    let waits = match interaction.stage(brand, journey.now) {
        Stage::Challenged(_, challenge) => waits(&challenge) && journey.not_served(&mut tx, &interaction).await?.is_none(),
        Stage::AppOffered
        | Stage::HandedOff
        | Stage::SignIn
        | Stage::Accounts(_)
        | Stage::Consent(_)
        | Stage::Methods(_)
        | Stage::Deliver(_)
        | Stage::Done
        | Stage::Fail(_) => false,
    };
    tx.commit().await?;
    Ok(Ok(if waits { Waiting::Still } else { Waiting::Moved }))
}

/// A code is typed as soon as the bank has sent it; everything else is waited for.
fn waits(challenge: &Challenge) -> bool {
    match challenge.kind {
        MethodKind::App => true,
        MethodKind::Otp => challenge.reference.is_none(),
    }
}

/// `POST` of the journey: takes one step, then has the browser look again.
pub async fn step(app: &App, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>, form: Form) -> Result<View, Outage> {
    check_watched(app)?;
    let journey = Journey::new(app, brand);
    if !browser.is_some_and(|key| key.accepts(id, &form.csrf)) {
        return Ok(View::Nothing(if browser.is_some() { NoView::ForeignForm } else { NoView::OtherBrowser }));
    }
    let mut tx = app.db.begin("step_of_journey").await?;
    let interaction = match mine(&mut tx, brand, id, browser).await? {
        Ok(interaction) => interaction,
        Err(none) => return Ok(View::Nothing(none)),
    };
    if let Some((client, refusal)) = journey.not_served(&mut tx, &interaction).await? {
        return journey.show_notice(tx, interaction, client, &refusal).await;
    }
    let challenges = matches!(form.step, Step::Approve | Step::Method(_));
    let view = journey.take(tx, interaction, form.step).await?;
    if challenges {
        // what the bank knows at once is settled with the click
        drop(journey.settled("begin_challenge", id, browser).await?);
    }
    Ok(view)
}

/// The journey, if this browser began it.
async fn mine(tx: &mut Tx, brand: &Brand, id: InteractionId, browser: Option<&BrowserKey>) -> Result<Result<Interaction, NoView>, Outage> {
    let Some(interaction) = tx.lock_interaction(&brand.id, id).await? else { return Ok(Err(NoView::Unknown)) };
    note(&interaction);
    if !browser.is_some_and(|key| key.digest().matches(&interaction.browser)) {
        return Ok(Err(NoView::OtherBrowser));
    }
    // the app took the request meanwhile and answered the TPP: the tab that offered the app has nothing more to say
    if let (State::AppOffered, Some(request)) = (&interaction.state, &interaction.request)
        && tx.answered_in_app(request, interaction.created_at).await?
    {
        return Ok(Err(NoView::AlreadyAnswered));
    }
    Ok(Ok(interaction))
}

/// The same row again, after the bank was asked; whose it is was settled before.
async fn mine_again(tx: &mut Tx, brand: &Brand, asked: &Interaction) -> Result<Option<Interaction>, Outage> {
    tx.lock_interaction(&brand.id, asked.id).await
}

impl Journey<'_> {
    fn event(&self, interaction: &Interaction, kind: AuditKind) -> AuditEvent {
        self.app.event(self.now, self.brand, kind).client(interaction.client)
    }

    async fn look(&self, tx: &mut Tx, interaction: Interaction) -> Result<View, Outage> {
        match interaction.stage(self.brand, self.now) {
            Stage::Fail(failure) => self.fail(tx, &interaction, failure).await,
            Stage::Deliver(grant) => self.deliver(tx, &interaction, grant).await,
            Stage::Done => self.leave(&interaction.redirect(self.brand).done()),
            // the portal was taken out of the configuration while the journey ran
            Stage::HandedOff => self.fail(tx, &interaction, ScaFailure::Technical).await,
            stage @ (Stage::AppOffered
            | Stage::SignIn
            | Stage::Accounts(_)
            | Stage::Consent(_)
            | Stage::Methods(_)
            | Stage::Challenged(..)) => self.show(tx, interaction, stage).await,
        }
    }

    async fn show(&self, tx: &mut Tx, interaction: Interaction, stage: Stage) -> Result<View, Outage> {
        let Some(client) = tx.find_client(&self.brand.id, interaction.client).await? else {
            return self.fail(tx, &interaction, ScaFailure::Technical).await;
        };
        let payment = match self.payment(tx, &interaction).await? {
            Ok(payment) => payment,
            Err(failure) => {
                self.end(tx, &interaction, failure).await?;
                return Ok(View::Home { interaction, client, failure: Some(failure) });
            }
        };
        // pages that wait load themselves: only the others show that somebody is there
        if !matches!(stage, Stage::Challenged(..)) {
            tx.set_interaction_state(interaction.id, &interaction.state, self.now).await?;
        }
        Ok(match stage {
            Stage::Accounts(who) => self.accounts_page(interaction, client, who, false),
            Stage::Consent(who) => {
                let until = self.brand.policy(&interaction.scope).map_or(self.now, |policy| Grant::end(policy, self.now));
                View::Consent { interaction, client, payment, accounts: who.accounts, until }
            }
            Stage::Methods(who) => View::Methods { interaction, client, methods: who.methods },
            Stage::Challenged(who, challenge) => {
                let asked = Asked { interaction, client, payment, other_methods: who.methods.len() > 1, challenge };
                if waits(&asked.challenge) { View::Waiting(asked) } else { View::OneTimeCode(asked) }
            }
            Stage::AppOffered => View::OpenApp { interaction, client },
            Stage::HandedOff | Stage::SignIn | Stage::Deliver(_) | Stage::Done | Stage::Fail(_) => {
                View::SignIn { interaction, client, wrong_password: false }
            }
        })
    }

    /// Ends the transaction.
    async fn take(&self, mut tx: Tx, interaction: Interaction, step: Step) -> Result<View, Outage> {
        let stage = interaction.stage(self.brand, self.now);
        let view = match (stage, step) {
            // answered or over already: a second click meets the first one's answer
            (Stage::Fail(_) | Stage::Deliver(_) | Stage::Done, _) => View::Next,
            (stage, Step::Cancel) => {
                let view = self.end(&mut tx, &interaction, ScaFailure::Cancelled).await?;
                if let Stage::Challenged(_, challenge) = stage {
                    tx.commit().await?;
                    self.cancel_at_bank(&interaction, &challenge);
                    return Ok(view);
                }
                view
            }
            (Stage::AppOffered, Step::ContinueHere) => self.continue_here(&mut tx, &interaction).await?,
            (Stage::SignIn, Step::SignIn { login, password }) => return self.sign_in(tx, interaction, &login, &password).await,
            (Stage::Accounts(who), Step::Accounts(chosen)) => self.choose_accounts(&mut tx, interaction, who, &chosen).await?,
            (Stage::Consent(who), Step::Approve) => self.go_on(&mut tx, &interaction, who).await?,
            (Stage::Consent(_), Step::Simulate(failure)) if self.is_simulated() => self.end(&mut tx, &interaction, failure).await?,
            (Stage::Methods(who), Step::Method(id)) => match who.methods.iter().find(|method| method.id == id).cloned() {
                Some(method) => self.begin_challenge(&mut tx, &interaction, who, &method).await?,
                None => View::Next,
            },
            (Stage::Challenged(who, challenge), Step::OtherMethod) if who.methods.len() > 1 => {
                tx.set_interaction_state(interaction.id, &State::Methods(who), self.now).await?;
                tx.commit().await?;
                self.cancel_at_bank(&interaction, &challenge);
                return Ok(View::Next);
            }
            (Stage::Challenged(who, challenge), Step::Code(code)) if challenge.kind == MethodKind::Otp => {
                return self.answer(tx, interaction, who, challenge, &code).await;
            }
            // a form of another step, as the back button brings: show where the journey stands
            (
                _,
                Step::SignIn { .. }
                | Step::ContinueHere
                | Step::Accounts(_)
                | Step::Approve
                | Step::Simulate(_)
                | Step::Method(_)
                | Step::OtherMethod
                | Step::Code(_),
            ) => View::Next,
        };
        tx.commit().await?;
        Ok(view)
    }

    /// Ends the journey badly; the next look sends the browser home.
    async fn end(&self, tx: &mut Tx, interaction: &Interaction, failure: ScaFailure) -> Result<View, Outage> {
        conclusion::fail(self.app, self.brand, tx, interaction, failure, self.now).await?;
        Ok(View::Next)
    }

    /// The same, and the transaction with it.
    async fn end_now(&self, mut tx: Tx, interaction: &Interaction, failure: ScaFailure) -> Result<View, Outage> {
        let view = self.end(&mut tx, interaction, failure).await?;
        tx.commit().await?;
        Ok(view)
    }

    /// The lodged payment that the journey is about, as the customer was to be shown it.
    async fn payment(&self, tx: &mut Tx, interaction: &Interaction) -> Result<Result<Option<Payment>, ScaFailure>, Outage> {
        payment::of_journey(self.app, self.brand, tx, interaction, self.now).await
    }
}

/// What the customer signed in for is kept until the answer is written.
fn with_accounts(who: SignedIn, accounts: Vec<Account>) -> SignedIn {
    SignedIn { accounts, ..who }
}
