//! Whoever changes the audit trail, with every right that there is, is found out, and what he did is named.

use crate::harness::trail::{CHAINS, EVENTS, Trail, kinds, sound};
use guichet::audit::{
    chain::{Head, Leaf, Recorded, Seal},
    finding::{Finding, Place},
    month::Month,
};
use time::Duration;

fn place(brand: &str, number: i64) -> Place {
    Place { brand: brand.to_owned(), number }
}

/// Of cic, in its third seal.
async fn victim(trail: &mut Trail) -> Recorded {
    trail.events("cic").await[2 * EVENTS + 3].clone()
}

#[tokio::test]
async fn an_untouched_trail_holds() {
    let mut trail = Trail::sealed().await;
    let report = trail.verify().await;
    sound(&report);
    let events = 6 * EVENTS * CHAINS.len();
    assert_eq!((report.counts.events, report.counts.seals, report.counts.open), (events as u64, 18, 0));
    assert_eq!(report.heads.len(), CHAINS.len());
    // what is not sealed yet is no fault
    trail.write("cic", guichet::audit::AuditKind::TokenIssued, trail.now).await;
    let report = trail.verify().await;
    sound(&report);
    assert_eq!(report.counts.open, 1);
    assert_eq!(trail.count("select count(*) from audit_events").await, events as i64 + 1);
}

#[tokio::test]
async fn a_changed_event_is_named_whatever_was_changed() {
    for change in [
        "reason = 'another'",
        "reason = null",
        "actor = ''",
        "kind = 'token_refreshed'",
        "at = at + interval '1 microsecond'",
        "client_id = null",
        "grant_id = client_id",
        "organisation = 'PSDFR-ACPR-1'",
        "subject = reason, reason = null",
    ] {
        let mut trail = Trail::sealed().await;
        let id = victim(&mut trail).await.id;
        trail.tamper(&format!("update audit_events set {change} where id = '{id}'")).await;
        assert_eq!(trail.verify().await.findings, [Finding::Changed { id, at: place("cic", 3) }], "{change}");
    }
}

#[tokio::test]
async fn an_event_that_was_removed_added_or_moved_is_named() {
    let mut trail = Trail::sealed().await;
    let id = victim(&mut trail).await.id;
    trail.tamper(&format!("delete from audit_events where id = '{id}'")).await;
    assert_eq!(trail.verify().await.findings, [Finding::Missing { id, at: place("cic", 3) }]);

    let mut trail = Trail::sealed().await;
    let id = victim(&mut trail).await.id;
    let added = uuid::Uuid::from_u128(id.as_u128() ^ 1);
    trail
        .tamper(&format!(
            "insert into audit_events (id, at, brand, kind, client_id, reason, position)
             select '{added}', at, brand, kind, client_id, reason, position from audit_events where id = '{id}'"
        ))
        .await;
    assert_eq!(trail.verify().await.findings, [Finding::Added { id: added, at: place("cic", 3) }]);

    // the id itself
    let mut trail = Trail::sealed().await;
    let id = victim(&mut trail).await.id;
    let other = uuid::Uuid::from_u128(id.as_u128() ^ 1);
    trail.tamper(&format!("update audit_events set id = '{other}' where id = '{id}'")).await;
    let at = place("cic", 3);
    assert_eq!(trail.verify().await.findings, [Finding::Added { id: other, at: at.clone() }, Finding::Missing { id, at }]);

    // into another brand's trail
    let mut trail = Trail::sealed().await;
    let id = victim(&mut trail).await.id;
    trail.tamper(&format!("update audit_events set brand = 'labanquepostale' where id = '{id}'")).await;
    let moved = Finding::Moved { id, from: place("cic", 3), to: place("labanquepostale", 3) };
    assert_eq!(trail.verify().await.findings, [moved]);

    // to another time
    let mut trail = Trail::sealed().await;
    let (id, later) = (victim(&mut trail).await.id, trail.events("cic").await[4 * EVENTS].position);
    trail.tamper(&format!("update audit_events set position = {later} where id = '{id}'")).await;
    assert_eq!(trail.verify().await.findings, [Finding::Moved { id, from: place("cic", 3), to: place("cic", 5) }]);

    // where everything is sealed, behind the last seal
    let mut trail = Trail::sealed().await;
    let id = victim(&mut trail).await.id;
    trail.tamper("update audit_horizon set position = position + 1000").await;
    trail
        .tamper(&format!(
            "insert into audit_events (id, at, brand, kind, position) select '{added}', at, 'cic', kind, \
                           (select position - 1 from audit_horizon) from audit_events where id = '{id}'"
        ))
        .await;
    assert_eq!(trail.verify().await.findings, [Finding::NotSealed { id: added, brand: "cic".into() }]);
}

