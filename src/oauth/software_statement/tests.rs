use super::*;
use proptest::prelude::*;
use serde_json::json;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);
const DIRECTORY: &str = "https://directory.example";
const BANK: &str = "https://bank.example";

fn issuer(max_age: Option<i64>, organisation_claim: Option<&str>) -> StatementIssuer {
    StatementIssuer {
        issuer: DIRECTORY.into(),
        keys: IssuerKeys::Held(Arc::default()),
        algorithms: JwsAlgorithm::ALL.to_vec(),
        max_age: max_age.map(Duration::seconds),
        organisation_claim: organisation_claim.map(str::to_owned),
    }
}

/// Claims of a good statement with some changed; `null` takes one away.
fn signed(changes: &Value) -> Signed {
    let now = NOW.unix_timestamp();
    let mut claims = json!({ "iss": DIRECTORY, "exp": now + 60, "iat": now, "jti": "1", "client_name": "App" });
    let members = claims.as_object_mut().unwrap();
    members.extend(changes.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    Signed { claims: members.clone(), algorithm: JwsAlgorithm::Ps256, typ: None }
}

fn verdict(changes: &Value, issuer: &StatementIssuer) -> Option<StatementRefusal> {
    judge(&signed(changes), issuer, BANK, &OrganisationId::new("PSDFR-ACPR-1"), NOW).err()
}

#[test]
fn b05_a_statement_is_its_issuers_meant_for_us_and_neither_early_nor_late() {
    use StatementRefusal::*;
    let at = |seconds: i64| json!(NOW.unix_timestamp() + seconds);
    let (by_end, by_age) = (issuer(None, None), issuer(Some(600), None));
    for (changes, of_end, of_age) in [
        (json!({}), None, None),
        (json!({ "iss": format!("{DIRECTORY}/") }), Some(Issuer), Some(Issuer)),
        (json!({ "iss": null }), Some(Issuer), Some(Issuer)),
        (json!({ "aud": BANK }), None, None),
        (json!({ "aud": ["https://other.example", BANK] }), None, None),
        (json!({ "aud": "https://other.example" }), Some(Audience), Some(Audience)),
        (json!({ "aud": [] }), Some(Audience), Some(Audience)),
        (json!({ "exp": at(1) }), None, None),
        (json!({ "exp": at(0) }), Some(Expired), Some(Expired)),
        (json!({ "exp": null }), Some(EndMissing), None),
        (json!({ "exp": "soon" }), Some(Time), Some(Time)),
        (json!({ "iat": at(30), "nbf": at(30) }), None, None),
        (json!({ "iat": at(31) }), Some(Ahead), Some(Ahead)),
        (json!({ "nbf": at(60) }), Some(Ahead), Some(Ahead)),
        (json!({ "iat": null }), None, Some(AgeMissing)),
        (json!({ "iat": at(-600) }), None, None),
        (json!({ "iat": at(-601) }), None, Some(TooOld)),
        (json!({ "iat": i64::MIN }), None, Some(TooOld)),
        (json!({ "jti": null }), None, None),
        (json!({ "jti": 7 }), Some(Id), Some(Id)),
        (json!({ "jti": "" }), Some(Id), Some(Id)),
        (json!({ "jti": "x".repeat(257) }), Some(Id), Some(Id)),
        (json!({ "jti": "a\nb" }), Some(Id), Some(Id)),
    ] {
        assert_eq!((verdict(&changes, &by_end), verdict(&changes, &by_age)), (of_end, of_age), "{changes}");
    }
    for (typ, refusal) in [("jwt", None), ("at+jwt", Some(Kind)), ("client-authentication+jwt", Some(Kind))] {
        let other = Signed { typ: Some(typ.into()), ..signed(&json!({})) };
        assert_eq!(judge(&other, &by_end, BANK, &OrganisationId::new("PSDFR-ACPR-1"), NOW).err(), refusal, "{typ}");
    }
}

#[test]
fn b05_a_statement_about_another_organisation_is_nobodys() {
    use StatementRefusal::OtherOrganisation;
    let bound = issuer(None, Some("org_id"));
    for (organisation, refusal) in [
        (json!("PSDFR-ACPR-1"), None),
        (json!("PSDFR-ACPR-2"), Some(OtherOrganisation)),
        (json!(["PSDFR-ACPR-1"]), Some(OtherOrganisation)),
        (json!(""), Some(OtherOrganisation)),
        (json!(null), Some(OtherOrganisation)),
    ] {
        let changes = json!({ "org_id": organisation });
        assert_eq!((verdict(&changes, &bound), verdict(&changes, &issuer(None, None))), (refusal, None), "{organisation}");
    }
}

#[test]
fn b09_whom_nobody_believes_is_not_approved_and_what_is_broken_is_invalid() {
    let none = StatementPolicy::default();
    let some = StatementPolicy { issuers: vec![issuer(None, None)], required: false };
    let by = |claims: Value| {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        json!(format!("{}.{}.AA", part(&json!({ "alg": "PS256" })), part(&claims)))
    };
    for (sent, refusal) in [
        (json!(7), Some(StatementRefusal::NotText)),
        (json!("a.b.c"), Some(JoseRefusal::Malformed.into())),
        (json!("a".repeat(jose::LONGEST + 1)), Some(JoseRefusal::TooLong.into())),
        (by(json!({})), Some(StatementRefusal::IssuerMissing)),
        (by(json!({ "iss": "https://other.example" })), Some(StatementRefusal::Issuer)),
        (by(json!({ "iss": DIRECTORY })), None),
    ] {
        assert_eq!(Presented::read(&sent, &some).err(), refusal, "{sent:.40}");
        assert_eq!(Presented::read(&sent, &none).err(), Some(StatementRefusal::NobodyBelieved));
    }
    let forged = by(json!({ "iss": DIRECTORY }));
    assert_eq!(Presented::read(&forged, &some).unwrap().verify(&KeySet::default()).err(), Some(JoseRefusal::NoKey));
    for refusal in StatementRefusal::all() {
        let told = RegistrationRefusal::from(refusal);
        assert_eq!((told.code.status(), told.field.as_str(), told.why.is_empty()), (400, MEMBER, false));
    }
}

fn over(stated: Value, asked: Value) -> Value {
    let statement = Statement { compact: String::new(), claims: stated.as_object().unwrap().clone() };
    statement.over(asked.as_object().unwrap()).into()
}

#[test]
fn b05_what_is_stated_wins_in_every_language() {
    let asked = json!({
        "software_statement": "..", "client_name": "Mine", "client_name#fr": "Le mien", "tos_uri#fr": "https://a.example/", "contacts": ["me"],
        "client_id": "1", "iss": "me",
    });
    assert_eq!(
        over(json!({ "iss": DIRECTORY, "exp": 1, "software_statement": "..", "client_name": "Theirs", "logo_uri": null }), asked.clone()),
        json!({ "client_name": "Theirs", "tos_uri#fr": "https://a.example/", "contacts": ["me"], "client_id": "1", "iss": "me" }),
    );
    // one translation stands for all: no other is the directory's
    assert_eq!(
        over(json!({ "client_name#de": "Ihre", "contacts": ["them"] }), asked),
        json!({
            "client_name": "Mine", "client_name#de": "Ihre", "tos_uri#fr": "https://a.example/", "contacts": ["them"], "client_id": "1", "iss": "me",
        }),
    );
}

fn members() -> impl Strategy<Value = Map<String, Value>> {
    let names =
        prop::sample::select(vec!["client_name", "client_name#fr", "scope", "jwks", "iss", "exp", "software_statement", "x", "x#y", "#"]);
    let values = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), "[a-c]{0,2}".prop_map(Value::from)];
    prop::collection::vec((names.prop_map(str::to_owned), values), 0..8).prop_map(|members| members.into_iter().collect())
}

