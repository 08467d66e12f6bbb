//! RFC 7592: a client is managed by its organisation's QWAC, and a registration token that is sent must be right.

use crate::{
    harness::{Bank, CIC, Client, LBP, Reply, Tpp, bank::BRANDS, tpp::CALLBACK},
    register::{audited, rsa_key, with},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};

fn token_of(information: &Value) -> String {
    information["registration_access_token"].as_str().unwrap().to_owned()
}

async fn by_token(tpp: &Tpp<'_>, method: Method, uri: &str, authorization: &str, body: &Value) -> Reply {
    tpp.wire.json(method, uri, &[("authorization", authorization)], body).await
}

/// All of an answer that could tell two refusals apart.
fn comparable(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let own = ["x-request-id", "date"];
    let headers = reply.headers.iter().filter(|(name, _)| !own.contains(&name.as_str()));
    (reply.status, headers.map(|(n, v)| (n.to_string(), v.to_str().unwrap().to_owned())).collect(), reply.body.clone())
}

#[tokio::test]
async fn b06_b14_a_client_reads_itself_and_its_current_token() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation]);
        let client = tpp.register(brand).await;
        let uri = client.registration_uri();
        let bearer = format!("bEARER  {}", token_of(&client.information));
        let read = by_token(&tpp, Method::GET, uri, &bearer, &json!({})).await.ok(200);
        assert_eq!(read.header("cache-control"), "no-store");
        assert_eq!(read.json(), with(client.information.clone(), json!({ "client_secret": null })), "all of it, the secret apart");

        let renewed = bank.tpp_named(&tpp.organisation, [AccountInformation]);
        let read = renewed.wire.get(uri).await.ok(200).json();
        let current = token_of(&read);
        assert_ne!(current, token_of(&client.information), "only its digest is stored, so a new one is told");
        assert_eq!(
            with(read, json!({ "registration_access_token": token_of(&client.information) })),
            with(client.information.clone(), json!({ "client_secret": null }))
        );
        for token in [&current, &token_of(&client.information)] {
            let read = by_token(&tpp, Method::GET, uri, &format!("Bearer {token}"), &json!({})).await.ok(200).json();
            assert_eq!(token_of(&read), *token);
        }
    }
}

#[tokio::test]
async fn b11_strangers_learn_nothing() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation]);
        let (client, deleted) =
            (tpp.register(brand).await, tpp.register_as(brand, &with(Tpp::metadata(brand), json!({ "client_name": "x" }))).await);
        let deleted_token = format!("Bearer {}", token_of(&deleted.information));
        deleted.delete().await.ok(204);
        let stranger = bank.tpp([AccountInformation]);
        let (url, own) = (tpp.registration_url(brand), token_of(&client.information));
        let unknown = format!("{url}/019a0000-0000-7000-8000-000000000000");
        let mut methods = vec![Method::GET, Method::DELETE];
        methods.extend(brand.update.then_some(Method::PUT));
        for method in methods {
            let body = with(Tpp::metadata(brand), json!({ "client_id": client.id }));
            let expected =
                by_token(&stranger, method.clone(), &unknown, &format!("Bearer {own}"), &body).await.refused(401, "invalid_token");
            assert_eq!(expected.header("www-authenticate"), "Bearer error=\"invalid_token\"");
            let stolen = format!("Bearer {own}");
            let upper = format!("{url}/{}", client.id.to_uppercase());
            let cut = &own[..own.len() - 1];
            for (who, uri, authorization) in [
                (&stranger, client.registration_uri(), None),
                (&stranger, client.registration_uri(), Some(stolen.as_str())),
                (&stranger, unknown.as_str(), None),
                (&tpp, unknown.as_str(), None),
                (&tpp, upper.as_str(), None),
                (&tpp, &format!("{url}/x"), None),
                (&tpp, deleted.registration_uri(), None),
                (&tpp, deleted.registration_uri(), Some(deleted_token.as_str())),
                (&tpp, client.registration_uri(), Some("Bearer wrong")),
                (&tpp, client.registration_uri(), Some(&format!("Bearer {cut}"))),
                (&tpp, client.registration_uri(), Some(deleted_token.as_str())),
                (&tpp, client.registration_uri(), Some("Bearer ")),
            ] {
                let reply = match authorization {
                    Some(authorization) => by_token(who, method.clone(), uri, authorization, &body).await,
                    None => who.wire.json(method.clone(), uri, &[], &body).await,
                };
                assert_eq!(comparable(&reply), comparable(&expected), "{method} {uri} {authorization:?}");
            }
            by_token(&tpp, method, client.registration_uri(), "Basic eDp5", &body).await.refused(401, "invalid_token");
        }
        tpp.wire.get(client.registration_uri()).await.ok(200);
        tpp.wire.get(&format!("{url}/%FF%00")).await.refused(404, "invalid_request");
    }
}

