//! Login and password, which the bank judges, and what it then says of the customer.

use super::{Journey, View, mine_again, with_accounts};
use crate::{
    audit::AuditKind,
    flows::{conclusion, count},
    oauth::{
        brand::AccountChoice,
        channel::Fallback,
        client::Client,
        interaction::{Interaction, MOST_ATTEMPTS, SignedIn, Stage, State},
        method::{Account, MethodKind},
        payment::Payment,
        sca::ScaFailure,
        secret::Secret,
    },
    sca::{Driver, Fault, NoAnswer, Occasion, SignIn},
    storage::{Outage, Tx},
};

/// What the bank made of it.
enum Verdict {
    Right { who: SignedIn, offered: Vec<Account> },
    Wrong,
    Ends(ScaFailure),
    NoAnswer(Fault),
}

impl Journey<'_> {
    /// Each attempt is counted before the bank is asked, so that a crowd of clicks gets no more of them than one customer.
    pub(super) async fn sign_in(&self, mut tx: Tx, interaction: Interaction, login: &str, password: &Secret) -> Result<View, Outage> {
        let attempt = if let State::SignIn { attempts } = interaction.state { attempts + 1 } else { 1 };
        let client = tx.find_client(&self.brand.id, interaction.client).await?;
        let (Some(client), Some(driver), true) = (client, self.app.drivers.of(&self.brand.id), attempt <= MOST_ATTEMPTS) else {
            let why = if attempt > MOST_ATTEMPTS { ScaFailure::BlockedAfterFailures } else { ScaFailure::Technical };
            return self.end_now(tx, &interaction, why).await;
        };
        let payment = match self.payment(&mut tx, &interaction).await? {
            Ok(payment) => payment,
            Err(failure) => return self.end_now(tx, &interaction, failure).await,
        };
        conclusion::note_first_act(self.app, self.brand, &mut tx, &interaction, self.now).await?;
        tx.set_interaction_state(interaction.id, &State::SignIn { attempts: attempt }, self.now).await?;
        tx.commit().await?;

        let on = Occasion { brand: self.brand, interaction: &interaction, client: &client, payment: payment.as_ref(), now: self.now };
        let verdict = self.ask_who(driver, on, login, password, attempt).await?;

        let after = self.after_asking();
        let mut tx = self.app.db.begin("sign_in").await?;
        let Some(interaction) = mine_again(&mut tx, self.brand, &interaction).await? else { return Ok(View::Next) };
        let view = match interaction.stage(self.brand, after.now) {
            Stage::SignIn => after.note_sign_in(&mut tx, interaction, client, verdict, attempt).await?,
            Stage::AppOffered
            | Stage::HandedOff
            | Stage::Accounts(_)
            | Stage::Consent(_)
            | Stage::Methods(_)
            | Stage::Challenged(..)
            | Stage::Deliver(_)
            | Stage::Done
            | Stage::Fail(_) => View::Next,
        };
        tx.commit().await?;
        Ok(view)
    }

    async fn ask_who(&self, driver: &Driver, on: Occasion<'_>, login: &str, password: &Secret, attempt: i16) -> Result<Verdict, Outage> {
        let (psu, mut methods) = match driver.eligibility(on, login, password, attempt).await {
            Err(NoAnswer::Outage(outage)) => return Err(outage),
            Err(NoAnswer::Fault(fault)) => return Ok(Verdict::NoAnswer(fault)),
            Ok(SignIn::Failed(failure)) => return Ok(Verdict::Ends(failure)),
            Ok(SignIn::Wrong { attempts_left: 0 }) => return Ok(Verdict::Ends(ScaFailure::BlockedAfterFailures)),
            Ok(SignIn::Wrong { .. }) => return Ok(Verdict::Wrong),
            Ok(SignIn::Known(eligibility)) => match eligibility.usable() {
                Ok(usable) => usable,
                Err(failure) => return Ok(Verdict::Ends(failure)),
            },
        };
        if self.is_decoupled(on.interaction) {
            methods.retain(|method| method.kind == MethodKind::App);
        }
        if methods.is_empty() {
            return Ok(Verdict::Ends(ScaFailure::NoMethod));
        }
        let offered = match self.account_choice(on.interaction, on.payment) {
            AccountChoice::None => vec![],
            AccountChoice::One | AccountChoice::Some => match driver.accounts(on, &psu).await {
                Err(NoAnswer::Outage(outage)) => return Err(outage),
                Err(NoAnswer::Fault(fault)) => return Ok(Verdict::NoAnswer(fault)),
                Ok(accounts) if accounts.is_empty() => return Ok(Verdict::NoAnswer(Fault::NoAccounts)),
                Ok(accounts) => accounts,
            },
        };
        Ok(Verdict::Right { who: SignedIn { psu, methods, accounts: vec![] }, offered })
    }

    async fn note_sign_in(
        &self,
        tx: &mut Tx,
        interaction: Interaction,
        client: Client,
        verdict: Verdict,
        attempt: i16,
    ) -> Result<View, Outage> {
        match verdict {
            Verdict::Right { who, offered } => {
                let chosen = offered.len() < 2;
                let who = with_accounts(who, offered);
                let event = self.event(&interaction, AuditKind::SignedIn);
                let event = self.app.of_customer(tx, self.brand, event, &who.psu).await?;
                let state = if chosen { State::Consent(who) } else { State::Accounts(who) };
                tx.set_interaction_state(interaction.id, &state, self.now).await?;
                tx.record(&event).await?;
                count::stage(self.brand, &interaction, count::Stage::Identified);
                Ok(View::Next)
            }
            Verdict::Ends(failure) => self.end(tx, &interaction, failure).await,
            Verdict::NoAnswer(fault) => self.end_unanswered(tx, &interaction, fault).await,
            Verdict::Wrong if attempt >= MOST_ATTEMPTS => self.end(tx, &interaction, ScaFailure::BlockedAfterFailures).await,
            Verdict::Wrong => {
                tx.record(&self.event(&interaction, AuditKind::SignInFailed)).await?;
                Ok(View::SignIn { interaction, client, wrong_password: true })
            }
        }
    }

    /// The customer is on another device than the app: what is typed here proves nothing of it.
    fn is_decoupled(&self, interaction: &Interaction) -> bool {
        let segment = self.brand.channel(&interaction.channel).and_then(|channel| channel.app.as_ref());
        interaction.fallback && segment.is_some_and(|app| app.fallback == Fallback::Decoupled)
    }

    /// A payment that names its account leaves nothing to choose.
    pub(super) fn account_choice(&self, interaction: &Interaction, payment: Option<&Payment>) -> AccountChoice {
        if payment.is_some_and(|payment| payment.debtor_account.is_some()) {
            return AccountChoice::None;
        }
        self.brand.policy(&interaction.scope).map_or(AccountChoice::None, |policy| policy.accounts)
    }
}