#[tokio::test]
async fn events_that_changed_places_are_named() {
    let mut trail = Trail::sealed().await;
    let events = trail.events("cic").await;
    let [one, two] = [&events[2 * EVENTS], &events[2 * EVENTS + 2]].map(Clone::clone);
    for (event, position) in [(&one, two.position), (&two, one.position)] {
        trail.tamper(&format!("update audit_events set position = {position} where id = '{}'", event.id)).await;
    }
    let at = || place("cic", 3);
    let mut findings = trail.verify().await.findings;
    findings.sort_by_key(ToString::to_string);
    let mut expected = [
        Finding::Reordered { id: one.id, at: at(), was: one.position, is: two.position },
        Finding::Reordered { id: two.id, at: at(), was: two.position, is: one.position },
    ];
    expected.sort_by_key(ToString::to_string);
    assert_eq!(findings, expected);
}

#[tokio::test]
async fn a_seal_that_was_changed_removed_or_made_anew_is_named() {
    let at = |number| place("cic", number);
    for change in
        ["root = previous", "events = events + 1", "sealed_at = sealed_at + interval '1 second'", "first_id = last_id", "hash = root"]
    {
        let mut trail = Trail::sealed().await;
        trail.tamper(&format!("update audit_seals set {change} where brand = 'cic' and number = 3")).await;
        let findings = trail.verify().await.findings;
        assert!(findings.contains(&Finding::SealChanged { at: at(3) }), "{change}: {findings:?}");
    }

    // with its events, as somebody does who has read how it is made
    let mut trail = Trail::sealed().await;
    let mut event = victim(&mut trail).await;
    event.reason = None;
    let leaf = event.leaf();
    trail.tamper(&format!("update audit_events set reason = null where id = '{}'", event.id)).await;
    let mut seal = trail.seals("cic").await[2].clone();
    let leaves = seal.leaves.as_mut().unwrap();
    let index = leaves.iter().position(|other| other.id == leaf.id).unwrap();
    leaves[index] = leaf;
    put(&mut trail, &seal).await;
    assert_eq!(trail.verify().await.findings, [Finding::SealChanged { at: at(3) }], "the root is not that of the leaves");
    seal.root = guichet::audit::chain::root(seal.leaves.as_ref().unwrap());
    seal.hash = seal.computed_hash();
    put(&mut trail, &seal).await;
    assert_eq!(trail.verify().await.findings, [Finding::SealOutOfPlace { at: at(4) }], "the next one knows the former");

    let mut trail = Trail::sealed().await;
    trail.tamper("delete from audit_seals where brand = 'cic' and number = 3").await;
    assert_eq!(trail.verify().await.findings, [Finding::SealsMissing { brand: "cic".into(), first: 3, last: 3 }]);
    let mut trail = Trail::sealed().await;
    trail.tamper("delete from audit_seals where brand = 'cic' and number < 3; delete from audit_events where brand = 'cic'").await;
    assert!(trail.verify().await.findings.contains(&Finding::SealsMissing { brand: "cic".into(), first: 1, last: 2 }));

    // without its leaves it could be over anything
    let mut trail = Trail::sealed().await;
    let id = victim(&mut trail).await.id;
    trail.tamper(&format!("update audit_seals set leaf_ids = null, leaf_hashes = null where brand = 'cic' and number = 3; delete from audit_events where id = '{id}'")).await;
    assert!(trail.verify().await.findings.contains(&Finding::LeavesGone { at: at(3) }));
}

