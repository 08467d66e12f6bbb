//! A challenge is followed: the bank is asked, then the journey is locked again and takes the answer in.

use super::{Journey, NoView, View, mine, mine_again, verdict::Judged};
use crate::{
    audit::AuditKind,
    flows::conclusion,
    oauth::{
        client::Client,
        interaction::{BrowserKey, Challenge, Interaction, InteractionId, MOST_ATTEMPTS, SignedIn, Stage, State},
        sca::ScaFailure,
        secret::Secret,
    },
    sca::{Driver, Fault, NoAnswer, Occasion, Standing},
    storage::{Outage, Tx},
};

/// Looks in a row without an answer that end the journey: a dead back end holds nobody for long.
const MOST_UNANSWERED: i16 = 3;

impl Journey<'_> {
    /// The journey after its open challenge, if any, was asked about.
    pub(super) async fn settled(
        &self,
        name: &'static str,
        id: InteractionId,
        browser: Option<&BrowserKey>,
    ) -> Result<Result<(Tx, Interaction), NoView>, Outage> {
        let mut tx = self.app.db.begin(name).await?;
        let interaction = match mine(&mut tx, self.brand, id, browser).await? {
            Ok(interaction) => interaction,
            Err(none) => return Ok(Err(none)),
        };
        let Stage::Challenged(who, challenge) = interaction.stage(self.brand, self.now) else { return Ok(Ok((tx, interaction))) };
        let followed = self.app.drivers.of(&self.brand.id).filter(|_| self.app.drivers.is_due(&challenge, self.now));
        let client = tx.find_client(&self.brand.id, interaction.client).await?;
        let (Some(driver), Some(client), None) = (followed, client, self.not_served(&mut tx, &interaction).await?) else {
            return Ok(Ok((tx, interaction)));
        };
        self.ask(tx, driver, &interaction, &client, &who, &challenge).await?;

        let mut tx = self.app.db.begin(name).await?;
        Ok(mine(&mut tx, self.brand, id, browser).await?.map(|interaction| (tx, interaction)))
    }

    async fn ask(
        &self,
        mut tx: Tx,
        driver: &Driver,
        interaction: &Interaction,
        client: &Client,
        who: &SignedIn,
        challenge: &Challenge,
    ) -> Result<(), Outage> {
        let payment = match self.payment(&mut tx, interaction).await? {
            Ok(payment) => payment,
            Err(failure) => return self.end_now(tx, interaction, failure).await.map(|_| ()),
        };
        tx.commit().await?;
        let on = Occasion { brand: self.brand, interaction, client, payment: payment.as_ref(), now: self.now };
        let told = match &challenge.reference {
            None => driver.challenge(on, who, challenge).await,
            Some(reference) => driver.poll(on, who, challenge, reference).await,
        };
        let after = self.after_asking();
        let mut tx = self.app.db.begin("note_challenge").await?;
        if let Some((interaction, who, now)) = after.same_challenge(&mut tx, interaction, challenge).await? {
            after.note(&mut tx, &interaction, who, now, told).await?;
        }
        tx.commit().await
    }

    /// The typed code goes to the bank, which judges it. Counted before, so that a crowd of clicks gets no more tries.
    pub(super) async fn answer(
        &self,
        mut tx: Tx,
        interaction: Interaction,
        who: SignedIn,
        mut challenge: Challenge,
        code: &Secret,
    ) -> Result<View, Outage> {
        let client = tx.find_client(&self.brand.id, interaction.client).await?;
        let (Some(client), Some(driver), Some(reference)) = (client, self.app.drivers.of(&self.brand.id), challenge.reference.clone())
        else {
            return Ok(View::Next);
        };
        if challenge.tried >= MOST_ATTEMPTS {
            return self.end_now(tx, &interaction, ScaFailure::OtpSuspended).await;
        }
        challenge.tried += 1;
        let payment = match self.payment(&mut tx, &interaction).await? {
            Ok(payment) => payment,
            Err(failure) => return self.end_now(tx, &interaction, failure).await,
        };
        tx.set_interaction_state(interaction.id, &State::Challenged(who.clone(), challenge.clone()), self.now).await?;
        tx.commit().await?;

        let on = Occasion { brand: self.brand, interaction: &interaction, client: &client, payment: payment.as_ref(), now: self.now };
        let told = driver.answer(on, &who, &challenge, &reference, code).await;
        let after = self.after_asking();
        let mut tx = self.app.db.begin("note_code").await?;
        if let Some((interaction, who, now)) = after.same_challenge(&mut tx, &interaction, &challenge).await? {
            match told {
                // whether it was right is not known: another try might be one too many
                Err(NoAnswer::Fault(fault)) => {
                    after.end_unanswered(&mut tx, &interaction, fault).await?;
                }
                told => after.note(&mut tx, &interaction, who, now, told).await?,
            }
        }
        tx.commit().await?;
        Ok(View::Next)
    }

    /// The journey's row, if it still waits for the very challenge that was asked about.
    async fn same_challenge(
        &self,
        tx: &mut Tx,
        asked: &Interaction,
        challenge: &Challenge,
    ) -> Result<Option<(Interaction, SignedIn, Challenge)>, Outage> {
        let Some(interaction) = mine_again(tx, self.brand, asked).await? else { return Ok(None) };
        let Stage::Challenged(who, now) = interaction.stage(self.brand, self.now) else { return Ok(None) };
        let same = now.id == challenge.id && now.reference == challenge.reference;
        let served = same && self.not_served(tx, &interaction).await?.is_none();
        Ok(served.then_some((interaction, who, now)))
    }

    async fn note(
        &self,
        tx: &mut Tx,
        interaction: &Interaction,
        who: SignedIn,
        challenge: Challenge,
        told: Result<Standing, NoAnswer>,
    ) -> Result<(), Outage> {
        let payment = match self.payment(tx, interaction).await? {
            Ok(payment) => payment,
            Err(failure) => return self.end(tx, interaction, failure).await.map(|_| ()),
        };
        let judged = match told {
            Err(NoAnswer::Outage(outage)) => return Err(outage),
            Err(NoAnswer::Fault(fault)) => Judged::NoAnswer(fault),
            Ok(standing) => self.judge(interaction, payment.as_ref(), &who, &challenge, standing),
        };
        let last = challenge.unanswered + 1 >= MOST_UNANSWERED;
        match judged {
            Judged::Waits(challenge) => self.keep_waiting(tx, interaction, who, challenge).await,
            Judged::NoAnswer(fault) if fault.may_pass() && !last => {
                let challenge = Challenge { unanswered: challenge.unanswered + 1, ..challenge };
                self.keep_waiting(tx, interaction, who, challenge).await
            }
            Judged::NoAnswer(fault) => self.end_unanswered(tx, interaction, fault).await.map(|_| ()),
            Judged::Ends(failure) => self.end(tx, interaction, failure).await.map(|_| ()),
            Judged::Approved(approval) => {
                conclusion::approve(self.app, self.brand, tx, interaction, approval, self.now).await?;
                Ok(())
            }
        }
    }

    /// What the bank says is no sign of life of the customer.
    async fn keep_waiting(&self, tx: &mut Tx, interaction: &Interaction, who: SignedIn, challenge: Challenge) -> Result<(), Outage> {
        tx.set_interaction_state(interaction.id, &State::Challenged(who, challenge), interaction.active_at).await
    }

    /// The bank's back end is away, or not to be believed: the customer goes home, and the audit trail says why.
    pub(super) async fn end_unanswered(&self, tx: &mut Tx, interaction: &Interaction, fault: Fault) -> Result<View, Outage> {
        tx.record(&self.event(interaction, AuditKind::ScaFault).reason(fault.name())).await?;
        self.end(tx, interaction, ScaFailure::Technical).await
    }

    /// Nobody waits for it: the customer is not kept waiting for that, either.
    pub(super) fn cancel_at_bank(&self, interaction: &Interaction, challenge: &Challenge) {
        if let (Some(driver), Some(reference)) = (self.app.drivers.of(&self.brand.id).cloned(), challenge.reference.clone()) {
            let (id, lang) = (interaction.id, interaction.lang);
            tokio::spawn(async move { driver.cancel(id, lang, &reference).await });
        }
    }
}