proptest! {
    #[test]
    fn b05_no_plain_member_outlives_a_stated_one(claims in members(), asked in members()) {
        let merged = Statement { compact: String::new(), claims: claims.clone() }.over(&asked);
        let counts = |name: &str, value: &Value| !OF_THE_JWT.contains(&name) && !value.is_null();
        for (name, value) in &merged {
            let stated = claims.get(name).filter(|value| counts(name, value));
            prop_assert_eq!(value, stated.or(asked.get(name)).unwrap());
            prop_assert!(name != MEMBER);
        }
        for (name, value) in claims.iter().filter(|(name, value)| counts(name, value)) {
            prop_assert_eq!(merged.get(name), Some(value));
        }
        for name in asked.keys().filter(|name| !name.contains('#') && *name != MEMBER) {
            prop_assert!(merged.contains_key(name));
        }
    }

    #[test]
    fn b05_no_statement_outlives_its_end(iat in -5_000i64..5_000, exp in prop::option::of(-5_000i64..5_000), age in prop::option::of(60i64..4_000)) {
        let at = |seconds: i64| NOW.unix_timestamp() + seconds;
        let changes = json!({ "iat": at(iat), "exp": exp.map(at) });
        let counts = verdict(&changes, &issuer(age, None)).is_none();
        let ends = exp.is_some_and(|exp| exp <= 0) || age.is_some_and(|age| iat + age < 0) || exp.is_none() && age.is_none();
        prop_assert_eq!(counts, !ends && iat <= AHEAD);
    }
}
