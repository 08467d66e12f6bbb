//! The authorization endpoint: whom it answers, what it accepts, and what it tells whom (RFC 6749 s4.1, RFC 7636, RFC 9207, RFC 9700).

use crate::harness::{
    Bank, BankOptions, Brand, CIC, LBP, Reply,
    bank::BRANDS,
    psu::Psu,
    tpp::{CALLBACK, CHALLENGE, Client, STATE, Tpp, VERIFIER},
    wire::encode,
};
use guichet::oauth::tpp::PspRole;
use reqwest::Method;
use serde_json::json;

const ALL_ROLES: [PspRole; 3] = [PspRole::AccountInformation, PspRole::CardIssuing, PspRole::PaymentInitiation];

type Changes<'a> = [(&'a str, Option<&'a str>)];

async fn open<'a>(client: &Client<'a>, changes: &Changes<'_>) -> Psu {
    Psu::open(client.tpp.bank, client.brand, &client.authorize_url("web", "aisp", changes)).await
}

/// A page of the bank's own, and no way out of it.
#[track_caller]
fn page_without_redirect(reply: &Reply, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert!(reply.header("content-type").starts_with("text/html") && reply.body.contains("<html"), "{reply:?}");
    assert!(reply.header("location").is_empty() && !reply.body.contains("http-equiv"), "{reply:?}");
    assert!(!reply.body.contains("evil.example") && !reply.body.contains("tpp.example"), "{reply:?}");
}

async fn register_with(bank: &Bank, brand: Brand, redirect_uris: &[&str]) -> String {
    let mut metadata = Tpp::metadata(brand);
    metadata["redirect_uris"] = json!(redirect_uris);
    bank.tpp(ALL_ROLES).register_as(brand, &metadata).await.id
}

#[tokio::test]
async fn a01_a02_a14_only_the_registered_redirect_uri_is_ever_answered() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        for uri in [
            "https://evil.example/callback",
            "https://tpp.example/callback/",
            "https://tpp.example/callback?",
            "https://tpp.example/callback?a=b",
            "https://tpp.example/callback#f",
            "https://tpp.example/Callback",
            "https://TPP.example/callback",
            "HTTPS://tpp.example/callback",
            "https://tpp.example:443/callback",
            "https://tpp.example/a/../callback",
            "https://tpp.example/%63allback",
            "https://tpp.example\\@evil.example/callback",
            "https://tpp.example@evil.example/callback",
            "https://tpp.example.evil.example/callback",
            "http://tpp.example/callback",
            "//tpp.example/callback",
            " https://tpp.example/callback",
            "https://tpp.example/callback\r\nSet-Cookie: a=b",
            "javascript:alert(1)",
        ] {
            page_without_redirect(&open(&client, &[("redirect_uri", Some(uri))]).await.page, 400);
            // nor for an error, which is sent at once
            page_without_redirect(&open(&client, &[("redirect_uri", Some(uri)), ("response_type", Some("token"))]).await.page, 400);
        }
        let missing = "0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee";
        for id in ["", "unknown", missing, &client.id.to_uppercase(), &client.id.replace('-', ""), "' or 1=1 --", "\u{e9}"] {
            page_without_redirect(&open(&client, &[("client_id", Some(id))]).await.page, 400);
        }
        page_without_redirect(&open(&client, &[("client_id", None)]).await.page, 400);
        // of the other brand
        let other = if brand.id == CIC.id { LBP } else { CIC };
        let stranger = bank.tpp(ALL_ROLES).register(other).await;
        page_without_redirect(&open(&client, &[("client_id", Some(&stranger.id))]).await.page, 400);
        // one is registered, so it need not be named; empty is absent
        for sent in [None, Some("")] {
            let landing = open(&client, &[("redirect_uri", sent)]).await.approve().await;
            assert_eq!(landing.uri, CALLBACK);
        }
        client.delete().await.ok(204);
        page_without_redirect(&open(&client, &[]).await.page, 400);
    }
}

