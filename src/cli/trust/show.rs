use super::words::{day, state, verification};
use crate::{
    config::{StalePolicy, Staleness},
    pki::trusted_list::{AcceptedList, Snapshot},
    trusted_lists::{granted_for_web, printable, sha256_hex},
};
use time::OffsetDateTime;

pub(super) fn print(snapshot: Option<&Snapshot>, policy: &StalePolicy, services: bool, now: OffsetDateTime) {
    let Some(snapshot) = snapshot else {
        say!("no trusted list was accepted yet");
        return;
    };
    for list in &snapshot.lists {
        say!("{}", line(list, policy, now));
        for service in list.services.iter().filter(|_| services) {
            let keys: Vec<String> =
                service.certificates.iter().map(|der| sha256_hex(der).get(..16).unwrap_or_default().to_owned()).collect();
            say!("    {} | {} | {} | {}", printable(&service.provider), printable(&service.name), state(service, now), keys.join(" "));
        }
    }
    let all = |count: fn(&AcceptedList, OffsetDateTime) -> usize| snapshot.lists.iter().map(|list| count(list, now)).sum::<usize>();
    let (of_all, web) = (all(|list, _| list.services.len()), all(|list, now| granted_for_web(&list.services, now)));
    say!("{} lists, {of_all} services of type CA/QC, {web} granted for websites", snapshot.lists.len());
}

fn line(list: &AcceptedList, policy: &StalePolicy, now: OffsetDateTime) -> String {
    let next_update = list.next_update.map_or_else(|| "none".to_owned(), day);
    let state = match policy.judge(list.next_update, now) {
        Staleness::Fresh => "fresh".to_owned(),
        Staleness::Warn => format!("STALE {}", since(list, now)),
        Staleness::RefuseRegistrations => format!("STALE {}, no registrations", since(list, now)),
        Staleness::Refuse => format!("STALE {}, refused", since(list, now)),
    };
    format!(
        "{} {} (version {}) issued {}, next update {next_update}: {state}; accepted {}; {} services, {} granted for websites; {}",
        list.territory,
        list.sequence,
        list.version,
        day(list.issued_at),
        day(list.accepted_at),
        list.services.len(),
        granted_for_web(&list.services, now),
        verification(&list.verification),
    )
}

fn since(list: &AcceptedList, now: OffsetDateTime) -> String {
    list.next_update.map_or_else(|| "closed".to_owned(), |next_update| format!("for {} days", (now - next_update).whole_days()))
}
