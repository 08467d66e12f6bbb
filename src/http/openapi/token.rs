//! The token endpoint of each channel (RFC 6749 s3.2) and revocation (RFC 7009).

use super::{
    parts::{Member, empty_answer, form_body, json_answer, object, operation, optional, refused, required, shared, spoken, text, word},
    refusals,
};
use crate::{
    jose,
    oauth::{
        assertion,
        brand::{Brand, ClientAuth, ExchangeScope, ScopePolicy},
        channel::Channel,
        client_metadata::{AuthMethod, GrantType},
        error::OAuthError,
        scope::Scope,
        token::TokenResponse,
    },
};
use utoipa::openapi::{
    OneOfBuilder, RefOr, Schema,
    path::{Operation, OperationBuilder},
    security::SecurityRequirement,
};

const TAG: &str = "Tokens";

/// The grants that this channel's endpoint answers.
fn grants<'a>(brand: &'a Brand, channel: &'a Channel) -> impl Iterator<Item = GrantType> + 'a {
    let here = |grant: &GrantType| *grant != GrantType::ClientCredentials || channel.client_credentials;
    GrantType::ALL.into_iter().filter(|grant| grant.is_offered_by(brand)).filter(here)
}

const fn schema_name(grant: GrantType) -> &'static str {
    match grant {
        GrantType::AuthorizationCode => "AuthorizationCodeGrant",
        GrantType::RefreshToken => "RefreshTokenGrant",
        GrantType::ClientCredentials => "ClientCredentialsGrant",
    }
}

