//! The contract, asked of a bank's own back end: each check with what it expects, and what came instead.

use super::{
    Outcome, SignIn, Standing,
    wire::{
        AccountsAnswer, AccountsQuestion, ChallengeAnswer, ChallengeQuestion, Client, CodeQuestion, EligibilityAnswer, EligibilityQuestion,
        Journey, Read,
    },
};
use crate::oauth::{
    method::{Method, MethodKind, MethodState},
    secret::Secret,
};
use reqwest::{Client as HttpClient, Method as Verb};
use serde::Serialize;
use std::time::Duration as Pause;
use time::{Duration, OffsetDateTime};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Of one exchange.
const PATIENCE: Pause = Pause::from_secs(10);
const LONGEST_ANSWER: usize = 64 * 1024;
/// Two machines' clocks may differ by this.
const CLOCKS_DIFFER: Duration = Duration::seconds(5);

/// Whom to check, and as which customer.
pub struct Subject {
    pub url: String,
    /// With our certificate.
    pub client: HttpClient,
    /// Without one.
    pub stranger: HttpClient,
    pub login: String,
    pub password: Secret,
    /// The right code, where a method asks for one.
    pub code: Option<Secret>,
    /// By this one; `None`: the first that works.
    pub method: Option<String>,
    /// How long to wait for an approval in the app.
    pub wait: Pause,
}

/// One check: what is expected, and what came instead.
pub struct Check {
    pub expects: &'static str,
    pub instead: Option<String>,
}

struct Contract<'a> {
    subject: &'a Subject,
    ids: &'a dyn Fn() -> Uuid,
    now: &'a dyn Fn() -> OffsetDateTime,
    checks: Vec<Check>,
}

type Told<T> = Result<T, String>;

/// Every check that could be made: one that nothing can follow is the last.
pub async fn check(subject: &Subject, ids: &dyn Fn() -> Uuid, now: &dyn Fn() -> OffsetDateTime) -> Vec<Check> {
    let mut contract = Contract { subject, ids, now, checks: vec![] };
    // a check that failed and has no successor ends the run; it is noted already
    let _ = contract.run().await;
    contract.checks
}

