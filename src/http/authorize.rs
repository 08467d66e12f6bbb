//! The customer's side: the authorization endpoint and the pages of a journey.

use super::{
    body,
    respond::{self, notice, notice_with_detail},
    site::{RequestId, Site},
};
use crate::{
    flows::{
        Outage,
        authorize::{self, Begun, Bringer, Brought},
        journey::{self, Asked, Form, NoView, Step, View, Waiting},
        stranger,
    },
    oauth::{
        brand::{Brand, Lang, PsuAuthentication},
        channel::{Channel, Fallback},
        client::Client,
        details::AuthorizationDetails,
        error::OAuthError,
        fault::FaultSide,
        interaction::{BrowserKey, Interaction, InteractionId, State as JourneyState},
        method::{Account, MOST_ACCOUNTS},
        params::Params,
        payment::Payment,
        redirect::NoRedirect,
        sca::ScaFailure,
        secret::Secret,
    },
    pages::{
        self, AccountChoice, Asset, Assets, CalendarDate, Consent, MethodChoice, NotServed, NoticeKind, OneTimeCode, OpenApp, Outcome,
        Return, SignIn, SignInError, SimulatedOutcome, Site as PageSite, TppIdentity, negotiate,
    },
    telemetry::request,
};
use axum::{
    body::Body,
    extract::{Path, RawPathParams, State},
    response::Response,
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use serde::Serialize;
use std::sync::Arc;
use uuid::Uuid;

/// `__Host-`: only this host sets it, only over TLS, for every path.
const COOKIE: &str = "__Host-guichet";

/// RFC 6749 s3.1, s4.1.1.
pub async fn authorize(site: &Site, channel: &Channel, path: RawPathParams, request: Request<Body>) -> Response {
    let id = request_id(&request);
    let accept = accept_language(request.headers());
    let path_lang = path.iter().find(|(name, _)| *name == "lang").map(|(_, value)| value);
    let Ok(params) = Params::parse_leniently(request.uri().query().unwrap_or("").as_bytes()) else {
        let lang = negotiate(path_lang, None, &accept, &site.brand);
        return notice(StatusCode::BAD_REQUEST, site.page(lang), NoticeKind::MalformedRequest, &id);
    };
    let lang = negotiate(path_lang, params.get("ui_locales"), &accept, &site.brand);
    let (browser, is_new) = match browser_key(request.headers()) {
        Some(key) => (key, false),
        None => (BrowserKey::new(site.app.entropy.bytes()), true),
    };
    let by = Bringer::Browser { key: &browser, known: !is_new };
    let lang_of = |ui_locales: Option<&str>| negotiate(path_lang, ui_locales, &accept, &site.brand);
    match authorize::begin(&site.app, &site.brand, &Brought { channel, params: &params, lang: &lang_of, by }).await {
        Ok(Begun::Journey(interaction)) => {
            let mut response = respond::see_other(&journey_path(site, interaction.id));
            set_cookie(&mut response, &browser, site.longest_journey());
            response
        }
        Ok(Begun::OpenApp { interaction, client }) => {
            let open_url = channel.open_url(request.uri().query().unwrap_or(""));
            let mut response = open_app(site, &interaction, &client, &browser, open_url.as_deref());
            set_cookie(&mut response, &browser, site.longest_journey());
            response
        }
        Ok(Begun::GoHome(location) | Begun::Crowded(location)) => respond::see_other(&location),
        Ok(Begun::NotServed { client, notice, home }) => not_served(site, lang, &client, notice.as_deref(), &home),
        Ok(Begun::Page(nobody)) => {
            request::note(|facts| facts.verdict(nobody.name(), None));
            let why = OAuthError::from(nobody).body().error_description;
            notice_with_detail(StatusCode::BAD_REQUEST, site.page(lang), notice_of(nobody), &id, &why)
        }
        Err(outage) => {
            respond::log_outage(&outage);
            notice(StatusCode::SERVICE_UNAVAILABLE, site.page(lang), NoticeKind::TemporarilyUnavailable, &id)
        }
    }
}

/// Shown under the URL that the app claims, so that the phone may offer the app, too, and a reload shows it again.
fn open_app(site: &Site, interaction: &Interaction, client: &Client, browser: &BrowserKey, open_url: Option<&str>) -> Response {
    let page = site.page(interaction.lang);
    let segment = site.brand.channel(&interaction.channel).and_then(|channel| channel.app.as_ref());
    let html = OpenApp {
        site: page,
        tpp: &tpp_of(client, interaction.lang),
        scope: &interaction.scope,
        action: &journey_path(site, interaction.id),
        csrf: &browser.csrf(interaction.id),
        open_url,
        may_continue: JourneyState::in_browser(&site.brand).is_some(),
        decoupled: segment.is_some_and(|segment| segment.fallback == Fallback::Decoupled),
    };
    let mut response = respond::page(StatusCode::OK, page, html.render());
    if let PsuAuthentication::Portal { url } = &site.brand.psu_authentication {
        respond::allow_forms_to(&mut response, url);
    }
    response
}

/// Shown before anybody signed in, too: the customer chose the TPP, and learns why it gets no further.
fn not_served(site: &Site, lang: Lang, client: &Client, notice: Option<&str>, url: &str) -> Response {
    request::note(|facts| facts.verdict(OAuthError::PROVIDER_REFUSED.reason, Some(FaultSide::Tpp)));
    let page = site.page(lang);
    respond::page(StatusCode::FORBIDDEN, page, NotServed { site: page, tpp: &tpp_of(client, lang), notice, url }.render())
}

const fn notice_of(nobody: NoRedirect) -> NoticeKind {
    match nobody {
        NoRedirect::UnknownClient => NoticeKind::UnknownClient,
        NoRedirect::Ambiguous | NoRedirect::RequestObject(_) => NoticeKind::MalformedRequest,
        NoRedirect::RedirectUriMissing | NoRedirect::RedirectUriUnknown => NoticeKind::WrongRedirectUri,
        NoRedirect::RequestUri => NoticeKind::LinkOver,
    }
}

/// Shows where the journey stands. An answer is fetched by a navigation of its own (`Return`): browsers that enforce
/// `form-action` on redirects would not follow a form's 303 to the TPP.
pub async fn look(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let mut answer = Answer::new(&site, &request);
    let Some(interaction) = parse_id(&id) else { return answer.nothing(NoView::Unknown) };
    match journey::peek(&site.app, &site.brand, interaction, answer.browser.as_ref()).await {
        Ok(View::Nothing(NoView::OtherBrowser)) => answer.start_again(interaction).await,
        Ok(view) => answer.show(interaction, view),
        Err(outage) => answer.outage(&outage),
    }
}

/// Takes the browser home: 303 to the TPP's redirect URI.
pub async fn go_home(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let mut answer = Answer::new(&site, &request);
    let Some(interaction) = parse_id(&id) else { return answer.nothing(NoView::Unknown) };
    let params = Params::parse(request.uri().query().unwrap_or("").as_bytes()).ok();
    let confirmation = params.as_ref().and_then(|params| params.get("confirmation"));
    match journey::look(&site.app, &site.brand, interaction, answer.browser.as_ref(), confirmation).await {
        Ok(View::GoHome(location) | View::Portal(location)) => respond::see_other(&location),
        Ok(
            View::OpenApp { .. }
            | View::SignIn { .. }
            | View::Accounts { .. }
            | View::Consent { .. }
            | View::Methods { .. }
            | View::Waiting(_)
            | View::OneTimeCode(_)
            | View::Next
            | View::Home { .. }
            | View::NotServed { .. },
        ) => respond::see_other(&journey_path(&site, interaction)),
        Ok(View::Nothing(NoView::OtherBrowser)) => answer.start_again(interaction).await,
        Ok(View::Nothing(none)) => answer.nothing(none),
        Err(outage) => answer.outage(&outage),
    }
}

/// For the script of the page that waits: whether there is another page to load.
pub async fn status(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let browser = browser_key(request.headers());
    let told = match parse_id(&id) {
        Some(interaction) => journey::status(&site.app, &site.brand, interaction, browser.as_ref()).await,
        None => Ok(Err(NoView::Unknown)),
    };
    let (status, state) = match told {
        Ok(Ok(Waiting::Still)) => (StatusCode::OK, "waiting"),
        Ok(Ok(Waiting::Moved)) => (StatusCode::OK, "moved"),
        // the page that says why is a load away
        Ok(Err(none)) => {
            let (status, kind) = notice_about(none);
            request::note(|facts| facts.verdict(kind.name(), None));
            (status, "moved")
        }
        Err(outage) => return respond::outage(&outage),
    };
    respond::json(status, &JourneyStatus { state })
}

#[derive(Serialize)]
struct JourneyStatus {
    state: &'static str,
}

/// One step of the customer.
pub async fn step(State(site): State<Arc<Site>>, Path(id): Path<String>, request: Request<Body>) -> Response {
    let mut answer = Answer::new(&site, &request);
    let Some(interaction) = parse_id(&id) else { return answer.nothing(NoView::Unknown) };
    let form = match body::form(request, site.limits.body).await {
        Ok(form) => form,
        Err(error) => return answer.refused(error.status()),
    };
    let Some((form, typed)) = Params::parse(&form).ok().as_ref().and_then(read_form) else { return answer.refused(400) };
    answer.typed = typed;
    match journey::step(&site.app, &site.brand, interaction, answer.browser.as_ref(), form).await {
        Ok(View::Nothing(NoView::OtherBrowser)) => answer.start_again(interaction).await,
        Ok(view) => answer.show(interaction, view),
        Err(outage) => answer.outage(&outage),
    }
}

/// The form, and the login as typed, to be shown again after a wrong password.
fn read_form(params: &Params) -> Option<(Form, String)> {
    let login = params.get("customer").unwrap_or("").to_owned();
    let step = match (params.get("decision")?, params.get("outcome")) {
        ("cancel", _) => Step::Cancel,
        ("continue_here", _) => Step::ContinueHere,
        ("sign_in", _) => Step::SignIn { login: login.clone(), password: Secret::new(params.get("password").unwrap_or("")) },
        ("accounts", _) => Step::Accounts(chosen_accounts(params)),
        ("method", _) => Step::Method(params.get("method")?.to_owned()),
        ("other_method", _) => Step::OtherMethod,
        ("otp", _) => Step::Code(Secret::new(params.get("otp").unwrap_or("").trim())),
        ("approve", None | Some("approve")) => Step::Approve,
        ("approve", Some(name)) => Step::Simulate(ScaFailure::from_name(name)?),
        _ => return None,
    };
    Some((Form { csrf: params.get("csrf").unwrap_or("").to_owned(), step }, login))
}

/// `account`, or where several may be chosen `account.0`, `account.1` and so on.
fn chosen_accounts(params: &Params) -> Vec<String> {
    let numbered = (0..MOST_ACCOUNTS).map(|place| format!("account.{place}"));
    ["account".to_owned()].into_iter().chain(numbered).filter_map(|name| params.get(&name).map(str::to_owned)).collect()
}

/// Everything a page of this journey needs beside the journey itself.
struct Answer<'a> {
    site: &'a Site,
    browser: Option<BrowserKey>,
    request_id: String,
    lang: Lang,
    typed: String,
}

