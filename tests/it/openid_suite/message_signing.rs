//! The plan `fapi2-message-signing-final`: what its own modules do to request objects.

use super::{
    modules::REQUEST,
    parties::{PAR, Party, Plan::Signed, Scene, refused},
};
use crate::harness::{
    CIC, Reply,
    keys::Key,
    tpp::{CALLBACK, STATE},
};
use aws_lc_rs::rsa::KeySize;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::clock::Clock;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

const OBJECT: &[(u16, &str)] = &[(400, "invalid_request_object")];

async fn push(client: &Party<'_>, object: &str) -> Reply {
    client.post(PAR, &[("request", object)]).await
}

/// A request object with some claims changed.
async fn edited(client: &Party<'_>, edits: &Value) -> Reply {
    push(client, &client.key.as_ref().unwrap().sign(&client.claims(&[], edits))).await
}

fn in_seconds(scene: &Scene, seconds: i64) -> i64 {
    scene.bank.clock.now().unix_timestamp() + seconds
}

/// Signed, with an object that was taken: to the end.
async fn taken(client: &Party<'_>, pushed: Reply) {
    let request_uri = pushed.ok(201).json()["request_uri"].as_str().unwrap().to_owned();
    let landing = client.arrive(&request_uri, &[]).await.approve().await;
    let told = client.came_home(&landing, Some(STATE)).await;
    client.redeem(told.get("code")).await.ok(200);
}

#[tokio::test]
async fn ensure_request_object_with_multiple_aud_succeeds() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    let audiences = json!([scene.bank.issuer(CIC), "https://other.example"]);
    taken(&client, edited(&client, &json!({ "aud": audiences })).await).await;
}

#[tokio::test]
async fn ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    taken(&client, edited(&client, &json!({ "nbf": in_seconds(&scene, 8) })).await).await;
}

#[tokio::test]
async fn ensure_request_object_without_exp_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "exp": null })).await, OBJECT);
}

#[tokio::test]
async fn ensure_request_object_without_nbf_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "nbf": null })).await, OBJECT);
}

#[tokio::test]
async fn ensure_expired_request_object_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "exp": in_seconds(&scene, -300), "nbf": in_seconds(&scene, -600) })).await, OBJECT);
}

#[tokio::test]
async fn ensure_request_object_with_bad_aud_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "aud": "https://other.example" })).await, OBJECT);
}

#[tokio::test]
async fn ensure_request_object_with_exp_over_60_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "exp": in_seconds(&scene, 70 * 60) })).await, OBJECT);
}

#[tokio::test]
async fn ensure_request_object_with_nbf_over_60_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "nbf": in_seconds(&scene, -70 * 60) })).await, OBJECT);
}

#[tokio::test]
async fn ensure_signed_request_object_with_rs256_fails() {
    let scene = Scene::new(Signed).await;
    // of a key that the client registered for PS256
    let mut key = Key::rsa(KeySize::Rsa2048, Algorithm::PS256, "rsa");
    let client = scene.registered_with(CALLBACK, Some(key.clone())).await;
    key.algorithm = Algorithm::RS256;
    refused(&push(&client, &key.sign(&client.claims(&[], &json!({})))).await, OBJECT);
    taken(&client, edited(&client, &json!({})).await).await;
}

#[tokio::test]
async fn ensure_request_object_signature_algorithm_is_not_none() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    let [header, claims] = [json!({ "alg": "none" }), client.claims(&[], &json!({}))].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    refused(&push(&client, &format!("{header}.{claims}.")).await, OBJECT);
}

#[tokio::test]
async fn ensure_request_object_with_invalid_signature_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    let object = client.key.as_ref().unwrap().sign(&client.claims(&[], &json!({})));
    let (signed, signature) = object.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[5] ^= 0x5a;
    refused(&push(&client, &format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes))).await, OBJECT);
}

#[tokio::test]
async fn ensure_matching_key_in_authorization_request() {
    let scene = Scene::new(Signed).await;
    let (first, second) = (scene.client().await, scene.second().await);
    let object = second.key.as_ref().unwrap().sign(&first.claims(&[], &json!({})));
    refused(&push(&first, &object).await, &[REQUEST, OBJECT].concat());
}

#[tokio::test]
async fn ensure_unsigned_request_at_par_endpoint_fails() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&client.post(PAR, &client.request(&[])).await, REQUEST);
}

#[tokio::test]
async fn par_authorization_request_containing_request_uri() {
    let scene = Scene::new(Signed).await;
    let client = scene.client().await;
    refused(&edited(&client, &json!({ "request_uri": "https://suite.example/request" })).await, OBJECT);
}
