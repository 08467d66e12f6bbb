//! Client metadata (RFC 7591 s2) and what a brand admits of it for the holder of a QWAC.

use super::{
    brand::{Brand, ClientAuth},
    client::ClientId,
    client_metadata::{ClientMetadata, GrantType},
    details::DetailsType,
    error_code::ErrorCode,
    profile::SecurityProfile,
    redirect::registrable_redirect,
    scope::Scope,
    secret::Secret,
    tpp::{OrganisationId, Tpp},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use url::Url;
use utoipa::ToSchema;

const MOST_KEYS: usize = 10;
const MOST_CONTACTS: usize = 10;
const LONGEST_TEXT: usize = 500;
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// RFC 7591 s2.2: these may carry a language tag, as `client_name#fr`.
const LOCALIZED: [&str; 5] = ["client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"];
/// RFC 8705 s2.1.2: a client has exactly one of these; ours comes from the QWAC.
const SUBJECT_FIELDS: [&str; 5] = [
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
];

/// RFC 7591 s3.2.2: which member is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationRefusal {
    pub code: ErrorCode,
    pub field: String,
    pub why: String,
}

impl RegistrationRefusal {
    pub fn metadata(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidClientMetadata, field: field.into(), why: why.into() }
    }

    fn redirect(field: impl Into<String>, why: impl Into<String>) -> Self {
        Self { code: ErrorCode::InvalidRedirectUri, field: field.into(), why: why.into() }
    }
}

type Admitted<T> = Result<T, RegistrationRefusal>;

/// What may be registered of `asked`. `known` are redirect URIs already registered: only new ones are judged.
pub fn admit(asked: &Map<String, Value>, tpp: &Tpp, brand: &Brand, known: &[String]) -> Admitted<(ClientMetadata, Scope)> {
    let body = Body(asked);
    if body.present("software_statement") {
        return Err(RegistrationRefusal {
            code: ErrorCode::UnapprovedSoftwareStatement,
            field: "software_statement".into(),
            why: "no issuer of software statements is trusted here".into(),
        });
    }
    body.auth_method()?;
    body.subject(tpp)?;
    let grant_types = body.grant_types(brand)?;
    let response_types = body.response_types(&grant_types)?;
    let redirect_uris = body.redirect_uris(brand, known, grant_types.contains(&GrantType::AuthorizationCode))?;
    let scope = body.scope(tpp, brand)?;
    let (jwks, jwks_uri) = body.keys()?;
    let metadata = ClientMetadata {
        redirect_uris,
        token_endpoint_auth_method: "tls_client_auth".into(),
        grant_types,
        response_types,
        client_name: body.text("client_name")?.unwrap_or_else(|| tpp.legal_name.clone()),
        scope: scope.to_string(),
        contacts: body.texts("contacts", MOST_CONTACTS)?.unwrap_or_default(),
        description: body.text("description")?,
        agent: body.text("agent")?,
        client_uri: body.uri("client_uri")?,
        logo_uri: body.uri("logo_uri")?,
        tos_uri: body.uri("tos_uri")?,
        policy_uri: body.uri("policy_uri")?,
        software_id: body.text("software_id")?,
        software_version: body.text("software_version")?,
        jwks,
        jwks_uri,
        provider_legal_id: tpp.organisation.to_string(),
        tls_client_auth_subject_dn: tpp.subject_dn.clone(),
        require_pushed_authorization_requests: body.pushed_only(brand)?,
        security_profile: body.profile(brand)?,
        authorization_details_types: body.details_types(brand)?,
        localized: body.localized()?,
    };
    Ok((metadata, scope))
}

