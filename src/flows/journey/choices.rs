//! What the customer chooses: to go on in the browser, accounts, whether to go on, and by which method.

use super::{Journey, View, with_accounts};
use crate::{
    audit::AuditKind,
    flows::{conclusion, count},
    oauth::{
        brand::{AccountChoice, PsuAuthentication},
        client::Client,
        interaction::{Challenge, Interaction, SignedIn, State},
        method::{Account, Method},
        sca::ScaFailure,
    },
    storage::{Outage, Tx},
};

impl Journey<'_> {
    /// The journey stays the channel's: its code is worth nothing at another one's token endpoint.
    pub(super) async fn continue_here(&self, tx: &mut Tx, interaction: &Interaction) -> Result<View, Outage> {
        let Some(state) = State::in_browser(self.brand) else { return Ok(View::Next) };
        conclusion::note_first_act(self.app, self.brand, tx, interaction, self.now).await?;
        tx.set_fallback(interaction.id).await?;
        tx.set_interaction_state(interaction.id, &state, self.now).await?;
        tx.record(&self.event(interaction, AuditKind::AppFallback).reason(interaction.channel.clone())).await?;
        metrics::counter!("guichet_app_fallbacks_total", "brand" => self.brand.id.shared(), "channel" => interaction.channel.clone())
            .increment(1);
        Ok(View::Next)
    }

    pub(super) fn is_simulated(&self) -> bool {
        self.brand.psu_authentication == PsuAuthentication::Simulator
    }

    fn may_choose_many(&self, interaction: &Interaction) -> bool {
        match self.account_choice(interaction, None) {
            AccountChoice::Some => true,
            AccountChoice::One | AccountChoice::None => false,
        }
    }

    pub(super) fn accounts_page(&self, interaction: Interaction, client: Client, who: SignedIn, nothing_chosen: bool) -> View {
        let many = self.may_choose_many(&interaction);
        View::Accounts { interaction, client, accounts: who.accounts, many, nothing_chosen }
    }

    /// Only what was offered counts.
    pub(super) async fn choose_accounts(
        &self,
        tx: &mut Tx,
        interaction: Interaction,
        who: SignedIn,
        ids: &[String],
    ) -> Result<View, Outage> {
        let chosen: Vec<Account> = who.accounts.iter().filter(|account| ids.contains(&account.id)).cloned().collect();
        let most = if self.may_choose_many(&interaction) { usize::MAX } else { 1 };
        if chosen.is_empty() || chosen.len() > most {
            return match tx.find_client(&self.brand.id, interaction.client).await? {
                Some(client) => Ok(self.accounts_page(interaction, client, who, true)),
                None => self.end(tx, &interaction, ScaFailure::Technical).await,
            };
        }
        tx.set_interaction_state(interaction.id, &State::Consent(with_accounts(who, chosen)), self.now).await?;
        Ok(View::Next)
    }

    /// One method is no choice.
    pub(super) async fn go_on(&self, tx: &mut Tx, interaction: &Interaction, who: SignedIn) -> Result<View, Outage> {
        count::stage(self.brand, interaction, count::Stage::Consented);
        match who.methods.as_slice() {
            [method] => {
                let method = method.clone();
                self.begin_challenge(tx, interaction, who, &method).await
            }
            [] => self.end(tx, interaction, ScaFailure::NoMethod).await,
            [_, _, ..] => {
                tx.set_interaction_state(interaction.id, &State::Methods(who), self.now).await?;
                Ok(View::Next)
            }
        }
    }

    /// Written down with its id before the bank hears of it: whoever looks next asks for this one, however often.
    pub(super) async fn begin_challenge(
        &self,
        tx: &mut Tx,
        interaction: &Interaction,
        who: SignedIn,
        method: &Method,
    ) -> Result<View, Outage> {
        let challenge = Challenge {
            id: self.app.entropy.uuid(self.now),
            method: method.id.clone(),
            kind: method.kind,
            reference: None,
            hint: None,
            tried: 0,
            wrong: false,
            unanswered: 0,
            asked_at: self.now,
            until: interaction.expires_at.min(self.now + self.brand.psu_session),
        };
        tx.set_interaction_state(interaction.id, &State::Challenged(who, challenge), self.now).await?;
        count::stage(self.brand, interaction, count::Stage::ScaBegun);
        Ok(View::Next)
    }
}
