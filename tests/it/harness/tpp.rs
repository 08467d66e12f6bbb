//! A TPP: an organisation with a QWAC, and the clients it registered.

use super::{
    bank::{Bank, Brand},
    keys::Key,
    psu::{Landing, Psu},
    wire::{Reply, Wire, encode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use guichet::clock::Clock;
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const CALLBACK: &str = "https://tpp.example/callback";
/// RFC 7523 s2.2.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
pub const STATE: &str = "st-8=/ +é&";

#[derive(Clone)]
pub struct Tpp<'a> {
    pub bank: &'a Bank,
    pub organisation: String,
    /// Of its QWAC, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    pub wire: Wire,
}

/// A registered client and how it authenticates.
#[derive(Clone)]
pub struct Client<'a> {
    pub tpp: Tpp<'a>,
    pub brand: Brand,
    pub id: String,
    pub secret: Option<String>,
    /// Of a client with `private_key_jwt`: each request is authenticated by a new assertion.
    pub key: Option<Key>,
    /// All that was answered at registration.
    pub information: Value,
}

impl<'a> Tpp<'a> {
    pub fn metadata(brand: Brand) -> Value {
        json!({
            "redirect_uris": [CALLBACK],
            "client_name": "Test app",
            "grant_types": brand.grant_types(),
            "token_endpoint_auth_method": "tls_client_auth",
        })
    }

    pub fn registration_url(&self, brand: Brand) -> String {
        format!("{}{}", self.bank.origin(brand.tpp_host), brand.registration)
    }

    pub async fn try_register(&self, brand: Brand, metadata: &Value) -> Reply {
        self.wire.json(Method::POST, &self.registration_url(brand), &[], metadata).await
    }

    pub async fn register(&self, brand: Brand) -> Client<'a> {
        self.register_as(brand, &Self::metadata(brand)).await
    }

    pub async fn register_as(&self, brand: Brand, metadata: &Value) -> Client<'a> {
        let information = self.try_register(brand, metadata).await.ok(201).json();
        Client {
            tpp: self.clone(),
            brand,
            id: information["client_id"].as_str().unwrap().to_owned(),
            secret: information["client_secret"].as_str().map(str::to_owned),
            key: None,
            information,
        }
    }

    /// A client with `private_key_jwt`, and whatever else is registered of it.
    pub async fn register_with_key(&self, brand: Brand, key: &Key, more: &Value) -> Client<'a> {
        let mut metadata = Self::metadata(brand);
        metadata["token_endpoint_auth_method"] = json!("private_key_jwt");
        metadata["jwks"] = key.set();
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Client { key: Some(key.clone()), ..self.register_as(brand, &metadata).await }
    }
}

