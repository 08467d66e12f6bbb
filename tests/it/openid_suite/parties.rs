//! What the suite plays: two clients of two organisations, a customer, and requests as a plan sends them, signed or not.

use crate::harness::{
    Bank, BankOptions, CIC, Client, Landing, Psu, Reply, Tpp,
    keys::Key,
    tpp::{CALLBACK, CHALLENGE, STATE, VERIFIER},
    wire::encode,
};
use guichet::{
    clock::Clock,
    jose::{JwsAlgorithm, KeySet, verify},
    oauth::tpp::PspRole::{AccountInformation, PaymentInitiation},
};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::ops::Deref;
use tempfile::TempDir;

pub const PAR: &str = "/cic/par";
pub const SCOPE: &str = "aisp";

/// How requests are sent and answers come.
#[derive(Clone, Copy)]
pub enum Plan {
    /// `unsigned`, `plain_response`.
    Plain,
    /// `signed_non_repudiation`, `jarm`.
    Signed,
}

/// A bank whose clients may choose FAPI 2.0, and what its clients do.
pub struct Scene {
    pub bank: Bank,
    plan: Plan,
    _folder: TempDir,
}

pub type Changes<'c> = [(&'c str, Option<&'c str>)];

impl Scene {
    pub async fn new(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = BankOptions::fapi2().signing(folder.path());
        Self { bank: Bank::with(options).await, plan, _folder: folder }
    }

    pub async fn client(&self) -> Party<'_> {
        self.registered(CALLBACK, "first").await
    }

    /// Its redirect URI has a query, which must be there when the customer comes home.
    pub async fn second(&self) -> Party<'_> {
        self.registered(&format!("{CALLBACK}?dummy1=lorem&dummy2=ipsum"), "second").await
    }

    async fn registered(&self, redirect_uri: &str, kid: &str) -> Party<'_> {
        let key = match self.plan {
            Plan::Plain => None,
            Plan::Signed => Some(Key::new(JwsAlgorithm::Es256, kid)),
        };
        self.registered_with(redirect_uri, key).await
    }

    /// Says who it is by an assertion that this key signs.
    pub async fn signer(&self, key: &Key) -> Party<'_> {
        let tpp = self.bank.tpp([AccountInformation, PaymentInitiation]);
        Party { client: tpp.register_with_key(CIC, key, &json!({ "security_profile": "fapi2" })).await, key: None }
    }

    pub async fn registered_with(&self, redirect_uri: &str, key: Option<Key>) -> Party<'_> {
        let mut metadata = Tpp::metadata(CIC);
        metadata["redirect_uris"] = json!([redirect_uri]);
        metadata["security_profile"] = json!("fapi2");
        if let Some(key) = &key {
            metadata["jwks"] = key.set();
            metadata["require_signed_request_object"] = json!(true);
        }
        let client = self.bank.tpp([AccountInformation, PaymentInitiation]).register_as(CIC, &metadata).await;
        Party { client, key }
    }
}

/// A client, and the key by which it signs its requests where the plan wants that.
pub struct Party<'b> {
    pub client: Client<'b>,
    pub key: Option<Key>,
}

impl<'b> Deref for Party<'b> {
    type Target = Client<'b>;

    fn deref(&self) -> &Client<'b> {
        &self.client
    }
}

