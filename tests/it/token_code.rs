//! Codes: what they are bound to, how long they live, and what a second use costs (RFC 6749 s4.1.3, RFC 9700 s4.5).

use crate::harness::{
    Bank, CIC, LBP, Reply,
    bank::BRANDS,
    psu::Psu,
    tpp::{CALLBACK, Client, Tpp, VERIFIER},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use guichet::oauth::tpp::PspRole::{self, AccountInformation, CardIssuing, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::HashSet;
use time::Duration;

const ALL_ROLES: [PspRole; 3] = [AccountInformation, CardIssuing, PaymentInitiation];

async fn code(client: &Client<'_>, channel: &str, scope: &str) -> String {
    client.approved(channel, scope).await.code().to_owned()
}

fn access(tokens: &Value) -> &str {
    tokens["access_token"].as_str().unwrap()
}

/// Refused for this reason, and spent by it.
async fn refused_and_spent(bank: &Bank, reply: Reply, reason: &str, owner: &Client<'_>, channel: &str, code: &str) {
    reply.refused(400, "invalid_grant");
    bank.expect_audit("token_refused", reason).await;
    owner.redeem(channel, "aisp", code).await.refused(400, "invalid_grant");
}

#[tokio::test]
async fn a23_a_code_lives_for_sixty_seconds() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp([AccountInformation]).register(brand).await;
        let in_time = code(&client, "web", "aisp").await;
        bank.clock.advance(Duration::milliseconds(59_999));
        client.redeem("web", "aisp", &in_time).await.ok(200);
        let late = code(&client, "web", "aisp").await;
        bank.clock.advance(Duration::seconds(60));
        let reply = client.redeem("web", "aisp", &late).await.refused(400, "invalid_grant");
        assert_eq!(reply.description(), "the code has expired");
        bank.expect_audit("token_refused", "code_expired").await;
    }
}

#[tokio::test]
async fn a24_a_code_used_twice_revokes_what_it_gave() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation]);
        let client = tpp.register(brand).await;
        let bystander = client.tokens("web", "aisp").await;
        // long after the code's own end, too: it was stolen all the same
        for later in [Duration::ZERO, Duration::minutes(2)] {
            let code = code(&client, "web", "aisp").await;
            let tokens = client.redeem("web", "aisp", &code).await.ok(200).json();
            let mut dead = vec![access(&tokens).to_owned()];
            if let Some(refresh) = tokens["refresh_token"].as_str() {
                dead.push(access(&client.refresh(refresh).await.ok(200).json()).to_owned());
                dead.push(refresh.to_owned());
            }
            for token in &dead {
                assert!(client.is_active(token).await);
            }
            bank.clock.advance(later);
            client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
            for token in &dead {
                assert!(!client.is_active(token).await);
            }
            if let Some(refresh) = tokens["refresh_token"].as_str() {
                client.refresh(refresh).await.refused(400, "invalid_grant");
            }
            client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
        }
        assert!(client.is_active(access(&bystander)).await, "other consents of the same customer stay");
        bank.expect_audit("code_replayed", "").await;
    }
}

/// The attempt that goes wrong spends the code: whoever stole it has one guess.
#[tokio::test]
async fn a25_a_code_is_bound_to_its_client_and_redirect_uri() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation]);
        let client = tpp.register(brand).await;
        let mut sister = Tpp::metadata(brand);
        sister["client_name"] = json!("Another app of the same house");
        let sister = tpp.register_as(brand, &sister).await;
        let stranger = bank.tpp([AccountInformation]).register(brand).await;
        for thief in [&sister, &stranger] {
            let code = code(&client, "web", "aisp").await;
            let reply = thief.redeem("web", "aisp", &code).await;
            refused_and_spent(&bank, reply, "code_of_other_client", &client, "web", &code).await;
        }
        for uri in [None, Some("https://tpp.example/callback/"), Some("https://evil.example/")] {
            let code = code(&client, "web", "aisp").await;
            let form: Vec<_> = Client::exchange("aisp", &code).into_iter().filter(|(name, _)| *name != "redirect_uri").collect();
            let form: Vec<_> = form.into_iter().chain(uri.map(|uri| ("redirect_uri", uri))).collect();
            let reply = client.token("web", &form).await;
            refused_and_spent(&bank, reply, "other_redirect_uri", &client, "web", &code).await;
        }
        // not named at authorize, so it need not be named here, and may not be another
        for (uri, status) in [(None, 200), (Some(CALLBACK), 200), (Some("https://evil.example/"), 400)] {
            let url = client.authorize_url("web", "aisp", &[("redirect_uri", None)]);
            let landing = Psu::open(&bank, brand, &url).await.approve().await;
            let form = [("grant_type", "authorization_code"), ("code", landing.code()), ("code_verifier", VERIFIER), ("scope", "aisp")];
            let form: Vec<_> = form.into_iter().chain(uri.map(|uri| ("redirect_uri", uri))).collect();
            assert_eq!(client.token("web", &form).await.status, status, "{uri:?}");
        }
    }
}