#[tokio::test]
async fn a01_a03_several_redirect_uris_loopback_ports_and_queries() {
    let bank = Bank::start().await;
    let registered = ["https://tpp.example/callback?tenant=1", "https://tpp.example/other", "http://127.0.0.1/cb", "http://[::1]:9/cb"];
    let id = register_with(&bank, CIC, &registered).await;
    let go = async |uri: Option<&str>| {
        let pairs: Vec<_> = [("client_id", id.as_str()), ("response_type", "token"), ("state", "s")]
            .into_iter()
            .chain(uri.map(|uri| ("redirect_uri", uri)))
            .collect();
        bank.browser().get(&format!("{}{}?{}", bank.issuer(CIC), CIC.channels[0].1, encode(&pairs))).await
    };
    page_without_redirect(&go(None).await, 400);
    for uri in registered.into_iter().chain(["http://127.0.0.1:5123/cb", "http://127.0.0.1:65535/cb", "http://[::1]/cb"]) {
        let reply = go(Some(uri)).await.ok(303);
        let joint = if uri.contains('?') { '&' } else { '?' };
        assert!(reply.header("location").starts_with(&format!("{uri}{joint}error=unsupported_response_type")), "{reply:?}");
    }
    for uri in [
        "http://127.0.0.1:5123/other",
        "http://127.0.0.2/cb",
        "http://localhost/cb",
        "http://127.0.0.1:80@evil.example/cb",
        "http://127.0.0.1.evil.example/cb",
        "https://127.0.0.1/cb",
        "https://tpp.example:8443/other",
        "https://tpp.example/callback",
    ] {
        page_without_redirect(&go(Some(uri)).await, 400);
    }
    // refused at registration
    for uri in ["http://tpp.example/callback", "http://localhost/cb", "https://tpp.example/cb#f", "tpp-app:/cb"] {
        let mut metadata = Tpp::metadata(CIC);
        metadata["redirect_uris"] = json!([uri]);
        bank.tpp(ALL_ROLES).try_register(CIC, &metadata).await.refused(400, "invalid_redirect_uri");
    }
    // and at use, however it came into the table
    let plain = "http://tpp.example/plain";
    sqlx::query("update clients set metadata = jsonb_set(metadata, '{redirect_uris}', $1), revision = revision + 1")
        .bind(json!([plain]))
        .execute(&bank.pool().await)
        .await
        .unwrap();
    page_without_redirect(&go(Some(plain)).await, 400);
    page_without_redirect(&go(None).await, 400);
}

/// What is sent, and `error` at the redirect URI. `state` and `iss` come along each time.
#[tokio::test]
async fn a04_a05_a09_b52_a_wrong_request_is_answered_at_the_redirect_uri() {
    let bank = Bank::start().await;
    let cases: &[(&str, &Changes<'_>, &str)] = &[
        ("no response_type", &[("response_type", None)], "invalid_request"),
        ("empty response_type", &[("response_type", Some(""))], "invalid_request"),
        ("implicit", &[("response_type", Some("token"))], "unsupported_response_type"),
        ("id_token", &[("response_type", Some("id_token"))], "unsupported_response_type"),
        ("hybrid", &[("response_type", Some("code id_token"))], "unsupported_response_type"),
        ("hybrid token", &[("response_type", Some("code token"))], "unsupported_response_type"),
        ("CODE", &[("response_type", Some("CODE"))], "unsupported_response_type"),
        ("fragment", &[("response_mode", Some("fragment"))], "invalid_request"),
        ("form_post", &[("response_mode", Some("form_post"))], "invalid_request"),
        ("jwt", &[("response_mode", Some("jwt"))], "invalid_request"),
        ("request object", &[("request", Some("eyJhbGciOiJub25lIn0.e30."))], "request_not_supported"),
        ("request_uri", &[("request_uri", Some("https://evil.example/r"))], "request_uri_not_supported"),
        ("request_uri urn", &[("request_uri", Some("urn:ietf:params:oauth:request_uri:x"))], "request_uri_not_supported"),
        ("no scope", &[("scope", None)], "invalid_scope"),
        ("unknown scope", &[("scope", Some("openid"))], "invalid_scope"),
        ("known and unknown scope", &[("scope", Some("aisp openid"))], "invalid_scope"),
        ("case of scope", &[("scope", Some("AISP"))], "invalid_scope"),
        ("aisp and cbpii", &[("scope", Some("aisp cbpii"))], "invalid_scope"),
        ("aisp and pisp", &[("scope", Some("aisp pisp"))], "invalid_scope"),
        ("extended alone", &[("scope", Some("extended_transaction_history"))], "invalid_scope"),
        ("extended with cbpii", &[("scope", Some("cbpii extended_transaction_history"))], "invalid_scope"),
        ("plain", &[("code_challenge_method", Some("plain"))], "invalid_request"),
        ("method absent", &[("code_challenge_method", None)], "invalid_request"),
        ("method s256", &[("code_challenge_method", Some("s256"))], "invalid_request"),
        ("method without challenge", &[("code_challenge", None)], "invalid_request"),
        ("short challenge", &[("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c"))], "invalid_request"),
        ("padded challenge", &[("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c="))], "invalid_request"),
        ("not base64url", &[("code_challenge", Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"))], "invalid_request"),
    ];
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        for (what, changes, error) in cases {
            let landing = open(&client, changes).await.landed();
            assert_eq!((landing.uri.as_str(), landing.get("error")), (CALLBACK, *error), "{what}");
            assert_eq!((landing.get("state"), landing.get("iss")), (STATE, bank.issuer(brand).as_str()), "{what}");
            assert!(!landing.get("error_description").is_empty() && landing.params.len() == 4, "{what}: {landing:?}");
        }
        let begun: i64 = sqlx::query_scalar("select count(*) from interactions").fetch_one(&bank.pool().await).await.unwrap();
        assert_eq!(begun, 0, "none of them began a journey");
    }
}

#[tokio::test]
async fn a_scope_needs_the_registration() {
    let bank = Bank::start().await;
    let client = bank.tpp([PspRole::AccountInformation]).register(CIC).await;
    for scope in ["cbpii", "pisp"] {
        assert_eq!(open(&client, &[("scope", Some(scope))]).await.landed().get("error"), "invalid_scope");
    }
    let mut metadata = Tpp::metadata(CIC);
    (metadata["grant_types"], metadata["response_types"]) = (json!(["client_credentials"]), json!([]));
    let machine = bank.tpp(ALL_ROLES).register_as(CIC, &metadata).await;
    assert_eq!(open(&machine, &[]).await.landed().get("error"), "unauthorized_client");
}

#[tokio::test]
async fn a05_a_brand_may_require_pkce() {
    let brand_extra = "[brand.authorization]\npkce_required = true".to_owned();
    let bank = Bank::with(BankOptions { brand_extra, ..BankOptions::default() }).await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        let without = open(&client, &[("code_challenge", None), ("code_challenge_method", None)]).await.landed();
        assert_eq!((without.get("error"), without.get("error_description")), ("invalid_request", "code_challenge: missing"));
        client.tokens("web", "aisp").await;
    }
}

