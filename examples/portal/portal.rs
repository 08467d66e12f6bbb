//! A reference portal: what a bank's own login and consent pages do around Guichet's hand-off. Made to be read and copied;
//! everything of the bank itself (customers, accounts, authentication) is [`DemoBank`], and to be replaced.
//!
//! A browser arrives at `/{brand}/start?interaction=<ticket>`. From there on the ticket stays in this portal's own session: the
//! portal reads with it what is asked, signs the customer in, shows what it read, authenticates him strongly, and reports how it
//! ended. The answer says where the browser goes.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, RawQuery, State},
    response::Response,
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
    time::Duration,
};
use subtle::ConstantTimeEq;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{net::TcpListener, sync::Mutex};
use tokio_rustls::TlsAcceptor;

/// The bank's certificate and key are in the client; it follows no redirect and waits no longer than this.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// `__Host-`: only this host sets it, only over TLS.
const COOKIE: &str = "__Host-portal";
const MOST_SESSIONS: usize = 10_000;
/// An interaction's own deadline is earlier.
const LONGEST_SESSION: time::Duration = time::Duration::hours(1);
const MOST_BYTES: usize = 16 * 1024;
/// RTS art. 4(3)(b) allows five.
const MOST_ATTEMPTS: u8 = 3;
/// Every demo customer's.
pub const PASSWORD: &str = "demo";
/// What the demo's "app" would show.
pub const DEMO_CODE: &str = "123456";

/// Reads the time; a real portal reads the machine's.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

pub struct Portal {
    /// `https://host:port` of Guichet's internal listener.
    internal: String,
    client: reqwest::Client,
    clock: Clock,
    sessions: std::sync::Mutex<HashMap<String, Entry>>,
}

/// Of one browser, under the key in its cookie. Its requests take turns: a double click, or many guesses at once, are no more
/// than one after the other.
#[derive(Clone)]
struct Entry {
    brand: String,
    until: OffsetDateTime,
    session: Arc<Mutex<Session>>,
}

/// A way through one interaction.
struct Session {
    brand: String,
    ticket: String,
    csrf: String,
    attempts: u8,
    step: Step,
}

enum Step {
    SignIn,
    /// Knows who it is; shows what is asked.
    Review {
        customer: String,
    },
    /// Being authenticated, for what is linked by the hash.
    Challenged {
        customer: String,
        accounts: Vec<Value>,
        consented: bool,
        linked_hash: String,
    },
    /// The words that conclude the interaction. Kept before they are sent: when no answer comes, the same words are sent again.
    Concluding {
        verb: &'static str,
        words: Value,
    },
    /// Concluded: where this browser, and no other, is sent.
    Over {
        redirect_to: String,
    },
}

/// What stands for the bank's own systems.
struct DemoBank;

impl DemoBank {
    /// `alice` and `bruno` get through; a customer called like a reason of failure meets it.
    fn knows(login: &str, password: &str) -> bool {
        let known = ["alice", "bruno"].contains(&login) || FAILURES.contains(&login);
        known & bool::from(password.as_bytes().ct_eq(PASSWORD.as_bytes()))
    }

    /// Opaque: no login leaves the bank.
    fn subject(login: &str) -> String {
        format!("demo-{}", URL_SAFE_NO_PAD.encode(login))
    }

    fn accounts(_: &str) -> Vec<Value> {
        vec![
            json!({ "id": "demo-account-1", "iban": "FR7630006000011234567890189", "label": "Compte courant", "currency": "EUR" }),
            json!({ "id": "demo-account-2", "iban": "FR7610107001011234567890129", "label": "Livret", "currency": "EUR" }),
        ]
    }

    /// What the bank's SCA system says at once of a customer whom it cannot authenticate.
    fn refusal(login: &str) -> Option<&'static str> {
        FAILURES.into_iter().find(|reason| *reason == login)
    }
}

/// The closed set of reasons.
pub const FAILURES: [&str; 14] = [
    "cancelled",
    "timed_out",
    "blocked_after_failures",
    "daily_quota_exceeded",
    "no_method",
    "otp_suspended",
    "wrong_device",
    "waiting_for_validation",
    "pending_enrollment",
    "suspended_enrollment",
    "disabled",
    "terminated",
    "suspended",
    "technical",
];

/// Where the browser goes, or what it is shown.
enum Answer {
    Page(StatusCode, String, String),
    /// To a page of ours, by 303.
    Next(String),
    /// Away from us. Never as an answer to a form: browsers apply `form-action` to a form's redirects, too.
    Leave(String),
}

