//! Pushed authorization requests (RFC 9126), and the clients that may send no others (FAPI 2.0 s5.3.2.2).

use crate::{
    app2app::with_bank_file,
    harness::{
        Bank, BankOptions, CIC, LBP, Reply,
        fapi2::REQUEST,
        psu::Psu,
        tpp::{CALLBACK, Client, STATE, Tpp},
        wire::encode,
    },
};
use guichet::oauth::tpp::PspRole;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

const ROLES: [PspRole; 2] = [PspRole::AccountInformation, PspRole::PaymentInitiation];
const PAR: &str = "/cic/par";

/// A bank whose clients may choose to be held to FAPI 2.0.
async fn bank() -> Bank {
    Bank::with(BankOptions::fapi2()).await
}

async fn client<'a>(bank: &'a Bank, more: &Value) -> Client<'a> {
    let mut metadata = Tpp::metadata(CIC);
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bank.tpp(ROLES).register_as(CIC, &metadata).await
}

async fn fapi2(bank: &Bank) -> Client<'_> {
    client(bank, &json!({ "security_profile": "fapi2" })).await
}

/// The request with some members changed or taken out.
async fn push(client: &Client<'_>, changes: &[(&str, Option<&str>)]) -> Reply {
    let mut form: Vec<_> = REQUEST.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name)).collect();
    form.extend(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
    client.post(PAR, &form).await
}

async fn pushed(client: &Client<'_>) -> String {
    push(client, &[]).await.ok(201).json()["request_uri"].as_str().unwrap().to_owned()
}

fn url(client: &Client<'_>, client_id: &str, request_uri: &str, more: &[(&str, &str)]) -> String {
    let pairs = [&[("client_id", client_id), ("request_uri", request_uri)], more].concat();
    format!("{}{}?{}", client.tpp.bank.origin(CIC.psu_host), CIC.channel("web").1, encode(&pairs))
}

async fn open(client: &Client<'_>, request_uri: &str) -> Psu {
    Psu::open(client.tpp.bank, CIC, &url(client, &client.id, request_uri, &[])).await
}

/// A page, and no redirect.
#[track_caller]
fn is_over(psu: &Psu) {
    let page = &psu.page;
    assert!(page.status == 400 && page.header("location").is_empty() && page.body.contains("<html"), "{page:?}");
}

#[tokio::test]
async fn b46_b47_a_request_is_pushed_and_its_journey_ends_in_bound_tokens() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    assert_eq!(client.information["security_profile"], "fapi2");
    let reply = push(&client, &[]).await.ok(201);
    assert_eq!(reply.header("cache-control"), "no-store");
    let answer = reply.json();
    assert_eq!(answer["expires_in"], 60);
    let request_uri = answer["request_uri"].as_str().unwrap();
    assert!(request_uri.starts_with("urn:ietf:params:oauth:request_uri:gupr_") && request_uri.len() < 512, "{request_uri}");

    // what stands beside it counts for nothing
    let beside = [("state", "other"), ("redirect_uri", "https://evil.example/"), ("scope", "pisp"), ("response_type", "token")];
    let landing = Psu::open(&bank, CIC, &url(&client, &client.id, request_uri, &beside)).await.approve().await;
    assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, STATE, bank.issuer(CIC).as_str()));
    let tokens = client.redeem("web", "aisp", landing.code()).await.ok(200).json();
    assert_eq!(tokens["scope"], "aisp");
    let seen = client.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert!(seen["active"] == true && seen["cnf"]["x5t#S256"].is_string(), "{seen}");
}

