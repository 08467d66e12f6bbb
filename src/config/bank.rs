//! A bank as data: reads a bank's TOML into a [`Brand`] and judges it.

use super::{
    collisions,
    mistakes::{Findings, Source, Writer, suggestion},
    names,
    reader::{self, Reader, choice},
    theme,
};
use crate::oauth::{
    access_jwt::AccessTokenForm,
    brand::{AccountChoice, Brand, BrandId, ClientAuth, ExchangeScope, Lang, PsuAuthentication, RegistrationPolicy, ScopePolicy},
    channel::{AppSegment, Channel, Fallback, ScaSpelling},
    profile::{Profiles, SecurityProfile},
    sca::ScaFailure,
    scope::{Scope, ScopeToken},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};
use time::Duration;
use toml::de::DeValue;

/// The banks that come with the program.
pub const SHIPPED: [(&str, &str); 2] =
    [("cic", include_str!("../../config/banks/cic.toml")), ("labanquepostale", include_str!("../../config/banks/labanquepostale.toml"))];

/// Their names.
pub const SHIPPED_BANKS: [&str; 2] = [SHIPPED[0].0, SHIPPED[1].0];

const DAY: u64 = 86_400;
/// RTS art. 10a: account access without SCA ends 180 days after the last one.
const LONGEST_ACCESS: u64 = 180 * DAY;
/// PSD2 art. 65: a CBPII consent lasts until withdrawn; ten years is what a row may say.
const LONGEST_CONSENT: u64 = 3_650 * DAY;

/// Where a bank is served: what differs between production and sandbox, or between two installations.
#[derive(Clone, Debug, Default)]
pub struct BrandPlace {
    /// `None`: the bank's own name.
    pub id: Option<String>,
    pub sandbox: bool,
    pub issuer: String,
    /// `https://host[:port]` of the machine endpoints.
    pub tpp_origin: String,
    /// `https://host[:port]` of authorize and pages.
    pub psu_origin: String,
    /// `None`: scripted customers in a sandbox, else nobody.
    pub psu_authentication: Option<PsuAuthentication>,
}

/// How long a lodged payment waits for its customer where nothing is said.
const USUAL_PAYMENT_REQUEST: Duration = Duration::minutes(30);

/// How long a pushed request waits for its customer's browser where nothing is said.
const USUAL_PUSHED_REQUEST: Duration = Duration::seconds(60);

/// What a row of the settings says over its bank's file.
#[derive(Default)]
pub struct Overrides<'a> {
    pub authorization: Option<Reader<'a>>,
    pub scope: Option<Reader<'a>>,
    pub security: Option<Reader<'a>>,
    pub theme: Option<Reader<'a>>,
}

