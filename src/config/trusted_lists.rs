//! `[trust.lists]`: how the EU trusted lists are got and accepted, and how long they are good for.

use super::{
    context::Context,
    reader::{Reader, text},
};
use crate::pki::staleness::StalePolicy;
use std::{collections::BTreeSet, path::PathBuf, time::Duration};
use toml::de::DeValue;
use url::Url;

const DAY: u64 = 86_400;
const LONGEST_DAYS: u64 = 36_500;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedLists {
    /// The list of lists.
    pub lotl_url: String,
    /// PEM: who may sign it. None: those of the Official Journal that are compiled in.
    pub lotl_signers_file: Option<PathBuf>,
    /// URL of the publication that those signers are from, as the list of lists writes it.
    pub official_journal: String,
    /// Territories, as the lists write them (`EL`, `UK`).
    pub exclude: Vec<String>,
    /// Of one list.
    pub max_bytes: usize,
    /// Of its services granted for websites, that a list may lose without an operator's word.
    pub max_loss_percent: u64,
    /// For one list.
    pub fetch: Duration,
}

pub(super) fn read(table: &mut Reader<'_>, context: &Context) -> (TrustedLists, StalePolicy) {
    let exclude: BTreeSet<_> = table.list("exclude", territory).into_iter().collect();
    let lists = TrustedLists {
        lotl_url: table.need("lotl_url", url).unwrap_or_default(),
        lotl_signers_file: context.optional_file(table, "lotl_signers_file"),
        official_journal: table.need("official_journal", url).unwrap_or_default(),
        exclude: exclude.into_iter().collect(),
        max_bytes: table.size("max_bytes", 65_536..=16 << 20),
        max_loss_percent: table.number("max_loss_percent", 1..=100),
        fetch: Duration::from_secs(table.number("fetch_seconds", 1..=600)),
    };
    let mut days = |key| Duration::from_secs(table.number(key, 0..=LONGEST_DAYS) * DAY);
    let stale = StalePolicy {
        warn_after: days("warn_after_days"),
        refuse_registrations_after: days("refuse_registrations_after_days"),
        refuse_after: days("refuse_after_days"),
    };
    if stale.warn_after > stale.refuse_registrations_after || stale.refuse_registrations_after > stale.refuse_after {
        let order =
            "`warn_after_days`, `refuse_registrations_after_days` and `refuse_after_days` of `trust.lists` must not fall in this order";
        table.note("refuse_after_days", order);
    }
    table.finish();
    (lists, stale)
}

fn territory(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    let fits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    if fits { Ok(text) } else { Err("must be a territory of two capital letters, such as UK".into()) }
}

fn url(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    let read = Url::parse(&text).map_err(|e| format!("is no URL: {e}"))?;
    if matches!(read.scheme(), "http" | "https") { Ok(text) } else { Err("must begin with http:// or https://".into()) }
}