#[tokio::test]
async fn b12_b13_b14_put_replaces_all_of_it() {
    let bank = Bank::start().await;
    let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
    let full = with(
        Tpp::metadata(CIC),
        json!({
            "contacts": ["dev"], "client_name#fr": "Appli", "policy_uri": "https://tpp.example/p", "scope": "aisp", "jwks": { "keys": [rsa_key()] },
        }),
    );
    let client = tpp.register_as(CIC, &full).await;
    assert_eq!(client.information["contacts"], json!(["dev"]));
    let short = json!({ "client_id": client.id, "redirect_uris": ["https://tpp.example/new"], "client_name": "New" });
    let told = client.manage(Method::PUT, &short).await.ok(200).json();
    for gone in ["contacts", "client_name#fr", "policy_uri", "jwks"] {
        assert!(told.get(gone).is_none(), "{gone} was not sent, so it is removed");
    }
    assert_eq!((&told["redirect_uris"], &told["client_name"]), (&json!(["https://tpp.example/new"]), &json!("New")));
    assert_eq!(told["grant_types"], json!(["authorization_code"]), "back to the default");
    assert_eq!(told["scope"], "aisp extended_transaction_history pisp");
    assert_eq!((&told["client_id"], &told["registration_client_uri"]), (&json!(client.id), &json!(client.registration_uri())));
    let current = format!("Bearer {}", token_of(&told));
    let read = by_token(&tpp, Method::GET, client.registration_uri(), &current, &json!({})).await.ok(200).json();
    assert_eq!(read, told, "what was answered is what is stored");
    let again = by_token(&tpp, Method::PUT, client.registration_uri(), &current, &short).await.ok(200).json();
    assert_eq!(again, told, "a token that is sent stays");
    let kept = read.clone();

    for (change, error, field) in [
        (json!({ "client_id": "019a0000-0000-7000-8000-000000000000" }), "invalid_client_metadata", "client_id"),
        (json!({ "client_id": 5 }), "invalid_client_metadata", "client_id"),
        (json!({ "registration_access_token": token_of(&told) }), "invalid_client_metadata", "registration_access_token"),
        (json!({ "registration_client_uri": client.registration_uri() }), "invalid_client_metadata", "registration_client_uri"),
        (json!({ "client_secret_expires_at": 0 }), "invalid_client_metadata", "client_secret_expires_at"),
        (json!({ "client_id_issued_at": 1 }), "invalid_client_metadata", "client_id_issued_at"),
        (json!({ "client_secret": "guess" }), "invalid_client_metadata", "client_secret"),
        (json!({ "redirect_uris": ["http://tpp.example/"] }), "invalid_redirect_uri", "redirect_uris[0]"),
        (json!({ "software_statement": "a.b.c" }), "unapproved_software_statement", "software_statement"),
        (json!({ "description": "a\u{0}" }), "invalid_client_metadata", "description"),
    ] {
        let reply = by_token(&tpp, Method::PUT, client.registration_uri(), &current, &with(short.clone(), change.clone()))
            .await
            .refused(400, error);
        assert!(reply.description().starts_with(&format!("{field}: ")), "{change}: {reply:?}");
    }
    let read = by_token(&tpp, Method::GET, client.registration_uri(), &current, &json!({})).await.ok(200).json();
    assert_eq!(read, kept, "a refused update changes nothing");
    assert_eq!(audited(&bank, "client_updated").await.len(), 2);

    // the bank's deviation: the URL already names the client
    client.manage(Method::PUT, &with(short, json!({ "client_id": null }))).await.ok(200);
    let form = tpp.wire.form(client.registration_uri(), &[], &[("a", "b")]).await.ok(405);
    assert_eq!(form.header("allow"), "GET,HEAD,DELETE,PUT");
}

#[tokio::test]
async fn the_new_values_count_from_then_on() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let old = client.tokens("web", "aisp").await;
    let machine = json!({ "client_id": client.id, "redirect_uris": ["https://tpp.example/new"], "scope": "aisp" });
    client.manage(Method::PUT, &machine).await.ok(200);
    client.refresh(old["refresh_token"].as_str().unwrap()).await.refused(400, "unauthorized_client");
    let page = crate::harness::psu::Psu::open(&bank, CIC, &client.authorize_url("web", "aisp", &[])).await.page;
    assert_eq!(page.status, 400, "the old redirect URI is unknown now");
}