impl<'a> Answer<'a> {
    fn new(site: &'a Site, request: &Request<Body>) -> Self {
        Self {
            site,
            browser: browser_key(request.headers()),
            request_id: request_id(request),
            lang: negotiate(None, None, &accept_language(request.headers()), &site.brand),
            typed: String::new(),
        }
    }

    fn show(&mut self, id: InteractionId, view: View) -> Response {
        match view {
            // the app opens by the authorization request's own URL, which is not kept
            View::OpenApp { interaction, client } => match &self.browser {
                Some(browser) => open_app(self.site, &interaction, &client, browser, None),
                None => self.nothing(NoView::OtherBrowser),
            },
            View::SignIn { interaction, client, wrong_password } => self.sign_in(&interaction, &client, wrong_password),
            View::Accounts { interaction, client, accounts, many, nothing_chosen } => {
                let (page, tpp, action, csrf) = self.place(&interaction, &client);
                let (site, scope) = (page, &interaction.scope);
                let html =
                    AccountChoice { site, tpp: &tpp, scope, action: &action, csrf: &csrf, accounts: &accounts, many, nothing_chosen };
                respond::page(StatusCode::OK, page, html.render())
            }
            View::Consent { interaction, client, payment, accounts, until } => {
                let until = CalendarDate { year: until.year(), month: until.month().into(), day: until.day() };
                self.consent(&interaction, &client, payment.as_ref(), &accounts, until)
            }
            View::Methods { interaction, client, methods } => {
                let (page, tpp, action, csrf) = self.place(&interaction, &client);
                let html = MethodChoice { site: page, tpp: &tpp, action: &action, csrf: &csrf, methods: &methods };
                respond::page(StatusCode::OK, page, html.render())
            }
            View::Waiting(asked) => self.waiting(&asked),
            View::OneTimeCode(asked) => self.one_time_code(&asked),
            View::Home { interaction, client, failure } => {
                let (page, tpp, action, _) = self.place(&interaction, &client);
                let html = Return { site: page, tpp: &tpp, url: &format!("{action}/return"), outcome: Outcome::of(failure) };
                respond::live_page(StatusCode::OK, page, html.behaviour(), html.render())
            }
            View::NotServed { interaction, client, notice } => {
                let url = format!("{}/return", journey_path(self.site, id));
                not_served(self.site, interaction.lang, &client, notice.as_deref(), &url)
            }
            View::Next => respond::see_other(&journey_path(self.site, id)),
            View::GoHome(location) | View::Portal(location) => respond::see_other(&location),
            View::Nothing(none) => self.nothing(none),
        }
    }