/// A parameter sent twice has no value that could be trusted (RFC 6749 s3.1).
#[tokio::test]
async fn a_repeated_parameter_is_refused_and_never_guessed() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    let url = client.authorize_url("web", "aisp", &[]);
    let again = async |more: &str| bank.browser().get(&format!("{url}&{more}")).await;
    for more in ["client_id=x", &format!("client_id={}", client.id), "redirect_uri=https%3A%2F%2Fevil.example%2F", "redirect%5Furi="] {
        page_without_redirect(&again(more).await, 400);
        // also where another name was repeated before it
        page_without_redirect(&again(&format!("scope=aisp&{more}")).await, 400);
    }
    for more in ["scope=aisp", "scope=pisp", "response_type=code", "code_challenge=x", "nonce=1&nonce=2", "scope="] {
        let landing = crate::harness::Landing::read(again(more).await.ok(303).header("location"));
        assert_eq!((landing.get("error"), landing.get("state")), ("invalid_request", STATE), "{more}");
    }
    for more in ["state=other", "scope=aisp&state=other"] {
        let landing = crate::harness::Landing::read(again(more).await.ok(303).header("location"));
        assert_eq!((landing.get("error"), landing.params.get("state")), ("invalid_request", None), "which of both? {more}");
    }
    // the name goes into error_description, whose characters RFC 6749 s4.1.2.1 names
    let landing =
        crate::harness::Landing::read(again("%22%5C%C3%A9%0D%3Cb%3E=1&%22%5C%C3%A9%0D%3Cb%3E=2").await.ok(303).header("location"));
    let allowed = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    assert!(landing.get("error_description").chars().all(allowed), "{landing:?}");
}

#[tokio::test]
async fn a16_a_long_or_strange_state_works_or_fails_cleanly() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        for state in ["x".repeat(1_001), "é".repeat(2_048), "x".repeat(4_096), "a\"'<>&%#;\r\n\t\u{202e}日本 🏦".to_owned()] {
            let landing = open(&client, &[("state", Some(&state))]).await.approve().await;
            assert_eq!(landing.get("state"), state);
            landing.code();
        }
        for state in ["x".repeat(4_097), "é".repeat(2_049), "x".repeat(9_000)] {
            let landing = open(&client, &[("state", Some(&state))]).await.landed();
            assert_eq!((landing.get("error"), landing.get("state")), ("invalid_request", state.as_str()));
        }
        for absent in [None, Some("")] {
            let landing = open(&client, &[("state", absent)]).await.approve().await;
            assert_eq!(landing.params.get("state"), None);
        }
        // what a header cannot hold is cut before it is read
        let huge = open(&client, &[("state", Some(&"x".repeat(60_000)))]).await.page;
        assert!((400..500).contains(&huge.status), "{}", huge.status);
    }
}

