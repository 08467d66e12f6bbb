//! What is no text, and any input at all, in every place for a text.

use super::{ROLES, serve, unharmed};
use crate::harness::{
    CIC, Client, LBP, Reply, together,
    tpp::{Tpp, introspect},
};
use proptest::{
    prelude::{Strategy, any, prop},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use reqwest::Method;
use serde_json::{Value, json};

/// What a text may hold at worst, percent-encoded.
const NOISE: &[&str] =
    &["%00", "a%00b", "%FF%FE", "%", "%zz", "%C3%28", "%E2%80%AE", "%0D%0ASet-Cookie:x=y", "..%2F..%2F", "%27%3B--", "%F0%9F%92%A3", "+++"];

fn exact(reply: &Reply, what: &str) {
    assert!((200..500).contains(&reply.status), "{what}: {reply:?}");
    assert!(!reply.headers.contains_key("x"), "{what}");
    if reply.header("content-type").starts_with("application/json") && reply.status >= 400 {
        assert!(!reply.error().is_empty(), "{what}: {reply:?}");
    }
}

/// Strings that are no text: each is a 400 wherever forms are read.
fn is_no_text(noise: &str) -> bool {
    ["%00", "a%00b", "%FF%FE", "%", "%zz", "%C3%28"].contains(&noise)
}

async fn send_noise(client: &Client<'_>, noise: &str) {
    let (bank, wire) = (client.tpp.bank, &client.tpp.wire);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for name in [
        "grant_type",
        "scope",
        "code",
        "redirect_uri",
        "code_verifier",
        "refresh_token",
        "client_id",
        "token",
        "token_type_hint",
        "certificate",
        "x",
    ] {
        for path in [CIC.channel("web").2, CIC.revocation] {
            let usual = if name == "grant_type" { "" } else { "&grant_type=authorization_code" };
            let reply = wire.send(Method::POST, &client.url(path), &form, format!("{name}={noise}{usual}")).await;
            exact(&reply, &format!("{name}={noise} at {path}"));
            assert!(!is_no_text(noise) || (reply.status == 400 && reply.error() == "invalid_request"), "{name}={noise}: {reply:?}");
        }
        let url = format!("https://localhost:{}/brands/cic/introspect", bank.internal.port());
        exact(
            &bank.gateway().send(Method::POST, &url, &form, format!("{name}={noise}&token=t")).await,
            &format!("introspection {name}={noise}"),
        );
    }
    let path = noise.replace("%zz", "%25zz");
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let url = client.url(&format!("{}/{path}", CIC.registration));
        exact(&wire.json(method, &url, &[], &json!({})).await, &format!("path {noise}"));
    }
    exact(&bank.browser().get(&format!("{}/cic/journeys/{path}", bank.origin(CIC.psu_host))).await, &format!("journey {noise}"));
    exact(&bank.browser().get(&format!("{}/oauth2/{path}/sandbox/signin.html", bank.origin(CIC.psu_host))).await, &format!("lang {noise}"));
}

async fn send_noise_of_customers(client: &Client<'_>, noise: &str) {
    let bank = client.tpp.bank;
    let browser = bank.browser();
    for name in
        ["client_id", "redirect_uri", "scope", "state", "response_type", "code_challenge", "code_challenge_method", "ui_locales", "x"]
    {
        let url = format!("{}&{name}={noise}", client.authorize_url("web", "aisp", &[(name, None)]));
        let reply = browser.get(&url).await;
        exact(&reply, &format!("authorize {name}={noise}"));
        assert!(!is_no_text(noise) || reply.status == 400, "{name}={noise}: {reply:?}");
    }
    let psu = client.authorize("web", "aisp").await;
    for name in ["csrf", "decision", "outcome", "customer", "password"] {
        let body = format!("csrf=x&customer=y&password=z&{name}2=&{name}={noise}").replacen(&format!("{name}=x&"), "", 1);
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", psu.cookie.as_str())];
        exact(&browser.send(Method::POST, &psu.journey, &headers, body).await, &format!("journey {name}={noise}"));
    }
    // with the right csrf, so that the login is looked up
    exact(&psu.click(&[("decision", "sign_in"), ("customer", "a\0b"), ("password", "\0")]).await, "a login with NUL");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_no_text_is_refused_in_every_place_for_a_text() {
    let (bank, process) = serve("").await;
    let client = bank.tpp(ROLES).register(CIC).await;
    together(NOISE.iter().map(|noise| send_noise(&client, noise))).await;
    for noise in NOISE {
        send_noise_of_customers(&client, noise).await;
    }
    for (name, value) in [
        ("client_name", json!("a\0b")),
        ("client_name#fr", json!("\0")),
        ("client_name#\0", json!("x")),
        ("\0", json!("x")),
        ("redirect_uris", json!(["https://tpp.example/\0"])),
        ("contacts", json!(["\0"])),
        ("software_id", json!("\0")),
        ("scope", json!("aisp\0")),
        ("grant_types", json!(["\0"])),
        ("jwks", json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "\0", "y": "b" }] })),
        ("jwks", json!({ "keys": [{ "kty": "EC", "crv": "P-256", "x": "a", "y": "b", "\0": [["\0"]] }] })),
        ("jwks", json!({ "keys": [], "\0": "\0" })),
    ] {
        let mut metadata = Tpp::metadata(CIC);
        metadata[name] = value;
        let reply = client.tpp.try_register(CIC, &metadata).await;
        exact(&reply, &format!("{name:?}"));
        assert!(reply.status == 400 || name == "\0" || name == "jwks" && reply.status == 201, "{name:?}: {reply:?}");
    }
    for cookie in ["__Host-guichet=\u{e9}", "__Host-guichet=", "=;;;=", &"x=y; ".repeat(2000)] {
        let psu = client.authorize("web", "aisp").await;
        exact(&bank.browser().send(Method::GET, &psu.journey, &[("cookie", cookie)], "").await, cookie);
    }
    for authorization in ["Basic", "Basic !!!", "Basic AA==", "Basic /////w==", "Bearer \u{e9}", "Basic OgBhOgBi"] {
        let lbp = bank.tpp(ROLES);
        let url = format!("{}{}", bank.origin(LBP.tpp_host), LBP.channel("web").2);
        let reply = lbp.wire.form(&url, &[("authorization", authorization)], &[("grant_type", "client_credentials")]).await;
        assert!([400, 401].contains(&reply.status), "{authorization}: {reply:?}");
    }
    unharmed(&bank, &process).await;
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("%{b:02X}")).collect()
}