#[tokio::test]
async fn a25_a_code_of_one_channel_is_worth_nothing_at_another() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    for (asked, ..) in LBP.channels {
        for (presented, ..) in LBP.channels {
            let code = code(&client, asked, "aisp").await;
            let reply = client.redeem(presented, "aisp", &code).await;
            if asked == presented {
                let tokens = reply.ok(200).json();
                assert_eq!(client.introspect(access(&tokens)).await["channel"], *asked);
            } else {
                refused_and_spent(&bank, reply, "code_of_other_channel", &client, asked, &code).await;
            }
        }
    }
    assert_eq!(bank.audited("token_refused", "code_of_other_channel").await, 6);
}

#[tokio::test]
async fn a17_nothing_of_one_brand_works_at_another() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation]);
    let (cic, lbp) = (tpp.register(CIC).await, tpp.register(LBP).await);
    for (own, other) in [(&cic, &lbp), (&lbp, &cic)] {
        let code = code(own, "web", "aisp").await;
        other.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
        let tokens = own.redeem("web", "aisp", &code).await.ok(200).json();
        for name in ["access_token", "refresh_token"] {
            let Some(token) = tokens[name].as_str() else { continue };
            let seen = other.introspect(token).await;
            assert_eq!(seen, json!({ "active": false }), "{name}");
            // unknown there, so there is nothing to end (RFC 7009 s2.2)
            other.revoke(token).await.ok(200);
            assert!(own.is_active(token).await, "{name}");
        }
        // nor do its clients
        let stray = Client { brand: other.brand, ..own.clone() };
        stray.post(other.brand.channels[0].2, &[("grant_type", "client_credentials")]).await.refused(401, "invalid_client");
    }
    let refresh = cic.tokens("web", "aisp").await["refresh_token"].as_str().unwrap().to_owned();
    lbp.refresh(&refresh).await.refused(400, "unsupported_grant_type");
    cic.refresh(&refresh).await.ok(200);
}

/// The answer fetched again before the code was used: the newest one counts.
#[tokio::test]
async fn a_second_fetch_replaces_the_code() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    let mut psu = client.authorize("pmo", "aisp").await;
    psu.sign_in("approves").await;
    psu.post(&[("decision", "approve")]).await;
    let first = psu.fetch_answer().await.code().to_owned();
    bank.clock.advance(Duration::seconds(50));
    let second = psu.fetch_answer().await.code().to_owned();
    assert_ne!(first, second);
    client.redeem("pmo", "aisp", &first).await.refused(400, "invalid_grant");
    bank.expect_audit("token_refused", "code_unknown").await;
    // its sixty seconds are its own
    bank.clock.advance(Duration::seconds(59));
    let tokens = client.redeem("pmo", "aisp", &second).await.ok(200).json();
    // the dead one is no replay
    client.redeem("pmo", "aisp", &first).await.refused(400, "invalid_grant");
    assert!(client.is_active(access(&tokens)).await);
}