#[tokio::test]
async fn a_query_that_is_no_form_is_a_page() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    let url = client.authorize_url("web", "aisp", &[("state", None)]);
    let many: String = (0..100).map(|i| format!("&p{i}=1")).collect();
    for more in ["&state=%FF", "&state=%C3%28", "&state=%", "&state=%zz", "&%FF=1", "&state=%00", "&state=a%00b", "&%00=1", &many] {
        page_without_redirect(&bank.browser().get(&format!("{url}{more}")).await, 400);
    }
    page_without_redirect(&bank.browser().get(&format!("{}/authorize", bank.issuer(LBP))).await, 400);
    page_without_redirect(&bank.browser().get(&format!("{}/authorize?", bank.issuer(LBP))).await, 400);
}

#[tokio::test]
async fn a10_no_cors_and_no_other_methods() {
    let bank = Bank::start().await;
    let browser = bank.browser();
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        for (channel, ..) in brand.channels {
            let url = client.authorize_url(channel, "aisp", &[]);
            let origin = [("origin", "https://tpp.example"), ("access-control-request-method", "GET")];
            for method in [Method::OPTIONS, Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE] {
                let reply = browser.send(method.clone(), &url, &origin, "").await;
                let readable = method == Method::GET || method == Method::HEAD;
                // where the app is expected, its page is shown at once
                let begun = if *channel == "web" { 303 } else { 200 };
                assert_eq!(reply.status, if readable { begun } else { 405 }, "{method} {reply:?}");
                assert!(readable || reply.header("allow").contains("GET"), "{method} {reply:?}");
                let cors = reply.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
                assert_eq!(cors, None, "{method}");
            }
        }
    }
}

#[tokio::test]
async fn the_language_is_the_paths_then_ui_locales_then_the_browsers() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    // path, ui_locales, Accept-Language, then what the page speaks
    for (path, ui_locales, accept, lang) in [
        ("de", Some("es"), "en", "de"),
        ("en", None, "fr", "en"),
        ("es", None, "", "es"),
        ("fr", None, "de", "fr"),
        ("it", Some("es"), "en", "es"),
        ("it", Some("it nl de-AT"), "en", "de"),
        ("it", None, "it, en;q=0.5, es;q=0.9", "es"),
        ("it", Some("<script>"), "zz", "fr"),
    ] {
        let url = client.authorize_url("web", "aisp", &[("ui_locales", ui_locales)]).replace("/fr/", &format!("/{path}/"));
        let mut psu = Psu::open_with(&bank, CIC, &url, &[("accept-language", accept)]).await;
        // the journey keeps it, whatever the browser says later
        for _ in 0..2 {
            assert!(psu.page.body.contains(&format!("<html lang=\"{lang}\"")), "{path} {ui_locales:?} {accept}: {:?}", psu.page);
            assert_eq!(psu.page.header("content-language"), lang);
            assert!(!psu.page.body.contains("<script"));
            psu.sign_in("approves").await;
        }
    }
    let client = bank.tpp(ALL_ROLES).register(LBP).await;
    for (ui_locales, accept, lang) in [(None, "en-GB,en;q=0.9", "en"), (Some("de"), "en", "de"), (None, "", "fr")] {
        let url = client.authorize_url("pph", "aisp", &[("ui_locales", ui_locales)]);
        let psu = Psu::open_with(&bank, LBP, &url, &[("accept-language", accept)]).await;
        assert!(psu.page.body.contains(&format!("<html lang=\"{lang}\"")), "{ui_locales:?} {accept}");
    }
}

#[tokio::test]
async fn a17_a_journey_and_its_answer_belong_to_one_brand() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    let psu = client.authorize("web", "aisp").await;
    let id = psu.journey.rsplit('/').next().unwrap().to_owned();
    for path in [format!("/labanquepostale/journeys/{id}"), format!("/labanquepostale/journeys/{id}/return")] {
        let url = format!("{}{path}", bank.issuer(LBP));
        bank.browser().send(Method::GET, &url, &[("cookie", &psu.cookie)], "").await.ok(404);
    }
    assert_eq!(psu.approve().await.get("iss"), bank.issuer(CIC));
    assert_ne!(bank.issuer(CIC), bank.issuer(LBP));
}

/// RFC 8414 and RFC 9207 tell clients what to rely on.
#[tokio::test]
async fn a08_b53_metadata_says_s256_and_iss() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let metadata = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(brand))).await.ok(200).json();
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["issuer"], bank.issuer(brand));
        assert_eq!(metadata["response_types_supported"], json!(["code"]));
    }
}