impl Contract<'_> {
    async fn run(&mut self) -> Option<()> {
        let refused = self.is_refused().await;
        self.note("a caller without the bank's certificate is refused", refused);

        let interaction = (self.ids)();
        let password = self.subject.password.reveal();
        let wrong = self.wrong_password(interaction, &format!("{interaction}-1")).await;
        let first = self.note("a wrong password is told as `wrong_credentials`", wrong)?;
        let again = self.wrong_password(interaction, &format!("{interaction}-1")).await;
        let same = again.and_then(|left| expect(left == first, || format!("{left} attempts left, after {first} with the same key")));
        self.note("the same Idempotency-Key is the same attempt", same);

        let told = self.eligibility(interaction, password, &format!("{interaction}-2")).await.and_then(known);
        let (psu, methods) = self.note("the right password names the customer and his methods", told)?;
        let next = (self.ids)();
        let told = self.eligibility(next, password, &format!("{next}-1")).await.and_then(known);
        let stable = told.and_then(|(again, _)| expect(again == psu, || "another name than before".to_owned()));
        self.note("the customer has the same name in each journey", stable);
        self.note("that name is not his login", expect(psu != self.subject.login, || "it is the login".to_owned()));

        let question = AccountsQuestion { journey: self.journey(interaction), psu: &psu };
        let accounts = self.post::<AccountsAnswer>("/accounts", &format!("{interaction}-accounts"), &question).await;
        self.note("the customer's accounts are told", accounts);

        let method = self.chosen(&methods);
        let method = self.note("a method is active", method)?;
        let unknown = self.send(Verb::GET, "/challenges/no-such-challenge", None, None).await;
        let unknown = unknown.and_then(|(status, _)| expect(status == 404, || format!("status {status}")));
        self.note("an unknown challenge is 404", unknown);

        let asked = self.challenge(interaction, &psu, &method).await;
        let (challenge, standing) = self.note("a challenge has a reference and is pending", asked)?;
        let again = self.ask_challenge(interaction, &psu, &method, challenge).await;
        let same = again.and_then(|s| expect(s.reference == standing.reference, || "another reference".to_owned()));
        self.note("asked for again with the same key, it is the same challenge", same);
        let polled = self.poll(&standing.reference).await;
        let same = polled.and_then(|s| expect(s.reference == standing.reference, || "another reference".to_owned()));
        self.note("the challenge is found by its reference", same);
        let cancelled = self.cancelled(&standing.reference).await;
        self.note("a cancelled challenge is over, and stays so", cancelled);

        let asked = self.challenge(interaction, &psu, &method).await;
        let (challenge, standing) = self.note("another challenge of the journey is another one", asked)?;
        let asked_at = (self.now)();
        let end = match method.kind {
            MethodKind::App => self.approved_in_app(&standing.reference).await,
            MethodKind::Otp => self.approved_by_code(challenge, &standing.reference).await,
        };
        let end = self.note("the customer's approval is told", end)?;
        let Outcome::Approved(proof) = end.outcome else { return None };
        let hash = hash_of(challenge);
        self.note("it brings `linked_hash` back unchanged", expect(proof.linked_hash == hash, || "another hash".to_owned()));
        self.note("it names the method", expect(proof.method == method.id, || "another method".to_owned()));
        self.note("it names the challenge", expect(end.reference == standing.reference, || "another reference".to_owned()));
        let in_time = (asked_at - Duration::minutes(1)..=(self.now)() + CLOCKS_DIFFER).contains(&proof.at);
        self.note("its time lies between the challenge and now", expect(in_time, || proof.at.to_string()));
        let again = self.poll(&standing.reference).await.and_then(|s| approval(&s));
        self.note("told again, it is the same", again);
        Some(())
    }

    fn note<T>(&mut self, expects: &'static str, told: Told<T>) -> Option<T> {
        let (value, instead) = match told {
            Ok(value) => (Some(value), None),
            Err(instead) => (None, Some(instead)),
        };
        self.checks.push(Check { expects, instead });
        value
    }

    fn journey(&self, id: Uuid) -> Journey<'static> {
        Journey {
            id,
            brand: "contract-check",
            channel: "web",
            language: "en",
            client: Client {
                client_id: Uuid::nil().to_string(),
                name: "Contract check",
                legal_name: "Contract check",
                authorisation_number: Some("PSDXX-TEST-0"),
            },
            scope: "aisp".to_owned(),
            payment: None,
            deadline: (self.now)() + Duration::minutes(10),
        }
    }

    async fn is_refused(&self) -> Told<()> {
        let asked = timeout(PATIENCE, self.subject.stranger.get(format!("{}/challenges/x", self.subject.url)).send()).await;
        match asked {
            Ok(Ok(response)) if matches!(response.status().as_u16(), 400 | 401 | 403 | 495 | 496) => Ok(()),
            Ok(Ok(response)) => Err(format!("status {}", response.status().as_u16())),
            Ok(Err(_)) => Ok(()),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }

    async fn wrong_password(&self, interaction: Uuid, key: &str) -> Told<u16> {
        match self.eligibility(interaction, &format!("not-{}", Uuid::nil()), key).await? {
            SignIn::Wrong { attempts_left } => Ok(attempts_left),
            SignIn::Known(_) => Err("`known`".to_owned()),
            SignIn::Failed(why) => Err(format!("`failed`, {}", why.name())),
        }
    }

    async fn eligibility(&self, interaction: Uuid, password: &str, key: &str) -> Told<SignIn> {
        let question = EligibilityQuestion { journey: self.journey(interaction), login: &self.subject.login, password };
        self.post::<EligibilityAnswer>("/eligibility", key, &question).await
    }

    fn chosen(&self, methods: &[Method]) -> Told<Method> {
        let active = methods.iter().filter(|method| method.state == MethodState::Active);
        let wanted = |method: &&Method| self.subject.method.as_ref().is_none_or(|id| *id == method.id);
        active.into_iter().find(wanted).cloned().ok_or_else(|| "none that was asked for".to_owned())
    }

    async fn challenge(&self, interaction: Uuid, psu: &str, method: &Method) -> Told<(Uuid, Standing)> {
        let challenge = (self.ids)();
        let standing = self.ask_challenge(interaction, psu, method, challenge).await?;
        match standing.outcome {
            Outcome::Pending { .. } => Ok((challenge, standing)),
            Outcome::Approved(_) | Outcome::Failed(_) | Outcome::WrongCode { .. } => Err(word(&standing.outcome).to_owned()),
        }
    }

    async fn ask_challenge(&self, interaction: Uuid, psu: &str, method: &Method, challenge: Uuid) -> Told<Standing> {
        let question = ChallengeQuestion {
            journey: self.journey(interaction),
            challenge,
            psu,
            method: &method.id,
            accounts: vec![],
            linked_hash: hash_of(challenge),
            deadline: (self.now)() + Duration::minutes(5),
        };
        self.post::<ChallengeAnswer>("/challenges", &challenge.to_string(), &question).await
    }

    async fn poll(&self, reference: &str) -> Told<Standing> {
        let (status, body) = self.send(Verb::GET, &format!("/challenges/{reference}"), None, None).await?;
        read::<ChallengeAnswer>(status, &body)
    }

    async fn cancelled(&self, reference: &str) -> Told<()> {
        let (status, _) = self.send(Verb::DELETE, &format!("/challenges/{reference}"), None, None).await?;
        expect((200..300).contains(&status), || format!("status {status}"))?;
        let standing = self.poll(reference).await?;
        expect(matches!(standing.outcome, Outcome::Failed(_)), || word(&standing.outcome).to_owned())
    }

    async fn approved_in_app(&self, reference: &str) -> Told<Standing> {
        let waited = timeout(self.subject.wait, async {
            loop {
                let standing = self.poll(reference).await?;
                if !matches!(standing.outcome, Outcome::Pending { .. }) {
                    return approval(&standing).map(|()| standing);
                }
                sleep(Pause::from_secs(1)).await;
            }
        });
        waited.await.unwrap_or_else(|_| Err("still pending".to_owned()))
    }

    async fn approved_by_code(&mut self, challenge: Uuid, reference: &str) -> Told<Standing> {
        let path = format!("/challenges/{reference}/answer");
        let wrong = CodeQuestion { code: "not the code" };
        let told = self.post::<ChallengeAnswer>(&path, &format!("{challenge}-1"), &wrong).await;
        let left = |standing: Standing| match standing.outcome {
            Outcome::WrongCode { attempts_left } => Ok(attempts_left),
            outcome @ (Outcome::Pending { .. } | Outcome::Approved(_) | Outcome::Failed(_)) => Err(word(&outcome).to_owned()),
        };
        let told = told.and_then(left);
        if let Some(first) = self.note("a wrong code is told as `wrong_code`", told) {
            let again = self.post::<ChallengeAnswer>(&path, &format!("{challenge}-1"), &wrong).await.and_then(left);
            let same = again.and_then(|left| expect(left == first, || format!("{left} attempts left, after {first}")));
            self.note("the same Idempotency-Key is the same try of a code", same);
        }
        let Some(code) = &self.subject.code else { return Err("no --otp to try".to_owned()) };
        let right = CodeQuestion { code: code.reveal() };
        let standing = self.post::<ChallengeAnswer>(&path, &format!("{challenge}-2"), &right).await?;
        approval(&standing).map(|()| standing)
    }

    async fn post<A: Read>(&self, path: &str, key: &str, question: &impl Serialize) -> Told<A::Value> {
        let body = serde_json::to_vec(question).map_err(|error| error.to_string())?;
        let (status, body) = self.send(Verb::POST, path, Some(key), Some(body)).await?;
        read::<A>(status, &body)
    }

    async fn send(&self, method: Verb, path: &str, key: Option<&str>, body: Option<Vec<u8>>) -> Told<(u16, Vec<u8>)> {
        let mut request = self.subject.client.request(method, format!("{}{path}", self.subject.url)).header("accept-language", "en");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let exchange = async {
            let mut response = request.send().await.map_err(|_| "no answer: no connection, or no TLS".to_owned())?;
            let (status, mut body) = (response.status().as_u16(), vec![]);
            while let Some(chunk) = response.chunk().await.map_err(|_| "the answer breaks off".to_owned())? {
                expect(body.len() + chunk.len() <= LONGEST_ANSWER, || "more than 64 KiB".to_owned())?;
                body.extend_from_slice(&chunk);
            }
            Ok((status, body))
        };
        timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }
}

