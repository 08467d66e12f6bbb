//! A bank whose clients show a secret, and those of them that are held to FAPI 2.0: they have none.

use crate::{
    client_conformance::pushed_tokens,
    harness::{
        Bank, BankOptions, LBP, Tpp,
        keys::Key,
        tpp::{Client, introspect},
    },
};
use guichet::{
    jose::JwsAlgorithm,
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
    server::Reload,
};
use reqwest::Method;
use serde_json::{Value, json};

const ROLES: [guichet::oauth::tpp::PspRole; 2] = [AccountInformation, PaymentInitiation];
const ALONE: &str = "this client authenticates with its certificate alone";
const BASIC: &str = "HTTP Basic authentication with client_id and client_secret is required";

fn options(security: &str) -> BankOptions {
    BankOptions { brands: vec![LBP], one_brand_extra: Some((LBP, format!("[brand.security]\n{security}"))), ..BankOptions::default() }
}

async fn bank(options: BankOptions) -> Bank {
    let bank = Bank::with(options.clone()).await;
    bank.write_config(&options);
    bank
}

async fn client<'a>(tpp: &Tpp<'a>, more: &Value) -> Client<'a> {
    let mut metadata = Tpp::metadata(LBP);
    metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    tpp.register_as(LBP, &metadata).await
}

fn with_secret<'a>(client: &Client<'a>, secret: Option<&str>) -> Client<'a> {
    Client { secret: secret.map(str::to_owned), ..client.clone() }
}

fn has_none(client: &Client<'_>) -> bool {
    client.secret.is_none() && client.information.get("client_secret_expires_at").is_none()
}

async fn refused(client: &Client<'_>, why: &str) {
    assert_eq!(client.client_credentials().await.refused(401, "invalid_client").description(), why);
}

#[tokio::test]
async fn a28_who_is_held_to_fapi2_has_no_secret_where_others_show_one() {
    let bank = bank(options("clients_may_choose = \"fapi2\"")).await;
    let tpp = bank.tpp(ROLES);
    // the dialect is as it was
    let legacy = client(&tpp, &json!({})).await;
    assert_eq!(legacy.information["client_secret_expires_at"], 0);
    legacy.client_credentials().await.ok(200);
    assert!(legacy.tokens("web", "aisp").await["access_token"].is_string());
    refused(&with_secret(&legacy, None), BASIC).await;

    let strict = client(&tpp, &json!({ "security_profile": "fapi2" })).await;
    assert!(has_none(&strict), "{}", strict.information);
    strict.client_credentials().await.ok(200);
    let tokens = pushed_tokens(&strict).await;
    let told = introspect(&bank, LBP, &[("token", tokens["access_token"].as_str().unwrap())]).await.json();
    assert!(told["active"] == true && told["cnf"]["x5t#S256"].is_string(), "{told}");
    strict.revoke(tokens["access_token"].as_str().unwrap()).await.ok(200);
    for secret in [legacy.secret.as_deref().unwrap(), "", "guessed"] {
        refused(&with_secret(&strict, Some(secret)), ALONE).await;
    }

    let key = Key::new(JwsAlgorithm::Ps256, "k");
    for more in [json!({}), json!({ "security_profile": "fapi2" })] {
        let signing = tpp.register_with_key(LBP, &key, &more).await;
        assert!(has_none(&signing), "{}", signing.information);
        signing.client_credentials().await.ok(200);
        let bare = Client { key: None, ..signing.clone() };
        bare.client_credentials().await.refused(401, "invalid_client");
        Client { key: None, ..with_secret(&signing, Some("guessed")) }.client_credentials().await.refused(401, "invalid_client");
    }

    // whoever has another certificate learns nothing of whose client shows what
    let stranger = bank.tpp(ROLES);
    let unknown = Client { id: "01890000-0000-7000-8000-000000000000".into(), ..strict.clone() };
    for secret in [None, Some("guessed")] {
        let said = with_secret(&unknown, secret).client_credentials().await.refused(401, "invalid_client").description();
        for client in [&legacy, &strict] {
            let reply = with_secret(&client.over(&stranger), secret).client_credentials().await;
            assert_eq!(reply.refused(401, "invalid_client").description(), said, "{secret:?}");
        }
    }
    let metadata = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(LBP))).await.ok(200).json();
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(["client_secret_basic", "tls_client_auth", "private_key_jwt"]));
}

