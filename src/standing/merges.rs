use crate::oauth::tpp::OrganisationId;
use time::OffsetDateTime;

/// Organisations that became one: a merger, or a new number of the same institution.
#[derive(Clone, Debug, Default)]
pub struct Merges;

impl Merges {
    /// Who an organisation is now, where that is another than it was.
    pub const fn resolve(&self, _organisation: &OrganisationId, _now: OffsetDateTime) -> Option<&OrganisationId> {
        None
    }
}