    /// What every page of a journey has: its surroundings, the TPP, where its form goes, the form's token.
    fn place(&mut self, interaction: &Interaction, client: &Client) -> (PageSite<'a>, TppIdentity, String, String) {
        self.lang = interaction.lang;
        let csrf = self.csrf(interaction.id);
        (self.site.page(self.lang), tpp_of(client, self.lang), journey_path(self.site, interaction.id), csrf)
    }

    fn sign_in(&mut self, interaction: &Interaction, client: &Client, wrong_password: bool) -> Response {
        let (page, tpp, action, csrf) = self.place(interaction, client);
        let simulated = self.site.brand.psu_authentication == PsuAuthentication::Simulator;
        let customers = if simulated { format!("/{}/customers", self.site.brand.id) } else { String::new() };
        let html = SignIn {
            site: page,
            tpp: &tpp,
            scope: &interaction.scope,
            action: &action,
            csrf: &csrf,
            customer: &self.typed,
            error: wrong_password.then_some(SignInError::WrongCredentials),
            customers_url: &customers,
        };
        respond::page(StatusCode::OK, page, html.render())
    }

    fn consent(
        &mut self,
        interaction: &Interaction,
        client: &Client,
        payment: Option<&Payment>,
        accounts: &[Account],
        until: CalendarDate,
    ) -> Response {
        let (page, tpp, action, csrf) = self.place(interaction, client);
        let simulated = self.site.brand.psu_authentication == PsuAuthentication::Simulator;
        let channel = self.site.brand.channel(&interaction.channel).filter(|_| simulated);
        let outcomes: Vec<_> = channel.map_or_else(Vec::new, |channel| {
            ScaFailure::ALL.map(|failure| SimulatedOutcome { failure, wire_code: channel.wire_code(failure) }).into()
        });
        let asked: Vec<_> = interaction.details.iter().flat_map(AuthorizationDetails::accounts).collect();
        let html = Consent {
            site: page,
            tpp: &tpp,
            scope: &interaction.scope,
            explicit: self.site.brand.explicit_consent,
            until: Some(until),
            payment,
            accounts,
            asked: &asked,
            action: &action,
            csrf: &csrf,
            outcomes: &outcomes,
        };
        respond::page(StatusCode::OK, page, html.render())
    }

