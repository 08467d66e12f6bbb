//! The suite's modules, each named as there without what all names begin with: what it sends, and what it accepts of the answers.

use super::parties::{PAR, Plan, SCOPE, Scene, is_over, member, refused};
use crate::harness::{
    CIC, Client,
    tpp::{CALLBACK, STATE, VERIFIER},
};
use reqwest::Method;
use serde_json::Value;
use time::Duration;

pub const REQUEST: &[(u16, &str)] = &[(400, "invalid_request")];
const REDIRECT: &[(u16, &str)] = &[(400, "invalid_request"), (400, "invalid_request_object")];
const GRANT: &[(u16, &str)] = &[(400, "invalid_grant")];
const RESPONSE_TYPE: &[(u16, &str)] = &[(400, "unsupported_response_type"), (400, "invalid_request"), (400, "unauthorized_client")];
pub const NO_CLIENT: &[(u16, &str)] = &[(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_request")];

pub async fn metadata_are_those_of_fapi(plan: Plan, with_codes: bool) {
    let scene = Scene::new(plan).await;
    let issuer = scene.bank.issuer(CIC);
    let told = scene.bank.browser().get(&format!("{issuer}/.well-known/oauth-authorization-server")).await.ok(200).json();
    let has = |list: &str, value: &str| told[list].as_array().is_some_and(|all| all.iter().any(|one| one == value));
    assert_eq!(told["issuer"], issuer);
    assert_eq!(told["tls_client_certificate_bound_access_tokens"], true);
    assert!(has("token_endpoint_auth_methods_supported", "tls_client_auth"), "{told}");
    assert!(!has("token_endpoint_auth_signing_alg_values_supported", "none"), "{told}");
    assert!(told["scopes_supported"].as_array().is_some_and(|scopes| !scopes.is_empty()));
    let endpoints = ["token_endpoint", "registration_endpoint", "revocation_endpoint"];
    let more = ["authorization_endpoint", "pushed_authorization_request_endpoint"];
    for endpoint in endpoints.iter().chain(more.iter().filter(|_| with_codes)) {
        assert!(told[endpoint].as_str().is_some_and(|url| url.starts_with("https://")), "{endpoint}: {told}");
    }
    for (alias, url) in told["mtls_endpoint_aliases"].as_object().unwrap() {
        assert_eq!(*url, told[alias]);
    }
    if with_codes {
        if let Plan::Signed = plan {
            assert!(has("response_modes_supported", "jwt") && told["jwks_uri"].is_string(), "{told}");
            assert!(["ES256", "PS256", "EdDSA"].iter().any(|known| has("request_object_signing_alg_values_supported", known)), "{told}");
        }
        assert!(has("response_types_supported", "code") && has("code_challenge_methods_supported", "S256"), "{told}");
        assert_eq!(told["authorization_response_iss_parameter_supported"], true);
        assert!(told.get("require_pushed_authorization_requests").is_none_or(Value::is_boolean));
    }
}

pub async fn discovery_end_point_verification(plan: Plan) {
    metadata_are_those_of_fapi(plan, true).await;
}

pub async fn happy_flow(plan: Plan) {
    let scene = Scene::new(plan).await;
    let (first, second) = (scene.client().await, scene.second().await);
    let of_first = first.tokens().await;
    assert_eq!((&of_first["token_type"], of_first.get("id_token")), (&"Bearer".into(), None));
    assert!(of_first["expires_in"].as_u64().is_some_and(|seconds| seconds > 0));
    let token = member(&of_first, "access_token");
    let header = format!("Bearer {token}");
    let answer = first.resource_with(SCOPE, token).await.ok(200);
    assert!(!answer.header("date").is_empty() && answer.header("content-type") == "application/json", "{answer:?}");
    // in the query it counts for nothing; other headers do not disturb
    assert!([400, 401].contains(&first.resource(SCOPE, &format!("?access_token={token}"), &[]).await.status));
    for accept in ["application/json;charset=UTF-8", "application/json, application/*+json, */*"] {
        let headers = [("authorization", header.as_str()), ("accept", accept), ("x-fapi-customer-ip-address", "2001:db8::1893:25c8:1946")];
        first.resource(SCOPE, "", &headers).await.ok(200);
    }
    let of_second = second.tokens().await;
    second.resource_with(SCOPE, member(&of_second, "access_token")).await.ok(200);
    first.resource_with(SCOPE, member(&of_second, "access_token")).await.ok(401);
}

pub async fn user_rejects_authentication(plan: Plan) {
    let (scene, state) = (Scene::new(plan).await, "s".repeat(128));
    for client in [scene.client().await, scene.second().await] {
        let landing = client.authorize(&[("state", Some(&state))]).await.cancel().await;
        client.came_home(&landing, Some(&state)).await.failed("access_denied");
    }
}

pub async fn ensure_authorization_request_without_state_success(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let landing = client.authorize(&[("state", None)]).await.approve().await;
    let told = client.came_home(&landing, None).await;
    // 128 bits at least
    assert!(told.get("code").len() >= 22);
    client.redeem(told.get("code")).await.ok(200);
}

pub async fn ensure_other_scope_order_succeeds(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    for scope in ["aisp extended_transaction_history", "extended_transaction_history aisp"] {
        let landing = client.authorize(&[("scope", Some(scope))]).await.approve().await;
        let home = client.came_home(&landing, Some(STATE)).await;
        let told = client.redeem(home.get("code")).await.ok(200).json();
        assert_eq!(told["scope"], "aisp extended_transaction_history");
    }
}

pub async fn access_token_type_header_case_sensitivity(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let tokens = client.tokens().await;
    let header = format!("bEARER {}", member(&tokens, "access_token"));
    client.resource(SCOPE, "", &[("authorization", &header)]).await.ok(200);
}

pub async fn ensure_different_state_inside_and_outside_request_object(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let psu = client.arrive(&client.pushed(&[]).await, &[("state", "another")]).await;
    client.came_home(&psu.approve().await, Some(STATE)).await;
}

pub async fn ensure_authorization_request_with_long_state(plan: Plan) {
    let (scene, state) = (Scene::new(plan).await, "s".repeat(1000));
    let client = scene.client().await;
    let landing = client.authorize(&[("state", Some(&state))]).await.approve().await;
    let told = client.came_home(&landing, Some(&state)).await;
    client.redeem(told.get("code")).await.ok(200);
}

pub async fn state_only_outside_request_object_not_used(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let psu = client.arrive(&client.pushed(&[("state", None)]).await, &[("state", "outside")]).await;
    let landing = psu.approve().await;
    let told = client.came_home(&landing, None).await;
    client.redeem(told.get("code")).await.ok(200);
}

pub async fn ensure_request_object_without_redirect_uri_fails(plan: Plan) {
    let scene = Scene::new(plan).await;
    refused(&scene.client().await.push(&[("redirect_uri", None)]).await, REDIRECT);
}

pub async fn plain_fapi_tolerate_unregistered_redirect_uri(plan: Plan) {
    let scene = Scene::new(plan).await;
    let bad = format!("{}/bad", CALLBACK);
    refused(&scene.client().await.push(&[("redirect_uri", Some(&bad))]).await, REDIRECT);
}

pub async fn ensure_unsigned_authorization_request_without_using_par_fails(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let landing = client.arrive_with(&client.request(&[])).await.landed();
    client.came_home(&landing, Some(STATE)).await.failed("invalid_request");
}

pub async fn ensure_redirect_uri_in_authorization_request(plan: Plan) {
    let scene = Scene::new(plan).await;
    // also where only one is registered, which would do by RFC 6749
    let client = scene.client().await;
    assert_eq!(client.information["redirect_uris"].as_array().map(Vec::len), Some(1));
    refused(&client.push(&[("redirect_uri", None)]).await, REDIRECT);
}

pub async fn ensure_response_type_code_idtoken_fails(plan: Plan) {
    let scene = Scene::new(plan).await;
    refused(&scene.client().await.push(&[("response_type", Some("code id_token"))]).await, RESPONSE_TYPE);
}

pub async fn ensure_response_type_token_fails(plan: Plan) {
    let scene = Scene::new(plan).await;
    refused(&scene.client().await.push(&[("response_type", Some("token"))]).await, RESPONSE_TYPE);
}

/// The first client's certificate and the second's name.
pub async fn in_the_name_of<'b>(first: &Client<'b>, second: &Client<'b>, form: &[(&str, &str)]) {
    let mixed = second.over(&first.tpp);
    refused(&mixed.token("web", form).await, &[(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_grant")]);
}

pub async fn ensure_client_id_in_token_endpoint(plan: Plan) {
    let scene = Scene::new(plan).await;
    let (first, second) = (scene.client().await, scene.second().await);
    let code = first.code().await;
    in_the_name_of(&first, &second, &first.exchange(&code)).await;
}

pub async fn ensure_holder_of_key_required(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let code = client.code().await;
    refused(&client.without_certificate().token("web", &client.exchange(&code)).await, NO_CLIENT);
}

pub async fn ensure_authorization_code_is_bound_to_client(plan: Plan) {
    let scene = Scene::new(plan).await;
    let (first, second) = (scene.client().await, scene.second().await);
    let code = first.code().await;
    refused(&second.redeem(&code).await, GRANT);
}

pub async fn attempt_reuse_authorization_code_after_one_second(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let code = client.code().await;
    let tokens = client.redeem(&code).await.ok(200).json();
    let token = member(&tokens, "access_token");
    client.resource_with(SCOPE, token).await.ok(200);
    scene.bank.clock.advance(Duration::seconds(1));
    refused(&client.redeem(&code).await, GRANT);
    client.resource_with(SCOPE, token).await.ok(401);
}

pub async fn ensure_token_endpoint_fails_with_expired_auth_code(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let code = client.code().await;
    scene.bank.clock.advance(Duration::seconds(62));
    refused(&client.redeem(&code).await, GRANT);
}

pub async fn refresh_token(plan: Plan) {
    let scene = Scene::new(plan).await;
    let (first, second) = (scene.client().await, scene.second().await);
    let mut last = Value::Null;
    for client in [&first, &second] {
        let old = client.tokens().await;
        let token = member(&old, "refresh_token");
        let new = client.refresh(token).await.ok(200).json();
        assert_ne!(member(&new, "access_token"), member(&old, "access_token"));
        assert!(new.get("id_token").is_none());
        client.resource_with(SCOPE, member(&new, "access_token")).await.ok(200);
        // where a new one is given, the one before still works after 30 s: an answer may be lost
        scene.bank.clock.advance(Duration::seconds(30));
        client.refresh(token).await.ok(200);
        refused(&client.without_certificate().refresh(token).await, NO_CLIENT);
        last = new;
        last["refresh_token"] = token.into();
    }
    first.resource_with(SCOPE, member(&last, "access_token")).await.ok(401);
    refused(&first.refresh(member(&last, "refresh_token")).await, GRANT);
}

pub async fn par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let request_uri = client.pushed(&[]).await;
    assert_eq!(client.arrive(&request_uri, &[]).await.page.status, 200);
    let landing = client.arrive(&request_uri, &[]).await.approve().await;
    let told = client.came_home(&landing, Some(STATE)).await;
    client.redeem(told.get("code")).await.ok(200);
}

pub async fn par_attempt_reuse_request_uri(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let request_uri = client.pushed(&[]).await;
    let landing = client.arrive(&request_uri, &[]).await.approve().await;
    let told = client.came_home(&landing, Some(STATE)).await;
    client.redeem(told.get("code")).await.ok(200);
    is_over(&client.arrive(&request_uri, &[]).await);
}

pub async fn par_attempt_to_use_expired_request_uri(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let kept = client.push(&[]).await.ok(201).json();
    scene.bank.clock.advance(Duration::seconds(kept["expires_in"].as_i64().unwrap() + 1));
    is_over(&client.arrive(member(&kept, "request_uri"), &[]).await);
}

pub async fn par_attempt_to_use_request_uri_for_different_client(plan: Plan) {
    let scene = Scene::new(plan).await;
    let (first, second) = (scene.client().await, scene.second().await);
    is_over(&second.arrive(&first.pushed(&[]).await, &[]).await);
}

pub async fn par_authorization_request_containing_request_uri_form_param(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let request_uri = client.pushed(&[]).await;
    for bad in [request_uri.as_str(), "https://suite.example/request"] {
        refused(&client.push_beside(&[], &[("request_uri", bad)]).await, REDIRECT);
    }
}

pub async fn par_attempt_invalid_http_method(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    client.tpp.wire.send(Method::PUT, &client.url(PAR), &[], "").await.ok(405);
}

pub async fn par_ensure_pkce_required(plan: Plan) {
    let scene = Scene::new(plan).await;
    refused(&scene.client().await.push(&[("code_challenge", None), ("code_challenge_method", None)]).await, REQUEST);
}

pub async fn ensure_pkce_code_verifier_required(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let code = client.code().await;
    let form: Vec<_> = client.exchange(&code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    refused(&client.token("web", &form).await, GRANT);
}

pub async fn incorrect_pkce_code_verifier_rejected(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let code = client.code().await;
    let other = "v".repeat(43);
    let form: Vec<_> =
        client.exchange(&code).into_iter().map(|(name, value)| (name, if name == "code_verifier" { &other } else { value })).collect();
    refused(&client.token("web", &form).await, GRANT);
}

pub async fn par_plain_pkce_rejected(plan: Plan) {
    let scene = Scene::new(plan).await;
    let plain = [("code_challenge", Some(VERIFIER)), ("code_challenge_method", Some("plain"))];
    refused(&scene.client().await.push(&plain).await, REQUEST);
}

pub async fn par_without_duplicate_parameters(plan: Plan) {
    let scene = Scene::new(plan).await;
    let client = scene.client().await;
    let landing = client.arrive(&client.pushed(&[]).await, &[]).await.approve().await;
    let told = client.came_home(&landing, Some(STATE)).await;
    client.redeem(told.get("code")).await.ok(200);
}
