//! What the plans have more where clients authenticate by `private_key_jwt`. The suite pushes these requests without a certificate; here
//! they come with the QWAC that a bank asks for.

use super::{
    modules::NO_CLIENT,
    parties::{PAR, Party, Plan::Plain, SCOPE, Scene, member, refused},
};
use crate::harness::{CIC, Client, Reply, keys::Key};
use guichet::{clock::Clock, jose::JwsAlgorithm};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

fn key() -> Key {
    Key::new(JwsAlgorithm::Ps256, "suite")
}

/// The client's time, some seconds from now.
fn at(client: &Party<'_>, seconds: i64) -> i64 {
    client.tpp.bank.clock.now().unix_timestamp() + seconds
}

async fn exchange_asserting(client: &Party<'_>, code: &str, assertion: &str) -> Reply {
    client.post_asserting(CIC.channel("web").2, assertion, &client.exchange(code)).await
}

/// Nobody else's code is at fault: the client redeems it afterwards.
async fn refused_at_the_token_endpoint(changes: impl FnOnce(&Party<'_>) -> Value) {
    let scene = Scene::new(Plain).await;
    let client = scene.signer(&key()).await;
    let code = client.code().await;
    refused(&exchange_asserting(&client, &code, &client.assertion(&changes(&client))).await, NO_CLIENT);
    client.redeem(&code).await.ok(200);
}

async fn push_asserting(client: &Party<'_>, changes: &Value) -> Reply {
    let form = [&client.request(&[])[..], &[("client_id", client.id.as_str())]].concat();
    client.post_asserting(PAR, &client.assertion(changes), &form).await
}

async fn refused_when_pushed(changes: impl FnOnce(&Party<'_>) -> Value) {
    let scene = Scene::new(Plain).await;
    let client = scene.signer(&key()).await;
    refused(&push_asserting(&client, &changes(&client)).await, NO_CLIENT);
    push_asserting(&client, &json!({})).await.ok(201);
}

#[tokio::test]
async fn ensure_signed_client_assertion_with_rs256_fails() {
    let scene = Scene::new(Plain).await;
    let key = key();
    let client = scene.signer(&key).await;
    let code = client.code().await;
    let forbidden = key.sign_with(&client.client.claims(&json!({})), |header| header.alg = Algorithm::RS256);
    refused(&exchange_asserting(&client, &code, &forbidden).await, &[(401, "invalid_client"), (400, "invalid_client")]);
    client.redeem(&code).await.ok(200);
}

#[tokio::test]
async fn ensure_client_assertion_in_token_endpoint() {
    let scene = Scene::new(Plain).await;
    let client = scene.signer(&key()).await;
    let code = client.code().await;
    let silent = Client { key: None, ..client.client.clone() };
    refused(&silent.token("web", &client.exchange(&code)).await, NO_CLIENT);
    client.redeem(&code).await.ok(200);
}

#[tokio::test]
async fn ensure_client_assertion_with_exp_is_5_minutes_in_past_fails() {
    refused_at_the_token_endpoint(|client| json!({ "exp": at(client, -300) })).await;
}

#[tokio::test]
async fn ensure_client_assertion_with_wrong_aud_fails() {
    refused_at_the_token_endpoint(|_| json!({ "aud": "https://other1.example.com/invalid" })).await;
}

#[tokio::test]
async fn ensure_client_assertion_with_no_sub_fails() {
    refused_at_the_token_endpoint(|_| json!({ "sub": null })).await;
}

#[tokio::test]
async fn par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted() {
    let scene = Scene::new(Plain).await;
    let client = scene.signer(&key()).await;
    let ahead = json!({ "iat": at(&client, 8), "nbf": at(&client, 8) });
    let pushed = push_asserting(&client, &ahead).await.ok(201).json();
    let landing = client.arrive(member(&pushed, "request_uri"), &[]).await.approve().await;
    let told = client.redeem(landing.code()).await.ok(200).json();
    client.resource_with(SCOPE, member(&told, "access_token")).await.ok(200);
}

#[tokio::test]
async fn par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails() {
    refused_when_pushed(|client| json!({ "iat": at(client, 65), "nbf": at(client, 65), "exp": at(client, 125) })).await;
}

#[tokio::test]
async fn par_test_array_as_audience_fails() {
    refused_when_pushed(|client| json!({ "aud": [client.tpp.bank.issuer(CIC), "https://other1.example.com/invalid"] })).await;
}

#[tokio::test]
async fn par_test_par_endpoint_url_as_audience_fails() {
    refused_when_pushed(|client| json!({ "aud": client.url(PAR) })).await;
}

#[tokio::test]
async fn par_test_token_endpoint_url_as_audience_fails() {
    refused_when_pushed(|client| json!({ "aud": client.url(CIC.channel("web").2) })).await;
}
