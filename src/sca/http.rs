//! The bank's SCA back end over mutual TLS: each question has one deadline for everything, and repeats only what is safe to repeat.

use super::{
    Fault, Occasion, SignIn, Standing,
    breaker::Breaker,
    wire::{
        AccountsAnswer, AccountsQuestion, ChallengeAnswer, ChallengeQuestion, Client as ClientOf, CodeQuestion, EligibilityAnswer,
        EligibilityQuestion, Journey, Read,
    },
};
use crate::{
    clock::Clock,
    config::DriverSettings,
    oauth::{
        brand::BrandId,
        grant::PsuReference,
        interaction::{Challenge, InteractionId, SignedIn},
        method::Account,
        secret::Secret,
    },
    telemetry::request,
    tls::files::{load_certificates, load_chain_and_key},
};
use reqwest::{
    Client, Method, StatusCode,
    header::{ACCEPT_LANGUAGE, CONTENT_TYPE},
};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use serde::Serialize;
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, timeout_at},
};
use tracing::field::display;

const USER_AGENT: &str = "guichet/0.1";
const JSON: &str = "application/json";
const LONGEST_ANSWER: usize = 64 * 1024;
/// Questions of a brand under way at once.
const AT_ONCE: usize = 64;
/// Before a question is repeated.
const BREATH: Duration = Duration::from_millis(100);
const TRIES: usize = 2;

/// One brand's back end.
pub struct Http {
    brand: BrandId,
    url: String,
    client: Client,
    deadline: Duration,
    clock: Arc<dyn Clock>,
    breaker: Arc<Breaker>,
    turns: Arc<Semaphore>,
}

struct Question<'a> {
    /// For the metrics.
    name: &'static str,
    method: Method,
    path: String,
    interaction: InteractionId,
    language: &'static str,
    /// The bank takes the same key as the same question.
    key: Option<String>,
    body: Option<&'a [u8]>,
}

/// A fault, and what it says of the back end.
struct Trouble {
    fault: Fault,
    /// It is not well: the breaker counts it.
    ill: bool,
    again: bool,
}

