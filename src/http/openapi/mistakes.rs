//! Registrations that are refused, sent to the judge itself: the document says what the endpoint will say.

use super::refusals::Refusal;
use crate::jose::JwsAlgorithm;
use crate::oauth::{
    brand::{Brand, ClientAuth},
    client::ClientId,
    client_metadata::AuthMethod,
    registrant::Registrant,
    registration::{RegistrationRefusal, admit, check_update},
    secret::Secret,
    software_statement::{StatementPolicy, StatementRefusal},
    tpp::{AlternativeNames, CertificateIssuer, OrganisationId, PspRole, Tpp},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

fn tpp(roles: Vec<PspRole>) -> Tpp {
    Tpp {
        organisation: OrganisationId::new("PSDFR-ACPR-12345"),
        legal_name: "Exemple Pay SAS".into(),
        roles,
        nca_id: "FR-ACPR".into(),
        subject_dn: "CN=tpp.example".into(),
        alternative_names: AlternativeNames::default(),
        thumbprint: [0; 32],
        issuer: CertificateIssuer { name: "CN=QTSP".into(), key: [0; 32] },
    }
}

/// A valid registration with these members changed.
fn with(changes: Value) -> Map<String, Value> {
    let mut body = Map::from_iter([("redirect_uris".to_owned(), json!(["https://tpp.example/callback"]))]);
    if let Value::Object(changes) = changes {
        body.extend(changes);
    }
    body
}

/// What the bank of the examples signs with.
const SIGNS: Option<JwsAlgorithm> = Some(JwsAlgorithm::Es256);

/// One body per reason, with what the judge says to it.
pub fn registration_refusals(brand: &Brand) -> Vec<Refusal> {
    let licensed = tpp(PspRole::ALL.to_vec());
    let wrong = changes(brand).into_iter().filter_map(|change| admit(&with(change), Registrant::Tpp(&licensed), brand, &[], SIGNS).err());
    let bank = admit(&with(json!({})), Registrant::Tpp(&tpp(vec![PspRole::AccountServicing])), brand, &[], SIGNS).err();
    statement_refusals(brand).chain(wrong).chain(bank).map(Refusal::from).collect()
}

/// RFC 7591 s3.2.2, of a statement. Where nobody is believed, that is all there is to say.
fn statement_refusals(brand: &Brand) -> impl Iterator<Item = RegistrationRefusal> {
    let StatementPolicy { issuers, required } = &brand.statements;
    let (believes, required) = (!issuers.is_empty(), *required);
    let can_be = move |refusal: &StatementRefusal| match refusal {
        StatementRefusal::NobodyBelieved => !believes,
        StatementRefusal::Missing => required,
        StatementRefusal::NotText
        | StatementRefusal::Jws(_)
        | StatementRefusal::IssuerMissing
        | StatementRefusal::Issuer
        | StatementRefusal::Kind
        | StatementRefusal::Audience
        | StatementRefusal::Time
        | StatementRefusal::Ahead
        | StatementRefusal::EndMissing
        | StatementRefusal::Expired
        | StatementRefusal::AgeMissing
        | StatementRefusal::TooOld
        | StatementRefusal::Id
        | StatementRefusal::OtherOrganisation => believes,
    };
    StatementRefusal::all().filter(can_be).map(RegistrationRefusal::from)
}

fn changes(brand: &Brand) -> Vec<Value> {
    let many_uris: Vec<_> = (0..=brand.registration.max_redirect_uris).map(|i| format!("https://tpp.example/{i}")).collect();
    let long = "a".repeat(501);
    let key = |members: Value| json!({ "jwks": { "keys": [members] } });
    let mut all = vec![
        json!({ "token_endpoint_auth_method": "none" }),
        json!({ "require_pushed_authorization_requests": true }),
        json!({ "require_pushed_authorization_requests": "yes" }),
        json!({ "security_profile": "fapi9" }),
        json!({ "authorization_details_types": ["signature"] }),
        json!({ "tls_client_auth_san_dns": "tpp.example" }),
        json!({ "tls_client_auth_subject_dn": "CN=a", "tls_client_auth_san_dns": "tpp.example" }),
        json!({ "provider_legal_id": "PSDFR-ACPR-99999" }),
        json!({ "grant_types": ["implicit"] }),
        json!({ "grant_types": [] }),
        json!({ "grant_types": ["refresh_token"] }),
        json!({ "response_types": ["token"] }),
        json!({ "response_types": [] }),
        json!({ "redirect_uris": many_uris }),
        json!({ "scope": "openid" }),
        json!({ "jwks": { "keys": [] }, "jwks_uri": "https://tpp.example/jwks" }),
        json!({ "jwks": [] }),
        json!({ "jwks": { "keys": vec![json!({}); 11] } }),
        key(json!("key")),
        key(json!({ "kty": "EC", "d": "AA" })),
        key(json!({})),
        key(json!({ "kty": "oct" })),
        key(json!({ "kty": "RSA", "e": "AQAB", "n": "AQAB" })),
        key(json!({ "kty": "EC", "x5c": ["?"] })),
        json!({ "jwks": { "keys": vec![json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" }); 2] } }),
        json!({ "client_uri": "tpp" }),
        json!({ "client_uri": "http://tpp.example" }),
        json!({ "client_name": 1 }),
        json!({ "client_name": "" }),
        json!({ "client_name": long }),
        json!({ "client_name": "a\u{7}" }),
        json!({ "client_name#!": "a" }),
        json!({ "contacts": "tech@tpp.example" }),
        json!({ "contacts": vec!["tech@tpp.example"; 11] }),
        Value::Object((0..65).map(|i| (format!("client_name#de-{i}"), json!("a"))).collect()),
    ];
    if brand.profiles.offer_fapi2() {
        all.extend([
            json!({ "require_signed_request_object": "yes" }),
            json!({ "request_object_signing_alg": "RS256" }),
            json!({ "authorization_signed_response_alg": "PS256" }),
        ]);
    } else {
        all.extend(["require_pushed_authorization_requests", "require_signed_request_object"].map(|name| json!({ name: true })));
    }
    all.extend([json!({ "require_pushed_authorization_requests": 1 }), json!({ "security_profile": "none" })]);
    if AuthMethod::PrivateKeyJwt.is_offered_by(brand) {
        let signing = |more: Value| {
            let mut changes = json!({ "token_endpoint_auth_method": "private_key_jwt" });
            if let (Value::Object(changes), Value::Object(more)) = (&mut changes, more) {
                changes.extend(more);
            }
            changes
        };
        all.extend([
            json!({ "security_profile": "fapi2", "tls_client_auth_subject_dn": "CN=other.example" }),
            json!({ "security_profile": "fapi2", "tls_client_auth_subject_dn": "tpp.example" }),
            signing(json!({})),
            signing(json!({ "jwks": { "keys": [] } })),
            signing(json!({ "jwks_uri": "https://tpp.example/jwks", "token_endpoint_auth_signing_alg": "RS256" })),
        ]);
    }
    all.extend(redirect_uris().map(|uri| json!({ "redirect_uris": uri })));
    all
}

fn redirect_uris() -> impl Iterator<Item = Value> {
    let long = format!("https://tpp.example/{}", "a".repeat(2000));
    [
        json!(null),
        json!(["http://tpp.example/callback"]),
        json!(["/callback"]),
        json!(["https://tpp.example/callback#here"]),
        json!(["https://user@tpp.example/callback"]),
        json!(["https://tpp.example/call back"]),
        json!([long]),
    ]
    .into_iter()
}

/// What only an update is refused for (RFC 7592 s2.2).
pub fn update_refusals(brand: &Brand) -> Vec<Refusal> {
    let client = ClientId(Uuid::nil());
    let secrets = [Secret::new("another").digest()];
    let id = client.to_string();
    let mut wrong = vec![json!({ "client_id": id, "registration_access_token": "gurg_..." }), json!({ "client_id": "another" })];
    if !brand.registration.update_without_client_id {
        wrong.push(json!({}));
    }
    if brand.client_auth == ClientAuth::TlsAndSecretBasic {
        wrong.push(json!({ "client_id": id, "client_secret": "wrong" }));
    }
    wrong.into_iter().filter_map(|body| check_update(&with(body), client, &secrets, brand).err()).map(Refusal::from).collect()
}