impl<'a> Client<'a> {
    /// The same client with another certificate: a renewed QWAC, or somebody else's.
    pub fn over(&self, tpp: &Tpp<'a>) -> Self {
        Self { tpp: tpp.clone(), ..self.clone() }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.tpp.bank.origin(self.brand.tpp_host))
    }

    pub fn authorization(&self) -> Option<String> {
        let secret = self.secret.as_ref()?;
        Some(format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.id))))
    }

    /// What a good assertion says (RFC 7523 s3), with some claims changed; `null` takes one away. None was ever said before.
    pub fn claims(&self, changes: &Value) -> Value {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (now, jti) = (self.tpp.bank.clock.now().unix_timestamp(), NEXT.fetch_add(1, Ordering::Relaxed).to_string());
        let mut claims = json!({
            "iss": self.id, "sub": self.id, "aud": self.tpp.bank.issuer(self.brand), "iat": now, "exp": now + 60, "jti": jti,
        });
        let members = claims.as_object_mut().unwrap();
        members.extend(changes.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        claims
    }

    /// A new assertion of this client, as [`Self::claims`].
    pub fn assertion(&self, changes: &Value) -> String {
        self.key.as_ref().expect("a client with private_key_jwt").sign(&self.claims(changes))
    }

    /// A form with this assertion and nothing else that tells the client.
    pub async fn post_asserting(&self, path: &str, assertion: &str, form: &[(&str, &str)]) -> Reply {
        let own = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)];
        self.tpp.wire.form(&self.url(path), &[], &[form, &own].concat()).await
    }

    /// A form at a machine endpoint, authenticated as the brand asks.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        self.try_post(path, form).await.expect("an answer")
    }

    /// As [`Self::post`], with no answer where the server is away.
    pub async fn try_post(&self, path: &str, form: &[(&str, &str)]) -> Option<Reply> {
        let (mut headers, mut fields) = (vec![("content-type", "application/x-www-form-urlencoded")], form.to_vec());
        let (basic, assertion) = (self.authorization(), self.key.as_ref().map(|_| self.assertion(&json!({}))));
        match (&basic, &assertion) {
            (_, Some(assertion)) => fields.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion)]),
            (Some(basic), None) => headers.push(("authorization", basic)),
            (None, None) => fields.push(("client_id", &self.id)),
        }
        self.tpp.wire.try_send(Method::POST, &self.url(path), &headers, encode(&fields)).await.ok()
    }

    pub async fn token(&self, channel: &str, form: &[(&str, &str)]) -> Reply {
        self.post(self.brand.channel(channel).2, form).await
    }

    pub async fn revoke(&self, token: &str) -> Reply {
        self.post(self.brand.revocation, &[("token", token)]).await
    }

    pub async fn client_credentials(&self) -> Reply {
        self.token("web", &[("grant_type", "client_credentials"), ("scope", "pisp")]).await
    }

    pub async fn refresh(&self, token: &str) -> Reply {
        self.token("web", &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// An authorization URL with PKCE and state, each parameter replaceable.
    pub fn authorize_url(&self, channel: &str, scope: &str, changes: &[(&str, Option<&str>)]) -> String {
        let usual = [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", CALLBACK),
            ("scope", scope),
            ("state", STATE),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let mut pairs: Vec<(&str, &str)> = usual.into_iter().filter(|(name, _)| !changes.iter().any(|(n, _)| n == name)).collect();
        pairs.extend(changes.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
        format!("{}{}?{}", self.tpp.bank.origin(self.brand.psu_host), self.brand.channel(channel).1, encode(&pairs))
    }

    /// The customer's browser on the first page of a journey.
    pub async fn authorize(&self, channel: &str, scope: &str) -> Psu {
        let psu = Psu::open(self.tpp.bank, self.brand, &self.authorize_url(channel, scope, &[])).await;
        assert_eq!(psu.page.status, 200, "{:?}", psu.page);
        psu
    }

    pub async fn approved(&self, channel: &str, scope: &str) -> Landing {
        self.authorize(channel, scope).await.approve().await
    }

    /// The exchange of a code as the brand documents it.
    pub async fn redeem(&self, channel: &str, scope: &str, code: &str) -> Reply {
        self.token(channel, &Self::exchange(scope, code)).await
    }

    pub fn exchange<'f>(scope: &'f str, code: &'f str) -> [(&'f str, &'f str); 5] {
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER), ("scope", scope)]
    }

    /// Tokens of a whole journey.
    pub async fn tokens(&self, channel: &str, scope: &str) -> Value {
        let landing = self.approved(channel, scope).await;
        self.redeem(channel, scope, landing.code()).await.ok(200).json()
    }

    /// What the bank's gateway learns of a token.
    pub async fn introspect(&self, token: &str) -> Value {
        introspect(self.tpp.bank, self.brand, &[("token", token)]).await.ok(200).json()
    }

    pub async fn is_active(&self, token: &str) -> bool {
        self.introspect(token).await["active"] == true
    }

    pub fn registration_uri(&self) -> &str {
        self.information["registration_client_uri"].as_str().unwrap()
    }

    pub async fn manage(&self, method: Method, body: &Value) -> Reply {
        self.tpp.wire.json(method, self.registration_uri(), &[], body).await
    }

    pub async fn delete(&self) -> Reply {
        self.tpp.wire.send(Method::DELETE, self.registration_uri(), &[], "").await
    }
}

pub async fn introspect(bank: &Bank, brand: Brand, form: &[(&str, &str)]) -> Reply {
    let url = format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), brand.id);
    bank.gateway().form(&url, &[], form).await
}
