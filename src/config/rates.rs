//! `[rate_limits]`: how fast an address, an organisation, a client may come.

use super::{
    proxies,
    reader::{Reader, text},
};
use crate::limits::{Limit, Rate, Rates};
use ipnet::IpNet;
use toml::de::DeValue;

/// Of the installation, and whom no limit by address is for.
pub(super) fn read(table: &mut Reader<'_>) -> (Rates, Vec<IpNet>) {
    let mut rates = Rates::default();
    for limit in Limit::ALL {
        if let Some(rate) = table.need(limit.name(), rate) {
            rates.set(limit, rate);
        }
    }
    let exempt = table.list("exempt_addresses", proxies::network);
    table.finish();
    (rates, exempt)
}

/// `[brand.rate_limits]`: where the brand differs.
pub(super) fn of_brand(table: &mut Reader<'_>, general: &Rates) -> Rates {
    let mut rates = general.clone();
    for limit in Limit::ALL.into_iter().filter(|limit| limit.is_brands()) {
        if let Some(rate) = table.may(limit.name(), rate) {
            rates.set(limit, rate);
        }
    }
    table.finish();
    rates
}

fn rate(value: &DeValue<'_>) -> Result<Rate, String> {
    let text = text(value)?;
    Rate::parse(&text).ok_or_else(|| "must be written like \"20/s burst 100\" (s, min or h), or \"off\"".to_owned())
}
