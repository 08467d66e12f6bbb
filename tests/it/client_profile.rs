//! The bank holds a single client to FAPI 2.0, whatever that registered, and lets it go again.

use crate::{
    admin_acts::{propose, said},
    client_conformance::pushed_tokens,
    harness::{Bank, BankOptions, CIC, LBP, Psu, Reply, Tpp, tpp::Client},
    standing_blocks::replicas,
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};

const ROLES: [guichet::oauth::tpp::PspRole; 2] = [AccountInformation, PaymentInitiation];

fn options() -> BankOptions {
    let extra = "[brand.security]\nclients_may_choose = \"fapi2\"".to_owned();
    BankOptions { one_brand_extra: Some((CIC, extra)), ..BankOptions::default() }
}

async fn hold(bank: &Bank, client: &str, to: &str) -> String {
    bank.operator(&["client", "profile", client, to, "--reason", "agreed for December"]).await
}

/// The error that a request in the query comes home with.
async fn asked_in_query(client: &Client<'_>) -> Option<String> {
    let url = client.authorize_url("web", "aisp", &[]);
    let psu = Psu::open(client.tpp.bank, CIC, &url).await;
    if psu.page.status == 200 { None } else { Some(psu.landed().get("error").to_owned()) }
}

async fn read(client: &Client<'_>) -> Value {
    client.tpp.wire.send(Method::GET, client.registration_uri(), &[], "").await.ok(200).json()
}

async fn is_bound(client: &Client<'_>, tokens: &Value) -> bool {
    let told = client.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(told["active"], true, "{told}");
    told["cnf"]["x5t#S256"].is_string()
}

#[tokio::test]
async fn a_client_is_held_to_fapi2_at_every_replica_with_its_next_request_and_goes_back_to_what_it_registered() {
    let banks = replicas(&options()).await;
    let client = banks[0].tpp_named("PSDFR-ACPR-84001", ROLES).register(CIC).await;
    let there = client.over(&banks[1].tpp_named("PSDFR-ACPR-84001", ROLES));
    let sister = banks[0].tpp_named("PSDFR-ACPR-84002", ROLES).register(CIC).await;
    // both replicas know it as it is
    let before = client.tokens("web", "aisp").await;
    assert!(!is_bound(&client, &before).await && there.tokens("web", "aisp").await["access_token"].is_string());

    let told = hold(&banks[0], &client.id, "fapi2").await;
    assert_eq!(told, format!("client {} is held to fapi2\n", client.id));
    for at in [&client, &there] {
        assert_eq!(asked_in_query(at).await.as_deref(), Some("invalid_request"));
        assert!(is_bound(at, &pushed_tokens(at).await).await);
        let refreshed = at.refresh(before["refresh_token"].as_str().unwrap()).await.ok(200).json();
        assert!(is_bound(at, &refreshed).await, "what it had goes on, and new tokens are bound");
    }
    assert!(!is_bound(&client, &before).await, "tokens of before live on as they are");
    assert_eq!(asked_in_query(&sister).await, None);
    assert!(hold(&banks[0], &client.id, "fapi2").await.starts_with("so it was before"));

    // it is told, and what it changes does not lift it
    let mut shown = read(&client).await;
    assert_eq!((&shown["security_profile_in_force"], shown.get("security_profile")), (&json!("fapi2"), None));
    for name in ["registration_access_token", "registration_client_uri", "client_id_issued_at"] {
        shown.as_object_mut().unwrap().remove(name);
    }
    for wish in [None, Some("legacy")] {
        if let Some(wish) = wish {
            shown["security_profile"] = json!(wish);
        }
        let answer = client.manage(Method::PUT, &shown).await.ok(200).json();
        assert_eq!((&answer["security_profile_in_force"], answer["security_profile"].as_str()), (&json!("fapi2"), wish));
        assert_eq!(asked_in_query(&client).await.as_deref(), Some("invalid_request"));
    }
    let view: Value = serde_json::from_str(&banks[0].operator(&["client", "show", &client.id, "--json"]).await).unwrap();
    assert_eq!((&view["held_to"], &view["security_profile"]), (&json!("fapi2"), &json!("legacy")));
    let report: Value = serde_json::from_str(&banks[0].operator(&["client", "conformance", &client.id, "--json"]).await).unwrap();
    assert_eq!((&report["clients"][0]["security_profile"], &report["clients"][0]["held_to"]), (&json!("fapi2"), &json!("fapi2")));

    assert_eq!(hold(&banks[0], &client.id, "registered").await, format!("client {} is held to what it registered\n", client.id));
    for at in [&client, &there] {
        assert_eq!(asked_in_query(at).await, None);
        assert!(!is_bound(at, &at.tokens("web", "aisp").await).await);
    }
    assert!(read(&client).await.get("security_profile_in_force").is_none());
    // one that chose it is not let go by that
    let mut metadata = Tpp::metadata(CIC);
    metadata["security_profile"] = json!("fapi2");
    let chose = banks[0].tpp_named("PSDFR-ACPR-84003", ROLES).register_as(CIC, &metadata).await;
    hold(&banks[0], &chose.id, "fapi2").await;
    hold(&banks[0], &chose.id, "registered").await;
    assert_eq!(asked_in_query(&chose).await.as_deref(), Some("invalid_request"));

    let audit = banks[0].audit().await;
    let set: Vec<_> = audit.iter().filter(|event| event.kind == "client_profile_set").collect();
    assert_eq!(set.len(), 4, "{set:?}");
    let told = |words: &str| set.iter().any(|event| event.text.contains(words) && event.text.contains("operator ("));
    assert!(told("fapi2: agreed for December") && told("as registered: agreed for December"), "{set:?}");
    assert!(set.iter().all(|event| event.client.is_some()));
}