#[tokio::test]
async fn a_redirect_uri_that_is_there_is_not_judged_again() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(CIC).await;
    let old = "http://old.tpp.example/cb";
    let stored = "update clients set metadata = jsonb_set(metadata, '{redirect_uris}', $2) where id = $1::uuid";
    sqlx::query(stored).bind(&client.id).bind(json!([old])).execute(&bank.pool().await).await.unwrap();
    let put = async |uris: Value| {
        client.manage(Method::PUT, &with(Tpp::metadata(CIC), json!({ "client_id": client.id, "redirect_uris": uris }))).await
    };
    assert_eq!(put(json!([old, CALLBACK])).await.ok(200).json()["redirect_uris"], json!([old, CALLBACK]));
    let reply = put(json!([old, "http://new.tpp.example/cb"])).await.refused(400, "invalid_redirect_uri");
    assert_eq!(reply.description(), "redirect_uris[1]: must be https");
    put(json!([CALLBACK])).await.ok(200);
    put(json!([old])).await.refused(400, "invalid_redirect_uri");
}

#[tokio::test]
async fn b16_labanquepostale_has_no_update() {
    let bank = Bank::start().await;
    let client = bank.tpp([AccountInformation]).register(LBP).await;
    let reply = client.manage(Method::PUT, &with(Tpp::metadata(LBP), json!({ "client_id": client.id }))).await.ok(405);
    assert_eq!((reply.header("allow"), reply.error().as_str()), ("GET,HEAD,DELETE", "invalid_request"));
    for brand in BRANDS {
        let client = bank.tpp([AccountInformation]).register(brand).await;
        for method in [Method::POST, Method::PATCH, Method::OPTIONS] {
            client.manage(method, &json!({})).await.ok(405);
        }
    }
}

#[tokio::test]
async fn b15_deletion_ends_everything_at_once() {
    let bank = Bank::start().await;
    for brand in BRANDS {
        let tpp = bank.tpp([AccountInformation, PaymentInitiation]);
        let client = tpp.register(brand).await;
        let sibling: Client<'_> = tpp.register_as(brand, &with(Tpp::metadata(brand), json!({ "client_name": "Sibling" }))).await;
        let survivor = sibling.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned();
        let tokens = client.tokens("web", "aisp").await;
        let mut dead = vec![tokens["access_token"].as_str().unwrap().to_owned()];
        dead.extend(tokens["refresh_token"].as_str().map(str::to_owned));
        dead.push(client.client_credentials().await.ok(200).json()["access_token"].as_str().unwrap().to_owned());
        let pending = client.approved("web", "aisp").await;
        let mut open = client.authorize("web", "aisp").await;
        for token in &dead {
            assert!(client.is_active(token).await);
        }
        let bearer = format!("Bearer {}", token_of(&client.information));
        let reply = by_token(&tpp, Method::DELETE, client.registration_uri(), &bearer, &json!({})).await.ok(204);
        assert_eq!((reply.body.as_str(), reply.header("cache-control")), ("", "no-store"));
        for token in &dead {
            assert_eq!(client.introspect(token).await, json!({ "active": false }));
        }
        client.redeem("web", "aisp", pending.code()).await.refused(401, "invalid_client");
        client.client_credentials().await.refused(401, "invalid_client");
        client.revoke(&dead[0]).await.refused(401, "invalid_client");
        if let Some(refresh) = tokens["refresh_token"].as_str() {
            client.refresh(refresh).await.refused(401, "invalid_client");
        }
        client.delete().await.refused(401, "invalid_token");
        by_token(&tpp, Method::GET, client.registration_uri(), &bearer, &json!({})).await.refused(401, "invalid_token");
        let page = crate::harness::psu::Psu::open(&bank, brand, &client.authorize_url("web", "aisp", &[])).await.page;
        assert_eq!(page.status, 400, "no journey begins for it");
        let rows = "select count(*) from clients where id = $1::uuid and (secret_digests <> '{}' or registration_token_digests <> '{}')";
        let live: i64 = sqlx::query_scalar(rows).bind(&client.id).fetch_one(&bank.pool().await).await.unwrap();
        let grants: i64 = sqlx::query_scalar("select count(*) from grants where client_id = $1::uuid and revoked_at is null")
            .bind(&client.id)
            .fetch_one(&bank.pool().await)
            .await
            .unwrap();
        assert_eq!((live, grants), (0, 0));
        open.sign_in("approves").await;
        let landing = open.landed();
        assert!(landing.params.contains_key("error") && !landing.params.contains_key("code"), "the journey under way ends: {landing:?}");
        assert!(sibling.is_active(&survivor).await, "the organisation's other client lives on");
    }
}