impl Http {
    /// # Errors
    /// When the certificates cannot be used.
    pub fn new(brand: BrandId, settings: &DriverSettings, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let client = client(settings)?;
        let (url, deadline) = (settings.url.clone(), settings.deadline);
        note_breaker(&brand, false);
        Ok(Self { brand, url, client, deadline, clock, breaker: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// The same back end with the settings and certificates of now; what is known of its health stays. Another URL is another
    /// back end.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn renewed(&self, settings: &DriverSettings) -> Result<Self, String> {
        let new = Self::new(self.brand.clone(), settings, self.clock.clone())?;
        if new.url != self.url {
            return Ok(new);
        }
        note_breaker(&self.brand, self.is_open());
        Ok(Self { breaker: self.breaker.clone(), turns: self.turns.clone(), ..new })
    }

    /// Nobody is asked at present: too many of the last questions had no answer.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    pub(super) async fn eligibility(&self, on: Occasion<'_>, login: &str, password: &Secret, attempt: i16) -> Result<SignIn, Fault> {
        let key = format!("{}-{attempt}", on.interaction.id.0);
        let question = EligibilityQuestion { journey: journey(on), login, password: password.reveal() };
        self.post::<EligibilityAnswer>("eligibility", "/eligibility".to_owned(), on, key, &question).await
    }

    pub(super) async fn accounts(&self, on: Occasion<'_>, psu: &PsuReference) -> Result<Vec<Account>, Fault> {
        let key = format!("{}-accounts", on.interaction.id.0);
        let question = AccountsQuestion { journey: journey(on), psu: psu.as_str() };
        self.post::<AccountsAnswer>("accounts", "/accounts".to_owned(), on, key, &question).await
    }

    pub(super) async fn challenge(&self, on: Occasion<'_>, who: &SignedIn, challenge: &Challenge) -> Result<Standing, Fault> {
        let question = ChallengeQuestion {
            journey: journey(on),
            challenge: challenge.id,
            psu: who.psu.as_str(),
            method: &challenge.method,
            accounts: who.accounts.iter().map(|account| account.id.as_str()).collect(),
            linked_hash: on.interaction.linked_hash(on.payment).wire(),
            deadline: challenge.until,
        };
        self.post::<ChallengeAnswer>("challenge", "/challenges".to_owned(), on, challenge.id.to_string(), &question).await
    }

    pub(super) async fn poll(&self, on: Occasion<'_>, reference: &str) -> Result<Standing, Fault> {
        let question = Question {
            name: "poll",
            method: Method::GET,
            path: format!("/challenges/{reference}"),
            interaction: on.interaction.id,
            language: on.interaction.lang.tag(),
            key: None,
            body: None,
        };
        self.ask(question, ChallengeAnswer::read).await
    }

    pub(super) async fn answer(&self, on: Occasion<'_>, challenge: &Challenge, reference: &str, code: &Secret) -> Result<Standing, Fault> {
        let (path, key) = (format!("/challenges/{reference}/answer"), format!("{}-{}", challenge.id, challenge.tried));
        self.post::<ChallengeAnswer>("answer", path, on, key, &CodeQuestion { code: code.reveal() }).await
    }

    pub(super) async fn cancel(&self, interaction: InteractionId, language: &'static str, reference: &str) {
        let path = format!("/challenges/{reference}");
        let question = Question { name: "cancel", method: Method::DELETE, path, interaction, language, key: None, body: None };
        // told in the metrics; nobody waits for it
        let _ = self.ask(question, |_| Ok(())).await;
    }

    async fn post<A: Read>(
        &self,
        name: &'static str,
        path: String,
        on: Occasion<'_>,
        key: String,
        body: &impl Serialize,
    ) -> Result<A::Value, Fault> {
        let Ok(body) = serde_json::to_vec(body) else { return Err(Fault::Unreadable) };
        let (interaction, language) = (on.interaction.id, on.interaction.lang.tag());
        let question = Question { name, method: Method::POST, path, interaction, language, key: Some(key), body: Some(&body) };
        self.ask(question, A::read).await
    }

    async fn ask<T>(&self, question: Question<'_>, read: impl Fn(&[u8]) -> Result<T, Fault>) -> Result<T, Fault> {
        let began = Instant::now();
        let answer = self.ask_in_time(&question, read, began + self.deadline).await;
        let brand = || self.brand.to_string();
        let seconds = began.elapsed().as_secs_f64();
        metrics::histogram!("guichet_sca_driver_seconds", "brand" => brand(), "question" => question.name).record(seconds);
        if let Err(fault) = &answer {
            metrics::counter!("guichet_sca_driver_failures_total", "brand" => brand(), "reason" => fault.name()).increment(1);
            let event_id = request::event().map(display);
            tracing::warn!(event_id, brand = %self.brand, question = question.name, reason = fault.name(), "the bank's SCA back end gave no answer");
        }
        answer
    }

    async fn ask_in_time<T>(&self, question: &Question<'_>, read: impl Fn(&[u8]) -> Result<T, Fault>, end: Instant) -> Result<T, Fault> {
        if !self.breaker.admits(self.clock.now()) {
            return Err(Fault::Open);
        }
        let Ok(Ok(_turn)) = timeout_at(end, self.turns.acquire()).await else { return Err(Fault::Saturated) };
        let timed_out = Trouble { fault: Fault::TimedOut, ill: true, again: false };
        let answer = timeout_at(end, self.tries(question, read)).await.unwrap_or(Err(timed_out));
        let well = answer.as_ref().err().is_none_or(|trouble| !trouble.ill);
        let open = self.breaker.note(well, self.clock.now());
        note_breaker(&self.brand, open);
        answer.map_err(|trouble| trouble.fault)
    }

    async fn tries<T>(&self, question: &Question<'_>, read: impl Fn(&[u8]) -> Result<T, Fault>) -> Result<T, Trouble> {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.exchange(question).await.and_then(|body| read(&body).map_err(garbage)) {
                Err(trouble) if trouble.again && tried < TRIES => sleep(BREATH).await,
                answer => return answer,
            }
        }
    }

    async fn exchange(&self, question: &Question<'_>) -> Result<Vec<u8>, Trouble> {
        let mut request = self
            .client
            .request(question.method.clone(), format!("{}{}", self.url, question.path))
            .header("x-interaction-id", question.interaction.0.to_string())
            .header(ACCEPT_LANGUAGE, question.language);
        if let Some((parent, state)) = request::outgoing() {
            request = request.header("traceparent", parent);
            if let Some(state) = state {
                request = request.header("tracestate", state);
            }
        }
        if let Some(key) = &question.key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = question.body {
            request = request.header(CONTENT_TYPE, JSON).body(body.to_vec());
        }
        let mut response = request.send().await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        if !status.is_success() {
            let (ill, again) = (status.is_server_error(), matches!(status.as_u16(), 502..=504));
            return Err(Trouble { fault: Fault::Status, ill, again });
        }
        if status == StatusCode::NO_CONTENT {
            return Ok(vec![]);
        }
        let is_json = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|v| {
            let media_type = v.split(';').next().unwrap_or("");
            media_type.trim().eq_ignore_ascii_case(JSON)
        });
        if !is_json && question.method != Method::DELETE {
            return Err(garbage(Fault::Unreadable));
        }
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(&error))? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(garbage(Fault::TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn note_breaker(brand: &BrandId, open: bool) {
    metrics::gauge!("guichet_sca_driver_open", "brand" => brand.to_string()).set(if open { 1.0 } else { 0.0 });
}

const fn garbage(fault: Fault) -> Trouble {
    Trouble { fault, ill: true, again: false }
}

/// Repeated: the bank knows the question by its key.
fn unreachable(error: &reqwest::Error) -> Trouble {
    tracing::debug!(why = %error.to_string().split(" for url").next().unwrap_or(""), "no exchange with the SCA back end");
    Trouble { fault: Fault::Unreachable, ill: true, again: true }
}

fn journey<'a>(on: Occasion<'a>) -> Journey<'a> {
    let (interaction, client) = (on.interaction, on.client);
    Journey {
        id: interaction.id.0,
        brand: on.brand.id.as_str(),
        channel: &interaction.channel,
        language: interaction.lang.tag(),
        client: ClientOf {
            client_id: client.id.to_string(),
            name: client.metadata.name_in(interaction.lang.tag()),
            legal_name: &client.legal_name,
            authorisation_number: client.organisation.authorisation_number(),
        },
        scope: interaction.scope.to_string(),
        payment: on.payment,
        deadline: interaction.expires_at,
    }
}

/// What we show to the bank.
#[derive(Clone, Copy)]
pub struct Identity<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

fn client(settings: &DriverSettings) -> Result<Client, String> {
    let identity = Identity { certificate: &settings.client_certificate_file, key: &settings.client_key_file };
    connect(&settings.ca_file, Some(identity), settings.deadline)
}

/// Believes the bank's own authority alone, and follows nobody.
///
/// # Errors
/// When a file cannot be used.
pub fn connect(ca_file: &Path, identity: Option<Identity<'_>>, patience: Duration) -> Result<Client, String> {
    let mut roots = RootCertStore::empty();
    for authority in load_certificates(ca_file).map_err(|error| error.to_string())? {
        roots.add(authority).map_err(|error| format!("{}: {error}", ca_file.display()))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?.with_root_certificates(roots);
    let mut tls = match identity {
        None => builder.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let loaded = load_chain_and_key(certificate, key).map_err(|error| error.to_string())?;
            let refused = |error| format!("{} and {}: {error}", certificate.display(), key.display());
            builder.with_client_auth_cert(loaded.chain, loaded.key).map_err(refused)?
        }
    };
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .connect_timeout(patience)
        .build()
        .map_err(|error| format!("the SCA driver: {error}"))
}
