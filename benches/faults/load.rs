//! What TPPs do all day, at every replica that is ready, and what each answer must be.

use crate::{
    harness::{
        Bank, CIC, Client, Reply, together,
        wire::{Wire, encode},
    },
    ledger::{Ledger, Seen},
    site::{SECOND, Site},
};
use guichet::oauth::tpp::PspRole::{AccountInformation, PaymentInitiation};
use reqwest::Method;
use std::{
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// A TPP waits no longer.
const PATIENCE: Duration = Duration::from_secs(10);
const WORKERS: usize = 8;
/// After a failure.
const REST: Duration = Duration::from_millis(50);
/// Between a worker's rounds: half of what the machine could do.
const PAUSE: Duration = Duration::from_millis(5);

/// One organisation at every replica.
pub struct Load {
    clients: Vec<Client<'static>>,
    gateways: Vec<Wire>,
    refresh: String,
    stop: AtomicBool,
}

impl Load {
    pub async fn prepare(site: &Site) -> Self {
        let banks: Vec<&'static Bank> = site.replicas.iter().map(|replica| replica.bank).collect();
        let roles = [AccountInformation, PaymentInitiation];
        let client = banks[0].tpp(roles).register(CIC).await;
        let tokens = client.tokens("web", "aisp").await;
        let organisation = client.tpp.organisation.clone();
        Self {
            clients: banks.iter().map(|bank| client.over(&bank.tpp_named(&organisation, roles))).collect(),
            gateways: banks.iter().map(|bank| bank.gateway()).collect(),
            refresh: tokens["refresh_token"].as_str().unwrap().to_owned(),
            stop: AtomicBool::new(false),
        }
    }

    /// Runs while `fault` does: it is put in, held and taken away there.
    pub async fn during<T>(&self, site: &Site, ledger: &Ledger, fault: impl Future<Output = T>) -> T {
        let fault = async {
            let done = fault.await;
            self.stop.store(true, Ordering::SeqCst);
            done
        };
        let work = together((0..WORKERS).map(|worker| self.work(site, ledger, worker)));
        tokio::join!(work, fault).1
    }

    async fn work(&self, site: &Site, ledger: &Ledger, worker: usize) {
        let (mut preferred, mut round) = (worker, 0_usize);
        while !self.stop.load(Ordering::SeqCst) {
            round += 1;
            let Some(replica) = site.ready(preferred) else {
                sleep(REST).await;
                continue;
            };
            if self.turn(site, ledger, replica, round).await.is_none() {
                // as a balancer's next choice
                preferred = replica + 1;
                sleep(REST).await;
            }
            sleep(PAUSE).await;
        }
    }

    /// Two tokens, one of them taken back at another replica. `None`: something had no answer that says anything.
    async fn turn(&self, site: &Site, ledger: &Ledger, replica: usize, round: usize) -> Option<()> {
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", self.refresh.as_str())];
        let credentials = [("grant_type", "client_credentials"), ("scope", "pisp")];
        let path = CIC.channel("web").2;
        let kept = access_token(&self.post(ledger, replica, path, if round.is_multiple_of(2) { &refresh } else { &credentials }).await?);
        ledger.issued(kept.clone());
        let other = site.ready(replica + 1).unwrap_or(replica);
        self.expect(ledger, other, &kept, true).await?;
        let gone = access_token(&self.post(ledger, other, path, &credentials).await?);
        self.post(ledger, replica, CIC.revocation, &[("token", &gone)]).await?;
        ledger.revoked(gone.clone());
        self.expect(ledger, other, &gone, false).await
    }

    async fn post(&self, ledger: &Ledger, replica: usize, path: &str, form: &[(&str, &str)]) -> Option<Reply> {
        let began = Instant::now();
        let reply = timeout(PATIENCE, self.clients[replica].try_post(path, form)).await.ok().flatten();
        let seen = ledger.sees(reply.as_ref(), began.elapsed());
        reply.filter(|_| seen == Seen::Done)
    }

    async fn expect(&self, ledger: &Ledger, replica: usize, token: &str, active: bool) -> Option<()> {
        let (bank, began) = (self.clients[replica].tpp.bank, Instant::now());
        let url = format!("https://localhost:{}/brands/{}/introspect", bank.internal.port(), CIC.id);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let asked = self.gateways[replica].try_send(Method::POST, &url, &headers, encode(&[("token", token)]));
        let reply = timeout(PATIENCE, asked).await.ok().and_then(Result::ok);
        if ledger.sees(reply.as_ref(), began.elapsed()) != Seen::Done {
            return None;
        }
        if reply?.json()["active"] != active {
            ledger.wrong(format!("a token is said to be active: {}", !active));
        }
        Some(())
    }
}

fn access_token(reply: &Reply) -> String {
    reply.json()["access_token"].as_str().unwrap().to_owned()
}

/// Some seconds of load, a fault that lasts as long as `fault`, and some more.
pub async fn around<T>(load: &Load, site: &Site, ledger: &Ledger, fault: impl Future<Output = T>) -> (T, Instant, Instant) {
    let whole = async {
        sleep(3 * SECOND).await;
        let injected = Instant::now();
        let done = fault.await;
        let healed = Instant::now();
        sleep(5 * SECOND).await;
        (done, injected, healed)
    };
    load.during(site, ledger, whole).await
}