/// The brand that `bank` describes at `place`.
/// Files that its theme names are opened if `open_files`.
pub fn read<'a>(bank: &mut Reader<'a>, overrides: Overrides<'a>, place: BrandPlace, open_files: bool) -> Option<Brand> {
    let name = bank.need("name", names::id).unwrap_or_default();
    let display_name = bank.text("display_name");
    let registration = registration(&mut bank.table("registration"), place.sandbox);
    let revocation_path = finished(&mut bank.table("revocation"), |t| path(t, "path", place.sandbox, false));
    let (client_auth, certificate_bound_access_tokens) = finished(&mut bank.table("client_authentication"), |t| {
        let methods = [("tls_client_auth", ClientAuth::Tls), ("tls_client_auth+client_secret_basic", ClientAuth::TlsAndSecretBasic)];
        (t.choice("method", &methods), t.flag("certificate_bound_access_tokens"))
    });
    let exchange_scope = finished(&mut bank.table("token"), |t| {
        t.choice("exchange_scope", &[("optional", ExchangeScope::Optional), ("must_match", ExchangeScope::MustMatch)])
    });
    let (languages, default_language) = languages(&mut bank.table("languages"));
    let scopes = finished(&mut above(overrides.scope, bank.table("scope")), |t| scopes(t, place.sandbox));
    let channels = channels(bank, place.sandbox, &scopes);
    let theme = theme::read(bank.optional_table("theme"), overrides.theme, default_language, open_files);
    let security = security(overrides.security, bank, Held { client_auth, certificate_bound_access_tokens, scopes: &scopes });
    let authorization = authorization(&mut above(overrides.authorization, bank.table("authorization")));
    bank.finish();
    Some(Brand {
        id: BrandId::new(place.id.as_ref().unwrap_or(&name)),
        display_name,
        issuer: place.issuer,
        sandbox: place.sandbox,
        tpp_origin: place.tpp_origin,
        psu_origin: place.psu_origin,
        channels,
        revocation_path,
        registration,
        statements: Default::default(),
        client_auth: client_auth?,
        scopes,
        exchange_scope: exchange_scope?,
        profiles: security.profiles,
        self_signed_scopes: security.self_signed_scopes,
        signed_requests: security.signed_requests,
        pushed_request_lifetime: security.pushed_request_lifetime,
        pkce_required: authorization.pkce_required,
        certificate_bound_access_tokens,
        access_tokens: security.access_tokens,
        code_lifetime: authorization.code,
        interaction_lifetime: authorization.interaction,
        psu_session: authorization.psu_session,
        introspection_cache: Duration::ZERO,
        explicit_consent: authorization.explicit_consent,
        languages,
        default_language: default_language?,
        psu_authentication: place.psu_authentication.unwrap_or(if place.sandbox {
            PsuAuthentication::Simulator
        } else {
            PsuAuthentication::None
        }),
        theme,
    })
}

struct Security {
    profiles: Profiles,
    self_signed_scopes: Scope,
    signed_requests: bool,
    pushed_request_lifetime: Duration,
    access_tokens: AccessTokenForm,
}

impl Default for Security {
    /// The bank's dialect alone.
    fn default() -> Self {
        Self {
            profiles: Profiles::LEGACY,
            self_signed_scopes: Scope::default(),
            signed_requests: false,
            pushed_request_lifetime: USUAL_PUSHED_REQUEST,
            access_tokens: AccessTokenForm::Opaque { audience: None },
        }
    }
}

/// What the bank's file says elsewhere, and FAPI 2.0 may contradict.
struct Held<'s> {
    client_auth: Option<ClientAuth>,
    certificate_bound_access_tokens: bool,
    scopes: &'s [ScopePolicy],
}

/// `[security]` of the bank's file with the row's over it; without either, the bank's dialect alone.
fn security<'a>(own: Option<Reader<'a>>, bank: &mut Reader<'a>, held: Held<'_>) -> Security {
    let mut table = match (own, bank.optional_table("security")) {
        (Some(own), Some(bank)) => own.over(bank),
        (Some(table), None) | (None, Some(table)) => table,
        (None, None) => return Security::default(),
    };
    let least = table.optional_choice("profile", &SecurityProfile::ALL).unwrap_or(SecurityProfile::Legacy);
    let most = table.optional_choice("clients_may_choose", &SecurityProfile::ALL).unwrap_or(least);
    if most < least {
        table.note("clients_may_choose", "`security.clients_may_choose` is weaker than `security.profile`: clients may only be stricter");
    }
    let profiles = Profiles { least, most: most.max(least) };
    // FAPI 2.0 s5.3.2.2-12: less than 600
    let lifetime = table.optional_number("pushed_request_seconds", 5..=599).map_or(USUAL_PUSHED_REQUEST, as_duration);
    let signed_requests = table.optional_choice("signed_requests", &[("optional", false), ("required", true)]).unwrap_or(false);
    if signed_requests && least != SecurityProfile::Fapi2 {
        table.note("signed_requests", "`security.signed_requests` binds every client: it needs `security.profile` \"fapi2\"");
    }
    if profiles.offer_fapi2() && held.client_auth == Some(ClientAuth::TlsAndSecretBasic) {
        table.note("profile", "FAPI 2.0 knows no client secret: `client_authentication.method` must be tls_client_auth (s5.3.2.1-6)");
    }
    if least == SecurityProfile::Fapi2 {
        if !held.certificate_bound_access_tokens {
            table.note("profile", "FAPI 2.0 needs `client_authentication.certificate_bound_access_tokens` (s5.3.2.1-4)");
        }
        if held.scopes.iter().any(|scope| scope.refresh_token_rotation) {
            table.note("profile", "FAPI 2.0 does not rotate refresh tokens: take `refresh_token_rotation` out (s5.3.2.1-9)");
        }
    }
    let access_tokens = access_tokens(&mut table);
    let self_signed_scopes = self_signed_scopes(&mut table, &held);
    table.finish();
    Security { profiles, self_signed_scopes, signed_requests, pushed_request_lifetime: lifetime, access_tokens }
}

