//! The way home: the code, or why there is none.

use super::{Journey, NoView, View};
use crate::{
    audit::AuditKind,
    flows::{answer, count},
    oauth::{
        conclusion,
        fault::FaultSide,
        grant::{EndReason, GrantId},
        interaction::{BrowserKey, Interaction, Stage, State},
        redirect::Answer,
        sca::ScaFailure,
        secret::{Handle, HandleKind},
        token::CodeBinding,
    },
    storage::{Outage, Tx},
    telemetry::request,
};

impl Journey<'_> {
    pub(super) fn leave(&self, answer: &Answer) -> Result<View, Outage> {
        answer::location(self.app, answer, self.now).map(View::GoHome)
    }

    /// While the bank's portal has the journey, it is there that it goes on; also with an approval that this browser does not
    /// bring from there. `None`: here.
    pub(super) fn portal(&self, interaction: &Interaction, browser: Option<&BrowserKey>, confirmation: Option<&str>) -> Option<String> {
        let browser = browser?;
        let there = match interaction.stage(self.brand, self.now) {
            Stage::HandedOff => true,
            Stage::Deliver(_) => self.now < interaction.expires_at && !conclusion::is_confirmed(interaction, browser, confirmation),
            Stage::AppOffered
            | Stage::SignIn
            | Stage::Accounts(_)
            | Stage::Consent(_)
            | Stage::Methods(_)
            | Stage::Challenged(..)
            | Stage::Done
            | Stage::Fail(_) => false,
        };
        conclusion::portal_of(self.brand, browser, interaction.id).filter(|_| there)
    }

    pub(super) async fn fail(&self, tx: &mut Tx, interaction: &Interaction, failure: ScaFailure) -> Result<View, Outage> {
        if !matches!(interaction.state, State::Failed(_)) {
            self.end(tx, interaction, failure).await?;
        }
        match self.brand.channel(&interaction.channel) {
            Some(channel) => {
                request::note(|facts| facts.verdict(failure.name(), Some(FaultSide::of_sca(failure))));
                count::stage(self.brand, interaction, count::Stage::Returned);
                self.leave(&interaction.failure_redirect(failure, channel, self.brand))
            }
            // the channel's row was taken out of the configuration while the journey ran
            None => Ok(View::Nothing(NoView::Unknown)),
        }
    }

    /// The code is minted when the browser comes for it; a second look before it is used replaces it.
    pub(super) async fn deliver(&self, tx: &mut Tx, interaction: &Interaction, grant: GrantId) -> Result<View, Outage> {
        let Some(grant) = tx.find_grant(grant).await? else { return Ok(View::Nothing(NoView::Unknown)) };
        if self.now >= interaction.expires_at {
            return self.too_late(tx, interaction, grant.id).await;
        }
        let (handle, code) = Handle::mint(HandleKind::Code, grant.id.0, &self.app.entropy.bytes());
        let binding = CodeBinding {
            redirect_uri: interaction.redirect_uri.clone(),
            redirect_uri_sent: interaction.redirect_uri_sent,
            challenge: interaction.challenge.clone(),
        };
        if !tx.put_code(&handle, &binding, self.now + self.brand.code_lifetime).await? {
            return Ok(View::Nothing(NoView::AlreadyAnswered));
        }
        let event = self.event(interaction, AuditKind::CodeIssued).grant(grant.id);
        let event = self.app.of_customer(tx, self.brand, event, &grant.psu).await?;
        tx.record(&event).await?;
        count::stage(self.brand, interaction, count::Stage::Returned);
        self.leave(&interaction.redirect(self.brand).approve(&code))
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
