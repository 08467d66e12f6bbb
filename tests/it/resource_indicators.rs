//! Tokens that are for one API by name (RFC 8707, RFC 9700 s2.3).

use crate::harness::{Bank, BankOptions, CIC, tpp::CALLBACK, wire::encode};
use guichet::oauth::tpp::PspRole;
use serde_json::{Value, json};

const API: &str = "https://api.cic.example";
const OTHER: &str = "https://api.other.example";

async fn naming_its_api() -> Bank {
    let row = format!("[brand.security]\nclients_may_choose = \"fapi2\"\naccess_token_audience = \"{API}\"");
    Bank::with(BankOptions { brands: vec![CIC], one_brand_extra: Some((CIC, row)), ..BankOptions::default() }).await
}

fn token(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a35_access_tokens_name_the_api_they_are_for_and_are_given_for_no_other() {
    let bank = naming_its_api().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let tokens = client.tokens("web", "aisp").await;
    let (access, refresh) = (token(&tokens, "access_token"), token(&tokens, "refresh_token"));
    let told = client.introspect(&access).await;
    assert_eq!((&told["active"], &told["aud"]), (&json!(true), &json!(API)), "{told}");
    // what goes back to the bank itself is for no API
    let told = client.introspect(&refresh).await;
    assert!(told["active"] == true && told.get("aud").is_none(), "{told}");

    let endpoint = CIC.channel("web").2;
    let again = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", API)];
    let renewed = client.post(endpoint, &again).await.ok(200).json();
    assert_eq!(client.introspect(&token(&renewed, "access_token")).await["aud"], API);
    for resource in [OTHER, "https://api.cic.example/", "api"] {
        let asked = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("resource", resource)];
        client.post(endpoint, &asked).await.refused(400, "invalid_target");
        client.post(endpoint, &[("grant_type", "client_credentials"), ("resource", resource)]).await.refused(400, "invalid_target");
        let pushed = [("response_type", "code"), ("redirect_uri", CALLBACK), ("scope", "aisp"), ("resource", resource)];
        client.post("/cic/par", &pushed).await.refused(400, "invalid_target");
    }
    // a code is not spent by asking for the wrong one
    let landing = client.approved("web", "aisp").await;
    let wrong = [("grant_type", "authorization_code"), ("code", landing.code()), ("redirect_uri", CALLBACK), ("resource", OTHER)];
    client.post(endpoint, &wrong).await.refused(400, "invalid_target");
    client.redeem("web", "aisp", landing.code()).await.ok(200);
}

#[tokio::test]
async fn a35_a_request_in_the_query_is_told_so_where_it_came_from() {
    let bank = naming_its_api().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let url = |resource| {
        let query = [
            ("response_type", "code"),
            ("client_id", client.id.as_str()),
            ("redirect_uri", CALLBACK),
            ("scope", "aisp"),
            ("resource", resource),
        ];
        format!("{}{}?{}", bank.origin(CIC.psu_host), CIC.channel("web").1, encode(&query))
    };
    let refused = bank.browser().get(&url(OTHER)).await.ok(303);
    let home = refused.header("location");
    assert!(home.starts_with(CALLBACK) && home.contains("error=invalid_target"), "{home}");
    assert!(!bank.browser().get(&url(API)).await.ok(303).header("location").starts_with(CALLBACK));
}

#[tokio::test]
async fn a_brand_that_names_no_api_knows_no_such_parameter() {
    let bank = Bank::start().await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let asked = [("grant_type", "client_credentials"), ("resource", OTHER)];
    let own = client.post(CIC.channel("web").2, &asked).await.ok(200).json();
    let told = client.introspect(&token(&own, "access_token")).await;
    assert!(told["active"] == true && told.get("aud").is_none(), "{told}");
}