/// What clients may be given that have no QWAC: each one is named, so that none is by accident.
fn self_signed_scopes(table: &mut Reader<'_>, held: &Held<'_>) -> Scope {
    if !table.has("self_signed_scopes") {
        return Scope::default();
    }
    let words = ScopeToken::ALL.map(|token| (token.as_str(), token));
    let scopes: Scope = table.list("self_signed_scopes", |v| choice(v, &words)).into_iter().collect();
    let offered = |token: &ScopeToken| match token {
        ScopeToken::ExtendedTransactionHistory => scopes.contains(ScopeToken::Aisp),
        ScopeToken::Aisp | ScopeToken::Cbpii | ScopeToken::Pisp => held.scopes.iter().any(|policy| policy.family == *token),
    };
    if let Some(token) = scopes.iter().find(|token| !offered(token)) {
        table.note("self_signed_scopes", format!("`security.self_signed_scopes`: `{}` is not offered here", token.as_str()));
    }
    if !scopes.is_empty() && held.client_auth == Some(ClientAuth::TlsAndSecretBasic) {
        let message =
            "`security.self_signed_scopes` needs `client_authentication.method` \"tls_client_auth\": no certificate stands beside a secret";
        table.note("self_signed_scopes", message);
    }
    scopes
}

fn access_tokens(table: &mut Reader<'_>) -> AccessTokenForm {
    let jwt = table.optional_choice("access_tokens", &[("opaque", false), ("jwt", true)]).unwrap_or(false);
    match (jwt, table.may("access_token_audience", names::https_url)) {
        (true, Some(audience)) => AccessTokenForm::Jwt { audience },
        (true, None) => {
            table.note("access_tokens", "`security.access_tokens = \"jwt\"` needs `security.access_token_audience` (RFC 9068 s2.2)");
            AccessTokenForm::Opaque { audience: None }
        }
        (false, audience) => AccessTokenForm::Opaque { audience },
    }
}

struct Authorization {
    pkce_required: bool,
    explicit_consent: bool,
    code: Duration,
    interaction: Duration,
    psu_session: Duration,
}

fn authorization(table: &mut Reader<'_>) -> Authorization {
    let read = Authorization {
        pkce_required: table.flag("pkce_required"),
        explicit_consent: table.flag("explicit_consent"),
        // FAPI 2.0 s5.3.2.1-11.
        code: seconds(table, "code_seconds", 60),
        interaction: seconds(table, "interaction_seconds", 3_600),
        // RTS art. 4(3)(d).
        psu_session: seconds(table, "psu_session_seconds", 300),
    };
    table.finish();
    read
}

fn registration(table: &mut Reader<'_>, sandbox: bool) -> RegistrationPolicy {
    let read = RegistrationPolicy {
        path: path(table, "path", sandbox, false),
        update: table.flag("update"),
        update_without_client_id: table.flag("update_without_client_id"),
        max_redirect_uris: table.size("max_redirect_uris", 1..=100),
        retry_window: seconds(table, "retry_window_seconds", DAY),
    };
    if read.update_without_client_id && !read.update {
        table.note("update_without_client_id", "`registration.update_without_client_id` needs `registration.update`");
    }
    table.finish();
    read
}

