//! Client metadata (RFC 7591 s2) and what a brand admits of it.

use super::{
    brand::{Brand, ClientAuth},
    certificate_subject::{self, Subject},
    client::ClientId,
    client_metadata::{AuthMethod, ClientMetadata, GrantType},
    details::DetailsType,
    error_code::ErrorCode,
    message_signing::MessageSigning,
    profile::SecurityProfile,
    redirect::registrable_redirect,
    registered_keys::{self, Keys, Kids, keys_uri},
    registrant::{Registrant, reasons},
    scope::Scope,
    secret::Secret,
    software_statement::{self, Statement, StatementRefusal},
    tpp::OrganisationId,
};
use crate::jose::JwsAlgorithm;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use url::Url;
use utoipa::ToSchema;

const MOST_CONTACTS: usize = 10;
const LONGEST_TEXT: usize = 500;
/// RFC 7591 s2.2: these may carry a language tag, as `client_name#fr`.
const LOCALIZED: [&str; 5] = ["client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"];
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

pub(super) type Admitted<T> = Result<T, RegistrationRefusal>;

/// What may be registered of `asked`. `known` are redirect URIs already registered: only new ones are judged. `signs`: what the bank's
/// key signs with now.
pub fn admit(
    asked: &Map<String, Value>,
    whose: Registrant<'_>,
    brand: &Brand,
    known: &[String],
    signs: Option<JwsAlgorithm>,
) -> Admitted<(ClientMetadata, Scope)> {
    let body = Body(asked);
    // what counts of a statement was taken out of it before
    if software_statement::sent(asked).is_some() {
        return Err(StatementRefusal::NobodyBelieved.into());
    }
    let method = body.auth_method(whose, brand)?;
    let security_profile = body.profile(brand)?;
    let subject = body.subject(whose, security_profile)?;
    body.legal_id(whose)?;
    let grant_types = body.grant_types(brand)?;
    let response_types = body.response_types(&grant_types)?;
    let redirect_uris = body.redirect_uris(brand, known, grant_types.contains(&GrantType::AuthorizationCode))?;
    let scope = body.scope(whose, brand)?;
    let profile = security_profile.unwrap_or(brand.profiles.least);
    let signing = MessageSigning::admit(asked, brand, signs)?;
    let signs = method.signs() || signing.signs_requests();
    let keys = body.keys(brand, if signs || profile.keeps_kids() { Kids::Kept } else { Kids::Assigned })?;
    keys.must_be_there(method)?;
    let token_endpoint_auth_signing_alg = body.signing_algorithm(method, &keys)?;
    let registered = |field: &str| subject.as_ref().filter(|(own, _)| *own == field).map(|(_, value)| value.clone());
    let metadata = ClientMetadata {
        redirect_uris,
        token_endpoint_auth_method: method,
        token_endpoint_auth_signing_alg,
        grant_types,
        response_types,
        client_name: body.text("client_name")?.unwrap_or_else(|| whose.legal_name().to_owned()),
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
        jwks: keys.jwks,
        jwks_uri: keys.jwks_uri,
        provider_legal_id: whose.organisation().to_string(),
        tls_client_auth_subject_dn: match &subject {
            None => whose.subject_dn().to_owned(),
            Some(_) => registered("tls_client_auth_subject_dn").unwrap_or_default(),
        },
        tls_client_auth_san_dns: registered("tls_client_auth_san_dns"),
        tls_client_auth_san_uri: registered("tls_client_auth_san_uri"),
        tls_client_auth_san_ip: registered("tls_client_auth_san_ip"),
        tls_client_auth_san_email: registered("tls_client_auth_san_email"),
        certificate_subject_must_match: subject.is_some(),
        require_pushed_authorization_requests: body.pushed_only(brand)?,
        security_profile,
        signing,
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

    /// Absent: the first of them.
    fn auth_method(&self, whose: Registrant<'_>, brand: &Brand) -> Admitted<AuthMethod> {
        let name = "token_endpoint_auth_method";
        let (methods, asked) = (whose.methods(brand), self.text(name)?);
        let found = methods.iter().find(|method| asked.as_deref().is_none_or(|asked| method.as_str() == asked));
        found.copied().ok_or_else(|| {
            let known: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
            let why = if known.is_empty() { reasons::NOT_TAKEN.to_owned() } else { format!("only {}", known.join(" or ")) };
            RegistrationRefusal::metadata(name, why)
        })
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

    /// RFC 8705 s2.1.2: none of the five members, or one. Of a client that chose FAPI 2.0 its certificate must say so, today and later.
    fn subject(&self, whose: Registrant<'_>, chosen: Option<SecurityProfile>) -> Admitted<Option<(&'static str, String)>> {
        let sent: Vec<_> = certificate_subject::FIELDS.into_iter().filter(|f| self.present(f)).collect();
        let counts = chosen.is_some_and(SecurityProfile::takes_registered_subjects);
        match (sent.as_slice(), whose) {
            ([], _) => Ok(None),
            ([first, ..], Registrant::Named { .. }) => Err(RegistrationRefusal::metadata(*first, reasons::KNOWN_BY_KEYS)),
            ([only], Registrant::Tpp(tpp)) if counts => {
                let value = self.text(only)?.unwrap_or_default();
                match Subject::read(only, &value) {
                    Some(subject) if subject.is_of(tpp) => Ok(Some((*only, value))),
                    Some(_) => Err(RegistrationRefusal::metadata(*only, "is not what the certificate says")),
                    None => Err(RegistrationRefusal::metadata(*only, "malformed")),
                }
            }
            (["tls_client_auth_subject_dn"], _) => Ok(None),
            ([only], _) => Err(RegistrationRefusal::metadata(*only, "the client is known by its certificate's subject")),
            ([_, second, ..], _) => Err(RegistrationRefusal::metadata(*second, "more than one tls_client_auth subject")),
        }
    }

    fn legal_id(&self, whose: Registrant<'_>) -> Admitted<()> {
        match self.text("provider_legal_id")? {
            Some(sent) if OrganisationId::new(sent.as_str()) != *whose.organisation() => {
                let why = match whose {
                    Registrant::Tpp(_) => "is not the certificate's organizationIdentifier",
                    Registrant::Named { .. } => reasons::OTHER_ORGANISATION,
                };
                Err(RegistrationRefusal::metadata("provider_legal_id", why))
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

    /// Absent: all that the roles allow. Asked for more than they allow: cut to what they do. The bank's people are told instead.
    fn scope(&self, whose: Registrant<'_>, brand: &Brand) -> Admitted<Scope> {
        let offered = brand.offered_scopes();
        let asked = match self.text("scope")? {
            None => offered.clone(),
            Some(text) => Scope::parse(&text)
                .ok()
                .filter(|scope| scope.is_within(&offered))
                .ok_or_else(|| RegistrationRefusal::metadata("scope", format!("unknown; offered here: {offered}")))?,
        };
        let (may_have, named) = (whose.may_have(brand), self.present("scope"));
        let allowed = asked.and(&may_have);
        match whose {
            Registrant::Tpp(_) if allowed.is_empty() => {
                Err(RegistrationRefusal::metadata("scope", "ROLE_INVALID: the certificate's roles allow none of it"))
            }
            Registrant::Named { .. } if named && allowed != asked => {
                Err(RegistrationRefusal::metadata("scope", reasons::too_much(&may_have)))
            }
            Registrant::Tpp(_) | Registrant::Named { .. } => Ok(allowed),
        }
    }

    /// RFC 7591 s2: by value, or where they are fetched from.
    fn keys(&self, brand: &Brand, kids: Kids) -> Admitted<Keys> {
        let uri = self.text("jwks_uri")?;
        if let Some(uri) = &uri {
            keys_uri(uri, brand)?;
        }
        match self.get("jwks") {
            None => Ok(Keys { jwks: None, jwks_uri: uri }),
            Some(_) if uri.is_some() => Err(RegistrationRefusal::metadata("jwks_uri", "must not be sent together with jwks")),
            Some(jwks) => Ok(Keys { jwks: Some(registered_keys::admit(jwks, kids)?), jwks_uri: None }),
        }
    }

    /// OpenID Connect Registration s2: of a client that signs its assertions; others' counts for nothing.
    fn signing_algorithm(&self, method: AuthMethod, keys: &Keys) -> Admitted<Option<String>> {
        if method != AuthMethod::PrivateKeyJwt {
            return Ok(None);
        }
        let name = "token_endpoint_auth_signing_alg";
        let asked = self.text(name)?;
        let algorithm = match asked.as_deref() {
            None => None,
            Some(asked) => {
                Some(JwsAlgorithm::parse(asked).ok_or_else(|| RegistrationRefusal::metadata(name, "only PS256, ES256 or EdDSA"))?)
            }
        };
        keys.must_verify(algorithm)?;
        Ok(asked)
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
    /// RFC 7591 s3.2.1: as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software_statement: Option<String>,
}

impl ClientInformation {
    pub fn new(
        id: ClientId,
        issued_at: OffsetDateTime,
        metadata: ClientMetadata,
        statement: Option<&Statement>,
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
            software_statement: statement.map(|statement| statement.compact().to_owned()),
        }
    }
}
