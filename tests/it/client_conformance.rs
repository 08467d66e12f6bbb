//! What each client still lacks for FAPI 2.0: from what is configured and registered, and from what was seen on the wire.

use crate::{
    harness::{
        Bank, BankOptions, CIC,
        fapi2::REQUEST,
        psu::Psu,
        tpp::{CALLBACK, Client, Tpp},
        wire::encode,
    },
    standing_blocks::replicas,
};
use guichet::{
    clock::Clock,
    oauth::{
        conformance::LINES,
        tpp::PspRole::{AccountInformation, PaymentInitiation},
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use time::Date;

const ROLES: [guichet::oauth::tpp::PspRole; 2] = [AccountInformation, PaymentInitiation];

fn options() -> BankOptions {
    let extra = "[brand.security]\nclients_may_choose = \"fapi2\"".to_owned();
    BankOptions { brands: vec![CIC], one_brand_extra: Some((CIC, extra)), ..BankOptions::default() }
}

async fn bank() -> Bank {
    let bank = Bank::with(options()).await;
    bank.write_config(&options());
    bank
}

/// Of one client: its report, as it is printed for programs.
async fn report(bank: &Bank, client: &str, args: &[&str]) -> Value {
    let told = bank.operator(&[&["client", "conformance", client, "--json"], args].concat()).await;
    serde_json::from_str(&told).unwrap()
}

fn client_of(report: &Value) -> &Value {
    assert_eq!(report["clients"].as_array().unwrap().len(), 1, "{report}");
    &report["clients"][0]
}

/// Each line of a client: finding and why.
fn lines(report: &Value) -> BTreeMap<&str, (&str, &str)> {
    let lines = client_of(report)["lines"].as_array().unwrap().iter();
    lines.map(|line| (line["line"].as_str().unwrap(), (line["finding"].as_str().unwrap(), line["why"].as_str().unwrap()))).collect()
}

fn times(report: &Value, practice: &str) -> Option<i64> {
    let seen = client_of(report)["seen"].as_array().unwrap().iter();
    seen.into_iter().find(|seen| seen["practice"] == practice).map(|seen| seen["times"].as_i64().unwrap())
}

/// The report, once so many were seen.
async fn seen(bank: &Bank, client: &str, practice: &str, often: i64, args: &[&str]) -> Value {
    bank.clock.advance(time::Duration::MINUTE);
    for _ in 0..100 {
        let told = report(bank, client, args).await;
        if times(&told, practice) == Some(often) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{practice} was not seen {often} times: {}", report(bank, client, args).await)
}

fn tomorrow(bank: &Bank) -> Date {
    bank.clock.now().date().next_day().unwrap()
}

/// A journey by way of PAR, and its tokens.
pub async fn pushed_tokens(client: &Client<'_>) -> Value {
    let par = format!("/{}/par", client.brand.id);
    let pushed = client.post(&par, &REQUEST).await.ok(201).json();
    let query = encode(&[("client_id", &client.id), ("request_uri", pushed["request_uri"].as_str().unwrap())]);
    let url = format!("{}{}?{query}", client.tpp.bank.origin(client.brand.psu_host), client.brand.channel("web").1);
    let landing = Psu::open(client.tpp.bank, client.brand, &url).await.approve().await;
    client.redeem("web", "aisp", landing.code()).await.ok(200).json()
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

#[tokio::test]
async fn before_any_traffic_the_report_has_every_line_and_says_what_was_not_seen_yet() {
    let bank = bank().await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let told = report(&bank, &client.id, &[]).await;
    let of_brand = told["brands"][0]["lines"].as_array().unwrap();
    let mut all: Vec<_> = of_brand.iter().chain(client_of(&told)["lines"].as_array().unwrap()).collect();
    all.sort_by_key(|line| line["line"].as_str().unwrap());
    assert!(all.iter().map(|line| line["line"].as_str().unwrap()).eq(LINES.iter().map(|line| line.number)), "{told}");
    assert_eq!(client_of(&told)["not_seen_yet"], json!(["A05", "A18", "A20", "A54"]));
    assert_eq!((&client_of(&told)["lacks"], &client_of(&told)["security_profile"]), (&json!([]), &json!("legacy")));
    let said = bank.operator(&["client", "conformance", &client.id]).await;
    for line in LINES {
        assert_eq!(said.lines().filter(|told| told.starts_with(line.number)).count(), 1, "{}: {said}", line.number);
    }
    assert!(said.contains("not seen yet") && said.contains("by construction"), "{said}");
}

#[tokio::test]
async fn a_legacy_tpp_sees_its_lacks_after_a_journey_and_that_they_are_gone_after_it_changed() {
    let bank = bank().await;
    let client = bank.tpp(ROLES).register(CIC).await;
    // as older TPPs do: in the query, without PKCE, and with the token in the resource's query
    let plain = [("code_challenge", None), ("code_challenge_method", None)];
    let landing = Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &plain)).await.approve().await;
    let form = [("grant_type", "authorization_code"), ("code", landing.code()), ("redirect_uri", CALLBACK), ("scope", "aisp")];
    let tokens = client.token("web", &form).await.ok(200).json();
    assert!(client.is_active(access(&tokens)).await);
    let resource = format!("{}/cic/sandbox/resource/aisp", bank.origin(CIC.tpp_host));
    let in_query = format!("{resource}?access_token={}", access(&tokens));
    client.tpp.wire.send(Method::GET, &in_query, &[], "").await.ok(400);
    // what is no token of anybody tells nothing of anybody
    client.tpp.wire.send(Method::GET, &format!("{resource}?access_token=x"), &[], "").await.ok(400);

    let told = seen(&bank, &client.id, "token_in_query", 1, &[]).await;
    assert_eq!(client_of(&told)["lacks"], json!(["A05", "A18", "A54"]), "{told}");
    let found = lines(&told);
    let today = bank.clock.now().date();
    assert_eq!(found["A18"], ("not_met", format!("{today} last seen in the query: 1 of 1 times since {today}").as_str()));
    assert!(found["A33"].0 == "not_met" && found["A33"].1.contains(&format!("{today} last used")), "{found:?}");
    assert_eq!((found["A20"].0, found["A28"].0, times(&told, "authenticated_by_certificate")), ("not_seen_yet", "met", Some(1)));

    // it learns PAR and PKCE, and leaves nothing behind
    let day = tomorrow(&bank).to_string();
    bank.clock.advance(time::Duration::DAY);
    let tokens = pushed_tokens(&client).await;
    let header = format!("Bearer {}", access(&tokens));
    client.tpp.wire.send(Method::GET, &resource, &[("authorization", &header)], "").await.ok(200);
    let told = seen(&bank, &client.id, "token_in_header", 1, &["--since", &day]).await;
    assert_eq!((&client_of(&told)["lacks"], &client_of(&told)["not_seen_yet"]), (&json!([]), &json!([])), "{told}");
    assert_eq!((lines(&told)["A18"].0, lines(&told)["A20"].0, lines(&told)["A33"].0), ("met", "met", "not_met"));
    // who looks further back sees both
    let further = report(&bank, &client.id, &[]).await;
    let since = tomorrow(&bank).previous_day().unwrap().previous_day().unwrap();
    assert!(lines(&further)["A18"].1.ends_with(&format!("1 of 2 times since {since}")), "{further}");

    // and chooses to be held to it: what is refused otherwise is met, and its old tokens are all that is left
    let mut metadata = Tpp::metadata(CIC);
    metadata.as_object_mut().unwrap().extend([("client_id".into(), json!(client.id)), ("security_profile".into(), json!("fapi2"))]);
    client.manage(Method::PUT, &metadata).await.ok(200);
    let told = report(&bank, &client.id, &[]).await;
    assert_eq!((&client_of(&told)["security_profile"], &client_of(&told)["lacks"]), (&json!("fapi2"), &json!(["A33", "A54"])));
    assert!(lines(&told)["A33"].1.contains("one of before"), "{told}");
    let day = tomorrow(&bank).to_string();
    bank.clock.advance(time::Duration::DAY);
    let tokens = pushed_tokens(&client).await;
    assert!(client.is_active(access(&tokens)).await);
    let told = seen(&bank, &client.id, "bound_token_used", 1, &["--since", &day]).await;
    assert_eq!((&client_of(&told)["lacks"], lines(&told)["A33"].0), (&json!([]), "met"), "{told}");
}

#[tokio::test]
async fn what_replicas_saw_is_one_report_and_is_forgotten_with_the_client() {
    let banks = replicas(&options()).await;
    banks[1].write_config(&options());
    let client = banks[0].tpp_named("PSDFR-ACPR-83001", ROLES).register(CIC).await;
    let there = client.over(&banks[1].tpp_named("PSDFR-ACPR-83001", ROLES));
    client.tokens("web", "aisp").await;
    client.tokens("web", "aisp").await;
    pushed_tokens(&there).await;
    banks[1].clock.advance(time::Duration::MINUTE);
    seen(&banks[0], &client.id, "request_in_query", 2, &[]).await;
    let told = seen(&banks[0], &client.id, "request_pushed", 1, &[]).await;
    assert!(lines(&told)["A18"].1.contains("2 of 3 times"), "{told}");
    let counted = times(&told, "authenticated_by_certificate");
    assert_eq!(counted, Some(4), "two exchanges, one push and its exchange: {told}");
    // what was seen and is not written yet belongs to nobody once the client is gone
    there.client_credentials().await.ok(200);
    let other = banks[1].tpp_named("PSDFR-ACPR-83002", ROLES).register(CIC).await;
    other.client_credentials().await.ok(200);
    client.delete().await.ok(204);
    seen(&banks[1], &other.id, "authenticated_by_certificate", 1, &[]).await;
    let left: Vec<uuid::Uuid> =
        sqlx::query_scalar("select distinct client_id from client_practices").fetch_all(&banks[0].pool().await).await.unwrap();
    assert_eq!(left.iter().map(ToString::to_string).collect::<Vec<_>>(), [other.id.as_str()]);
    let (code, error) = banks[0].operator_refused(&["client", "conformance", &client.id]).await;
    assert!(code == 7 && error.contains("deleted"), "{error}");
}

#[tokio::test]
async fn assertions_and_what_they_are_meant_for_are_seen_and_a_stop_loses_nothing() {
    let mut bank = bank().await;
    let key = crate::harness::keys::Key::new(guichet::jose::JwsAlgorithm::Es256, "k");
    let client = bank.tpp(ROLES).register_with_key(CIC, &key, &json!({})).await;
    let endpoint = format!("{}{}", bank.origin(CIC.tpp_host), CIC.channel("web").2);
    for aud in [json!(bank.issuer(CIC)), json!(endpoint), json!([bank.issuer(CIC)])] {
        let form = [("grant_type", "client_credentials"), ("scope", "pisp")];
        client.post_asserting(CIC.channel("web").2, &client.assertion(&json!({ "aud": aud })), &form).await.ok(200);
    }
    // a refused one says nothing
    let spoilt = client.assertion(&json!({ "aud": "https://other.example" }));
    client.post_asserting(CIC.channel("web").2, &spoilt, &[("grant_type", "client_credentials")]).await.ok(401);
    let id = client.id.clone();
    bank.server.take().unwrap().stop().await;
    let told = report(&bank, &id, &[]).await;
    assert_eq!(
        ["authenticated_by_assertion", "assertion_for_issuer", "assertion_for_other_audience", "signed_es256"]
            .map(|practice| times(&told, practice)),
        [Some(3), Some(1), Some(2), Some(3)]
    );
    assert_eq!(client_of(&told)["lacks"], json!(["A29"]), "{told}");
    assert_eq!(lines(&told)["A31"].1, "seen: ES256");
}

#[tokio::test]
async fn clients_are_reported_page_by_page_and_over_the_api_too() {
    let mut options = options();
    options.extra = "[admin]\napi_certificates = [\"O=Test bank, CN=gateway\"]\n".into();
    options.brands = vec![];
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let tpp = bank.tpp(ROLES);
    let mut ids = vec![];
    for brand in [CIC, crate::harness::LBP, CIC] {
        let name = ids.len().to_string();
        let mut metadata = Tpp::metadata(brand);
        metadata["client_name"] = json!(name);
        ids.push(tpp.register_as(brand, &metadata).await.id);
        bank.clock.advance(time::Duration::SECOND);
    }
    let named = |page: &Value| -> Vec<String> {
        page["clients"].as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap().to_owned()).collect()
    };
    for (args, expected, brands) in [
        (&[][..], vec![0, 1, 2], 2),
        (&["--brand", "cic"], vec![0, 2], 1),
        (&["--organisation", &tpp.organisation, "--limit", "2"], vec![0, 1], 2),
        (&["--after", &ids[1]], vec![2], 2),
        (&["--organisation", "PSDFR-ACPR-0"], vec![], 2),
    ] {
        let told: Value = serde_json::from_str(&bank.operator(&[&["client", "conformance", "--json"], args].concat()).await).unwrap();
        let expected: Vec<_> = expected.into_iter().map(|at: usize| ids[at].clone()).collect();
        assert_eq!((named(&told), told["brands"].as_array().unwrap().len()), (expected, brands), "{args:?}");
    }
    // a brand that offers none of it says so, and blames no client
    let told = report(&bank, &ids[1], &[]).await;
    assert_eq!((&told["brands"][0]["offers_fapi2"], &client_of(&told)["lines"][1]["whose"]), (&json!(false), &json!("bank")));

    let get = async |path: &str| {
        let url = format!("https://localhost:{}/v1/brands/cic{path}", bank.internal.port());
        bank.gateway().send(Method::GET, &url, &[], "").await
    };
    let listed = get("/conformance?limit=1&since=2026-01-01").await.ok(200).json();
    assert_eq!((named(&listed), &listed["next"], &listed["since"]), (vec![ids[0].clone()], &json!(ids[0]), &json!("2026-01-01T00:00:00Z")));
    let shown = get(&format!("/clients/{}/conformance", ids[0])).await.ok(200).json();
    assert_eq!(shown["clients"][0], report(&bank, &ids[0], &[]).await["clients"][0]);
    for (path, status, says) in [
        (format!("/clients/{}/conformance", ids[1]), 404, "no such client of this brand"),
        (format!("/clients/{}/conformance?since=yesterday", ids[0]), 400, "since: must be a day, as 2026-11-27"),
        ("/conformance?since=2026-02-30".into(), 400, "since: must be a day, as 2026-11-27"),
        ("/conformance?organisation=a%E2%80%8Bb".into(), 400, "organisation: "),
    ] {
        let reply = get(&path).await;
        assert!(reply.status == status && reply.description().starts_with(says), "{path}: {reply:?}");
    }
    for (args, code, says) in [
        (&["client", "conformance", "nobody"][..], 2, "no client_id"),
        (&["client", "conformance", "01890000-0000-7000-8000-000000000000"], 7, "no such client"),
        (&["client", "conformance", "--since", "27.11.2026"], 2, "a day is written 2026-11-27"),
        (&["client", "conformance", "--brand", "nobody"], 2, "no brand"),
    ] {
        let (found, error) = bank.operator_refused(args).await;
        assert!(found == code && error.contains(says), "{args:?}: {found} {error}");
    }
}