fn expect(holds: bool, instead: impl FnOnce() -> String) -> Told<()> {
    if holds { Ok(()) } else { Err(instead()) }
}

fn read<A: Read>(status: u16, body: &[u8]) -> Told<A::Value> {
    expect((200..300).contains(&status), || format!("status {status}"))?;
    A::read(body).map_err(|_| "a body that is not the contract's".to_owned())
}

fn known(sign_in: SignIn) -> Told<(String, Vec<Method>)> {
    match sign_in {
        SignIn::Known(eligibility) => Ok((eligibility.psu.as_str().to_owned(), eligibility.methods)),
        SignIn::Wrong { .. } => Err("`wrong_credentials`".to_owned()),
        SignIn::Failed(why) => Err(format!("`failed`, {}", why.name())),
    }
}

fn approval(standing: &Standing) -> Told<()> {
    expect(matches!(standing.outcome, Outcome::Approved(_)), || word(&standing.outcome).to_owned())
}

const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Pending { .. } => "`pending`",
        Outcome::Approved(_) => "`approved`",
        Outcome::Failed(_) => "`failed`",
        Outcome::WrongCode { .. } => "`wrong_code`",
    }
}

/// As long as a real one, and another for each challenge.
fn hash_of(challenge: Uuid) -> String {
    format!("{}contractchk", challenge.simple())
}
