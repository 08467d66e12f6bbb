//! What a TPP does all day, with a ledger of all that was acknowledged to it.

use super::{Bank, CIC, Client, Reply, together, wire::Wire};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use serde_json::json;
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// What was answered 200, and so must hold.
#[derive(Default)]
pub struct Acknowledged {
    alive: Mutex<Vec<String>>,
    dead: Mutex<Vec<String>>,
}

impl Acknowledged {
    pub fn issued(&self, token: String) {
        self.alive.lock().unwrap().push(token);
    }

    pub fn revoked(&self, tokens: impl IntoIterator<Item = String>) {
        self.dead.lock().unwrap().extend(tokens);
    }

    pub fn count(&self) -> (usize, usize) {
        (self.alive.lock().unwrap().len(), self.dead.lock().unwrap().len())
    }

    /// Every token is what its last answer said.
    pub async fn holds(&self, client: &Client<'_>) {
        let (alive, dead) = (self.alive.lock().unwrap().clone(), self.dead.lock().unwrap().clone());
        let gateway = client.tpp.bank.gateway();
        for (tokens, expected) in [(alive, true), (dead, false)] {
            for some in tokens.chunks(100) {
                let active = active(&gateway, client, some).await.unwrap();
                let wrong = active.iter().filter(|active| **active != expected).count();
                assert_eq!(wrong, 0, "of {} tokens that should be active: {expected}", tokens.len());
            }
        }
    }

    /// As [`Self::holds`] of the last few of each, while all goes on. `None`: no answer, or "try again". Else how many are wrong.
    pub async fn glance(&self, gateway: &Wire, client: &Client<'_>) -> Option<usize> {
        let last = |tokens: &Mutex<Vec<String>>| tokens.lock().unwrap().iter().rev().take(50).cloned().collect::<Vec<_>>();
        let (alive, dead) = (last(&self.alive), last(&self.dead));
        let tokens: Vec<_> = alive.iter().chain(&dead).cloned().collect();
        let active = active(gateway, client, &tokens).await?;
        Some(active.iter().enumerate().filter(|(place, active)| **active != (*place < alive.len())).count())
    }
}

/// What the bank's gateway learns of up to 100 tokens.
async fn active(gateway: &Wire, client: &Client<'_>, tokens: &[String]) -> Option<Vec<bool>> {
    let url = format!("https://localhost:{}/v1/brands/{}/introspections", client.tpp.bank.internal.port(), client.brand.id);
    let asked: Vec<_> = tokens.iter().map(|token| json!({ "token": token })).collect();
    let reply = gateway.try_send(Method::POST, &url, &[("content-type", "application/json")], json!({ "tokens": asked }).to_string()).await;
    let reply = reply.ok().filter(|reply| reply.status != 503)?.ok(200).json();
    Some(reply["tokens"].as_array().unwrap().iter().map(|token| token["active"] == true).collect())
}

pub fn access_token(reply: &Reply) -> String {
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

fn exchange<'f>(grant_type: &'f str, more: (&'f str, &'f str)) -> [(&'f str, &'f str); 2] {
    [("grant_type", grant_type), more]
}

/// What a TPP does all day, until `stop`; `judge` sees each answer and how long it took, `None` where there was none.
pub struct Load<'a> {
    pub client: Client<'a>,
    pub refresh: String,
    /// Refresh tokens to be revoked, each of a grant of its own.
    spare: Mutex<Vec<String>>,
    acknowledged: &'a Acknowledged,
    stop: AtomicBool,
}

impl<'a> Load<'a> {
    pub async fn prepare(bank: &'a Bank, acknowledged: &'a Acknowledged) -> Self {
        let client = bank.tpp([AccountInformation, PaymentInitiation]).register(CIC).await;
        let tokens = together((0..8).map(|_| client.tokens("web", "aisp"))).await;
        let mut spare: Vec<_> = tokens.iter().map(|t| t["refresh_token"].as_str().unwrap().to_owned()).collect();
        let refresh = spare.pop().unwrap();
        Self { client, refresh, spare: Mutex::new(spare), acknowledged, stop: AtomicBool::new(false) }
    }

    async fn token(&self, form: &[(&str, &str)], judge: &impl Fn(Option<&Reply>, Duration)) -> Option<String> {
        let began = Instant::now();
        let reply = self.client.try_post(CIC.channel("web").2, form).await;
        judge(reply.as_ref(), began.elapsed());
        reply.filter(|r| r.status == 200).map(|reply| access_token(&reply))
    }

    async fn revoke(&self, token: &str, judge: &impl Fn(Option<&Reply>, Duration)) -> bool {
        let began = Instant::now();
        let reply = self.client.try_post(CIC.revocation, &[("token", token)]).await;
        judge(reply.as_ref(), began.elapsed());
        reply.is_some_and(|r| r.status == 200)
    }

    /// One of several at once. A token whose revocation got no answer may be either, and is not remembered.
    async fn work(&self, worker: usize, judge: &impl Fn(Option<&Reply>, Duration)) {
        while !self.is_stopped() {
            let form = match worker % 2 {
                0 => exchange("client_credentials", ("scope", "pisp")),
                _ => exchange("refresh_token", ("refresh_token", &self.refresh)),
            };
            let Some(token) = self.token(&form, judge).await else {
                sleep(Duration::from_millis(5)).await; // a server that is away answers nothing at once
                continue;
            };
            if worker < 4 {
                self.acknowledged.issued(token);
            } else if self.revoke(&token, judge).await {
                self.acknowledged.revoked([token]);
            }
        }
    }

    /// Ends whole grants, now and then.
    async fn end_grants(&self, every: Duration, judge: &impl Fn(Option<&Reply>, Duration)) {
        while !self.is_stopped() {
            sleep(every).await;
            let Some(refresh) = self.spare.lock().unwrap().pop() else { return };
            let token = self.token(&exchange("refresh_token", ("refresh_token", &refresh)), judge).await;
            if self.revoke(&refresh, judge).await {
                self.acknowledged.revoked([refresh].into_iter().chain(token));
            }
        }
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// For another run.
    pub fn resume(&self) {
        self.stop.store(false, Ordering::SeqCst);
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    pub async fn run(&self, judge: impl Fn(Option<&Reply>, Duration)) {
        let workers = async { together((0..8).map(|worker| self.work(worker, &judge))).await };
        tokio::join!(workers, self.end_grants(Duration::from_millis(125), &judge));
    }
}