impl Portal {
    pub fn new(internal: String, client: reqwest::Client, clock: Clock) -> Arc<Self> {
        Arc::new(Self { internal, client, clock, sessions: std::sync::Mutex::default() })
    }

    pub fn routes(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/{brand}/start", get(start))
            .route("/{brand}/journey", get(show).post(step))
            .route("/style.css", get(style))
            .fallback(async || render(Answer::Page(StatusCode::NOT_FOUND, "Not found".into(), String::new())))
            .with_state(self.clone())
    }

    // What is said to Guichet

    /// `None`: no answer, or none that helps. It may come in a moment.
    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Option<(u16, Value)> {
        let mut request = self.client.request(method, format!("{}{path}", self.internal)).timeout(DEADLINE);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let body = serde_json::from_slice(&response.bytes().await.ok()?).ok()?;
        (status < 500).then_some((status, body))
    }

    async fn read(&self, brand: &str, ticket: &str) -> Option<(u16, Value)> {
        self.ask(Method::GET, &path(brand, ticket), None).await
    }

    /// Sends the kept words until an answer came. 200 and every 409 with `redirect_to` end the journey here.
    async fn conclude(&self, session: &mut Session) -> Answer {
        let Step::Concluding { verb, words } = &session.step else { return Answer::Next(journey(session)) };
        let path = format!("{}/{verb}", path(&session.brand, &session.ticket));
        let Some((status, answer)) = self.ask(Method::POST, &path, Some(words)).await else {
            return notice(StatusCode::SERVICE_UNAVAILABLE, "One moment", "The answer is on its way. Load this page again in a moment.");
        };
        match (status, answer["redirect_to"].as_str()) {
            (_, Some(url)) => session.step = Step::Over { redirect_to: url.to_owned() },
            // something was not done, and still can be
            (409, None) if answer["missing"].is_array() => session.step = Step::SignIn,
            (_, None) => return notice(StatusCode::CONFLICT, "This is over", "Go back to the service you came from and start again."),
        }
        Answer::Next(journey(session))
    }

    // Sessions

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<String, Entry>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn session(&self, headers: &HeaderMap, brand: &str) -> Option<(String, Arc<Mutex<Session>>)> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
        let key = cookies.filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('=')).next()?;
        let entry = self.sessions().get(key).cloned()?;
        (entry.brand == brand && (self.clock)() < entry.until).then(|| (key.to_owned(), entry.session))
    }

    /// `None`: too many at once.
    fn open(&self, session: Session) -> Option<String> {
        let now = (self.clock)();
        let mut sessions = self.sessions();
        if sessions.len() >= MOST_SESSIONS {
            sessions.retain(|_, entry| now < entry.until);
        }
        let (key, brand) = (random(), session.brand.clone());
        let entry = Entry { brand, until: now + LONGEST_SESSION, session: Arc::new(Mutex::new(session)) };
        (sessions.len() < MOST_SESSIONS).then(|| sessions.insert(key.clone(), entry)).map(|_| key)
    }

    /// Signed in: the browser gets another key, so that one which somebody put into it before is worth nothing.
    fn renew(&self, old: &str) -> Option<String> {
        let key = random();
        let mut sessions = self.sessions();
        let entry = sessions.remove(old)?;
        sessions.insert(key.clone(), entry);
        Some(key)
    }

    // Steps

    /// The page on which the session stands. What is asked is read anew each time: it is shown as it is now.
    async fn page(&self, session: &mut Session) -> Answer {
        if let Step::Over { redirect_to } = &session.step {
            return Answer::Leave(redirect_to.clone());
        }
        if let Step::Concluding { .. } = &session.step {
            return self.conclude(session).await;
        }
        match self.open_interaction(&session.brand, &session.ticket).await {
            Ok(told) => pages::of(session, &told),
            Err(answer) => answer,
        }
    }

    /// What is asked, while the interaction is open.
    async fn open_interaction(&self, brand: &str, ticket: &str) -> Result<Value, Answer> {
        let Some((status, told)) = self.read(brand, ticket).await else {
            return Err(notice(StatusCode::SERVICE_UNAVAILABLE, "One moment", "Load this page again in a moment."));
        };
        match (status, told["status"].as_str(), told["redirect_to"].as_str()) {
            (200, Some("open"), _) => Ok(told),
            // blocked meanwhile, or over: Guichet's page tells the customer, and leads home
            (_, _, Some(url)) => Err(Answer::Leave(url.to_owned())),
            _ => Err(notice(StatusCode::GONE, "This is over", "Go back to the service you came from and start again.")),
        }
    }

    /// One step of the customer, and the new key of a browser that signed in.
    async fn take(&self, key: &str, session: &mut Session, form: &Form) -> (Answer, Option<String>) {
        let next = Answer::Next(journey(session));
        let decision = form.get("decision").unwrap_or_default();
        let step = match (&session.step, decision) {
            (Step::Over { .. } | Step::Concluding { .. }, _) => return (next, None),
            (_, "cancel") => Some(failed("cancelled")),
            (Step::SignIn, "sign_in") => {
                let (customer, password) = (form.get("customer").unwrap_or_default(), form.get("password").unwrap_or_default());
                if DemoBank::knows(customer, password) {
                    session.step = Step::Review { customer: customer.to_owned() };
                    return (next, self.renew(key));
                }
                session.attempts += 1;
                (session.attempts >= MOST_ATTEMPTS).then(|| failed("blocked_after_failures"))
            }
            (Step::Review { customer }, "continue") => match self.read(&session.brand, &session.ticket).await {
                Some((200, told)) => challenge(customer, &told, form),
                Some(_) | None => None,
            },
            (Step::Challenged { customer, accounts, consented, linked_hash }, "code") => {
                let right = bool::from(form.get("code").unwrap_or_default().as_bytes().ct_eq(DEMO_CODE.as_bytes()));
                if right {
                    Some(completed(customer, accounts, *consented, linked_hash, (self.clock)()))
                } else {
                    session.attempts += 1;
                    (session.attempts >= MOST_ATTEMPTS).then(|| failed("otp_suspended"))
                }
            }
            // the back button, an old form: show where the journey stands
            _ => None,
        };
        if let Some(step) = step {
            session.step = step;
        }
        let answer = if let Step::Concluding { .. } = session.step { self.conclude(session).await } else { next };
        (answer, None)
    }
}