/// A customer meets an outage as a page that says so; nothing is lost or half done.
#[tokio::test]
async fn an_outage_is_a_503_page() {
    let bank = Bank::start().await;
    let client = bank.tpp(ALL_ROLES).register(CIC).await;
    let mut psu = client.authorize("web", "aisp").await;
    let pool = bank.pool().await;
    let rename = async |from: &str, to: &str| {
        sqlx::query(sqlx::AssertSqlSafe(format!("alter table {from} rename to {to}"))).execute(&pool).await.unwrap();
    };
    rename("interactions", "away").await;
    let (authorize, look) = (open(&client, &[]).await.page, psu.submit(&[("csrf", &psu.csrf), ("decision", "cancel")]).await);
    for reply in [authorize, look, psu.answer().await] {
        page_without_redirect(&reply, 503);
        assert!(!reply.header("retry-after").is_empty() && !reply.body.contains("interactions"), "{reply:?}");
    }
    rename("away", "interactions").await;
    psu.look().await;
    let code = psu.approve().await.code().to_owned();
    rename("grants", "away").await;
    let reply = client.redeem("web", "aisp", &code).await.refused(503, "temporarily_unavailable");
    assert!(!reply.header("retry-after").is_empty());
    rename("away", "grants").await;
    client.redeem("web", "aisp", &code).await.ok(200);
}

/// Two processes on one database: what one changed, the other does not refuse from memory.
#[tokio::test]
async fn a_change_at_one_process_is_met_at_the_other() {
    let first = Bank::start().await;
    let second = Bank::with(BankOptions { database: Some(first.database.clone()), ..BankOptions::default() }).await;
    let mut metadata = Tpp::metadata(CIC);
    (metadata["scope"], metadata["grant_types"]) = (json!("aisp"), json!(["authorization_code"]));
    let tpp = first.tpp(ALL_ROLES);
    let client = tpp.register_as(CIC, &metadata).await;
    let there = Client { tpp: Tpp { bank: &second, ..second.tpp_named(&tpp.organisation, ALL_ROLES) }, ..client.clone() };
    assert_eq!(open(&there, &[("scope", Some("pisp"))]).await.landed().get("error"), "invalid_scope");
    there.client_credentials().await.refused(400, "unauthorized_client");

    let mut more = Tpp::metadata(CIC);
    more["client_id"] = json!(client.id);
    client.manage(Method::PUT, &more).await.ok(200);
    assert_eq!(open(&there, &[("scope", Some("pisp"))]).await.page.status, 200);
    there.client_credentials().await.ok(200);

    // and a deleted client gets nothing anywhere
    let landing = there.approved("web", "aisp").await;
    client.delete().await.ok(204);
    there.redeem("web", "aisp", landing.code()).await.refused(401, "invalid_client");
    there.client_credentials().await.refused(401, "invalid_client");
    page_without_redirect(&open(&there, &[]).await.page, 400);
}

#[tokio::test]
async fn a06_a07_the_challenge_decides_who_may_redeem() {
    let bank = Bank::start().await;
    let other = "a".repeat(43);
    let none: &Changes<'_> = &[("code_challenge", None), ("code_challenge_method", None)];
    for brand in BRANDS {
        let client = bank.tpp(ALL_ROLES).register(brand).await;
        // at authorize, verifier, then error and the audit's reason
        for (changes, verifier, error, reason) in [
            (none, None, "", ""),
            (none, Some(VERIFIER), "invalid_grant", "verifier_unexpected"),
            (&[], None, "invalid_grant", "verifier_missing"),
            (&[], Some(other.as_str()), "invalid_grant", "verifier_wrong"),
            // the challenge itself is no verifier, as `plain` would have it
            (&[], Some(CHALLENGE), "invalid_grant", "verifier_wrong"),
            (&[], Some("short"), "invalid_request", "parameter_malformed"),
            (&[], Some("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjX+"), "invalid_request", "parameter_malformed"),
            (&[], Some(VERIFIER), "", ""),
        ] {
            let code = open(&client, changes).await.approve().await.code().to_owned();
            let form = Client::exchange("aisp", &code);
            let form: Vec<_> =
                form.into_iter().filter(|(name, _)| *name != "code_verifier").chain(verifier.map(|v| ("code_verifier", v))).collect();
            let reply = client.token("web", &form).await;
            if error.is_empty() {
                reply.ok(200);
                continue;
            }
            reply.refused(400, error);
            bank.expect_audit("token_refused", reason).await;
            if error == "invalid_grant" {
                client.redeem("web", "aisp", &code).await.refused(400, "invalid_grant");
            }
        }
    }
}