/// RFC 6749 s4.1.3 knows no `scope`, and libraries send none.
#[tokio::test]
async fn a_code_is_exchanged_without_scope_where_the_banks_dialect_wants_it_too() {
    let certificate_alone = |text: &str| text.replace("tls_client_auth+client_secret_basic", "tls_client_auth");
    let security = "[brand.security]\nclients_may_choose = \"fapi2\"".to_owned();
    let options = BankOptions { brands: vec![LBP], one_brand_extra: Some((LBP, security)), ..with_bank_file(certificate_alone) };
    let bank = Bank::with(options).await;
    let register = async |more: Value| {
        let mut metadata = Tpp::metadata(LBP);
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        bank.tpp(ROLES).register_as(LBP, &metadata).await
    };
    let client = register(json!({ "security_profile": "fapi2" })).await;
    let code = async || {
        let told = client.post("/labanquepostale/par", &REQUEST).await.ok(201).json();
        let query = encode(&[("client_id", &client.id), ("request_uri", told["request_uri"].as_str().unwrap())]);
        let url = format!("{}{}?{query}", bank.origin(LBP.psu_host), LBP.channel("web").1);
        Psu::open(&bank, LBP, &url).await.approve().await.code().to_owned()
    };
    assert_eq!(client.token("web", &Client::exchange("aisp", &code().await)[..4]).await.ok(200).json()["scope"], "aisp");
    // what is sent all the same still has to fit
    client.redeem("web", "aisp", &code().await).await.ok(200);
    client.redeem("web", "aisp pisp", &code().await).await.refused(400, "invalid_scope");
    // and the dialect is what it was
    let dialect = register(json!({})).await;
    let landing = dialect.approved("web", "aisp").await;
    dialect.token("web", &Client::exchange("aisp", landing.code())[..4]).await.refused(400, "invalid_scope");
}

#[tokio::test]
async fn a18_b49_who_must_push_is_refused_without_and_others_are_not() {
    let bank = bank().await;
    for more in [json!({ "security_profile": "fapi2" }), json!({ "require_pushed_authorization_requests": true })] {
        let client = client(&bank, &more).await;
        let landing = Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[])).await.landed();
        assert_eq!((landing.get("error"), landing.get("state")), ("invalid_request", STATE));
    }
    let dialect = client(&bank, &json!({})).await;
    assert!(dialect.information.get("security_profile").is_none());
    let tokens = dialect.tokens("web", "aisp").await;
    assert!(dialect.introspect(tokens["access_token"].as_str().unwrap()).await.get("cnf").is_none());
    // and may push, too
    open(&dialect, &pushed(&dialect).await).await.approve().await.code();
}

#[tokio::test]
async fn a20_b45_what_is_wrong_with_a_request_is_told_to_who_pushes_it() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    let own = pushed(&client).await;
    for (changes, error) in [
        (&[("redirect_uri", None)][..], "invalid_request"),
        (&[("redirect_uri", Some("https://evil.example/callback"))], "invalid_request"),
        (&[("request_uri", Some(own.as_str()))], "invalid_request"),
        (&[("request_uri", Some("https://tpp.example/r"))], "invalid_request"),
        (&[("request", Some("e30.e30."))], "invalid_request_object"),
        (&[("response_type", Some("token"))], "unsupported_response_type"),
        (&[("response_type", None)], "invalid_request"),
        (&[("code_challenge", None), ("code_challenge_method", None)], "invalid_request"),
        (&[("code_challenge_method", Some("plain"))], "invalid_request"),
        (&[("scope", Some("aisp cbpii"))], "invalid_scope"),
        (&[("scope", Some("cbpii"))], "invalid_scope"),
    ] {
        push(&client, changes).await.refused(400, error);
    }
    // kept, as refusals at the token endpoint are
    let kept: i64 =
        sqlx::query_scalar("select count(*) from audit_events where kind = 'push_refused'").fetch_one(&bank.pool().await).await.unwrap();
    assert_eq!(kept, 11);
    // the dialect asks for less
    let dialect = self::client(&bank, &json!({})).await;
    push(&dialect, &[("redirect_uri", None), ("code_challenge", None), ("code_challenge_method", None)]).await.ok(201);
}

#[tokio::test]
async fn a19_b44_only_an_authenticated_client_pushes_and_only_by_post() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        client.tpp.wire.send(method, &client.url(PAR), &[], "").await.ok(405);
    }
    let form = encode(&REQUEST);
    let content = [("content-type", "application/x-www-form-urlencoded")];
    client.tpp.wire.send(Method::POST, &client.url(PAR), &content, form.as_str()).await.refused(401, "invalid_client");
    let stranger = bank.tpp_named("PSDFR-ACPR-99001", ROLES);
    push(&client.over(&stranger), &[]).await.refused(401, "invalid_client");
    bank.browser().send(Method::POST, &client.url(PAR), &content, form.as_str()).await.refused(401, "invalid_client");
    // another brand's clients, and brands that offer none of it
    let plain = Bank::with(BankOptions { brands: vec![CIC], ..BankOptions::default() }).await;
    let dialect = plain.tpp(ROLES).register(CIC).await;
    push(&dialect, &[]).await.ok(404);
    let asked = json!({ "redirect_uris": [CALLBACK], "security_profile": "fapi2" });
    plain.tpp(ROLES).try_register(CIC, &asked).await.refused(400, "invalid_client_metadata");
}

