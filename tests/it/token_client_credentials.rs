//! client_credentials: a TPP's own token, to lodge a payment before its customer is known (RFC 6749 s4.4).

use crate::harness::{Bank, LBP, bank::BRANDS, tpp::Tpp};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation};
use serde_json::json;
use time::Duration;

const ALL_ROLES: [PspRole; 3] = [AccountInformation, CardIssuing, PaymentInitiation];

#[tokio::test]
async fn a41_a42_only_for_payments_and_never_with_a_refresh_token() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        for (scope, granted) in [
            (Some("pisp"), true),
            (None, true),
            (Some(""), true),
            (Some("aisp"), false),
            (Some("cbpii"), false),
            (Some("pisp aisp"), false),
            (Some("extended_transaction_history"), false),
            (Some("PISP"), false),
            (Some("openid"), false),
        ] {
            let form: Vec<_> = [("grant_type", "client_credentials")].into_iter().chain(scope.map(|s| ("scope", s))).collect();
            let reply = client.token("web", &form).await;
            if !granted {
                reply.refused(400, "invalid_scope");
                continue;
            }
            let body = reply.ok(200).json();
            let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["access_token", "expires_in", "scope", "token_type"], "no refresh token");
            let seconds = if brand.id == "cic" { 10_800 } else { 600 };
            assert_eq!((&body["scope"], body["expires_in"].as_i64()), (&json!("pisp"), Some(seconds)));
            let token = body["access_token"].as_str().unwrap();
            let seen = client.introspect(token).await;
            assert_eq!((&seen["sub"], &seen["client_id"]), (&json!(client.id), &json!(client.id)));
            assert!(seen["grant_id"].is_null() && seen["auth_time"].is_null(), "no customer behind it: {seen}");
            bank.clock.advance(Duration::seconds(seconds - 1));
            assert!(client.is_active(token).await);
            bank.clock.advance(Duration::seconds(1));
            assert!(!client.is_active(token).await);
        }
        // a customer's reference is no client_id, and the client does not choose its own
        let tokens = client.tokens("web", "aisp").await;
        let sub = client.introspect(tokens["access_token"].as_str().unwrap()).await["sub"].as_str().unwrap().to_owned();
        assert!(sub.starts_with("psu_") && sub != client.id);
        let mut chosen = Tpp::metadata(brand);
        chosen["client_id"] = json!(sub);
        let client = bank.tpp(ALL_ROLES).register_as(brand, &chosen).await;
        assert_ne!(client.id, sub);
    }
}

/// Only a certificate that carries PSP_PI today.
#[tokio::test]
async fn the_role_counts_as_it_is_today() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp(ALL_ROLES);
        let client = tpp.register(brand).await;
        client.client_credentials().await.ok(200);
        let without = client.over(&bank.tpp_named(&tpp.organisation, [AccountInformation, CardIssuing]));
        let reply = without.client_credentials().await.refused(400, "invalid_scope");
        assert!(reply.description().starts_with("ROLE_INVALID"), "{reply:?}");
        bank.expect_audit("token_refused", "role_missing").await;
        // its other roles still work, the old certificate beside it still has this one
        without.tokens("web", "aisp").await;
        client.client_credentials().await.ok(200);
        // registered without the role: a certificate that has it now does not widen the registration
        let narrow = bank.tpp([AccountInformation]);
        let client = narrow.register(brand).await;
        client.client_credentials().await.refused(400, "invalid_scope");
        let wider = client.over(&bank.tpp_named(&narrow.organisation, ALL_ROLES));
        wider.client_credentials().await.refused(400, "invalid_scope");
        bank.expect_audit("token_refused", "scope_not_registered").await;
    }
}

#[tokio::test]
async fn only_where_the_channel_offers_it_and_the_client_registered_it() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    for channel in ["pph", "pmo"] {
        let form = [("grant_type", "client_credentials"), ("scope", "pisp")];
        client.token(channel, &form).await.refused(400, "unsupported_grant_type");
    }
    for brand in BRANDS {
        let mut metadata = Tpp::metadata(brand);
        metadata["grant_types"] = json!(["authorization_code"]);
        let client = bank.tpp(ALL_ROLES).register_as(brand, &metadata).await;
        client.client_credentials().await.refused(400, "unauthorized_client");
    }
    bank.expect_audit("token_refused", "grant_type_not_registered").await;
}