fn path(brand: &str, ticket: &str) -> String {
    format!("/v1/brands/{brand}/interactions/{ticket}")
}

fn journey(session: &Session) -> String {
    format!("/{}/journey", session.brand)
}

/// From what is asked and what the customer chose, if it is complete. The hash goes to the SCA system and comes back with its result.
fn challenge(customer: &str, told: &Value, form: &Form) -> Option<Step> {
    if let Some(reason) = DemoBank::refusal(customer) {
        return Some(failed(reason));
    }
    let chosen: Vec<_> =
        DemoBank::accounts(customer).into_iter().filter(|account| form.all("account").any(|id| account["id"] == id)).collect();
    let needs = |what: &str| told["required"].as_array().is_some_and(|required| required.iter().any(|one| one == what));
    let consented = form.get("consent") == Some("yes");
    let complete = (!needs("accounts") || !chosen.is_empty())
        && (told["accounts"]["choose"] != "one" || chosen.len() <= 1)
        && (!needs("explicit_consent") || consented);
    complete.then(|| Step::Challenged {
        customer: customer.to_owned(),
        accounts: chosen,
        consented,
        linked_hash: told["linked_hash"].as_str().unwrap_or_default().to_owned(),
    })
}

fn failed(reason: &str) -> Step {
    Step::Concluding { verb: "fail", words: json!({ "reason": reason }) }
}

fn completed(customer: &str, accounts: &[Value], consented: bool, linked_hash: &str, at: OffsetDateTime) -> Step {
    let sca = json!({
        "method": "otp",
        "at": at.format(&Rfc3339).unwrap_or_default(),
        "reference": format!("demo-sca-{}", random()),
        "linked_hash": linked_hash,
    });
    let words = json!({ "subject": DemoBank::subject(customer), "sca": sca, "accounts": accounts, "explicit_consent": consented });
    Step::Concluding { verb: "complete", words }
}

// HTTP

/// A peer that does not finish its handshake holds no more than one task, for so long.
const HANDSHAKE: Duration = Duration::from_secs(5);

pub async fn serve(listener: TcpListener, tls: TlsAcceptor, portal: &Arc<Portal>) -> std::io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        let (tls, routes) = (tls.clone(), portal.routes());
        tokio::spawn(async move {
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(socket)).await else { return };
            let builder = Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes)).await;
        });
    }
}