/// RFC 7592 s2.2: what an update must and must not carry beside the metadata.
pub fn check_update(asked: &Map<String, Value>, client: ClientId, secrets: &[super::secret::Digest], brand: &Brand) -> Admitted<()> {
    let body = Body(asked);
    for server_owned in ["registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"] {
        if asked.contains_key(server_owned) {
            return Err(RegistrationRefusal::metadata(server_owned, "must not be sent in an update"));
        }
    }
    match body.text("client_id")? {
        Some(sent) if sent != client.to_string() => return Err(RegistrationRefusal::metadata("client_id", "is not this client's")),
        Some(_) => {}
        None if brand.registration.update_without_client_id => {}
        None => return Err(RegistrationRefusal::metadata("client_id", "missing")),
    }
    if let Some(sent) = body.text("client_secret")? {
        let digest = Secret::new(sent).digest();
        if !secrets.iter().fold(false, |found, stored| stored.matches(&digest) | found) {
            return Err(RegistrationRefusal::metadata("client_secret", "is not this client's"));
        }
    }
    Ok(())
}

/// A JSON object whose members are read by kind; `null` is absent.
struct Body<'a>(&'a Map<String, Value>);

impl Body<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|v| !v.is_null())
    }

    fn present(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&self, name: &str) -> Admitted<Option<String>> {
        self.get(name).map(|value| text_of(name, value)).transpose()
    }

    fn texts(&self, name: &str, most: usize) -> Admitted<Option<Vec<String>>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let items = value.as_array().ok_or_else(|| RegistrationRefusal::metadata(name, "must be an array of strings"))?;
        if items.len() > most {
            return Err(RegistrationRefusal::metadata(name, format!("more than {most}")));
        }
        items.iter().enumerate().map(|(i, item)| text_of(&format!("{name}[{i}]"), item)).collect::<Admitted<_>>().map(Some)
    }

    fn uri(&self, name: &str) -> Admitted<Option<String>> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        https_uri(name, &text)?;
        Ok(Some(text))
    }

    fn auth_method(&self) -> Admitted<()> {
        match self.text("token_endpoint_auth_method")?.as_deref() {
            None | Some("tls_client_auth") => Ok(()),
            Some(_) => Err(RegistrationRefusal::metadata("token_endpoint_auth_method", "only tls_client_auth")),
        }
    }

    /// RFC 9126 s6.
    fn pushed_only(&self, brand: &Brand) -> Admitted<bool> {
        let name = "require_pushed_authorization_requests";
        match self.get(name) {
            None | Some(Value::Bool(false)) => Ok(false),
            Some(Value::Bool(true)) if brand.profiles.offer_fapi2() => Ok(true),
            Some(Value::Bool(true)) => Err(RegistrationRefusal::metadata(name, "requests cannot be pushed here")),
            Some(_) => Err(RegistrationRefusal::metadata(name, "must be true or false")),
        }
    }

    /// A wish for stricter rules is granted or refused, never forgotten.
    fn profile(&self, brand: &Brand) -> Admitted<Option<SecurityProfile>> {
        let Some(asked) = self.text("security_profile")? else { return Ok(None) };
        let known = SecurityProfile::ALL.into_iter().find(|(name, _)| *name == asked).map(|(_, profile)| profile);
        match known.filter(|profile| (brand.profiles.least..=brand.profiles.most).contains(profile)) {
            Some(profile) => Ok(Some(profile)),
            None => Err(RegistrationRefusal::metadata("security_profile", "not offered here")),
        }
    }

    /// RFC 9396 s10. Where no details can be asked for it is a member like any that is not known.
    fn details_types(&self, brand: &Brand) -> Admitted<Vec<String>> {
        let name = "authorization_details_types";
        if !brand.profiles.offer_fapi2() {
            return Ok(vec![]);
        }
        let asked = self.texts(name, DetailsType::ALL.len())?.unwrap_or_default();
        let unknown = asked.iter().position(|text| DetailsType::from_name(text).is_none_or(|kind| !kind.is_offered_by(brand)));
        match unknown {
            Some(i) => Err(RegistrationRefusal::metadata(format!("{name}[{i}]"), "not offered here")),
            None => Ok(asked),
        }
    }

    fn subject(&self, tpp: &Tpp) -> Admitted<()> {
        let sent: Vec<_> = SUBJECT_FIELDS.into_iter().filter(|f| self.present(f)).collect();
        match sent.as_slice() {
            [] | ["tls_client_auth_subject_dn"] => {}
            [only] => return Err(RegistrationRefusal::metadata(*only, "the client is known by its certificate's subject")),
            [_, second, ..] => return Err(RegistrationRefusal::metadata(*second, "more than one tls_client_auth subject")),
        }
        match self.text("provider_legal_id")? {
            Some(sent) if OrganisationId::new(sent.as_str()) != tpp.organisation => {
                Err(RegistrationRefusal::metadata("provider_legal_id", "is not the certificate's organizationIdentifier"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn grant_types(&self, brand: &Brand) -> Admitted<Vec<GrantType>> {
        let Some(asked) = self.texts("grant_types", 8)? else { return Ok(vec![GrantType::AuthorizationCode]) };
        let mut grants = vec![];
        for (i, text) in asked.iter().enumerate() {
            let grant = GrantType::parse(text).filter(|g| g.is_offered_by(brand));
            let grant = grant.ok_or_else(|| RegistrationRefusal::metadata(format!("grant_types[{i}]"), "not offered here"))?;
            if !grants.contains(&grant) {
                grants.push(grant);
            }
        }
        match grants.as_slice() {
            [] => Err(RegistrationRefusal::metadata("grant_types", "empty")),
            [GrantType::RefreshToken] => Err(RegistrationRefusal::metadata("grant_types", "refresh_token needs authorization_code")),
            _ => Ok(grants),
        }
    }

    /// RFC 7591 s2.1: `code` goes with authorization_code, and nothing else does.
    fn response_types(&self, grants: &[GrantType]) -> Admitted<Vec<String>> {
        let wants_code = grants.contains(&GrantType::AuthorizationCode);
        let expected: Vec<String> = if wants_code { vec!["code".into()] } else { vec![] };
        let asked = self.texts("response_types", 8)?.unwrap_or_else(|| expected.clone());
        if let Some(i) = asked.iter().position(|t| t != "code") {
            return Err(RegistrationRefusal::metadata(format!("response_types[{i}]"), "only code"));
        }
        if asked.contains(&"code".to_owned()) != wants_code {
            return Err(RegistrationRefusal::metadata("response_types", "code and the grant type authorization_code go together"));
        }
        Ok(expected)
    }

    fn redirect_uris(&self, brand: &Brand, known: &[String], needed: bool) -> Admitted<Vec<String>> {
        let most = brand.registration.max_redirect_uris;
        let uris = match self.get("redirect_uris") {
            None => vec![],
            Some(_) => self
                .texts("redirect_uris", 1000)
                .map_err(|refusal| RegistrationRefusal::redirect(refusal.field, refusal.why))?
                .unwrap_or_default(),
        };
        if uris.is_empty() && needed {
            return Err(RegistrationRefusal::redirect("redirect_uris", "missing"));
        }
        if uris.len() > most {
            return Err(RegistrationRefusal::redirect("redirect_uris", format!("more than {most}")));
        }
        for (i, uri) in uris.iter().enumerate().filter(|(_, uri)| !known.contains(uri)) {
            registrable_redirect(uri).map_err(|why| RegistrationRefusal::redirect(format!("redirect_uris[{i}]"), why))?;
        }
        Ok(uris)
    }

    /// Absent: all that the roles allow. Asked for more than they allow: cut to what they do.
    fn scope(&self, tpp: &Tpp, brand: &Brand) -> Admitted<Scope> {
        let offered = brand.offered_scopes();
        let asked = match self.text("scope")? {
            None => offered.clone(),
            Some(text) => Scope::parse(&text)
                .ok()
                .filter(|scope| scope.is_within(&offered))
                .ok_or_else(|| RegistrationRefusal::metadata("scope", format!("unknown; offered here: {offered}")))?,
        };
        let allowed = asked.allowed_to(tpp);
        if allowed.is_empty() {
            return Err(RegistrationRefusal::metadata("scope", "ROLE_INVALID: the certificate's roles allow none of it"));
        }
        Ok(allowed)
    }

    fn keys(&self) -> Admitted<(Option<Value>, Option<String>)> {
        let uri = self.uri("jwks_uri")?;
        let Some(jwks) = self.get("jwks") else { return Ok((None, uri)) };
        if uri.is_some() {
            return Err(RegistrationRefusal::metadata("jwks_uri", "must not be sent together with jwks"));
        }
        let keys = jwks.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or_else(|| RegistrationRefusal::metadata("jwks", "must be an object with an array of keys"))?;
        if keys.len() > MOST_KEYS {
            return Err(RegistrationRefusal::metadata("jwks.keys", format!("more than {MOST_KEYS}")));
        }
        let mut named: Vec<Value> = vec![];
        for (i, key) in keys.iter().enumerate() {
            let field = format!("jwks.keys[{i}]");
            let key = with_kid(&field, key)?;
            if let Some(same) = named.iter().position(|known| known["kid"] == key["kid"]) {
                return Err(RegistrationRefusal::metadata(field, format!("the same key as jwks.keys[{same}]")));
            }
            named.push(key);
        }
        Ok((Some(serde_json::json!({ "keys": named })), None))
    }

    fn localized(&self) -> Admitted<BTreeMap<String, String>> {
        let mut members = BTreeMap::new();
        for (key, value) in self.0.iter().filter(|(_, v)| !v.is_null()) {
            let Some((name, tag)) = key.split_once('#') else { continue };
            if !LOCALIZED.contains(&name) {
                continue;
            }
            if !is_language_tag(tag) {
                return Err(RegistrationRefusal::metadata(shown(key), "not a language tag"));
            }
            if members.len() == 64 {
                return Err(RegistrationRefusal::metadata(shown(key), "more than 64 localized members"));
            }
            let text = text_of(key, value)?;
            if name != "client_name" {
                https_uri(key, &text)?;
            }
            members.insert(key.clone(), text);
        }
        Ok(members)
    }
}

/// A member's name from outside, fit for an answer and for the audit trail.
fn shown(key: &str) -> String {
    key.chars().take(64).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// RFC 5646 in outline: subtags of 1 to 8 letters or digits.
fn is_language_tag(tag: &str) -> bool {
    tag.len() <= 35 && tag.split('-').all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}

fn text_of(field: &str, value: &Value) -> Admitted<String> {
    let text = value.as_str().ok_or_else(|| RegistrationRefusal::metadata(field, "must be a string"))?;
    let longest = if field.contains("uri") { 2000 } else { LONGEST_TEXT };
    if text.is_empty() {
        return Err(RegistrationRefusal::metadata(field, "empty"));
    }
    if text.chars().count() > longest {
        return Err(RegistrationRefusal::metadata(field, format!("longer than {longest} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(RegistrationRefusal::metadata(field, "has control characters"));
    }
    Ok(text.to_owned())
}

fn https_uri(field: &str, text: &str) -> Admitted<()> {
    let url = Url::parse(text).map_err(|_| RegistrationRefusal::metadata(field, "not an absolute URI"))?;
    if url.scheme() == "https" { Ok(()) } else { Err(RegistrationRefusal::metadata(field, "must be https")) }
}

/// The bank assigns the `kid`: the certificate's SHA-256 where the key comes with one (`x5c`), else the RFC 7638 thumbprint.
fn with_kid(field: &str, key: &Value) -> Admitted<Value> {
    let refuse = |why: &str| RegistrationRefusal::metadata(field, why);
    if has_control_characters(key) {
        return Err(refuse("has control characters"));
    }
    let mut key = key.as_object().cloned().ok_or_else(|| refuse("must be an object"))?;
    if ["d", "p", "q", "dp", "dq", "qi", "k"].iter().any(|secret| key.contains_key(*secret)) {
        return Err(refuse("holds a private or symmetric key"));
    }
    let member = |name: &str| key.get(name).and_then(Value::as_str).ok_or_else(|| refuse(&format!("{name} missing")));
    let leaf = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
    let digest: [u8; 32] = match leaf {
        Some(base64) => Sha256::digest(STANDARD.decode(base64).map_err(|_| refuse("x5c is not base64"))?).into(),
        None => {
            // RFC 7638 s3.2: required members only, in lexicographic order, no white space
            let required = match member("kty")? {
                "RSA" => vec!["e", "kty", "n"],
                "EC" => vec!["crv", "kty", "x", "y"],
                "OKP" => vec!["crv", "kty", "x"],
                _ => return Err(refuse("kty not supported")),
            };
            let members = required.into_iter().map(|n| Ok((n, member(n)?))).collect::<Admitted<BTreeMap<_, _>>>()?;
            Sha256::digest(serde_json::to_vec(&members).unwrap_or_default()).into()
        }
    };
    if key.contains_key("kty") && !is_strong(&key) {
        return Err(refuse("not a key of RSA with 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519"));
    }
    key.insert("kid".into(), URL_SAFE_NO_PAD.encode(digest).into());
    Ok(key.into())
}

/// What is kept as it came must be text that a database keeps: in names and values, at any depth.
fn has_control_characters(value: &Value) -> bool {
    let in_text = |text: &str| text.chars().any(char::is_control);
    match value {
        Value::String(text) => in_text(text),
        Value::Array(items) => items.iter().any(has_control_characters),
        Value::Object(members) => members.iter().any(|(name, value)| in_text(name) || has_control_characters(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// FAPI 2.0 s5.4.1: RSA of 2048 bits and more, elliptic curves of 224 bits and more. A key that is only in its certificate is judged there.
fn is_strong(key: &Map<String, Value>) -> bool {
    let text = |name: &str| key.get(name).and_then(Value::as_str);
    match (text("kty"), text("n"), text("crv")) {
        (Some("RSA"), Some(modulus), _) => URL_SAFE_NO_PAD.decode(modulus).is_ok_and(|bytes| {
            let significant = bytes.iter().position(|b| *b != 0).map_or(&[][..], |first| &bytes[first..]);
            let unused = significant.first().map_or(0, |b| b.leading_zeros() as usize);
            RSA_BITS.contains(&(significant.len() * 8 - unused))
        }),
        (Some("EC"), _, Some(curve)) => ["P-256", "P-384", "P-521"].contains(&curve),
        (Some("OKP"), _, Some(curve)) => curve == "Ed25519",
        // without its members the certificate beside it says all
        (Some("RSA" | "EC" | "OKP"), None, None) => true,
        _ => false,
    }
}

/// RFC 7591 s3.2.1 and RFC 7592 s3: what the client is told about itself.
#[derive(Serialize, ToSchema)]
pub struct ClientInformation {
    pub client_id: String,
    /// Seconds since the epoch.
    pub client_id_issued_at: i64,
    /// Shown when it is issued, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// 0: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_expires_at: Option<i64>,
    pub registration_access_token: String,
    pub registration_client_uri: String,
    #[serde(flatten)]
    pub metadata: ClientMetadata,
}

impl ClientInformation {
    pub fn new(
        id: ClientId,
        issued_at: OffsetDateTime,
        metadata: ClientMetadata,
        secret: Option<&Secret>,
        token: &Secret,
        brand: &Brand,
    ) -> Self {
        let has_secret = brand.client_auth == ClientAuth::TlsAndSecretBasic;
        Self {
            client_id: id.to_string(),
            client_id_issued_at: issued_at.unix_timestamp(),
            client_secret: secret.map(|s| s.reveal().to_owned()),
            client_secret_expires_at: has_secret.then_some(0),
            registration_access_token: token.reveal().to_owned(),
            registration_client_uri: brand.registration_client_uri(&id.to_string()),
            metadata,
        }
    }
}