/// Scope asked for, scope at the exchange, then what comes or which refusal.
#[tokio::test]
async fn scope_on_the_exchange_is_each_banks_own_affair() {
    let bank = Bank::start().await;
    let long = "aisp extended_transaction_history";
    for (brand, asked, sent, answer) in [
        (CIC, "aisp", None, Ok("aisp")),
        (CIC, "aisp", Some(""), Ok("aisp")),
        (CIC, "aisp", Some("aisp"), Ok("aisp")),
        (CIC, long, None, Ok(long)),
        (CIC, long, Some("extended_transaction_history aisp"), Ok(long)),
        (CIC, long, Some("aisp"), Ok("aisp")),
        (CIC, "aisp", Some(long), Err("scope_not_granted")),
        (CIC, "aisp", Some("pisp"), Err("scope_not_granted")),
        (CIC, "aisp", Some("openid"), Err("scope_unknown")),
        (CIC, "cbpii", None, Ok("cbpii")),
        (CIC, "pisp", None, Ok("pisp")),
        (LBP, "aisp", Some("aisp"), Ok("aisp")),
        (LBP, long, Some("extended_transaction_history aisp"), Ok(long)),
        (LBP, "cbpii", Some("cbpii"), Ok("cbpii")),
        (LBP, "pisp", Some("pisp"), Ok("pisp")),
        (LBP, "aisp", None, Err("scope_must_match")),
        (LBP, long, Some("aisp"), Err("scope_must_match")),
        (LBP, "aisp", Some(long), Err("scope_must_match")),
        (LBP, "aisp", Some("cbpii"), Err("scope_must_match")),
    ] {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        let code = code(&client, "web", asked).await;
        let form: Vec<_> =
            Client::exchange(sent.unwrap_or_default(), &code).into_iter().filter(|(n, _)| *n != "scope" || sent.is_some()).collect();
        let reply = client.token("web", &form).await;
        match answer {
            Ok(scope) => {
                let tokens = reply.ok(200).json();
                assert_eq!(tokens["scope"], scope, "{asked} {sent:?}");
                assert_eq!(client.introspect(access(&tokens)).await["scope"], scope);
            }
            Err(reason) => {
                reply.refused(400, "invalid_scope");
                bank.expect_audit("token_refused", reason).await;
            }
        }
    }
}

/// Roles are judged again at every call: what the certificate lost, the token lacks.
#[tokio::test]
async fn a_role_lost_since_registration_loses_the_scope() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp(ALL_ROLES);
        let client = tpp.register(brand).await;
        let renewed = client.over(&bank.tpp_named(&tpp.organisation, [PaymentInitiation, CardIssuing]));
        for (scope, kept) in [("aisp", false), ("cbpii", true), ("pisp", true)] {
            let code = code(&client, "web", scope).await;
            let reply = renewed.redeem("web", scope, &code).await;
            if kept {
                assert_eq!(reply.ok(200).json()["scope"], scope);
            } else {
                let reply = reply.refused(400, "invalid_scope");
                assert!(reply.description().starts_with("ROLE_INVALID"), "{reply:?}");
                bank.expect_audit("token_refused", "role_missing").await;
            }
        }
        // the bank's own role gives no scope at all
        let bank_only = client.over(&bank.tpp_named(&tpp.organisation, [PspRole::AccountServicing]));
        let code = code(&client, "web", "cbpii").await;
        bank_only.redeem("web", "cbpii", &code).await.refused(400, "invalid_scope");
    }
}

#[tokio::test]
async fn a26_codes_and_tokens_cannot_be_guessed() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let (mut secrets, mut codes) = (HashSet::new(), vec![]);
    for _ in 0..3 {
        let code = code(&client, "web", "aisp").await;
        let tokens = client.redeem("web", "aisp", &code).await.ok(200).json();
        let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
        for (text, prefix) in [(access(&tokens), "guat_"), (&refresh, "gurt_"), (&code, "guac_")] {
            let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(prefix).unwrap()).unwrap();
            assert!(bytes.len() >= 16 + 32, "256 random bits behind the id");
            assert!(secrets.insert(bytes[bytes.len() - 32..].to_vec()), "no two are alike");
        }
        codes.push(code);
    }
    // one character off is unknown, changes nothing, and ends nothing
    let good = code(&client, "web", "aisp").await;
    let last = if good.ends_with('A') { "B" } else { "A" };
    let bent = format!("{}{last}", &good[..good.len() - 1]);
    let other_kind = good.replace("guac_", "gurt_");
    for wrong in [bent.as_str(), "x", "guac_", "guac_%00", &good[..20], &other_kind, &good.to_uppercase(), &"g".repeat(60_000)] {
        client.redeem("web", "aisp", wrong).await.refused(400, "invalid_grant");
    }
    client.redeem("web", "aisp", &good).await.ok(200);
}