async fn put(trail: &mut Trail, seal: &Seal) {
    let Seal { brand, number, root, previous, hash, .. } = seal;
    let leaves: Vec<String> = seal.leaves.iter().flatten().map(|Leaf { hash, .. }| hash.to_string()).collect();
    trail
        .tamper(&format!(
            "update audit_seals set leaf_hashes = '\\x{}', root = '\\x{root}', previous = '\\x{previous}', hash = '\\x{hash}'
             where brand = '{brand}' and number = {number}",
            leaves.concat()
        ))
        .await;
}

#[tokio::test]
async fn a_trail_that_was_cut_off_or_made_anew_does_not_fit_what_was_told_outside() {
    let cut = "delete from audit_events where brand = 'cic' and position >= (select from_position from audit_seals where brand = 'cic' and number = 5);
               delete from audit_seals where brand = 'cic' and number >= 5";
    let mut trail = Trail::sealed().await;
    let told = trail.anchor().await;
    sound(&trail.verify_with(told.clone()).await);
    trail.tamper(cut).await;
    let finding = || Finding::CutOff { at: place("cic", 6), head: 4 };
    assert_eq!(trail.verify().await.findings, [finding()], "by the database's own anchors");
    trail.tamper("delete from audit_anchors").await;
    sound(&trail.verify().await);
    assert_eq!(trail.verify_with(told.clone()).await.findings, [finding()], "by those outside");

    let mut trail = Trail::sealed().await;
    let told = trail.anchor().await;
    trail
        .tamper("delete from audit_anchors; delete from audit_events where brand = 'cic'; delete from audit_seals where brand = 'cic'")
        .await;
    assert_eq!(trail.verify_with(told).await.findings, [Finding::CutOff { at: place("cic", 6), head: 0 }], "all of it");

    // the whole chain, by our own code
    let mut trail = Trail::sealed().await;
    let told = trail.anchor().await;
    let id = victim(&mut trail).await.id;
    trail.tamper(&format!("update audit_events set reason = null where id = '{id}'; delete from audit_anchors")).await;
    let (events, seals) = (trail.events("cic").await, trail.seals("cic").await);
    let mut head = Head::none("cic");
    for seal in seals {
        let under: Vec<_> = events.iter().filter(|event| (seal.from..seal.to).contains(&event.position)).cloned().collect();
        let anew = head.seal(&under, seal.to, seal.sealed_at).unwrap();
        put(&mut trail, &anew).await;
        head = anew.head();
    }
    sound(&trail.verify().await);
    let findings = trail.verify_with(told.clone()).await.findings;
    let cic = told.iter().find(|head| head.brand == "cic").unwrap();
    assert_eq!(findings, [Finding::Rewritten { at: place("cic", 6), told: cic.hash, is: head.hash }]);
}

#[tokio::test]
async fn a_month_that_is_gone_without_a_word_is_named() {
    let mut trail = Trail::sealed().await;
    let month = Month::of(trail.now - Duration::days(75 * 31));
    trail.tamper(&format!("drop table {}", month.table())).await;
    let report = trail.verify().await;
    assert_eq!(report.findings, [Finding::MonthGone { month, events: (2 * EVENTS * CHAINS.len()) as u64 }]);
    assert_eq!((kinds(&report), report.counts.findings), (vec!["month_missing"], 1));

    // a month that is there is judged event by event
    let mut trail = Trail::sealed().await;
    trail.tamper(&format!("delete from {}", month.table())).await;
    let report = trail.verify().await;
    assert!(report.findings.iter().all(|finding| finding.name() == "event_missing") && report.findings.len() == 2 * EVENTS * CHAINS.len());
}