/// Form bodies: any bytes, or parameters that are known with any value.
fn any_form() -> impl Strategy<Value = Vec<u8>> {
    let names = vec![
        "grant_type",
        "code",
        "redirect_uri",
        "scope",
        "client_id",
        "token",
        "refresh_token",
        "code_verifier",
        "state",
        "csrf",
        "decision",
        "customer",
        "certificate",
        "certificate_thumbprint",
    ];
    let values = one_of(vec!["authorization_code", "refresh_token", "client_credentials", "aisp", "sign_in", "guat_x", "gurt_y", "guac_z"]);
    let known = (prop::sample::select(names), values).prop_map(|(name, value)| [name.as_bytes(), b"=", &value].concat());
    let pairs = prop::collection::vec(known, 0..8).prop_map(|pairs| pairs.join(&b'&'));
    proptest::prop_oneof![prop::collection::vec(any::<u8>(), 0..400), pairs]
}

fn one_of(known: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    let encoded = prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| percent(&bytes).into_bytes());
    proptest::prop_oneof![prop::sample::select(known).prop_map(|text| text.as_bytes().to_vec()), encoded]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = proptest::prop_oneof![
        proptest::strategy::Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "https://[a-z./?#@:%0-9]{0,30}".prop_map(Value::from),
    ];
    let nested = |inner: proptest::strategy::BoxedStrategy<Value>| {
        proptest::prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("kty|keys|x5c|n|e|[a-z\0#]{0,6}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    };
    let value = leaf.prop_recursive(4, 32, 5, nested);
    let names = "redirect_uris|client_name|client_name#[a-z-]{0,5}|grant_types|response_types|scope|jwks|jwks_uri|contacts|logo_uri|client_id|software_id|[a-z_#]{0,10}";
    prop::collection::hash_map(names, value, 0..8).prop_map(|map| Value::Object(map.into_iter().collect()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_input_makes_the_server_fail() {
    let (bank, process) = serve("").await;
    let client = bank.tpp(ROLES).register(CIC).await;
    let psu = client.authorize("web", "aisp").await;
    let mut runner = TestRunner::deterministic();
    let inputs: Vec<_> = (0..300)
        .map(|_| (any_form().new_tree(&mut runner).unwrap().current(), any_json().new_tree(&mut runner).unwrap().current()))
        .collect();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let attack = async |(bytes, metadata): &(Vec<u8>, Value)| {
        let token = client.url(CIC.channel("web").2);
        let said = [
            client.tpp.wire.send(Method::POST, &token, &form, bytes.clone()).await,
            client.tpp.wire.send(Method::POST, &token, &form, [b"client_id=", client.id.as_bytes(), b"&", bytes].concat()).await,
            client
                .tpp
                .wire
                .send(Method::POST, &client.url(CIC.revocation), &form, [b"client_id=", client.id.as_bytes(), b"&", bytes].concat())
                .await,
            introspect(&bank, CIC, &[("token", &String::from_utf8_lossy(bytes)), ("certificate", &String::from_utf8_lossy(bytes))]).await,
            bank.browser().get(&format!("{}&{}", client.authorize_url("web", "aisp", &[("state", None)]), percent(bytes))).await,
            bank.browser().send(Method::POST, &psu.journey, &[form[0], ("cookie", &psu.cookie)], bytes.clone()).await,
            client.tpp.try_register(CIC, metadata).await,
            client.manage(Method::PUT, metadata).await,
        ];
        said.iter()
            .enumerate()
            .find(|(_, r)| r.status >= 500)
            .map(|(i, r)| format!("{i}: {:?} or {metadata}: {r:?}", String::from_utf8_lossy(bytes)))
    };
    for some in inputs.chunks(25) {
        let failed: Vec<_> = together(some.iter().map(attack)).await.into_iter().flatten().collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
    unharmed(&bank, &process).await;
}
