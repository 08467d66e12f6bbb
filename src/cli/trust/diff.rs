use super::{
    desk::{Desk, Judged},
    words::{line, state},
};
use crate::{
    pki::trusted_list::Service,
    trusted_lists::{printable, sha256_hex},
};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// What each list that is vouched for would change, accepted or not.
pub(super) fn print(judged: &[Judged], desk: &Desk) {
    for one in judged {
        say!("{}", line(one, desk));
        let Some(vouched) = &one.vouched else { continue };
        let before = desk.accepted(&vouched.offer.list.territory).map_or(&[][..], |list| &list.services);
        for change in changes(before, &vouched.offer.list.services, desk.now) {
            say!("    {change}");
        }
    }
}

/// Services are the same when their names and keys are.
fn changes(before: &[Service], after: &[Service], now: OffsetDateTime) -> Vec<String> {
    let (was, is) = (by_identity(before, now), by_identity(after, now));
    let mut lines = Vec::new();
    for (identity, state) in &is {
        match was.get(identity) {
            None => lines.push(format!("+ {identity}: {state}")),
            Some(former) if former != state => lines.push(format!("~ {identity}: {former} -> {state}")),
            Some(_) => {}
        }
    }
    lines.extend(was.iter().filter(|(identity, _)| !is.contains_key(*identity)).map(|(identity, state)| format!("- {identity}: {state}")));
    lines
}

fn by_identity(services: &[Service], now: OffsetDateTime) -> BTreeMap<String, String> {
    let identity = |service: &Service| {
        let mut keys: Vec<String> =
            service.certificates.iter().map(|der| sha256_hex(der).get(..16).unwrap_or_default().to_owned()).collect();
        keys.sort();
        format!("{} | {} | {}", printable(&service.provider), printable(&service.name), keys.join(" "))
    };
    services.iter().map(|service| (identity(service), state(service, now))).collect()
}
