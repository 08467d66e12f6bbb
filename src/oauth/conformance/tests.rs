use super::*;
use crate::{
    config::{BrandPlace, shipped_brand},
    oauth::{
        brand::PsuAuthentication,
        practice::Seen,
        profile::{Profiles, SecurityProfile::Fapi2},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime, macros::datetime};

const DAY: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);
const BOTH: Profiles = Profiles { least: SecurityProfile::Legacy, most: Fapi2 };

fn brand(bank: &str, profiles: Profiles) -> Brand {
    let (issuer, tpp_origin) = ("https://bank.example".to_owned(), "https://api.bank.example".to_owned());
    let place = BrandPlace {
        id: None,
        sandbox: true,
        psu_origin: issuer.clone(),
        issuer,
        tpp_origin,
        psu_authentication: Some(PsuAuthentication::Simulator),
    };
    Brand { profiles, ..shipped_brand(bank, place).unwrap() }
}

fn metadata(more: &Value) -> ClientMetadata {
    let mut metadata = json!({
        "redirect_uris": [], "token_endpoint_auth_method": "tls_client_auth", "grant_types": [], "response_types": [],
        "client_name": "Tipp", "scope": "aisp", "provider_legal_id": "PSDFR-ACPR-1",
    });
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(metadata).unwrap()
}

/// Seen so often, last on the day.
fn seen(practices: &[(Practice, i64)]) -> SeenPractices {
    let seen = |times| Seen { times, first_at: DAY - Duration::days(5), last_at: DAY };
    practices.iter().map(|(practice, times)| (*practice, seen(*times))).collect()
}

fn judged(
    brand: &Brand,
    registered: &Value,
    held_to: Option<SecurityProfile>,
    practices: &[(Practice, i64)],
) -> BTreeMap<&'static str, Finding> {
    let (metadata, seen) = (metadata(registered), seen(practices));
    let facts = ClientFacts { brand, metadata: &metadata, in_force: brand.profiles.of(&metadata, held_to), seen: &seen };
    of_client(&facts).map(|(line, finding)| (line.number, finding)).collect()
}

fn word(finding: &Finding) -> (&'static str, Option<Whose>) {
    (finding.name(), finding.whose())
}

#[test]
fn each_line_is_there_once_and_judged_for_the_brand_or_for_each_client() {
    let cic = brand("cic", BOTH);
    let of_brand: Vec<_> = of_brand(&cic).map(|(line, _)| line.number).collect();
    let of_client: Vec<_> = judged(&cic, &json!({}), None, &[]).into_keys().collect();
    let mut all = [of_brand, of_client.clone()].concat();
    all.sort_unstable();
    assert!(all.iter().copied().eq(LINES.iter().map(|line| line.number)), "{all:?}");
    assert_eq!(of_client, ["A05", "A18", "A20", "A28", "A29", "A31", "A33", "A37", "A54"]);
}

#[test]
fn before_anything_is_seen_only_what_settings_and_registration_say_is_found() {
    let (tpp, profile, bank) = (Some(Whose::Tpp), Some(Whose::Profile), Some(Whose::Bank));
    for (name, profiles, registered, expected) in [
        (
            "cic",
            BOTH,
            json!({}),
            [
                ("not_seen_yet", None),
                ("not_seen_yet", None),
                ("not_seen_yet", None),
                ("met", None),
                ("met", None),
                ("met", None),
                ("not_met", profile),
                ("met", None),
                ("not_seen_yet", None),
            ],
        ),
        // where nothing can be pushed, no client is to blame
        (
            "cic",
            Profiles::LEGACY,
            json!({}),
            [
                ("not_seen_yet", None),
                ("not_met", bank),
                ("not_met", bank),
                ("met", None),
                ("met", None),
                ("met", None),
                ("not_met", profile),
                ("met", None),
                ("not_seen_yet", None),
            ],
        ),
        // at a bank with secrets each client shows one
        (
            "labanquepostale",
            BOTH,
            json!({}),
            [
                ("not_seen_yet", None),
                ("not_seen_yet", None),
                ("not_seen_yet", None),
                ("not_met", tpp),
                ("met", None),
                ("met", None),
                ("not_met", profile),
                ("met", None),
                ("not_seen_yet", None),
            ],
        ),
        // one that signs and pushes by its own choice
        (
            "cic",
            BOTH,
            json!({ "token_endpoint_auth_method": "private_key_jwt", "require_pushed_authorization_requests": true }),
            [
                ("not_seen_yet", None),
                ("met", None),
                ("not_seen_yet", None),
                ("met", None),
                ("not_seen_yet", None),
                ("met", None),
                ("not_met", profile),
                ("met", None),
                ("not_seen_yet", None),
            ],
        ),
    ] {
        let found: Vec<_> = judged(&brand(name, profiles), &registered, None, &[]).values().map(word).collect();
        assert_eq!(found, expected, "{name} {registered}");
    }
}

