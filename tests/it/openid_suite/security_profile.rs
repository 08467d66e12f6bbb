//! The plan `fapi2-security-profile-final`: a function is named after its module, and what a module accepts stands in the function.

use super::parties::{
    PAR, SCOPE, arrive, authorize, bank, came_home, client, code, exchange, is_over, member, push, pushed, redeem, refused, resource,
    resource_with, second, tokens, without_certificate,
};
use crate::harness::{Client, Psu, tpp::STATE};
use reqwest::Method;
use time::Duration;

const REQUEST: &[(u16, &str)] = &[(400, "invalid_request")];
const GRANT: &[(u16, &str)] = &[(400, "invalid_grant")];
const RESPONSE_TYPE: &[(u16, &str)] = &[(400, "unsupported_response_type"), (400, "invalid_request"), (400, "unauthorized_client")];
const NO_CLIENT: &[(u16, &str)] = &[(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_request")];

pub async fn metadata_are_those_of_fapi(with_codes: bool) {
    let bank = bank().await;
    let issuer = bank.issuer(crate::harness::CIC);
    let told = bank.browser().get(&format!("{issuer}/.well-known/oauth-authorization-server")).await.ok(200).json();
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
        assert!(has("response_types_supported", "code") && has("code_challenge_methods_supported", "S256"), "{told}");
        assert_eq!(told["authorization_response_iss_parameter_supported"], true);
        assert!(told.get("require_pushed_authorization_requests").is_none_or(serde_json::Value::is_boolean));
    }
}

#[tokio::test]
async fn discovery_end_point_verification() {
    metadata_are_those_of_fapi(true).await;
}

#[tokio::test]
async fn happy_flow() {
    let bank = bank().await;
    let (first, second) = (client(&bank).await, second(&bank).await);
    let of_first = tokens(&first).await;
    assert_eq!((&of_first["token_type"], of_first.get("id_token")), (&"Bearer".into(), None));
    assert!(of_first["expires_in"].as_u64().is_some_and(|seconds| seconds > 0));
    let token = member(&of_first, "access_token");
    let header = format!("Bearer {token}");
    let answer = resource_with(&first, SCOPE, token).await.ok(200);
    assert!(!answer.header("date").is_empty() && answer.header("content-type") == "application/json", "{answer:?}");
    // in the query it counts for nothing; other headers do not disturb
    assert!([400, 401].contains(&resource(&first, SCOPE, &format!("?access_token={token}"), &[]).await.status));
    for accept in ["application/json;charset=UTF-8", "application/json, application/*+json, */*"] {
        let headers = [("authorization", header.as_str()), ("accept", accept), ("x-fapi-customer-ip-address", "2001:db8::1893:25c8:1946")];
        resource(&first, SCOPE, "", &headers).await.ok(200);
    }
    let of_second = tokens(&second).await;
    resource_with(&second, SCOPE, member(&of_second, "access_token")).await.ok(200);
    resource_with(&first, SCOPE, member(&of_second, "access_token")).await.ok(401);
}

#[tokio::test]
async fn user_rejects_authentication() {
    let (bank, state) = (bank().await, "s".repeat(128));
    for client in [client(&bank).await, second(&bank).await] {
        let landing = authorize(&client, &[("state", Some(&state))]).await.cancel().await;
        came_home(&landing, &client, Some(&state));
        assert_eq!((landing.get("error"), landing.params.get("code")), ("access_denied", None));
    }
}

#[tokio::test]
async fn ensure_authorization_request_without_state_success() {
    let bank = bank().await;
    let client = client(&bank).await;
    let landing = authorize(&client, &[("state", None)]).await.approve().await;
    came_home(&landing, &client, None);
    // 128 bits at least
    assert!(landing.code().len() >= 22);
    redeem(&client, landing.code()).await.ok(200);
}

#[tokio::test]
async fn ensure_other_scope_order_succeeds() {
    let bank = bank().await;
    let client = client(&bank).await;
    for scope in ["aisp extended_transaction_history", "extended_transaction_history aisp"] {
        let landing = authorize(&client, &[("scope", Some(scope))]).await.approve().await;
        let told = redeem(&client, landing.code()).await.ok(200).json();
        assert_eq!(told["scope"], "aisp extended_transaction_history");
    }
}

#[tokio::test]
async fn access_token_type_header_case_sensitivity() {
    let bank = bank().await;
    let client = client(&bank).await;
    let tokens = tokens(&client).await;
    let header = format!("bEARER {}", member(&tokens, "access_token"));
    resource(&client, SCOPE, "", &[("authorization", &header)]).await.ok(200);
}

#[tokio::test]
async fn ensure_different_state_inside_and_outside_request_object() {
    let bank = bank().await;
    let client = client(&bank).await;
    let psu = arrive(&client, &pushed(&client, &[]).await, &[("state", "another")]).await;
    came_home(&psu.approve().await, &client, Some(STATE));
}

#[tokio::test]
async fn ensure_authorization_request_with_long_state() {
    let (bank, state) = (bank().await, "s".repeat(1000));
    let client = client(&bank).await;
    let landing = authorize(&client, &[("state", Some(&state))]).await.approve().await;
    came_home(&landing, &client, Some(&state));
    redeem(&client, landing.code()).await.ok(200);
}

#[tokio::test]
async fn state_only_outside_request_object_not_used() {
    let bank = bank().await;
    let client = client(&bank).await;
    let psu = arrive(&client, &pushed(&client, &[("state", None)]).await, &[("state", "outside")]).await;
    let landing = psu.approve().await;
    came_home(&landing, &client, None);
    redeem(&client, landing.code()).await.ok(200);
}

#[tokio::test]
async fn ensure_request_object_without_redirect_uri_fails() {
    let bank = bank().await;
    refused(&push(&client(&bank).await, &[("redirect_uri", None)]).await, REQUEST);
}

#[tokio::test]
async fn plain_fapi_tolerate_unregistered_redirect_uri() {
    let bank = bank().await;
    let bad = format!("{}/bad", crate::harness::tpp::CALLBACK);
    refused(&push(&client(&bank).await, &[("redirect_uri", Some(&bad))]).await, REQUEST);
}

#[tokio::test]
async fn ensure_unsigned_authorization_request_without_using_par_fails() {
    let bank = bank().await;
    let client = client(&bank).await;
    let landing = Psu::open(&bank, client.brand, &client.authorize_url("web", SCOPE, &[])).await.landed();
    came_home(&landing, &client, Some(STATE));
    assert_eq!((landing.get("error"), landing.params.get("code")), ("invalid_request", None));
}

#[tokio::test]
async fn ensure_redirect_uri_in_authorization_request() {
    let bank = bank().await;
    // also where only one is registered, which would do by RFC 6749
    let client = client(&bank).await;
    assert_eq!(client.information["redirect_uris"].as_array().map(Vec::len), Some(1));
    refused(&push(&client, &[("redirect_uri", None)]).await, REQUEST);
}

#[tokio::test]
async fn ensure_response_type_code_idtoken_fails() {
    let bank = bank().await;
    refused(&push(&client(&bank).await, &[("response_type", Some("code id_token"))]).await, RESPONSE_TYPE);
}

#[tokio::test]
async fn ensure_response_type_token_fails() {
    let bank = bank().await;
    refused(&push(&client(&bank).await, &[("response_type", Some("token"))]).await, RESPONSE_TYPE);
}

/// The first client's certificate and the second's name.
pub async fn in_the_name_of<'b>(first: &Client<'b>, second: &Client<'b>, form: &[(&str, &str)]) {
    let mixed = second.over(&first.tpp);
    refused(&mixed.token("web", form).await, &[(401, "invalid_client"), (400, "invalid_client"), (400, "invalid_grant")]);
}