async fn start(State(portal): State<Arc<Portal>>, Path(brand): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = Form::read(query.unwrap_or_default().as_bytes());
    let ticket = query.get("interaction").filter(|ticket| is_word(ticket)).unwrap_or_default().to_owned();
    if ticket.is_empty() || !is_word(&brand) {
        return render(notice(StatusCode::BAD_REQUEST, "Not a valid link", "Go back to the service you came from and start again."));
    }
    // come back in the same browser: on with what was begun
    if let Some((_, session)) = portal.session(&headers, &brand) {
        let session = session.lock().await;
        if session.ticket == ticket {
            return render(Answer::Next(journey(&session)));
        }
    }
    // a session is for a ticket that is known: strangers fill no memory
    if let Err(answer) = portal.open_interaction(&brand, &ticket).await {
        return render(answer);
    }
    let session = Session { brand, ticket, csrf: random(), attempts: 0, step: Step::SignIn };
    let next = Answer::Next(journey(&session));
    match portal.open(session) {
        // the ticket leaves the address bar
        Some(key) => with_cookie(render(next), &key),
        None => render(notice(StatusCode::SERVICE_UNAVAILABLE, "One moment", "Try again in a moment.")),
    }
}

async fn show(State(portal): State<Arc<Portal>>, Path(brand): Path<String>, headers: HeaderMap) -> Response {
    match portal.session(&headers, &brand) {
        Some((_, session)) => render(portal.page(&mut *session.lock().await).await),
        None => render(lost()),
    }
}

async fn step(State(portal): State<Arc<Portal>>, Path(brand): Path<String>, request: Request<Body>) -> Response {
    let Some((key, session)) = portal.session(request.headers(), &brand) else { return render(lost()) };
    let Ok(body) = to_bytes(request.into_body(), MOST_BYTES).await else {
        return render(notice(StatusCode::PAYLOAD_TOO_LARGE, "Too much", ""));
    };
    let form = Form::read(&body);
    let mut session = session.lock().await;
    if !bool::from(form.get("csrf").unwrap_or_default().as_bytes().ct_eq(session.csrf.as_bytes())) {
        return render(notice(StatusCode::FORBIDDEN, "Not our form", "Go back and try again."));
    }
    let (answer, key) = portal.take(&key, &mut session, &form).await;
    match key {
        Some(key) => with_cookie(render(answer), &key),
        None => render(answer),
    }
}

fn lost() -> Answer {
    notice(
        StatusCode::FORBIDDEN,
        "We have lost your session",
        "Go back to the service you came from and start again, with cookies allowed.",
    )
}

fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

fn notice(status: StatusCode, title: &str, text: &str) -> Answer {
    Answer::Page(status, title.to_owned(), format!("<p>{text}</p>"))
}