    fn waiting(&mut self, asked: &Asked) -> Response {
        let (page, tpp, action, csrf) = self.place(&asked.interaction, &asked.client);
        let html = pages::Waiting {
            site: page,
            tpp: &tpp,
            action: &action,
            csrf: &csrf,
            hint: asked.challenge.hint.as_deref(),
            payment: asked.payment.as_ref(),
            status_url: &format!("{action}/status"),
            other_methods: asked.other_methods,
        };
        respond::live_page(StatusCode::OK, page, pages::Waiting::BEHAVIOUR, html.render())
    }

    fn one_time_code(&mut self, asked: &Asked) -> Response {
        let (page, tpp, action, csrf) = self.place(&asked.interaction, &asked.client);
        let html = OneTimeCode {
            site: page,
            tpp: &tpp,
            action: &action,
            csrf: &csrf,
            hint: asked.challenge.hint.as_deref(),
            payment: asked.payment.as_ref(),
            wrong: asked.challenge.wrong,
            other_methods: asked.other_methods,
        };
        respond::page(StatusCode::OK, page, html.render())
    }

    fn csrf(&self, id: InteractionId) -> String {
        self.browser.as_ref().map_or_else(String::new, |key| key.csrf(id))
    }

    /// The cookie is lost, or never was here.
    async fn start_again(&mut self, id: InteractionId) -> Response {
        let (client, lang) = match stranger::start_again(&self.site.app, &self.site.brand, id).await {
            Ok(Some(known)) => known,
            Ok(None) => return self.nothing(NoView::OtherBrowser),
            Err(outage) => return self.outage(&outage),
        };
        let (page, tpp) = (self.site.page(lang), tpp_of(&client, lang));
        // https by its registration; without one, the page names the TPP and leads nowhere
        let home = Some((&tpp, client.metadata.client_uri.as_deref()));
        respond::notice_with_home(StatusCode::FORBIDDEN, page, NoticeKind::CookieLost, &self.request_id, home)
    }