#[tokio::test]
async fn ensure_client_id_in_token_endpoint() {
    let bank = bank().await;
    let (first, second) = (client(&bank).await, second(&bank).await);
    let code = code(&first).await;
    in_the_name_of(&first, &second, &exchange(&first, &code)).await;
}

#[tokio::test]
async fn ensure_holder_of_key_required() {
    let bank = bank().await;
    let client = client(&bank).await;
    let code = code(&client).await;
    refused(&without_certificate(&client).token("web", &exchange(&client, &code)).await, NO_CLIENT);
}

#[tokio::test]
async fn ensure_authorization_code_is_bound_to_client() {
    let bank = bank().await;
    let (first, second) = (client(&bank).await, second(&bank).await);
    let code = code(&first).await;
    refused(&redeem(&second, &code).await, GRANT);
}

#[tokio::test]
async fn attempt_reuse_authorization_code_after_one_second() {
    let bank = bank().await;
    let client = client(&bank).await;
    let code = code(&client).await;
    let tokens = redeem(&client, &code).await.ok(200).json();
    let token = member(&tokens, "access_token");
    resource_with(&client, SCOPE, token).await.ok(200);
    bank.clock.advance(Duration::seconds(1));
    refused(&redeem(&client, &code).await, GRANT);
    resource_with(&client, SCOPE, token).await.ok(401);
}

#[tokio::test]
async fn ensure_token_endpoint_fails_with_expired_auth_code() {
    let bank = bank().await;
    let client = client(&bank).await;
    let code = code(&client).await;
    bank.clock.advance(Duration::seconds(62));
    refused(&redeem(&client, &code).await, GRANT);
}

