//! What journeys and tokens come to, counted by brand: the funnel of a journey, how SCA ends, what was issued and given back.

use crate::{
    oauth::{brand::Brand, fault::FaultSide, interaction::Interaction, sca::ScaFailure, secret::HandleKind},
    telemetry::request::{self, Facts},
};

/// How far a journey got. Where the bank's portal or app has the customer, nothing between the first and the end is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Begun,
    /// Signed in.
    Identified,
    Consented,
    /// A method is chosen, the bank is asked.
    ScaBegun,
    Approved,
    Failed,
    /// The TPP is told: each time the browser, or the app, fetches the answer.
    Returned,
}

impl Stage {
    const fn name(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Identified => "identified",
            Self::Consented => "consented",
            Self::ScaBegun => "sca_begun",
            Self::Approved => "approved",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }
}

pub(super) fn stage(brand: &Brand, interaction: &Interaction, stage: Stage) {
    let (brand, channel) = (brand.id.shared(), interaction.channel.clone());
    metrics::counter!("guichet_interactions_total", "brand" => brand, "channel" => channel, "stage" => stage.name()).increment(1);
}

pub(super) fn sca_failure(brand: &Brand, channel: &str, failure: ScaFailure) {
    let (brand, channel, fault) = (brand.id.shared(), channel.to_owned(), FaultSide::of_sca(failure).name());
    let reason = failure.name();
    metrics::counter!("guichet_sca_failures_total", "brand" => brand, "channel" => channel, "reason" => reason, "fault" => fault)
        .increment(1);
}

/// By what a token was got. The service is what the request was found to be about.
pub(super) fn issued(brand: &Brand, grant_type: &'static str) {
    let (brand, role) = (brand.id.shared(), request::known(Facts::role).unwrap_or("none"));
    metrics::counter!("guichet_tokens_issued_total", "brand" => brand, "role" => role, "grant_type" => grant_type).increment(1);
}

pub(super) fn revoked(brand: &Brand, kind: HandleKind) {
    let kind = if kind == HandleKind::RefreshToken { "refresh_token" } else { "access_token" };
    metrics::counter!("guichet_tokens_revoked_total", "brand" => brand.id.shared(), "kind" => kind).increment(1);
}
