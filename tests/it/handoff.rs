//! The bank's own pages: the browser is handed over with a ticket, the portal's back end reads the journey and concludes it, once.

use crate::harness::{
    Bank, BankOptions, Brand, CIC, LBP, Landing, Reply,
    bank::BRANDS,
    tpp::{CALLBACK, Client, STATE},
    wire::Wire,
};
use guichet::{clock::Clock, oauth::tpp::PspRole};
use reqwest::Method;
use serde_json::{Value, json};
use time::{Duration, format_description::well_known::Rfc3339};

const PORTAL: &str = "https://portal.bank.example/oauth/start";

/// Inside each `[[brand]]`.
pub fn with_portal() -> BankOptions {
    BankOptions { brand_extra: format!("[brand.sca]\nmode = \"portal\"\nportal_url = \"{PORTAL}\"\n"), ..BankOptions::default() }
}

/// The portal's back end, with the bank's own certificate.
pub struct BackEnd<'a> {
    bank: &'a Bank,
    brand: Brand,
    wire: Wire,
}

impl<'a> BackEnd<'a> {
    pub fn of(bank: &'a Bank, brand: Brand) -> Self {
        Self { bank, brand, wire: bank.gateway() }
    }

    fn url(&self, ticket: &str) -> String {
        format!("https://localhost:{}/v1/brands/{}/interactions/{ticket}", self.bank.internal.port(), self.brand.id)
    }

    pub async fn read(&self, ticket: &str) -> Reply {
        self.wire.get(&self.url(ticket)).await
    }

    pub async fn complete(&self, ticket: &str, body: &Value) -> Reply {
        self.wire.json(Method::POST, &format!("{}/complete", self.url(ticket)), &[], body).await
    }

    pub async fn fail(&self, ticket: &str, reason: &str) -> Reply {
        self.wire.json(Method::POST, &format!("{}/fail", self.url(ticket)), &[], &json!({ "reason": reason })).await
    }

    /// All that any journey can require.
    pub async fn completion(&self, ticket: &str) -> Value {
        let told = self.read(ticket).await.ok(200).json();
        json!({
            "subject": "c-1001",
            "sca": {
                "method": "app",
                "at": self.bank.clock.now().format(&Rfc3339).unwrap(),
                "reference": "sca-1",
                "linked_hash": told["linked_hash"],
            },
            "accounts": [{ "id": "a-1", "iban": "FR7630006000011234567890189", "label": "Compte courant", "currency": "EUR" }],
            "explicit_consent": true,
        })
    }
}

/// A browser that was handed over.
pub struct Browser {
    wire: Wire,
    pub cookie: String,
    pub ticket: String,
}

impl Browser {
    pub async fn hand_over(client: &Client<'_>, channel: &str, scope: &str) -> Self {
        Self::open(client.tpp.bank, &client.authorize_url(channel, scope, &[])).await
    }

    pub async fn open(bank: &Bank, url: &str) -> Self {
        let wire = bank.browser();
        let reply = wire.get(url).await.ok(303);
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        let ticket = ticket_of(reply.header("location"));
        Self { wire, cookie, ticket }
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.wire.send(Method::GET, url, &[("cookie", &self.cookie)], "").await
    }

    /// Follows `redirect_to` to the TPP.
    pub async fn go_home(&self, concluded: &Reply) -> Landing {
        Landing::read(self.get(&redirect_to(concluded)).await.ok(303).header("location"))
    }
}

#[track_caller]
fn ticket_of(location: &str) -> String {
    let ticket = location.strip_prefix(&format!("{PORTAL}?interaction=")).unwrap_or_else(|| panic!("{location}"));
    assert!(ticket.starts_with("guti_") && ticket.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)), "{ticket}");
    ticket.to_owned()
}

pub fn redirect_to(reply: &Reply) -> String {
    reply.json()["redirect_to"].as_str().unwrap_or_else(|| panic!("{reply:?}")).to_owned()
}

async fn tokens_by_hand_off(brand: Brand, channel: &str, scope: &str) {
    let bank = Bank::with(with_portal()).await;
    let client = bank.tpp(PspRole::ALL).register(brand).await;
    let portal = BackEnd::of(&bank, brand);
    let browser = Browser::hand_over(&client, channel, scope).await;
    let told = portal.read(&browser.ticket).await.ok(200).json();
    assert_eq!((&told["status"], &told["channel"], &told["scope"]["codes"][0]), (&"open".into(), &channel.into(), &scope.into()));
    let concluded = portal.complete(&browser.ticket, &portal.completion(&browser.ticket).await).await.ok(200);
    let landing = browser.go_home(&concluded).await;
    assert_eq!((landing.uri.as_str(), landing.get("state"), landing.get("iss")), (CALLBACK, STATE, bank.issuer(brand).as_str()));
    let tokens = client.redeem(channel, scope, landing.code()).await.ok(200).json();
    let seen = client.introspect(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&seen["sub"], &seen["channel"], &seen["scope"]), (&"c-1001".into(), &channel.into(), &scope.into()));
    assert_eq!(portal.read(&browser.ticket).await.ok(200).json()["status"], "completed");
}

#[tokio::test]
async fn tokens_at_cic() {
    for scope in ["aisp", "cbpii", "pisp"] {
        tokens_by_hand_off(CIC, "web", scope).await;
    }
}

#[tokio::test]
async fn tokens_at_labanquepostale() {
    for scope in ["aisp", "cbpii", "pisp"] {
        tokens_by_hand_off(LBP, "web", scope).await;
    }
}