#[tokio::test]
async fn the_answer_is_rfc_6749s_and_nobody_keeps_it() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp([AccountInformation]).register(brand).await;
        let code = code(&client, "web", "aisp").await;
        let reply = client.redeem("web", "aisp", &code).await.ok(200);
        for (name, value) in [
            ("content-type", "application/json"),
            ("cache-control", "no-store"),
            ("pragma", "no-cache"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(reply.header(name), value, "{reply:?}");
        }
        let body = reply.json();
        let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        let expected: &[&str] = if brand.refresh {
            &["access_token", "expires_in", "refresh_token", "scope", "token_type"]
        } else {
            &["access_token", "expires_in", "scope", "token_type"]
        };
        assert_eq!(members, expected);
        assert_eq!(
            (&body["token_type"], body["expires_in"].as_i64()),
            (&json!("Bearer"), Some(if brand.refresh { 10_800 } else { 15_552_000 }))
        );
    }
}

#[tokio::test]
async fn a34_grant_types_methods_and_bodies_that_the_endpoint_does_not_take() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        for (grant_type, error) in [
            (Some("password"), "unsupported_grant_type"),
            (Some("implicit"), "unsupported_grant_type"),
            (Some("urn:ietf:params:oauth:grant-type:device_code"), "unsupported_grant_type"),
            (Some("urn:ietf:params:oauth:grant-type:jwt-bearer"), "unsupported_grant_type"),
            (Some("urn:ietf:params:oauth:grant-type:token-exchange"), "unsupported_grant_type"),
            (Some("AUTHORIZATION_CODE"), "unsupported_grant_type"),
            (Some(""), "invalid_request"),
            (None, "invalid_request"),
            // its parameter is missing
            (Some("authorization_code"), "invalid_request"),
        ] {
            let form = [("username", "approves"), ("password", "sandbox"), ("scope", "aisp")];
            let form: Vec<_> = form.into_iter().chain(grant_type.map(|g| ("grant_type", g))).collect();
            client.token("web", &form).await.refused(400, error);
        }
        for reason in ["unsupported_grant_type", "parameter_missing"] {
            bank.expect_audit("token_refused", reason).await;
        }
        for (_, _, path) in brand.channels {
            let url = client.url(path);
            for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::HEAD] {
                let reply = client.tpp.wire.send(method, &format!("{url}?grant_type=client_credentials"), &[], "").await.ok(405);
                assert_eq!(reply.header("allow"), "POST", "{reply:?}");
                assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
            }
            let basic = client.authorization().unwrap_or_default();
            let body = format!("grant_type=client_credentials&client_id={}", client.id);
            let send = async |content_type: &str, url: &str, body: &str| {
                let headers = [("content-type", content_type), ("authorization", &basic)];
                let headers: Vec<_> = headers.into_iter().filter(|(_, value)| !value.is_empty()).collect();
                client.tpp.wire.send(Method::POST, url, &headers, body).await
            };
            for content_type in
                ["", "application/json", "text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencodedx"]
            {
                send(content_type, &url, &body).await.refused(415, "invalid_request");
            }
            let form = "application/x-www-form-urlencoded";
            // RFC 6749 s3.2: parameters in the URL do not count, twice is an error, and so is no form at all
            let in_url = send(form, &format!("{url}?{body}"), "").await;
            assert!(["invalid_client", "invalid_request"].contains(&in_url.error().as_str()), "{in_url:?}");
            for wrong in [
                format!("{body}&grant_type=client_credentials"),
                format!("{body}&x=1&x=1"),
                format!("{body}&y=%FF"),
                format!("{body}&y=%00"),
            ] {
                send(form, &url, &wrong).await.refused(400, "invalid_request");
            }
        }
        let web = client.url(brand.channels[0].2);
        let form = [("grant_type", "client_credentials"), ("client_id", client.id.as_str())];
        let basic = client.authorization();
        let headers: Vec<_> = basic.iter().map(|b| ("authorization", b.as_str())).collect();
        // the type's case and parameters do not matter
        let headers: Vec<_> = headers.into_iter().chain([("content-type", "Application/X-WWW-Form-Urlencoded ; charset=UTF-8")]).collect();
        client.tpp.wire.send(Method::POST, &web, &headers, crate::harness::wire::encode(&form)).await.ok(200);
    }
}

