//! RFC 7591 and RFC 7592: a TPP's software becomes a client of the bank.

use super::{
    mistakes::{registration_refusals, update_refusals},
    parts::{
        Member, empty_answer, json_answer, json_body, object, operation, optional, path_parameter, refused, required, shared, spoken, text,
        uri, word,
    },
    refusals::{self, Refusal},
};
use crate::{
    flows::register::too_many_clients,
    jose::JwsAlgorithm,
    oauth::{
        brand::{Brand, ClientAuth},
        certificate_subject,
        client::ClientRefusal,
        client_metadata::{AuthMethod, GrantType},
        details::DetailsType,
        error::OAuthError,
        profile::SecurityProfile,
    },
};
use serde_json::{Value, json};
use utoipa::openapi::{
    ObjectBuilder, Schema, Type,
    path::{Operation, OperationBuilder, Parameter},
    schema::ArrayBuilder,
    security::SecurityRequirement,
};

const TAG: &str = "Registration";
const CLIENT_ID: &str = "5a0ae0a5-7c5d-4dc6-9c6e-0d9a3f2c8b11";

pub fn register(brand: &Brand) -> Operation {
    let description = format!(
        "RFC 7591 s3. The certificate (QWAC) of the connection is the only credential: no portal account, no manual step. The client \
         belongs to the organisation that the certificate's organizationIdentifier names; any valid QWAC of that organisation manages and \
         authenticates it later, so a renewed certificate needs no update.\n\n\
         The same registration sent again within {} answers with the same client and fresh credentials: the first answer may have been lost. \
         At most {} may be registered, https only, or http on a loopback address (RFC 8252 s7.3). Keys in `jwks` get their `kid` from the \
         bank{}. Members that are not listed are ignored. {}",
        spoken(brand.registration.retry_window),
        count(brand.registration.max_redirect_uris, "redirect URI"),
        if offers_assertions(brand) { ", unless the client signs assertions or chose FAPI 2.0: then they keep their own" } else { "" },
        match brand.client_auth {
            ClientAuth::Tls => "No `client_secret` is issued.",
            ClientAuth::TlsAndSecretBasic =>
                "The answer also holds a `client_secret`, shown once: besides the certificate, the token and revocation endpoints need it \
                 (HTTP Basic), although `tls_client_auth` is registered.",
        }
    );
    let certificates = refusals::any_certificate();
    let metadata = json_refusals().chain(registration_refusals(brand)).chain([too_many_clients().into()]);
    let answer = json_answer(
        "Registered. `registration_access_token` is shown once.",
        "ClientInformation",
        [("registered", information(brand, true))],
    );
    let operation = operation("registerClient", TAG, "Register a client", description)
        .request_body(Some(json_body("Client metadata (RFC 7591 s2).", super::schema_ref("RegistrationRequest"), request(brand))))
        .security(SecurityRequirement::new(super::QWAC, NO_SCOPES))
        .response("201", answer);
    with_body(refused(operation, certificates.into_iter().chain(metadata))).build()
}

pub fn read(brand: &Brand) -> Operation {
    let description = "RFC 7592 s2.1. The certificate is enough; a `registration_access_token` that is sent must be right. Without it the \
                       answer carries a new one, and the two newest stay valid.";
    let answer = json_answer("The client as it is registered.", "ClientInformation", [("client", information(brand, false))]);
    managed(operation("readClient", TAG, "Read a client", description).response("200", answer), []).build()
}

