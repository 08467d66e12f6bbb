//! The reference portal of `examples/portal`, as a customer's browser meets it: the proof that the contract can be kept.

use crate::{
    handoff::attribute,
    harness::{
        Bank, BankOptions, Brand, Browser, CIC, LBP, Landing, Reply, Tpp,
        bank::{BRANDS, pki},
        browser::PHONE,
        together,
        tpp::{CALLBACK, Client, STATE},
        wire::{Wire, tls},
    },
    sca_outcomes::came_home,
};
use guichet::{clock::Clock, oauth::tpp::PspRole, tls::files::load_chain_and_key};
use portal::{DEMO_CODE, FAILURES, PASSWORD, Portal};
use reqwest::Method;
use serde_json::json;
use std::{net::Ipv4Addr, sync::Arc};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

#[path = "../../examples/portal/portal.rs"]
mod portal;

/// A bank whose brand is handed over to the portal at this address.
async fn bank_with(brand: Brand, port: u16, production: bool) -> Bank {
    let brand_extra = format!("[brand.sca]\nmode = \"portal\"\nportal_url = \"https://localhost:{port}/{}/start\"\n", brand.id);
    Bank::with(BankOptions { brand_extra, production, ..BankOptions::default() }).await
}

/// The portal, on a socket of its own, in front of this bank's internal listener, or of nothing.
async fn start(brand: Brand, dead: bool) -> Bank {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let bank = bank_with(brand, listener.local_addr().unwrap().port(), false).await;
    let read = |name: &str| load_chain_and_key(&pki().1.file(&format!("{name}.pem")), &pki().1.file(&format!("{name}.key"))).unwrap();
    let (own, server) = (read("gateway"), read("server"));
    let client = reqwest::Client::builder().tls_backend_preconfigured(tls("bank-ca.pem", Some((&own.chain, &own.key)))).no_proxy();
    let client = client.resolve("localhost", bank.internal).build().unwrap();
    let clock = bank.clock.clone();
    let internal = format!("https://localhost:{}", if dead { 1 } else { bank.internal.port() });
    let portal = Portal::new(internal, client, Arc::new(move || clock.now()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_no_client_auth().with_single_cert(server.chain, server.key).unwrap();
    tokio::spawn(async move { portal::serve(listener, TlsAcceptor::from(Arc::new(tls)), &portal).await });
    bank
}

/// A browser with its cookies of both hosts.
struct Customer {
    wire: Wire,
    bank_cookie: String,
    portal_cookie: String,
    /// The portal's page.
    url: String,
    page: Reply,
}

impl Customer {
    async fn arrive(client: &Client<'_>, channel: &str, scope: &str) -> Self {
        let bank = client.tpp.bank;
        let wire = bank.browser();
        let mut reply = wire.get(&client.authorize_url(channel, scope, &[])).await;
        let (bank_cookie, origin) = (cookie(&reply), bank.origin(client.brand.psu_host));
        let cookies = [("cookie", bank_cookie.as_str())];
        loop {
            reply = match (reply.status, reply.header("location")) {
                // where the bank's app is offered first: on in the browser
                (200, _) => {
                    let form = [("csrf", attribute(&reply, "name=\"csrf\" value")), ("decision", "continue_here")];
                    wire.form(&format!("{origin}{}", attribute(&reply, "action")), &cookies, &form).await
                }
                (303, path) if path.starts_with('/') => wire.send(Method::GET, &format!("{origin}{path}"), &cookies, "").await,
                _ => break,
            };
        }
        let start = reply.header("location").to_owned();
        let mut customer = Self { wire, bank_cookie, portal_cookie: String::new(), url: start, page: reply };
        customer.look().await;
        customer
    }

    /// Loads the portal's page and follows it within the portal.
    async fn look(&mut self) {
        let cookies = [("cookie", self.portal_cookie.as_str())];
        self.page = self.wire.send(Method::GET, &self.url, &cookies[..usize::from(!self.portal_cookie.is_empty())], "").await;
        self.follow().await;
    }

    async fn follow(&mut self) {
        while self.page.status == 303 {
            if !cookie(&self.page).is_empty() {
                self.portal_cookie = cookie(&self.page);
            }
            let url = url::Url::parse(&self.url).unwrap().join(self.page.header("location")).unwrap();
            self.url = url.to_string();
            self.page = self.wire.send(Method::GET, &self.url, &[("cookie", &self.portal_cookie)], "").await;
        }
        for (name, part) in
            [("content-security-policy", "frame-ancestors 'none'"), ("x-frame-options", "DENY"), ("cache-control", "no-store")]
        {
            assert!(self.page.header(name).contains(part), "{name}: {:?}", self.page);
        }
    }

    async fn post(&mut self, fields: &[(&str, &str)]) {
        self.page = self.click(fields).await;
        self.follow().await;
    }

    async fn click(&self, fields: &[(&str, &str)]) -> Reply {
        let csrf = csrf(&self.page);
        let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        let reply = self.wire.form(&self.url, &[("cookie", &self.portal_cookie)], &fields).await;
        let location = reply.header("location");
        assert!(location.is_empty() || location.starts_with('/'), "a form never leads away: {reply:?}");
        reply
    }

    async fn sign_in(&mut self, login: &str) {
        self.post(&[("decision", "sign_in"), ("customer", login), ("password", PASSWORD)]).await;
    }

    /// Chooses and allows what the page asks for.
    async fn go_on(&mut self) {
        let mut fields = vec![("decision", "continue")];
        fields.extend(self.page.body.contains("name=\"account\"").then_some(("account", "demo-account-1")));
        fields.extend(self.page.body.contains("name=\"consent\"").then_some(("consent", "yes")));
        self.post(&fields).await;
    }

    async fn approve(&mut self) {
        self.sign_in("alice").await;
        self.go_on().await;
        self.post(&[("decision", "code"), ("code", DEMO_CODE)]).await;
    }

    /// The page that leaves the portal, and from the bank's answer to the TPP.
    async fn go_home(&self) -> Landing {
        let link = self.page.body.split("id=\"leave\" href=\"").nth(1).unwrap_or_else(|| panic!("{:?}", self.page));
        let url = link.split('"').next().unwrap().replace("&amp;", "&");
        let reply = self.wire.send(Method::GET, &url, &[("cookie", &self.bank_cookie)], "").await;
        Landing::read(reply.ok(303).header("location"))
    }
}

fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap_or("").to_owned()
}

fn csrf(page: &Reply) -> String {
    let found = page.body.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    found.unwrap_or("").to_owned()
}

#[tokio::test]
async fn the_reference_portal_completes_every_journey_of_both_banks() {
    for brand in BRANDS {
        let bank = start(brand, false).await;
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        for (channel, ..) in brand.channels {
            for scope in ["aisp", "aisp extended_transaction_history", "cbpii", "pisp"] {
                let mut customer = Customer::arrive(&client, channel, scope).await;
                assert!(!customer.url.contains("guti_"), "the ticket left the address bar: {}", customer.url);
                customer.approve().await;
                let landing = customer.go_home().await;
                assert_eq!((landing.uri.as_str(), landing.get("state")), (CALLBACK, STATE), "{} {channel} {scope}", brand.id);
                let tokens = client.redeem(channel, scope, landing.code()).await.ok(200).json();
                let told = client.introspect(tokens["access_token"].as_str().unwrap()).await;
                assert_eq!((&told["active"], &told["scope"], &told["channel"]), (&json!(true), &json!(scope), &json!(channel)));
            }
        }
    }
}

#[tokio::test]
async fn the_reference_portal_fails_with_each_reason_and_the_customer_gets_home() {
    for brand in BRANDS {
        let bank = start(brand, false).await;
        let client = bank.tpp(PspRole::ALL).register(brand).await;
        let (channel, ..) = *brand.channels.last().unwrap();
        for reason in FAILURES {
            let mut customer = Customer::arrive(&client, channel, "aisp").await;
            customer.sign_in(reason).await;
            customer.go_on().await;
            came_home(&customer.go_home().await, &client, channel, reason);
        }
        // what he does, not what was scripted: cancels at any step, mistypes
        for steps in 0..3 {
            let mut customer = Customer::arrive(&client, channel, "aisp").await;
            if steps > 0 {
                customer.sign_in("alice").await;
            }
            if steps > 1 {
                customer.go_on().await;
            }
            customer.post(&[("decision", "cancel")]).await;
            came_home(&customer.go_home().await, &client, channel, "cancelled");
        }
        let mut customer = Customer::arrive(&client, channel, "aisp").await;
        for _ in 0..3 {
            customer.post(&[("decision", "sign_in"), ("customer", "alice"), ("password", "wrong")]).await;
        }
        came_home(&customer.go_home().await, &client, channel, "blocked_after_failures");
        let mut customer = Customer::arrive(&client, channel, "aisp").await;
        customer.sign_in("alice").await;
        customer.go_on().await;
        // at once: no more guesses than one after the other
        let guesses: Vec<_> =
            (0..20).map(|n| [("decision".to_owned(), "code".to_owned()), ("code".to_owned(), format!("{n:06}"))]).collect();
        let fields: Vec<Vec<(&str, &str)>> = guesses.iter().map(|g| g.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect()).collect();
        together(fields.iter().map(|fields| customer.click(fields))).await;
        customer.post(&[("decision", "code"), ("code", DEMO_CODE)]).await;
        came_home(&customer.go_home().await, &client, channel, "otp_suspended");
    }
}

#[tokio::test]
async fn the_reference_portal_survives_a_double_click_a_reload_and_coming_back() {
    let bank = start(CIC, false).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let mut customer = Customer::arrive(&client, "web", "cbpii").await;
    customer.sign_in("alice").await;
    // nothing chosen: the page again
    customer.post(&[("decision", "continue")]).await;
    assert!(customer.page.body.contains("name=\"account\""), "{:?}", customer.page);
    customer.go_on().await;
    let confirm = [("decision", "code"), ("code", DEMO_CODE)];
    for reply in together([customer.click(&confirm), customer.click(&confirm), customer.click(&confirm)]).await {
        assert_eq!(reply.status, 303);
    }
    customer.look().await;
    let landing = customer.go_home().await;
    client.redeem("web", "cbpii", landing.code()).await.ok(200);
    assert_eq!(bank.audited_kind("interaction_approved").await, 1);

    // the tab was killed after the sign-in: the bank sends the browser on with the same ticket, the portal goes on where it was
    let mut customer = Customer::arrive(&client, "web", "aisp").await;
    let start = customer.wire.get(&client.authorize_url("web", "aisp", &[])).await;
    drop(start);
    customer.sign_in("alice").await;
    customer.look().await;
    assert!(customer.page.body.contains("name=\"consent\""), "{:?}", customer.page);
    // another browser with nothing but the page's address gets nowhere
    assert_eq!(bank.browser().get(&customer.url).await.status, 403);
    let forged =
        customer.wire.form(&customer.url, &[("cookie", &customer.portal_cookie)], &[("csrf", "x"), ("decision", "continue")]).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test]
async fn the_reference_portal_writes_foreign_text_as_text() {
    let bank = start(LBP, false).await;
    let mut metadata = Tpp::metadata(LBP);
    metadata["client_name"] = json!("<script>alert(1)</script>\" onload=\"x");
    let client = bank.tpp(PspRole::ALL).register_as(LBP, &metadata).await;
    let mut customer = Customer::arrive(&client, "web", "aisp").await;
    for _ in 0..2 {
        assert!(!customer.page.body.contains("<script") && customer.page.body.contains("&lt;script&gt;"), "{:?}", customer.page);
        customer.sign_in("alice").await;
    }
    for query in ["", "?interaction=", "?interaction=%3Cscript%3E", "?other=x"] {
        let url = url::Url::parse(&customer.url).unwrap();
        let reply = bank.browser().get(&format!("https://localhost:{}/cic/start{query}", url.port().unwrap())).await;
        assert!(reply.status == 400 && !reply.body.contains("<script"), "{query}: {reply:?}");
    }
    // a ticket that nobody gave out opens no session
    let url = url::Url::parse(&customer.url).unwrap();
    let reply =
        bank.browser().get(&format!("https://localhost:{}/cic/start?interaction=guti_{}", url.port().unwrap(), "A".repeat(64))).await;
    assert_eq!((reply.status, reply.header("set-cookie")), (410, ""), "{reply:?}");
}

/// The portal cannot reach the bank's server: a page at once, and the way home at the deadline.
#[tokio::test]
async fn a_dead_back_end_does_not_trap_the_customer() {
    let bank = start(CIC, true).await;
    let client = bank.tpp(PspRole::ALL).register(CIC).await;
    let customer = Customer::arrive(&client, "web", "aisp").await;
    assert_eq!(customer.page.status, 503, "{:?}", customer.page);
    let journey: uuid::Uuid = sqlx::query_scalar("select id from interactions").fetch_one(&bank.pool().await).await.unwrap();
    bank.clock.advance(time::Duration::seconds(600));
    let url = format!("{}/cic/journeys/{}/return", bank.origin(CIC.psu_host), journey.simple());
    let home = customer.wire.send(Method::GET, &url, &[("cookie", &customer.bank_cookie)], "").await;
    came_home(&Landing::read(home.ok(303).header("location")), &client, "web", "timed_out");
}

/// `form-action` of neither side stops anybody on the way from "continue here" to the portal, or from the last form home.
#[tokio::test]
async fn a_real_browser_gets_to_the_portal_and_home() {
    let bank = start(LBP, false).await;
    let client = bank.tpp(PspRole::ALL).register(LBP).await;
    let browser = Browser::of_size(PHONE).await;
    for channel in ["web", "pph"] {
        browser.go(&client.authorize_url(channel, "cbpii", &[])).await;
        if channel == "pph" {
            browser.click("button[value=continue_here]").await;
        }
        browser.until("the portal", async || browser.has("input[name=customer]").await).await;
        browser.fill("input[name=customer]", "alice").await;
        browser.fill("input[name=password]", PASSWORD).await;
        browser.click("button[value=sign_in]").await;
        browser.until("what is asked", async || browser.has("input[name=account]").await).await;
        browser.click("input[value=demo-account-1]").await;
        browser.click("input[name=consent]").await;
        browser.click("button[value=continue]").await;
        browser.until("the challenge", async || browser.has("input[name=code]").await).await;
        browser.fill("input[name=code]", DEMO_CODE).await;
        browser.click("button[value=code]").await;
        let landing = browser.landed().await;
        client.redeem(channel, "cbpii", landing.code()).await.ok(200);
    }
}