pub fn token(brand: &Brand, channel: &Channel) -> Operation {
    let offered: Vec<_> = grants(brand, channel).collect();
    let names = offered.iter().map(|grant| format!("`{}`", grant.as_str())).collect::<Vec<_>>().join(", ");
    let others = if brand.channels.len() > 1 {
        " A code or refresh token of another channel is refused, and the code is spent by the attempt."
    } else {
        ""
    };
    let description = format!(
        "RFC 6749 s3.2. Grant types here: {names}.{others}\n\nA code works once, for {}, with the `redirect_uri` of its authorization request \
         (required if it was sent there) and the `code_verifier` of its challenge (RFC 7636 s4.5). A code that is presented twice ends the \
         tokens it gave (RFC 6749 s4.1.2).\n\n{}\n\n{}",
        spoken(brand.code_lifetime),
        super::lifetimes(brand),
        authentication(brand),
    );
    let forms: Vec<_> = offered.iter().map(|grant| super::schema_ref(schema_name(*grant))).collect();
    let schema: RefOr<Schema> = match forms.as_slice() {
        [only] => only.clone().into(),
        many => Schema::OneOf(many.iter().fold(OneOfBuilder::new(), |all, form| all.item(form.clone())).build()).into(),
    };
    let examples = brand.scopes.iter().flat_map(|policy| answers(brand, policy, channel));
    let examples: Vec<_> = examples.collect();
    let answer =
        json_answer("Tokens (RFC 6749 s5.1).", "TokenResponse", examples.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let operation = operation(format!("token_{}", channel.name), TAG, format!("Ask for tokens, channel {}", channel.name), description)
        .request_body(Some(form_body("One of the grants.", schema)))
        .response("200", answer);
    let errors = refusals::form().into_iter().chain(refusals::client(brand)).chain(refusals::token(brand, channel));
    authenticated(brand, refused(operation, errors)).build()
}

/// What the code of each scope is exchanged for, in the shape the endpoint answers with.
fn answers(brand: &Brand, policy: &ScopePolicy, channel: &Channel) -> Vec<(String, serde_json::Value)> {
    let token = if brand.access_tokens.is_signed() { "eyJ..." } else { "guat_..." };
    let answer = |seconds: i64, refresh: bool| {
        let scope: Scope = [policy.family].into_iter().collect();
        let response = TokenResponse {
            access_token: token.into(),
            token_type: "Bearer",
            expires_in: seconds,
            refresh_token: refresh.then(|| "gurt_...".into()),
            scope: scope.to_string(),
            authorization_details: None,
        };
        serde_json::to_value(response).unwrap_or_default()
    };
    let family = policy.family.as_str();
    let mut all = vec![(format!("{family}-by-code"), answer(policy.access_token_lifetime.whole_seconds(), policy.refresh_token))];
    if policy.refresh_token {
        all.push((
            format!("{family}-by-refresh-token"),
            answer(policy.access_token_lifetime.whole_seconds(), policy.refresh_token_rotation),
        ));
    }
    if let Some(lifetime) = policy.client_credentials_lifetime.filter(|_| channel.client_credentials) {
        all.push((format!("{family}-by-client-credentials"), answer(lifetime.whole_seconds(), false)));
    }
    all
}

pub(super) fn authentication(brand: &Brand) -> String {
    let without_qwac = if brand.takes_self_signed() {
        " A client that the bank registered without a QWAC (`self_signed_tls_client_auth`) comes with a certificate of one of its registered \
         keys; what else such a certificate says is not looked at (RFC 8705 s2.2)."
    } else {
        ""
    };
    let usual = match brand.client_auth {
        ClientAuth::Tls if AuthMethod::PrivateKeyJwt.is_offered_by(brand) => {
            "The client authenticates with the connection's certificate and `client_id` in the form (RFC 8705 s2); it has no secret. One that \
             registered `private_key_jwt` also signs an assertion (RFC 7523 s3): `iss` and `sub` are its `client_id`, `aud` is the issuer, \
             `exp` at most an hour ahead, and each `jti` is taken once, also where the answer is an error after it. `client_id` may then be \
             left out of the form."
        }
        ClientAuth::Tls => {
            "The client authenticates with the connection's certificate and `client_id` in the form (RFC 8705 s2); it has no secret."
        }
        ClientAuth::TlsAndSecretBasic => {
            "The client authenticates with the connection's certificate and with HTTP Basic, `client_id` and `client_secret`, each \
             form-encoded first (RFC 6749 s2.3.1). Neither is enough alone."
        }
    };
    format!("{usual}{without_qwac}")
}

/// RFC 7009.
pub fn revoke(brand: &Brand) -> Operation {
    let description = format!(
        "RFC 7009. Ends a token at once. A refresh token takes the consent and all its access tokens along; an access token ends alone. A \
         token that nobody knows is answered 200, too (RFC 7009 s2.2). After 503 the token may still be alive.\n\n{}",
        authentication(brand)
    );
    let form = object("RFC 7009 s2.1.", revocation_members(brand));
    let operation = operation("revokeToken", TAG, "Revoke a token", description)
        .request_body(Some(form_body("The token.", form.build())))
        .response("200", empty_answer("The token is worth nothing any more. The body is empty."));
    let own = [OAuthError::TOKEN_MISSING, OAuthError::TOKEN_OF_OTHER_CLIENT].into_iter().map(Into::into);
    authenticated(brand, refused(operation, refusals::form().into_iter().chain(refusals::client(brand)).chain(own))).build()
}

fn revocation_members(brand: &Brand) -> Vec<Member> {
    let hint = word("Not needed: the token itself tells its kind.", ["access_token", "refresh_token"]);
    let own = [required("token", text("An access or refresh token of this client.")), optional("token_type_hint", hint)];
    own.into_iter().chain(client(brand)).collect()
}

pub(super) fn authenticated(brand: &Brand, operation: OperationBuilder) -> OperationBuilder {
    let none: [&str; 0] = [];
    let certificate = SecurityRequirement::new(super::QWAC, none);
    let requirement = match brand.client_auth {
        ClientAuth::Tls => certificate,
        ClientAuth::TlsAndSecretBasic => certificate.add(super::CLIENT_SECRET, none),
    };
    let operation = super::machine(operation.security(requirement));
    shared(operation, &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotAForm")])
}

/// What of a form says who sends it.
pub(super) fn client(brand: &Brand) -> Vec<Member> {
    match brand.client_auth {
        ClientAuth::Tls if AuthMethod::PrivateKeyJwt.is_offered_by(brand) => {
            let assertion = text("A signed JWT (RFC 7523 s3), of a client that registered `private_key_jwt`.");
            vec![
                optional("client_id", text("RFC 8705 s2. May be left out where an assertion names the client.")),
                optional("client_assertion_type", word("RFC 7523 s2.2.", [assertion::TYPE])),
                optional("client_assertion", assertion.max_length(Some(jose::LONGEST))),
            ]
        }
        ClientAuth::Tls => vec![required("client_id", text("RFC 8705 s2."))],
        ClientAuth::TlsAndSecretBasic => vec![optional("client_id", text("When sent, the one of the `Authorization` header."))],
    }
}

/// One form per grant type of the brand.
pub fn schemas(brand: &Brand) -> Vec<(&'static str, Schema)> {
    let offered = GrantType::ALL.into_iter().filter(|grant| grant.is_offered_by(brand));
    offered.map(|grant| (schema_name(grant), form(brand, grant))).collect()
}

fn form(brand: &Brand, grant: GrantType) -> Schema {
    let (source, own) = match grant {
        GrantType::AuthorizationCode => ("RFC 6749 s4.1.3 and RFC 7636 s4.5: what the customer allowed.", code_members(brand)),
        GrantType::RefreshToken => {
            let scope = text("Within what was granted. `extended_transaction_history` lasts until the first refresh.");
            let token = text(rotation_words(brand));
            ("RFC 6749 s6: a new access token, without the customer.", vec![required("refresh_token", token), optional("scope", scope)])
        }
        GrantType::ClientCredentials => {
            let offered =
                brand.scopes.iter().filter(|policy| policy.client_credentials_lifetime.is_some()).map(|policy| policy.family.as_str());
            ("RFC 6749 s4.4: the TPP on its own behalf, without a customer.", vec![optional("scope", word("Default: all of it.", offered))])
        }
    };
    let grant_type = required("grant_type", word("", [grant.as_str()]));
    object(source, [grant_type].into_iter().chain(own).chain(resource(brand)).chain(client(brand))).build().into()
}

pub(super) const RESOURCE: &str = "RFC 8707 s2: the API that the token is for. There is one; it need not be sent.";

/// Of a brand that names its API.
pub(super) fn resource(brand: &Brand) -> Option<Member> {
    brand.access_tokens.audience().map(|audience| optional("resource", word(RESOURCE, [audience])))
}

fn rotation_words(brand: &Brand) -> &'static str {
    if brand.scopes.iter().any(|policy| policy.refresh_token_rotation) {
        "Where the answer brings another one, that is the next to use; this one works until then, so a lost answer costs nothing. Presented \
         after its successor was used, it ends the consent (RFC 9700 s4.14.2)."
    } else {
        "It stays the same until the consent ends, so a lost answer costs nothing."
    }
}

fn code_members(brand: &Brand) -> Vec<Member> {
    let scope = match brand.exchange_scope {
        ExchangeScope::Optional => optional("scope", text("When sent, within what was granted.")),
        ExchangeScope::MustMatch if brand.profiles.offer_fapi2() => {
            optional("scope", text("The scope of the authorization request; a client that is held to FAPI 2.0 may leave it out."))
        }
        ExchangeScope::MustMatch => required("scope", text("The scope of the authorization request.")),
    };
    let verifier = text("RFC 7636 s4.1. Required if, and only if, the authorization request had a `code_challenge`.");
    let verifier = verifier.min_length(Some(43)).max_length(Some(128)).pattern(Some("^[A-Za-z0-9._~-]*$"));
    vec![
        required("code", text("From the redirect URI.")),
        optional("redirect_uri", text("The same as in the authorization request; required if it was sent there.")),
        optional("code_verifier", verifier),
        scope,
    ]
}