pub fn update(brand: &Brand) -> Operation {
    let leniency = if brand.registration.update_without_client_id {
        "`client_id` may be left out, as the path names the client."
    } else {
        "`client_id` must be sent."
    };
    let description = format!(
        "RFC 7592 s2.2. The metadata replaces what is registered: what is not sent is removed. {leniency} Redirect URIs that are registered \
         already are not judged again."
    );
    let example = match request(brand) {
        Value::Object(mut members) => {
            members.insert("client_id".into(), json!(CLIENT_ID));
            Value::Object(members)
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => other,
    };
    let answer = json_answer("Updated.", "ClientInformation", [("client", information(brand, false))]);
    let operation = operation("updateClient", TAG, "Update a client", description)
        .request_body(Some(json_body("Client metadata (RFC 7592 s2.2).", super::schema_ref("UpdateRequest"), example)))
        .response("200", answer);
    let metadata = json_refusals().chain(registration_refusals(brand)).chain(update_refusals(brand));
    with_body(managed(operation, metadata)).build()
}

pub fn delete() -> Operation {
    let description =
        "RFC 7592 s2.3. The client, its credentials, its customers' consents and all tokens end together, at once. This cannot be undone.";
    managed(operation("deleteClient", TAG, "Delete a client", description).response("204", empty_answer("Deleted.")), []).build()
}

const NO_SCOPES: [&str; 0] = [];

fn json_refusals() -> impl Iterator<Item = Refusal> {
    [OAuthError::NO_HOST, OAuthError::BODY_BROKEN, OAuthError::NOT_JSON, OAuthError::NOT_A_JSON_OBJECT].into_iter().map(Refusal::from)
}

fn with_body(operation: OperationBuilder) -> OperationBuilder {
    shared(super::machine(operation), &[("408", "BodyTooSlow"), ("413", "BodyTooLarge"), ("415", "NotJson")])
}

fn managed(operation: OperationBuilder, more: impl IntoIterator<Item = Refusal>) -> OperationBuilder {
    let own = [OAuthError::NO_HOST, OAuthError::AUTHORIZATION_MALFORMED, OAuthError::NOT_A_BEARER_TOKEN, OAuthError::CLIENT_NOT_MANAGED];
    let mut all = refusals::known_certificate();
    all.extend(own.into_iter().map(Refusal::from));
    all.push(ClientRefusal::Blocked.into());
    all.extend(more);
    let operation = operation
        .parameter(client_id())
        .security(SecurityRequirement::new(super::QWAC, NO_SCOPES))
        .security(SecurityRequirement::new(super::QWAC, NO_SCOPES).add(super::REGISTRATION_TOKEN, NO_SCOPES));
    super::machine(refused(operation, all))
}

fn client_id() -> Parameter {
    path_parameter(
        "client_id",
        "As given out at registration.",
        ObjectBuilder::new().schema_type(Type::String).examples([json!(CLIENT_ID)]),
    )
}

fn request(brand: &Brand) -> Value {
    let grants: Vec<_> = GrantType::ALL.into_iter().filter(|g| g.is_offered_by(brand)).map(GrantType::as_str).collect();
    json!({
        "redirect_uris": ["https://tpp.example/callback"],
        "token_endpoint_auth_method": "tls_client_auth",
        "grant_types": grants,
        "response_types": ["code"],
        "client_name": "Exemple Pay",
        "client_name#de": "Beispiel Pay",
        "scope": brand.offered_scopes().to_string(),
        "contacts": ["tech@tpp.example"],
    })
}

/// As `ClientInformation` is answered.
fn information(brand: &Brand, fresh: bool) -> Value {
    let mut members = request(brand);
    members["client_id"] = json!(CLIENT_ID);
    members["client_id_issued_at"] = json!(1_767_225_600);
    members["provider_legal_id"] = json!("PSDFR-ACPR-12345");
    members["tls_client_auth_subject_dn"] = json!("CN=tpp.example,2.5.4.97=PSDFR-ACPR-12345,O=Exemple Pay SAS,C=FR");
    members["registration_access_token"] = json!("gurg_...");
    members["registration_client_uri"] = json!(brand.registration_client_uri(CLIENT_ID));
    if brand.client_auth == ClientAuth::TlsAndSecretBasic {
        members["client_secret_expires_at"] = json!(0);
        if fresh {
            members["client_secret"] = json!("gucs_...");
        }
    }
    members
}

/// What may be sent to `POST`, and with more members to `PUT`.
pub fn schemas(brand: &Brand) -> Vec<(&'static str, Schema)> {
    let register =
        object("What may be registered (RFC 7591 s2). Any `client_name#fr`-like member is accepted, too (RFC 7591 s2.2).", metadata(brand));
    let mut schemas = vec![("RegistrationRequest", register.build().into())];
    if brand.registration.update {
        let id = text("This client's.");
        let id = if brand.registration.update_without_client_id { optional("client_id", id) } else { required("client_id", id) };
        let own = [id, optional("client_secret", text("This client's, if it has one."))];
        schemas.push((
            "UpdateRequest",
            object("What replaces the registration (RFC 7592 s2.2).", own.into_iter().chain(metadata(brand))).build().into(),
        ));
    }
    schemas
}

fn offers_assertions(brand: &Brand) -> bool {
    AuthMethod::PrivateKeyJwt.is_offered_by(brand)
}

fn metadata(brand: &Brand) -> Vec<Member> {
    let methods = AuthMethod::ALL.into_iter().filter(|method| method.needs_qwac() && method.is_offered_by(brand)).map(AuthMethod::as_str);
    let signing = offers_assertions(brand).then(|| {
        let words = word("OpenID Connect Registration s2: the only one of its assertions.", JwsAlgorithm::ALL.map(JwsAlgorithm::name));
        optional("token_endpoint_auth_signing_alg", words)
    });
    let (jwks_uri, needs) = if offers_assertions(brand) {
        (
            "https, port 443, a public address, no redirects, 32 KiB. Read when a signature is to be verified, and again after ten minutes. Not together with `jwks`.",
            " `private_key_jwt` needs these or `jwks_uri`.",
        )
    } else {
        ("https. Not together with `jwks`.", "")
    };
    let grants = GrantType::ALL.into_iter().filter(|g| g.is_offered_by(brand)).map(GrantType::as_str);
    let redirect_uris = list(uri("Compared as exact strings (RFC 9700 s2.1)."))
        .max_items(Some(brand.registration.max_redirect_uris))
        .description(Some("Where customers return to. Required unless `grant_types` leaves `authorization_code` out."));
    let mut members = vec![
        optional("redirect_uris", redirect_uris),
        optional("token_endpoint_auth_method", word("RFC 8705 s2.1.1.", methods)),
        optional("grant_types", list(word("", grants)).description(Some("Default: `authorization_code` alone."))),
        optional("response_types", list(word("", ["code"])).description(Some("`code` goes with `authorization_code`."))),
        optional(
            "client_name",
            text("Shown to customers beside the legal name of the certificate. Default: that legal name.").max_length(Some(500)),
        ),
        optional(
            "scope",
            text(format!("Of `{}`. Cut to what the certificate's roles allow. Default: all they allow.", brand.offered_scopes())),
        ),
        optional(
            "contacts",
            list(text("").max_length(Some(500))).max_items(Some(10)).description(Some("How the bank reaches your technicians.")),
        ),
        optional("description", text("What the software does.").max_length(Some(500))),
        optional("client_uri", uri("Your home page, https.")),
        optional("logo_uri", uri("https. Not loaded by the bank's pages.")),
        optional("tos_uri", uri("Your terms of service, https.")),
        optional("policy_uri", uri("Your privacy policy, https.")),
        optional("software_id", text("RFC 7591 s2.").max_length(Some(500))),
        optional("software_version", text("RFC 7591 s2.").max_length(Some(500))),
        optional(
            "jwks",
            object(format!("RFC 7517 s5: at most 10 public keys, with `x5c` for a QSealC. Not together with `jwks_uri`.{needs}"), []),
        ),
        optional("jwks_uri", uri(jwks_uri)),
        optional("provider_legal_id", text("When sent, must be the certificate's organizationIdentifier.")),
    ];
    members.extend(if offers_assertions(brand) {
        let chosen = "Of a client that chose `fapi2` as its `security_profile`: its certificates must say so, now and later (RFC 8705 s2.1.2). At most one of these.";
        certificate_subject::FIELDS.map(|field| optional(field, text(chosen))).into()
    } else {
        vec![optional("tls_client_auth_subject_dn", text("Ignored: taken from the certificate."))]
    });
    members.extend(signing);
    if !brand.statements.issuers.is_empty() {
        let issuers: Vec<_> = brand.statements.issuers.iter().map(|known| format!("`{}`", known.issuer)).collect();
        let needed = if brand.statements.required { " Nobody registers without one." } else { "" };
        let what = "Its members win over those beside it, also in updates that leave it out.";
        members.push(optional("software_statement", text(format!("RFC 7591 s2.3, of {}. {what}{needed}", issuers.join(" or ")))));
    }
    if brand.profiles.offer_fapi2() {
        members.extend(fapi2(brand));
    }
    members
}

/// What a client may ask for beyond the bank's dialect.
fn fapi2(brand: &Brand) -> Vec<Member> {
    let algorithms = JwsAlgorithm::ALL.map(JwsAlgorithm::name);
    let profiles = SecurityProfile::ALL.into_iter().filter(|(_, one)| (brand.profiles.least..=brand.profiles.most).contains(one));
    let flag = |what: &str| ObjectBuilder::new().schema_type(Type::Boolean).description(Some(what));
    let details = DetailsType::offered_by(brand).map(DetailsType::name);
    let types = "RFC 9396 s10: the types of `authorization_details` that the client asks with. Default: any.";
    vec![
        optional("security_profile", word("The rules that the client is held to.", profiles.map(|(name, _)| name))),
        optional("require_pushed_authorization_requests", flag("RFC 9126 s6: its requests are pushed, or refused.")),
        optional("require_signed_request_object", flag("RFC 9101 s10.5: its requests are signed, or refused.")),
        optional(
            "request_object_signing_alg",
            word("Each request is a request object that one of its keys signed by this algorithm (RFC 9101 s10.5).", algorithms),
        ),
        optional(
            "authorization_signed_response_alg",
            word("By which answers are signed (JARM s3): one of `authorization_signing_alg_values_supported`.", algorithms),
        ),
        optional("authorization_details_types", list(word("", details)).description(Some(types))),
    ]
}

fn list(items: ObjectBuilder) -> ArrayBuilder {
    ArrayBuilder::new().items(items.build())
}

fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