#[tokio::test]
async fn refresh_token() {
    let bank = bank().await;
    let (first, second) = (client(&bank).await, second(&bank).await);
    let mut last = serde_json::Value::Null;
    for client in [&first, &second] {
        let old = tokens(client).await;
        let token = member(&old, "refresh_token");
        let new = client.refresh(token).await.ok(200).json();
        assert_ne!(member(&new, "access_token"), member(&old, "access_token"));
        assert!(new.get("id_token").is_none());
        resource_with(client, SCOPE, member(&new, "access_token")).await.ok(200);
        // where a new one is given, the one before still works after 30 s: an answer may be lost
        bank.clock.advance(Duration::seconds(30));
        client.refresh(token).await.ok(200);
        refused(&without_certificate(client).refresh(token).await, NO_CLIENT);
        last = new;
        last["refresh_token"] = token.into();
    }
    resource_with(&first, SCOPE, member(&last, "access_token")).await.ok(401);
    refused(&first.refresh(member(&last, "refresh_token")).await, GRANT);
}

#[tokio::test]
async fn par_ensure_reused_request_uri_prior_to_auth_completion_succeeds() {
    let bank = bank().await;
    let client = client(&bank).await;
    let request_uri = pushed(&client, &[]).await;
    assert_eq!(arrive(&client, &request_uri, &[]).await.page.status, 200);
    let landing = arrive(&client, &request_uri, &[]).await.approve().await;
    came_home(&landing, &client, Some(STATE));
    redeem(&client, landing.code()).await.ok(200);
}

#[tokio::test]
async fn par_attempt_reuse_request_uri() {
    let bank = bank().await;
    let client = client(&bank).await;
    let request_uri = pushed(&client, &[]).await;
    let landing = arrive(&client, &request_uri, &[]).await.approve().await;
    redeem(&client, landing.code()).await.ok(200);
    is_over(&arrive(&client, &request_uri, &[]).await);
}

#[tokio::test]
async fn par_attempt_to_use_expired_request_uri() {
    let bank = bank().await;
    let client = client(&bank).await;
    let kept = push(&client, &[]).await.ok(201).json();
    bank.clock.advance(Duration::seconds(kept["expires_in"].as_i64().unwrap() + 1));
    is_over(&arrive(&client, member(&kept, "request_uri"), &[]).await);
}

#[tokio::test]
async fn par_attempt_to_use_request_uri_for_different_client() {
    let bank = bank().await;
    let (first, second) = (client(&bank).await, second(&bank).await);
    is_over(&arrive(&second, &pushed(&first, &[]).await, &[]).await);
}

#[tokio::test]
async fn par_authorization_request_containing_request_uri_form_param() {
    let bank = bank().await;
    let client = client(&bank).await;
    let request_uri = pushed(&client, &[]).await;
    for bad in [request_uri.as_str(), "https://suite.example/request"] {
        refused(&push(&client, &[("request_uri", Some(bad))]).await, REQUEST);
    }
}

#[tokio::test]
async fn par_attempt_invalid_http_method() {
    let bank = bank().await;
    let client = client(&bank).await;
    client.tpp.wire.send(Method::PUT, &client.url(PAR), &[], "").await.ok(405);
}

#[tokio::test]
async fn par_ensure_pkce_required() {
    let bank = bank().await;
    refused(&push(&client(&bank).await, &[("code_challenge", None), ("code_challenge_method", None)]).await, REQUEST);
}

#[tokio::test]
async fn ensure_pkce_code_verifier_required() {
    let bank = bank().await;
    let client = client(&bank).await;
    let code = code(&client).await;
    let form: Vec<_> = exchange(&client, &code).into_iter().filter(|(name, _)| *name != "code_verifier").collect();
    refused(&client.token("web", &form).await, GRANT);
}

#[tokio::test]
async fn incorrect_pkce_code_verifier_rejected() {
    let bank = bank().await;
    let client = client(&bank).await;
    let code = code(&client).await;
    let other = "v".repeat(43);
    let form: Vec<_> =
        exchange(&client, &code).into_iter().map(|(name, value)| (name, if name == "code_verifier" { &other } else { value })).collect();
    refused(&client.token("web", &form).await, GRANT);
}

#[tokio::test]
async fn par_plain_pkce_rejected() {
    let bank = bank().await;
    let plain = [("code_challenge", Some(crate::harness::tpp::VERIFIER)), ("code_challenge_method", Some("plain"))];
    refused(&push(&client(&bank).await, &plain).await, REQUEST);
}

#[tokio::test]
async fn par_without_duplicate_parameters() {
    let bank = bank().await;
    let client = client(&bank).await;
    let landing = arrive(&client, &pushed(&client, &[]).await, &[]).await.approve().await;
    came_home(&landing, &client, Some(STATE));
    redeem(&client, landing.code()).await.ok(200);
}