#[tokio::test]
async fn a_secret_counts_for_nothing_while_the_bank_holds_its_client_to_fapi2() {
    let bank = bank(options("clients_may_choose = \"fapi2\"")).await;
    let client = client(&bank.tpp(ROLES), &json!({})).await;
    client.client_credentials().await.ok(200);
    let lacks = async || {
        let told: Value = serde_json::from_str(&bank.operator(&["client", "conformance", &client.id, "--json"]).await).unwrap();
        told["clients"][0]["lacks"].clone()
    };
    assert_eq!(lacks().await, json!(["A28"]));
    bank.operator(&["client", "profile", &client.id, "fapi2", "--reason", "agreed"]).await;
    refused(&client, ALONE).await;
    with_secret(&client, None).client_credentials().await.ok(200);
    pushed_tokens(&with_secret(&client, None)).await;
    let shown = client.tpp.wire.send(Method::GET, client.registration_uri(), &[], "").await.ok(200).json();
    assert_eq!((&shown["security_profile_in_force"], shown.get("client_secret_expires_at")), (&json!("fapi2"), None));
    assert_eq!(lacks().await, json!([]));
    bank.operator(&["client", "profile", &client.id, "registered", "--reason", "their release is late"]).await;
    client.client_credentials().await.ok(200);
    refused(&with_secret(&client, None), BASIC).await;
}

#[tokio::test]
async fn who_no_longer_asks_for_fapi2_is_given_a_secret_by_that_update() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/banks/labanquepostale.toml")).unwrap();
    let (from, to) = ("update = false ", "update = true ");
    assert!(text.contains(from));
    let options = BankOptions { bank_file: Some((LBP, text.replacen(from, to, 1))), ..options("clients_may_choose = \"fapi2\"") };
    let bank = bank(options).await;
    let strict = client(&bank.tpp(ROLES), &json!({ "security_profile": "fapi2" })).await;
    let mut metadata = Tpp::metadata(LBP);
    metadata["client_id"] = json!(strict.id);
    let answer = strict.manage(Method::PUT, &metadata).await.ok(200).json();
    assert_eq!(answer["client_secret_expires_at"], 0);
    let legacy = with_secret(&strict, answer["client_secret"].as_str());
    legacy.client_credentials().await.ok(200);
    refused(&strict, BASIC).await;
    // shown once; the way back leaves it behind
    assert!(strict.manage(Method::PUT, &metadata).await.ok(200).json().get("client_secret").is_none());
    legacy.client_credentials().await.ok(200);
    metadata["security_profile"] = json!("fapi2");
    let answer = strict.manage(Method::PUT, &metadata).await.ok(200).json();
    assert!(answer.get("client_secret").is_none() && answer.get("client_secret_expires_at").is_none(), "{answer}");
    refused(&legacy, ALONE).await;
    strict.client_credentials().await.ok(200);
}

#[tokio::test]
async fn a_bank_with_secrets_is_not_fapi2_as_a_whole() {
    let bank = bank(options("clients_may_choose = \"fapi2\"")).await;
    match bank.try_reload_with(&options("profile = \"fapi2\"")).await {
        Reload::Refused(mistakes) => assert!(mistakes.to_string().contains("FAPI 2.0 knows no client secret"), "{mistakes}"),
        other @ (Reload::TakenUp { .. } | Reload::Failed(_)) => panic!("{other:?}"),
    }
}
