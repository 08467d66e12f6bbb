//! Who does it, and why: the bodies that several acts share.

use serde::Deserialize;
use utoipa::ToSchema;

/// Who does it, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlainOrder {
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    /// For the bank's own people; never shown outside.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// Who does it, why, and what customers are told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticedOrder {
    /// Who does it.
    #[schema(min_length = 1, max_length = 256)]
    pub by: String,
    /// For the bank's own people; never shown outside.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
    /// What the customers concerned are told; a line is a paragraph.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub psu_notice: Option<String>,
}