impl Party<'_> {
    fn redirect_uri(&self) -> &str {
        self.information["redirect_uris"][0].as_str().unwrap()
    }

    /// An authorization request, some of it changed or taken out.
    pub fn request<'r>(&'r self, changes: &Changes<'r>) -> Vec<(&'r str, &'r str)> {
        let usual = [
            ("response_type", "code"),
            ("redirect_uri", self.redirect_uri()),
            ("scope", SCOPE),
            ("state", STATE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let mode = self.key.as_ref().map(|_| ("response_mode", "jwt"));
        let kept = usual.into_iter().chain(mode).filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        kept.chain(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)))).collect()
    }

    /// The request object's claims; `null` takes one away.
    pub fn claims(&self, changes: &Changes<'_>, edits: &Value) -> Value {
        let now = self.tpp.bank.clock.now().unix_timestamp();
        let own =
            json!({ "iss": self.id, "aud": self.tpp.bank.issuer(CIC), "nbf": now, "iat": now, "exp": now + 300, "client_id": self.id });
        let mut claims = own.as_object().unwrap().clone();
        claims.extend(self.request(changes).into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
        claims.extend(edits.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        claims.into()
    }

    pub async fn push(&self, changes: &Changes<'_>) -> Reply {
        self.push_beside(changes, &[]).await
    }

    /// With parameters that stand in the form, outside a request object.
    pub async fn push_beside(&self, changes: &Changes<'_>, beside: &[(&str, &str)]) -> Reply {
        match &self.key {
            None => self.post(PAR, &[&self.request(changes)[..], beside].concat()).await,
            Some(key) => {
                let object = key.sign(&self.claims(changes, &json!({})));
                self.post(PAR, &[&[("request", object.as_str())][..], beside].concat()).await
            }
        }
    }

    pub async fn pushed(&self, changes: &Changes<'_>) -> String {
        member(&self.push(changes).await.ok(201).json(), "request_uri").to_owned()
    }

    /// The browser with `client_id` and whatever else.
    pub async fn arrive_with(&self, pairs: &[(&str, &str)]) -> Psu {
        let (bank, path) = (self.tpp.bank, CIC.channel("web").1);
        let query = encode(&[&[("client_id", self.id.as_str())], pairs].concat());
        Psu::open(bank, CIC, &format!("{}{path}?{query}", bank.origin(CIC.psu_host))).await
    }

    pub async fn arrive(&self, request_uri: &str, beside: &[(&str, &str)]) -> Psu {
        self.arrive_with(&[&[("request_uri", request_uri)], beside].concat()).await
    }

    /// As most modules do: the pushed request's parameters stand in the query once more.
    pub async fn authorize(&self, changes: &Changes<'_>) -> Psu {
        self.arrive(&self.pushed(changes).await, &self.request(changes)).await
    }

    /// The whole redirect is the client's: `iss`, `state` as it was sent, the query of the redirect URI, and in the signed plan all of
    /// the answer in a JWT. What else was answered.
    pub async fn came_home(&self, landing: &Landing, state: Option<&str>) -> Answer {
        let (uri, query) = self.redirect_uri().split_once('?').unwrap_or((self.redirect_uri(), ""));
        assert_eq!(landing.uri, uri, "{landing:?}");
        let mut told = landing.params.clone();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            assert_eq!(told.remove(name).as_deref(), Some(value), "{landing:?}");
        }
        let mut told: Map<_, _> = match (&self.key, told.remove("response")) {
            (Some(_), Some(response)) => {
                assert!(told.is_empty(), "{landing:?}");
                self.opened(&response).await
            }
            (None, None) => told.into_iter().map(|(name, value)| (name, value.into())).collect(),
            (Some(_), None) | (None, Some(_)) => panic!("signed where it should not be, or the other way round: {landing:?}"),
        };
        assert_eq!(told.remove("iss"), Some(self.tpp.bank.issuer(CIC).into()), "{landing:?}");
        assert_eq!(told.remove("state").as_ref().and_then(Value::as_str), state, "{landing:?}");
        Answer(told)
    }

    /// JARM s2.1: verified by the published keys.
    async fn opened(&self, response: &str) -> Map<String, Value> {
        let bank = self.tpp.bank;
        let told = bank.browser().get(&format!("{}/.well-known/oauth-authorization-server", bank.issuer(CIC))).await.ok(200).json();
        let keys = bank.browser().get(member(&told, "jwks_uri")).await.ok(200).json();
        let mut claims = verify(response, &KeySet::read(&keys), &[JwsAlgorithm::Es256]).unwrap().claims;
        assert_eq!(claims.remove("aud"), Some(self.id.clone().into()));
        let lives = claims.remove("exp").and_then(|exp| exp.as_i64()).unwrap() - bank.clock.now().unix_timestamp();
        assert!((1..=600).contains(&lives), "{lives}");
        claims
    }

    /// A code of a customer who approved.
    pub async fn code(&self) -> String {
        let landing = self.authorize(&[]).await.approve().await;
        self.came_home(&landing, Some(STATE)).await.get("code").to_owned()
    }

    pub fn exchange<'f>(&'f self, code: &'f str) -> Vec<(&'f str, &'f str)> {
        vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", self.redirect_uri()), ("code_verifier", VERIFIER)]
    }

    pub async fn redeem(&self, code: &str) -> Reply {
        self.token("web", &self.exchange(code)).await
    }

    pub async fn tokens(&self) -> Value {
        self.redeem(&self.code().await).await.ok(200).json()
    }

    /// The protected resource over this client's connection.
    pub async fn resource(&self, scope: &str, query: &str, headers: &[(&str, &str)]) -> Reply {
        self.tpp.wire.send(Method::GET, &self.url(&format!("/cic/sandbox/resource/{scope}{query}")), headers, "").await
    }

    pub async fn resource_with(&self, scope: &str, token: &str) -> Reply {
        self.resource(scope, "", &[("authorization", &format!("Bearer {token}"))]).await
    }

    /// The same client over a connection without certificate.
    pub fn without_certificate(&self) -> Client<'_> {
        self.over(&Tpp { wire: self.tpp.bank.browser(), ..self.tpp.clone() })
    }
}

/// What the redirect told beside `iss` and `state`.
#[derive(Debug)]
pub struct Answer(Map<String, Value>);

impl Answer {
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    #[track_caller]
    pub fn failed(&self, error: &str) {
        assert!(self.get("error") == error && !self.0.contains_key("code"), "{self:?}");
    }
}

pub fn member<'t>(answer: &'t Value, name: &str) -> &'t str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in the answer"))
}

/// The page on which a journey ends that nobody can be sent home from.
#[track_caller]
pub fn is_over(psu: &Psu) {
    let page = &psu.page;
    assert!(page.status == 400 && page.header("location").is_empty() && page.body.contains("<html"), "{page:?}");
    // what the module's reviewer looks for in the picture
    assert!(page.body.contains("request_uri: unknown, expired, used, or of another client"), "{page:?}");
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