#[tokio::test]
async fn a22_a_pushed_request_is_its_clients_and_spent_by_the_answer_not_by_a_page() {
    let bank = bank().await;
    let (client, other) = (fapi2(&bank).await, fapi2(&bank).await);
    let request_uri = pushed(&client).await;
    is_over(&Psu::open(&bank, CIC, &url(&client, &other.id, &request_uri, &[])).await);
    let unknown = format!("{}A", &request_uri[..request_uri.len() - 1]);
    let other_name = if unknown == request_uri { format!("{}B", &request_uri[..request_uri.len() - 1]) } else { unknown };
    is_over(&open(&client, &other_name).await);

    // opened twice by two browsers; the first answer counts
    let (first, second) = (open(&client, &request_uri).await, open(&client, &request_uri).await);
    assert_eq!((first.page.status, second.page.status), (200, 200));
    let landing = first.approve().await;
    client.redeem("web", "aisp", landing.code()).await.ok(200);
    is_over(&open(&client, &request_uri).await);
    let late = second.approve().await;
    assert!(late.params.contains_key("error") && !late.params.contains_key("code"), "{late:?}");
}

#[tokio::test]
async fn who_opens_a_link_again_that_he_answered_is_not_told_that_nothing_was_approved() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    let request_uri = pushed(&client).await;
    open(&client, &request_uri).await.approve().await;
    let again = open(&client, &request_uri).await;
    is_over(&again);
    let page = &again.page.body;
    assert!(page.contains("Ce lien n’est plus valable") && !page.contains("Rien n’a été validé"), "{page}");
}

#[tokio::test]
async fn a21_a_name_that_nobody_came_with_in_time_is_nothing() {
    let bank = bank().await;
    let client = fapi2(&bank).await;
    let request_uri = pushed(&client).await;
    bank.clock.advance(Duration::seconds(59));
    let journey = open(&client, &request_uri).await;
    bank.clock.advance(Duration::seconds(2));
    is_over(&open(&client, &request_uri).await);
    // who came in time goes on
    client.redeem("web", "aisp", journey.approve().await.code()).await.ok(200);
}

#[tokio::test]
async fn b48_what_is_too_large_or_too_often_is_told() {
    let mut options = BankOptions::fapi2();
    options.extra = "[rate_limits]\nclient_token = \"1/min burst 2\"\n".into();
    let bank = Bank::with(options).await;
    let client = fapi2(&bank).await;
    push(&client, &[("state", Some(&"s".repeat(200_000)))]).await.ok(413);
    push(&client, &[]).await.ok(201);
    push(&client, &[]).await.ok(201);
    let reply = push(&client, &[]).await.ok(429);
    assert!(reply.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{reply:?}");
}

#[tokio::test]
async fn metadata_names_what_is_there_and_nothing_else() {
    let bank = bank().await;
    let metadata = |bank: &Bank| {
        let url = format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC));
        let wire = bank.browser();
        async move { wire.get(&url).await.ok(200).json() }
    };
    let told = metadata(&bank).await;
    let endpoint = format!("{}{PAR}", bank.origin(CIC.tpp_host));
    assert_eq!(told["pushed_authorization_request_endpoint"], endpoint);
    assert_eq!(told["mtls_endpoint_aliases"]["pushed_authorization_request_endpoint"], endpoint);
    assert!(told.get("require_pushed_authorization_requests").is_none());
    let plain = Bank::with(BankOptions { brands: vec![CIC], ..BankOptions::default() }).await;
    let told = metadata(&plain).await;
    assert!(told.get("pushed_authorization_request_endpoint").is_none());
    assert!(told["mtls_endpoint_aliases"].get("pushed_authorization_request_endpoint").is_none());
}