#[test]
fn what_was_seen_decides_and_who_goes_both_ways_has_not_left_the_wrong_one() {
    let cic = brand("cic", BOTH);
    let signs = json!({ "token_endpoint_auth_method": "private_key_jwt" });
    for (line, right, wrong) in [
        ("A05", Practice::ChallengeSent, Practice::ChallengeMissing),
        ("A18", Practice::RequestPushed, Practice::RequestInQuery),
        ("A20", Practice::RedirectPushed, Practice::RedirectNotPushed),
        ("A29", Practice::AssertedToIssuer, Practice::AssertedToOther),
        ("A54", Practice::TokenInHeader, Practice::TokenInQuery),
    ] {
        for (practices, expected) in [
            (&[(right, 3)][..], ("met", None)),
            (&[(wrong, 1)], ("not_met", Some(Whose::Tpp))),
            (&[(right, 40), (wrong, 2)], ("not_met", Some(Whose::Tpp))),
        ] {
            assert_eq!(word(&judged(&cic, &signs, None, practices)[line]), expected, "{line} {practices:?}");
        }
    }
    let found = judged(&cic, &json!({}), None, &[(Practice::RequestPushed, 40), (Practice::RequestInQuery, 2)]);
    assert_eq!(found["A18"].why(), "2026-11-27 last seen in the query: 2 of 42 times since 2026-11-22");
    let found = judged(&cic, &signs, None, &[(Practice::SignedPs256, 1), (Practice::SignedEdDsa, 1)]);
    assert_eq!(found["A31"], Finding::met("seen: PS256, EdDSA"));
}

#[test]
fn of_a_client_that_is_held_to_fapi2_nothing_but_old_tokens_counts() {
    let wrong = [
        (Practice::ChallengeMissing, 1),
        (Practice::RequestInQuery, 1),
        (Practice::RedirectNotPushed, 1),
        (Practice::BySecret, 1),
        (Practice::AssertedToOther, 1),
    ];
    for bank in ["cic", "labanquepostale"] {
        let brand = brand(bank, BOTH);
        let signs = json!({ "token_endpoint_auth_method": "private_key_jwt" });
        for (registered, held_to) in [(json!({ "security_profile": "fapi2" }), None), (json!({}), Some(Fapi2)), (signs, Some(Fapi2))] {
            let found = judged(&brand, &registered, held_to, &wrong);
            let unmet: Vec<_> = found.iter().filter(|(_, finding)| finding.name() != "met").map(|(line, _)| *line).collect();
            assert_eq!(unmet, ["A54"], "{bank} {registered}: {found:?}");
            // a bearer token of before opens the API as ever
            let found = judged(&brand, &registered, held_to, &[(Practice::UnboundTokenUsed, 1), (Practice::BoundTokenUsed, 1)]);
            assert_eq!(word(&found["A33"]), ("not_met", Some(Whose::Tpp)));
        }
    }
}

#[test]
fn a_bank_that_rotates_stops_that_for_whom_it_holds_to_fapi2() {
    let mut cic = brand("cic", BOTH);
    cic.scopes.iter_mut().for_each(|policy| policy.refresh_token_rotation = true);
    assert_eq!(word(&judged(&cic, &json!({}), None, &[])["A37"]), ("not_met", Some(Whose::Profile)));
    assert_eq!(word(&judged(&cic, &json!({}), Some(Fapi2), &[])["A37"]), ("met", None));
}
