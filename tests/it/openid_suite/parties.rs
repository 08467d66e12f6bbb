//! What the suite plays: two clients of two organisations, a customer, and requests as it sends them.

use crate::harness::{
    Bank, BankOptions, CIC, Client, Landing, Psu, Reply, Tpp,
    tpp::{CALLBACK, CHALLENGE, STATE, VERIFIER},
    wire::encode,
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::{Value, json};

pub const PAR: &str = "/cic/par";
pub const SCOPE: &str = "aisp";

/// A bank whose clients may choose FAPI 2.0.
pub async fn bank() -> Bank {
    let fapi2 = "[brand.security]\nclients_may_choose = \"fapi2\"".to_owned();
    Bank::with(BankOptions { brands: vec![CIC], one_brand_extra: Some((CIC, fapi2)), ..BankOptions::default() }).await
}

async fn registered<'b>(bank: &'b Bank, redirect_uri: &str) -> Client<'b> {
    let mut metadata = Tpp::metadata(CIC);
    metadata["redirect_uris"] = json!([redirect_uri]);
    metadata["security_profile"] = json!("fapi2");
    bank.tpp([AccountInformation, PaymentInitiation]).register_as(CIC, &metadata).await
}

pub async fn client(bank: &Bank) -> Client<'_> {
    registered(bank, CALLBACK).await
}

/// Its redirect URI has a query, which must be there when the customer comes home.
pub async fn second(bank: &Bank) -> Client<'_> {
    registered(bank, &format!("{CALLBACK}?dummy1=lorem&dummy2=ipsum")).await
}

fn redirect_uri<'c>(client: &'c Client<'_>) -> &'c str {
    client.information["redirect_uris"][0].as_str().unwrap()
}

/// An authorization request, some of it changed or taken out.
fn request<'r>(client: &'r Client<'_>, changes: &[(&'r str, Option<&'r str>)]) -> Vec<(&'r str, &'r str)> {
    let usual = [
        ("response_type", "code"),
        ("redirect_uri", redirect_uri(client)),
        ("scope", SCOPE),
        ("state", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    kept.chain(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)))).collect()
}

pub async fn push(client: &Client<'_>, changes: &[(&str, Option<&str>)]) -> Reply {
    client.post(PAR, &request(client, changes)).await
}

pub async fn pushed(client: &Client<'_>, changes: &[(&str, Option<&str>)]) -> String {
    push(client, changes).await.ok(201).json()["request_uri"].as_str().unwrap().to_owned()
}

/// The browser with `client_id`, `request_uri` and whatever else.
pub async fn arrive(client: &Client<'_>, request_uri: &str, beside: &[(&str, &str)]) -> Psu {
    let pairs = [&[("client_id", client.id.as_str()), ("request_uri", request_uri)], beside].concat();
    let (bank, path) = (client.tpp.bank, CIC.channel("web").1);
    Psu::open(bank, CIC, &format!("{}{path}?{}", bank.origin(CIC.psu_host), encode(&pairs))).await
}

/// As most modules do: the pushed request's parameters stand in the query once more.
pub async fn authorize(client: &Client<'_>, changes: &[(&str, Option<&str>)]) -> Psu {
    arrive(client, &pushed(client, changes).await, &request(client, changes)).await
}

/// The whole redirect is the client's: `iss`, `state` as it was sent, and the query of the redirect URI.
#[track_caller]
pub fn came_home(landing: &Landing, client: &Client<'_>, state: Option<&str>) {
    let (uri, query) = redirect_uri(client).split_once('?').unwrap_or((redirect_uri(client), ""));
    assert_eq!((landing.uri.as_str(), landing.get("iss")), (uri, client.tpp.bank.issuer(CIC).as_str()), "{landing:?}");
    assert_eq!(landing.params.get("state").map(String::as_str), state, "{landing:?}");
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        assert_eq!(landing.get(name), value);
    }
}

/// A code of a customer who approved.
pub async fn code(client: &Client<'_>) -> String {
    let landing = authorize(client, &[]).await.approve().await;
    came_home(&landing, client, Some(STATE));
    landing.code().to_owned()
}

pub fn exchange<'f>(client: &'f Client<'_>, code: &'f str) -> Vec<(&'f str, &'f str)> {
    vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri(client)), ("code_verifier", VERIFIER)]
}

pub async fn redeem(client: &Client<'_>, code: &str) -> Reply {
    client.token("web", &exchange(client, code)).await
}

pub async fn tokens(client: &Client<'_>) -> Value {
    redeem(client, &code(client).await).await.ok(200).json()
}

pub fn member<'t>(tokens: &'t Value, name: &str) -> &'t str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name} in the answer"))
}

/// The protected resource over this client's connection.
pub async fn resource(client: &Client<'_>, scope: &str, query: &str, headers: &[(&str, &str)]) -> Reply {
    client.tpp.wire.send(Method::GET, &client.url(&format!("/cic/sandbox/resource/{scope}{query}")), headers, "").await
}

pub async fn resource_with(client: &Client<'_>, scope: &str, token: &str) -> Reply {
    resource(client, scope, "", &[("authorization", &format!("Bearer {token}"))]).await
}

/// The same client over a connection without certificate.
pub fn without_certificate<'b>(client: &Client<'b>) -> Client<'b> {
    client.over(&Tpp { wire: client.tpp.bank.browser(), ..client.tpp.clone() })
}

/// The page on which a journey ends that nobody can be sent home from.
#[track_caller]
pub fn is_over(psu: &Psu) {
    let page = &psu.page;
    assert!(page.status == 400 && page.header("location").is_empty() && page.body.contains("<html"), "{page:?}");
}

/// A refusal as RFC 6749 s5.2 writes it: what the suite looks at in each.
#[track_caller]
pub fn refused(reply: &Reply, allowed: &[(u16, &str)]) {
    let told = reply.json();
    let error = told["error"].as_str().unwrap_or_default();
    assert!(allowed.contains(&(reply.status, error)), "{allowed:?}: {reply:?}");
    assert!(reply.header("content-type").starts_with("application/json"), "{reply:?}");
    let printable = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    assert!(told["error_description"].as_str().is_some_and(|text| text.chars().all(printable)), "{reply:?}");
}
