//! What a challenge's answer is worth: an approval counts if it is of this challenge, of what was asked, and of its time.

use super::Journey;
use crate::{
    flows::conclusion::Approval,
    oauth::{
        grant::ScaEvidence,
        interaction::{Challenge, Interaction, SignedIn},
        method::MethodKind,
        payment::Payment,
        sca::ScaFailure,
    },
    sca::{Fault, Outcome, Proof, Standing},
};
use time::Duration;

/// Two machines' clocks may differ by this.
const CLOCKS_DIFFER: Duration = Duration::seconds(5);

pub(super) enum Judged {
    Waits(Challenge),
    Approved(Approval),
    Ends(ScaFailure),
    NoAnswer(Fault),
}

impl Journey<'_> {
    pub(super) fn judge(
        &self,
        interaction: &Interaction,
        payment: Option<&Payment>,
        who: &SignedIn,
        challenge: &Challenge,
        Standing { reference, outcome }: Standing,
    ) -> Judged {
        if challenge.reference.as_ref().is_some_and(|known| *known != reference) {
            return Judged::NoAnswer(Fault::WrongChallenge);
        }
        match outcome {
            Outcome::Pending { hint, until } => Judged::Waits(Challenge {
                reference: Some(reference),
                hint: hint.or_else(|| challenge.hint.clone()),
                until: until.map_or(challenge.until, |until| until.min(challenge.until)),
                unanswered: 0,
                ..challenge.clone()
            }),
            Outcome::WrongCode { attempts_left } => match challenge.kind {
                MethodKind::Otp if attempts_left == 0 => Judged::Ends(ScaFailure::OtpSuspended),
                MethodKind::Otp => Judged::Waits(Challenge { wrong: true, unanswered: 0, ..challenge.clone() }),
                MethodKind::App => Judged::NoAnswer(Fault::WrongChallenge),
            },
            Outcome::Failed(failure) => Judged::Ends(failure),
            Outcome::Approved(proof) => match self.fault_of(interaction, payment, challenge, &proof) {
                Some(fault) => Judged::NoAnswer(fault),
                None => Judged::Approved(Approval {
                    psu: who.psu.clone(),
                    sca_at: proof.at.clamp(challenge.asked_at, self.now),
                    evidence: ScaEvidence { method: proof.method, reference: Some(reference) },
                    accounts: who.accounts.clone(),
                }),
            },
        }
    }

    /// RTS art. 5: what came back must be what the customer was shown, and it is computed anew from what is lodged now.
    fn fault_of(&self, interaction: &Interaction, payment: Option<&Payment>, challenge: &Challenge, proof: &Proof) -> Option<Fault> {
        let in_time = challenge.asked_at - CLOCKS_DIFFER..=self.now + CLOCKS_DIFFER;
        if !interaction.linked_hash(payment).is(&proof.linked_hash) {
            Some(Fault::WrongHash)
        } else if proof.method != challenge.method {
            Some(Fault::WrongChallenge)
        } else if !in_time.contains(&proof.at) {
            Some(Fault::WrongTime)
        } else {
            None
        }
    }
}