/// Every decision leaves a row with its reason, and no row holds what opens anything.
#[tokio::test]
async fn the_audit_trail_tells_every_decision_and_no_secret() {
    let bank = Bank::start().await;
    let mut secrets = vec!["sandbox".to_owned(), VERIFIER.to_owned(), "approves".to_owned()];
    for brand in BRANDS {
        let tpp = bank.tpp(ALL_ROLES);
        let client = tpp.register(brand).await;
        secrets.extend(client.secret.clone());
        secrets.push(client.information["registration_access_token"].as_str().unwrap().to_owned());
        client.authorize("web", "aisp").await.cancel().await;
        let mut psu = client.authorize("web", "aisp").await;
        psu.post(&[("customer", "approves"), ("password", "hunter2"), ("decision", "sign_in")]).await;
        secrets.extend([psu.cookie.split('=').nth(1).unwrap().to_owned(), psu.csrf.clone(), "hunter2".to_owned()]);
        let code = psu.approve().await.code().to_owned();
        let tokens = client.redeem("web", "aisp", &code).await.ok(200).json();
        secrets.push(access(&tokens).to_owned());
        client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
        secrets.push(code);
        let tokens = client.tokens("web", "aisp").await;
        let stranger = bank.tpp(ALL_ROLES).register(brand).await;
        stranger.revoke(access(&tokens)).await;
        if let Some(refresh) = tokens["refresh_token"].as_str() {
            let refreshed = client.refresh(refresh).await.ok(200).json();
            client.revoke(access(&refreshed)).await.ok(200);
            client.revoke(refresh).await.ok(200);
            secrets.push(refresh.to_owned());
        } else {
            client.revoke(access(&tokens)).await.ok(200);
        }
        secrets.push(access(&tokens).to_owned());
        secrets.push(access(&client.client_credentials().await.ok(200).json()).to_owned());
        client.over(&stranger.tpp).client_credentials().await.refused(401, "invalid_client");
        client.delete().await.ok(204);
    }
    let events = bank.audit().await;
    for (kind, reason) in [
        ("client_registered", ""),
        ("interaction_begun", ""),
        ("interaction_failed", "cancelled"),
        ("sign_in_failed", ""),
        ("signed_in", ""),
        ("interaction_approved", ""),
        ("code_issued", ""),
        ("token_issued", ""),
        ("code_replayed", ""),
        ("revocation_refused", "token_of_other_client"),
        ("token_refreshed", ""),
        ("grant_revoked", ""),
        ("token_revoked", ""),
        ("client_credentials_issued", ""),
        ("client_refused", "other_organisation"),
        ("client_deleted", ""),
    ] {
        let found: Vec<_> = events.iter().filter(|event| event.kind == kind && event.reason == reason).collect();
        assert!(!found.is_empty(), "no {kind} ({reason}): {events:#?}");
        assert!(found.iter().all(|event| event.client.is_some()), "{kind} names its client");
        let of_a_grant = ["interaction_approved", "code_issued", "token_issued", "code_replayed", "token_refreshed", "grant_revoked"];
        assert!(!of_a_grant.contains(&kind) || found.iter().all(|event| event.grant.is_some()), "{kind} names its grant");
    }
    for event in &events {
        for secret in &secrets {
            // the random half alone would open as much
            let tail = &secret[secret.len().saturating_sub(20)..];
            assert!(!event.text.contains(tail), "{event:?} holds a secret");
        }
    }
}