fn languages(table: &mut Reader<'_>) -> (BTreeSet<Lang>, Option<Lang>) {
    let words = Lang::ALL.map(|l| (l.tag(), l));
    let offered: BTreeSet<_> = table.list("offered", |v| choice(v, &words)).into_iter().collect();
    let default = table.choice("default", &words);
    if offered.is_empty() {
        table.note("offered", "`languages.offered` needs at least one language");
    } else if let Some(lang) = default.filter(|l| !offered.contains(l)) {
        table.note("default", format!("`languages.default`: `{}` is not in `languages.offered`", lang.tag()));
    }
    table.finish();
    (offered, default)
}

fn scopes(sections: &mut Reader<'_>, sandbox: bool) -> Vec<ScopePolicy> {
    let mut policies = Vec::new();
    let accounts = [("none", AccountChoice::None), ("one", AccountChoice::One), ("some", AccountChoice::Some)];
    for (family, longest) in [(ScopeToken::Aisp, LONGEST_ACCESS), (ScopeToken::Cbpii, LONGEST_CONSENT), (ScopeToken::Pisp, LONGEST_ACCESS)]
    {
        let Some(mut row) = sections.optional_table(family.as_str()) else { continue };
        let policy = ScopePolicy {
            family,
            access_token_lifetime: seconds(&mut row, "access_token_seconds", longest),
            refresh_token: row.flag("refresh_token"),
            refresh_token_rotation: row.may("refresh_token_rotation", reader::flag).unwrap_or(false),
            grant_lifetime: seconds(&mut row, "grant_seconds", longest),
            // Accounts and funds always have a customer behind them; only a payment may be lodged without one.
            client_credentials_lifetime: (family == ScopeToken::Pisp)
                .then(|| row.optional_number("client_credentials_seconds", 1..=DAY))
                .flatten()
                .map(as_duration),
            accounts: row.choice("accounts", &accounts).unwrap_or(AccountChoice::None),
            payment_required: family == ScopeToken::Pisp && by_place(&mut row, "payment_required", sandbox, reader::flag).unwrap_or(true),
            payment_request_lifetime: (family == ScopeToken::Pisp)
                .then(|| row.optional_number("payment_request_seconds", 60..=DAY))
                .flatten()
                .map_or(USUAL_PAYMENT_REQUEST, as_duration),
            cancellation_token: family == ScopeToken::Pisp && row.flag("cancellation_token"),
        };
        if policy.access_token_lifetime > policy.grant_lifetime && policy.grant_lifetime.is_positive() {
            let message = "is longer than `grant_seconds`: a token cannot outlive its grant";
            row.note("access_token_seconds", format!("`scope.{}.access_token_seconds` {message}", family.as_str()));
        }
        if policy.refresh_token_rotation && !policy.refresh_token {
            let message = format!("`scope.{0}.refresh_token_rotation` needs `scope.{0}.refresh_token`", family.as_str());
            row.note("refresh_token_rotation", message);
        }
        row.finish();
        policies.push(policy);
    }
    if policies.is_empty() {
        sections.note("aisp", "`scope` offers none of aisp, cbpii, pisp");
    }
    policies
}

fn channels(bank: &mut Reader<'_>, sandbox: bool, scopes: &[ScopePolicy]) -> Vec<Channel> {
    let mut channels: Vec<Channel> = Vec::new();
    for mut row in bank.rows("channel") {
        let name = row.need("name", names::id);
        if let Some(name) = name.as_deref().filter(|n| channels.iter().any(|c| c.name == *n)) {
            row.note("name", format!("channel `{name}` is there twice"));
        }
        let name = name.unwrap_or_default();
        let sca_errors = spelling(&mut row.table("sca_errors"), &name);
        let (authorize, token) = (path(&mut row, "authorize", sandbox, true), path(&mut row, "token", sandbox, false));
        let (client_credentials, app) = (row.flag("client_credentials"), row.flag("app"));
        let app = app.then(|| AppSegment { fallback: fallback(&mut row), open_url: None, ios_app_ids: vec![], android_apps: vec![] });
        channels.extend(sca_errors.map(|s| Channel::new(name, authorize, token, client_credentials, app, s)));
        row.finish();
    }
    let lifetime = scopes.iter().any(|s| s.client_credentials_lifetime.is_some());
    if !channels.is_empty() && lifetime != channels.iter().any(|c| c.client_credentials) {
        let message = "`client_credentials = true` on a channel and `scope.pisp.client_credentials_seconds` need each other";
        bank.note("channel", message);
    }
    channels
}