/// 256 random bits.
fn random() -> String {
    let mut bytes = [0; 32];
    // a machine without randomness must not go on
    aws_lc_rs::rand::fill(&mut bytes).unwrap_or_else(|_| std::process::abort());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Names and values, each as often as sent.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().take(50).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"),
    ("x-frame-options", "DENY"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("strict-transport-security", "max-age=31536000"),
];

fn render(answer: Answer) -> Response {
    let mut response = match answer {
        Answer::Page(status, title, main) => html(status, &title, "", &main),
        Answer::Next(path) => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SEE_OTHER;
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(&path).unwrap_or(HeaderValue::from_static("/")));
            response
        }
        Answer::Leave(url) => {
            let url = text(&url);
            let refresh = format!("<meta http-equiv=\"refresh\" content=\"0; url={url}\">");
            html(StatusCode::OK, "Thank you", &refresh, &format!("<p><a id=\"leave\" href=\"{url}\">Continue</a></p>"))
        }
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn html(status: StatusCode, title: &str, head: &str, main: &str) -> Response {
    let title = text(title);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">{head}\
         <title>{title}</title><link rel=\"stylesheet\" href=\"/style.css\"></head><body><main><h1>{title}</h1>{main}</main></body></html>"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

async fn style() -> Response {
    let mut response = Response::new(Body::from(
        "body{font:1.1rem/1.5 sans-serif;margin:0;background:#f4f4f6;color:#1a1a1f}main{max-width:34rem;margin:auto;padding:1rem}\
         label{display:block;margin:.6rem 0}button{font:inherit;padding:.6rem 1rem;margin:.3rem .3rem .3rem 0}dt{font-weight:bold}",
    ));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/css; charset=utf-8"));
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// Lax: the browser comes from the authorization server's site by a top-level navigation.
fn with_cookie(mut response: Response, key: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(&format!("{COOKIE}={key}; Path=/; Secure; HttpOnly; SameSite=Lax")) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Everything foreign goes through here.
fn text(foreign: &str) -> String {
    let mut safe = String::with_capacity(foreign.len());
    for c in foreign.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// The three pages of a journey.
mod pages {
    use super::{Answer, DEMO_CODE, DemoBank, PASSWORD, Session, StatusCode, Step, Value, text};
    use std::fmt::Write as _;

    pub fn of(session: &Session, told: &Value) -> Answer {
        let (title, body) = match &session.step {
            Step::SignIn => ("Sign in", sign_in(session)),
            Step::Review { customer } => ("Your decision", review(customer, told)),
            Step::Challenged { .. } => ("Confirm", challenged(told)),
            // these are no pages
            Step::Concluding { .. } | Step::Over { .. } => ("One moment", String::new()),
        };
        let main = format!(
            "{}<form method=\"post\"><input type=\"hidden\" name=\"csrf\" value=\"{}\">{body}\
             <button name=\"decision\" value=\"cancel\" formnovalidate>Cancel</button></form>",
            who(told),
            text(&session.csrf)
        );
        Answer::Page(StatusCode::OK, title.to_owned(), main)
    }

    /// Who asks: the name alone could be anybody's.
    fn who(told: &Value) -> String {
        let client = &told["client"];
        let of = |name: &str| text(client[name].as_str().unwrap_or_default());
        let agent = client["agent"].as_str().map_or_else(String::new, |agent| format!("<dt>Agent</dt><dd>{}</dd>", text(agent)));
        format!(
            "<dl><dt>Service</dt><dd>{}</dd><dt>Company</dt><dd>{}, authorisation {}</dd>{agent}</dl>",
            of("client_name"),
            of("legal_name"),
            of("authorisation_number")
        )
    }

    fn sign_in(session: &Session) -> String {
        let wrong = if session.attempts > 0 { "<p role=\"alert\">The customer number or the password is not correct.</p>" } else { "" };
        format!(
            "{wrong}<p>A demonstration: <code>alice</code>, or a customer named like a reason of failure. Password <code>{PASSWORD}</code>.</p>\
             <label>Customer number <input name=\"customer\" autocomplete=\"username\" required></label>\
             <label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\" required></label>\
             <button name=\"decision\" value=\"sign_in\">Sign in</button>"
        )
    }

    fn review(customer: &str, told: &Value) -> String {
        let mut html = String::from("<ul>");
        for words in told["scope"]["words"].as_array().into_iter().flatten() {
            // writing to a String does not fail
            let _ = write!(html, "<li>{}</li>", text(words.as_str().unwrap_or_default()));
        }
        html.push_str("</ul>");
        html.push_str(&payment(told));
        let kind = match told["accounts"]["choose"].as_str() {
            Some("one") => Some("radio"),
            Some("some") => Some("checkbox"),
            _ => None,
        };
        for account in DemoBank::accounts(customer).iter().filter(|_| kind.is_some()) {
            let of = |name: &str| text(account[name].as_str().unwrap_or_default());
            let _ = write!(
                html,
                "<label><input type=\"{}\" name=\"account\" value=\"{}\"> {} {}</label>",
                kind.unwrap_or_default(),
                of("id"),
                of("label"),
                of("iban")
            );
        }
        if told["required"].as_array().is_some_and(|required| required.iter().any(|one| one == "explicit_consent")) {
            html.push_str("<label><input type=\"checkbox\" name=\"consent\" value=\"yes\" required> I allow this</label>");
        }
        html.push_str("<button name=\"decision\" value=\"continue\">Continue</button>");
        html
    }

    /// RTS art. 5: amount and payee are before the customer's eyes, here and where he types the code.
    fn payment(told: &Value) -> String {
        let payment = &told["payment"];
        if payment.is_null() {
            return String::new();
        }
        let of = |name: &str| text(payment[name].as_str().unwrap_or_default());
        let date = payment["execution_date"].as_str().map_or_else(|| "at once".to_owned(), text);
        format!(
            "<dl><dt>Amount</dt><dd>{} {}</dd><dt>To</dt><dd>{}, {}</dd><dt>When</dt><dd>{date}</dd></dl>",
            of("amount"),
            of("currency"),
            of("creditor_name"),
            of("creditor_account")
        )
    }

    fn challenged(told: &Value) -> String {
        format!(
            "{}<p>A code was sent to your phone. (A demonstration: it is {DEMO_CODE}.)</p>\
             <label>Code <input name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" required></label>\
             <button name=\"decision\" value=\"code\">Confirm</button>",
            payment(told)
        )
    }
}
