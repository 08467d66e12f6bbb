//! What the bank's people are shown of FAPI 2.0: line by line, of a brand and of its clients.

use crate::oauth::{
    client::ClientId,
    conformance::{self, ClientFacts, Finding, Line, Whose},
    practice::SeenPractices,
    profile::SecurityProfile,
    tpp::OrganisationId,
};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A line of FAPI 2.0, and what was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineView {
    /// As in docs/rules.md.
    #[schema(example = "A18")]
    pub line: &'static str,
    pub asks: &'static str,
    /// Of the FAPI 2.0 Security Profile.
    pub section: &'static str,
    /// `met`, `not_met` or `not_seen_yet`.
    #[schema(example = "not_met")]
    pub finding: &'static str,
    /// How that is known, or what would show it.
    pub why: String,
    /// Of what is not met: who has to do something about it. `profile`: it is met as soon as the client is held to `fapi2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whose: Option<Whose>,
}

impl LineView {
    fn new((line, finding): (&'static Line, Finding)) -> Self {
        let Line { number, asks, section, .. } = line;
        Self { line: number, asks, section, finding: finding.name(), why: finding.why().to_owned(), whose: finding.whose() }
    }
}

/// What no client is the cause of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BrandConformance {
    pub brand: String,
    /// Clients may be held to FAPI 2.0.
    pub offers_fapi2: bool,
    pub lines: Vec<LineView>,
}

impl BrandConformance {
    pub fn of(brand: &crate::oauth::brand::Brand) -> Self {
        let lines = conformance::of_brand(brand).map(LineView::new).collect();
        Self { brand: brand.id.to_string(), offers_fapi2: brand.profiles.offer_fapi2(), lines }
    }
}

/// What a client was seen to do.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PracticeView {
    #[schema(example = "request_in_query")]
    pub practice: &'static str,
    pub times: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
}

/// One client.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClientConformance {
    #[schema(value_type = String)]
    pub client_id: ClientId,
    pub brand: String,
    /// organizationIdentifier.
    #[schema(value_type = String)]
    pub organisation: OrganisationId,
    pub client_name: String,
    /// The rules that it is held to now.
    pub security_profile: SecurityProfile,
    /// What the bank holds it to, over what it registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_to: Option<SecurityProfile>,
    /// Lines that its software does not meet: held to `fapi2`, it would break.
    pub lacks: Vec<&'static str>,
    /// Lines of which nothing was seen.
    pub not_seen_yet: Vec<&'static str>,
    pub lines: Vec<LineView>,
    pub seen: Vec<PracticeView>,
}

/// Who it is.
pub struct Named {
    pub client_id: ClientId,
    pub organisation: OrganisationId,
    pub client_name: String,
    pub held_to: Option<SecurityProfile>,
}

impl ClientConformance {
    pub fn of(named: Named, facts: &ClientFacts<'_>) -> Self {
        let lines: Vec<_> = conformance::of_client(facts).map(LineView::new).collect();
        let named_by = |wanted: &dyn Fn(&LineView) -> bool| lines.iter().filter(|line| wanted(line)).map(|line| line.line).collect();
        let (lacks, not_seen_yet) =
            (named_by(&|line| line.whose == Some(Whose::Tpp)), named_by(&|line| line.finding == Finding::NotSeen("").name()));
        let Named { client_id, organisation, client_name, held_to } = named;
        Self {
            client_id,
            brand: facts.brand.id.to_string(),
            organisation,
            client_name,
            security_profile: facts.in_force,
            held_to,
            lacks,
            not_seen_yet,
            lines,
            seen: seen(facts.seen),
        }
    }
}

fn seen(practices: &SeenPractices) -> Vec<PracticeView> {
    let view = |(practice, seen): (&crate::oauth::practice::Practice, &crate::oauth::practice::Seen)| PracticeView {
        practice: practice.name(),
        times: seen.times,
        first_seen_at: seen.first_at,
        last_seen_at: seen.last_at,
    };
    practices.iter().map(view).collect()
}

/// Live clients, oldest first, and the brands they are of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConformancePage {
    /// What was seen before this counts no more.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
    pub brands: Vec<BrandConformance>,
    pub clients: Vec<ClientConformance>,
    /// There may be more: send it as `after`. A page may hold fewer than asked for, even none, and not be the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}