fn fallback(row: &mut Reader<'_>) -> Fallback {
    let words = [("web", Fallback::Web), ("decoupled", Fallback::Decoupled), ("error", Fallback::Error)];
    row.choice("fallback", &words).unwrap_or(Fallback::Error)
}

fn spelling(table: &mut Reader<'_>, channel: &str) -> Option<ScaSpelling> {
    let mut rows = BTreeMap::new();
    for failure in ScaFailure::ALL {
        if table.has(failure.name()) {
            rows.insert(failure, table.need(failure.name(), names::error_code).unwrap_or_default());
        }
    }
    table.finish();
    ScaSpelling::new(rows)
        .map_err(|missing| {
            let missing: Vec<_> = missing.into_iter().map(ScaFailure::name).collect();
            table.note("", format!("channel `{channel}` does not spell {} in `sca_errors`", missing.join(", ")));
        })
        .ok()
}

/// A path, or `{ production = .., sandbox = .. }`.
fn path(table: &mut Reader<'_>, key: &'static str, sandbox: bool, lang: bool) -> String {
    by_place(table, key, sandbox, |v| names::path(v, lang)).unwrap_or_default()
}

/// A value, or `{ production = .., sandbox = .. }`. Both are judged, whichever is used.
fn by_place<T>(table: &mut Reader<'_>, key: &'static str, sandbox: bool, read: impl Fn(&DeValue<'_>) -> Result<T, String>) -> Option<T> {
    if !table.is_table(key) {
        return table.need(key, read);
    }
    let mut variants = table.table(key);
    let (production, twin) = (variants.need("production", &read), variants.need("sandbox", &read));
    variants.finish();
    if sandbox { twin } else { production }
}

fn above<'a>(overrides: Option<Reader<'a>>, table: Reader<'a>) -> Reader<'a> {
    match overrides {
        Some(own) => own.over(table),
        None => table,
    }
}

fn finished<'a, T>(table: &mut Reader<'a>, read: impl FnOnce(&mut Reader<'a>) -> T) -> T {
    let value = read(table);
    table.finish();
    value
}

fn seconds(table: &mut Reader<'_>, key: &'static str, longest: u64) -> Duration {
    as_duration(table.number(key, 1..=longest))
}

fn as_duration(seconds: u64) -> Duration {
    Duration::seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// A shipped bank's file.
pub(super) fn source(bank: &str) -> Option<Source> {
    let (name, text) = SHIPPED.iter().find(|(name, _)| *name == bank)?;
    Some(Source { name: format!("{name}.toml"), text: Cow::Borrowed(text), folder: None, writer: Writer::ShippedBank })
}

/// A shipped bank at a place of the caller's choice.
pub(super) fn shipped(bank: &str, place: BrandPlace, findings: &Findings) -> Option<Brand> {
    let Some(source) = source(bank) else {
        findings.about(bank, format!("no such bank{}", suggestion(bank, &SHIPPED_BANKS)));
        return None;
    };
    let origins = names::origin(&place.tpp_origin).and(names::origin(&place.psu_origin));
    if let Err(why) = origins.and(names::issuer(&place.issuer).map(drop)) {
        findings.about(bank, why);
    }
    let table = reader::parse(&source, findings)?;
    let brand = read(&mut Reader::new(&source, &table, findings), Overrides::default(), place, false)?;
    if let Some(why) = collisions::within(&brand) {
        findings.about(&source.name, why);
    }
    Some(brand)
}