#[tokio::test]
async fn it_is_an_act_like_others_with_four_eyes_over_the_api_and_with_exact_refusals() {
    let admin = "[admin]\nfour_eyes = [\"client.profile\"]\nshared_accounts = true\napi_certificates = [\"O=Test bank, CN=gateway\"]\n";
    let options = BankOptions { extra: admin.into(), ..options() };
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    let tpp = bank.tpp(ROLES);
    let (client, elsewhere) = (tpp.register(CIC).await, tpp.register(LBP).await);
    let id = propose(&bank, &["client", "profile", &client.id, "fapi2", "--reason", "agreed", "--by", "Ines"]).await;
    assert_eq!(asked_in_query(&client).await, None, "nothing is done yet");
    let shown = bank.operator(&["act", "show", &id]).await;
    assert!(shown.contains("client.profile") && shown.contains(&format!("hold client {} to fapi2", client.id)), "{shown}");
    assert!(bank.operator(&["act", "approve", &id, "--by", "Paul"]).await.contains("is held to fapi2"));
    assert_eq!(asked_in_query(&client).await.as_deref(), Some("invalid_request"));

    let post = async |brand: &str, client: &str, body: Value| -> Reply {
        let url = format!("https://localhost:{}/v1/brands/{brand}/clients/{client}/profile", bank.internal.port());
        bank.gateway().json(Method::POST, &url, &[], &body).await
    };
    let order = |profile: Value| json!({ "security_profile": profile, "by": "Ines", "reason": "agreed" });
    let before = post("cic", &client.id, order(json!("fapi2"))).await.ok(200).json();
    assert_eq!(before, json!({ "done": "held_before", "client": { "client_id": client.id, "brand": "cic", "held_to": "fapi2" } }));
    let proposed = post("cic", &client.id, order(json!(null))).await.ok(202).json();
    assert_eq!(proposed["act"], "client.profile");
    for (brand, client, body, status, says) in [
        ("labanquepostale", &elsewhere.id, order(json!("fapi2")), 409, "security_profile: this brand does not offer it"),
        ("labanquepostale", &client.id, order(json!("fapi2")), 404, "no such client of this brand"),
        ("cic", &client.id, order(json!("fapi1")), 400, "the body is not the object described"),
        ("cic", &client.id, json!({ "security_profile": "fapi2", "by": "Ines" }), 400, "the body is not the object described"),
    ] {
        let reply = post(brand, client, body.clone()).await;
        assert!(reply.status == status && reply.description().starts_with(says), "{body}: {reply:?}");
    }
    // less than the brand asks for is nothing
    let nothing = post("labanquepostale", &elsewhere.id, order(json!("legacy"))).await.ok(200).json();
    assert_eq!((&nothing["done"], &nothing["client"]["held_to"]), (&json!("held_before"), &json!(null)));
    for (args, code, says) in [
        (&[elsewhere.id.as_str(), "fapi2"], 7, "does not offer this profile"),
        (&["01890000-0000-7000-8000-000000000000", "fapi2"], 7, "no such client"),
        (&[&client.id, "legacy"], 2, "is fapi2 or registered"),
    ] {
        let output = bank.try_operator(&[&["client", "profile"], &args[..], &["--reason", "x"]].concat()).await;
        assert!(output.status.code() == Some(code) && said(&output).contains(says), "{args:?}: {}", said(&output));
    }
    assert_eq!(bank.audited_kind("client_profile_set").await, 1);
}