    fn nothing(&self, none: NoView) -> Response {
        let (status, kind) = notice_about(none);
        notice(status, self.site.page(self.lang), kind, &self.request_id)
    }

    fn refused(&self, status: u16) -> Response {
        let kind = if status == 413 { NoticeKind::TooLarge } else { NoticeKind::MalformedRequest };
        notice(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), self.site.page(self.lang), kind, &self.request_id)
    }

    fn outage(&self, outage: &Outage) -> Response {
        respond::log_outage(outage);
        notice(StatusCode::SERVICE_UNAVAILABLE, self.site.page(self.lang), NoticeKind::TemporarilyUnavailable, &self.request_id)
    }
}

const fn notice_about(none: NoView) -> (StatusCode, NoticeKind) {
    match none {
        NoView::Unknown => (StatusCode::NOT_FOUND, NoticeKind::NotFound),
        NoView::OtherBrowser => (StatusCode::FORBIDDEN, NoticeKind::CookieLost),
        NoView::ForeignForm => (StatusCode::FORBIDDEN, NoticeKind::MalformedRequest),
        NoView::AlreadyAnswered => (StatusCode::GONE, NoticeKind::AlreadyAnswered),
        NoView::Over => (StatusCode::GONE, NoticeKind::ExpiredInteraction),
    }
}

fn tpp_of(client: &Client, lang: Lang) -> TppIdentity {
    TppIdentity::new(client.metadata.name_in(lang.tag()), &client.legal_name, client.organisation.authorisation_number())
}

fn journey_path(site: &Site, id: InteractionId) -> String {
    path_of_journey(&site.brand, id)
}

pub fn path_of_journey(brand: &Brand, id: InteractionId) -> String {
    format!("/{}/journeys/{}", brand.id, id.0.simple())
}

fn parse_id(text: &str) -> Option<InteractionId> {
    Uuid::try_parse(text).ok().map(InteractionId)
}

pub(super) fn request_id(request: &Request<Body>) -> String {
    request.extensions().get::<RequestId>().map_or_else(String::new, |id| id.0.simple().to_string())
}

pub(super) fn accept_language(headers: &HeaderMap) -> String {
    headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or("").chars().take(500).collect()
}

fn browser_key(headers: &HeaderMap) -> Option<BrowserKey> {
    cookie(headers, COOKIE).and_then(BrowserKey::parse)
}

/// The first cookie of this name.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';'));
    pairs.into_iter().find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Lax: the browser comes from the TPP's site by a top-level navigation. With an age, so that a browser that was killed finds its
/// journey again; no older than a journey can get, so that the next person at a shared browser finds none.
fn set_cookie(response: &mut Response, key: &BrowserKey, age: time::Duration) {
    let cookie = format!("{COOKIE}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", key.reveal(), age.whole_seconds());
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}

/// `/assets/{name}`: stylesheets, the script, a brand's pictures and fonts.
pub async fn asset(State(assets): State<Arc<Assets>>, Path(name): Path<String>) -> Response {
    let Some(asset) = assets.get(&name) else { return respond::status(StatusCode::NOT_FOUND) };
    let mut response = respond::status(StatusCode::OK);
    *response.body_mut() = Body::from(asset.bytes.to_vec());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(Asset::CSP));
    response
}
