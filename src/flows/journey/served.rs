//! What stands against the journey's TPP while the journey is open.

use super::{Journey, View};
use crate::{
    flows::standing,
    oauth::{
        client::Client,
        interaction::{Interaction, Stage},
    },
    standing::StandingRefusal,
    storage::{Outage, Tx},
};

impl Journey<'_> {
    /// The journey's TPP and what stands against it now. An answer that is there already still goes home.
    pub(super) async fn not_served(&self, tx: &mut Tx, interaction: &Interaction) -> Result<Option<(Client, StandingRefusal)>, Outage> {
        let stage = interaction.stage(self.brand, self.now);
        if !stage.is_under_way() && !matches!(stage, Stage::Deliver(_)) {
            return Ok(None);
        }
        if !self.app.standing.asks(&self.brand.id) {
            return Ok(None);
        }
        let Some(client) = tx.find_client(&self.brand.id, interaction.client).await? else { return Ok(None) };
        let refusal = standing::may_receive(self.app, self.brand, &client, &interaction.scope, self.now).err();
        Ok(refusal.map(|refusal| (client, refusal)))
    }

    pub(super) async fn show_notice(
        &self,
        tx: Tx,
        interaction: Interaction,
        client: Client,
        refusal: &StandingRefusal,
    ) -> Result<View, Outage> {
        self.keep(tx, &client, refusal).await?;
        Ok(View::NotServed { interaction, client, notice: refusal.notice() })
    }

    /// Ends the transaction with the refusal in the audit trail, once in a while.
    pub(super) async fn keep(&self, tx: Tx, client: &Client, refusal: &StandingRefusal) -> Result<(), Outage> {
        let telling = standing::of_client(self.app, self.brand, client, refusal, self.now);
        standing::tell_and_commit(self.app, telling, tx, self.now).await
    }
}
