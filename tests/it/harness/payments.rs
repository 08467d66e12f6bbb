//! The bank's payment API: lodges what a customer is to approve.

use super::{
    bank::Bank,
    psu::Psu,
    tpp::{CALLBACK, CHALLENGE, Client, STATE},
    wire::{Reply, encode},
};
use reqwest::Method;
use serde_json::{Value, json};

/// What comes after `/v1/brands/{brand}/payments` at the internal counter.
pub fn payments_url(bank: &Bank, brand: &str, rest: &str) -> String {
    format!("https://localhost:{}/v1/brands/{brand}/payments{rest}", bank.internal.port())
}

/// What the TPP appends to the link that it got, and nothing else.
pub fn appended(url: &str) -> String {
    let own = [("redirect_uri", CALLBACK), ("state", STATE), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    format!("{url}&{}", encode(&own))
}

/// A lodged payment, as the payment API knows it.
#[derive(Clone)]
pub struct LodgedPayment<'a> {
    client: Client<'a>,
    pub id: String,
    /// As it was lodged or last changed.
    pub body: Value,
    pub answer: Value,
}

impl<'a> Client<'a> {
    /// The body of a lodging, each member replaceable; `null` takes it away.
    pub fn payment(&self, changes: &Value) -> Value {
        let mut body = json!({
            "client_id": self.id,
            "kind": "initiation",
            "payment_id": "pay-1",
            "amount": "1234.50",
            "currency": "EUR",
            "creditor_name": "Librairie des Arts",
            "creditor_account": "FR7630006000011234567890189",
        });
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                body.as_object_mut().unwrap().remove(name);
            } else {
                body[name] = value.clone();
            }
        }
        body
    }

    pub async fn try_lodge(&self, changes: &Value) -> Reply {
        let bank = self.tpp.bank;
        bank.gateway().json(Method::POST, &payments_url(bank, self.brand.id, ""), &[], &self.payment(changes)).await
    }

    pub async fn lodge(&self, changes: &Value) -> LodgedPayment<'a> {
        let answer = self.try_lodge(changes).await.ok(201).json();
        let id = answer["payment_request"].as_str().unwrap().to_owned();
        LodgedPayment { client: self.clone(), id, body: self.payment(changes), answer }
    }
}

impl LodgedPayment<'_> {
    async fn ask(&self, method: Method, rest: &str, body: &Value) -> Reply {
        let bank = self.client.tpp.bank;
        let url = payments_url(bank, self.client.brand.id, &format!("/{}{rest}", self.id));
        if body.is_null() {
            return bank.gateway().send(method, &url, &[], "").await;
        }
        bank.gateway().json(method, &url, &[], body).await
    }

    pub async fn read(&self) -> Value {
        self.ask(Method::GET, "", &Value::Null).await.ok(200).json()
    }

    pub async fn state(&self) -> String {
        self.read().await["state"].as_str().unwrap().to_owned()
    }

    /// The whole payment again, some of it changed.
    pub async fn change(&self, changes: &Value) -> Reply {
        let mut body = self.body.clone();
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.ask(Method::PUT, "", &body).await
    }

    pub async fn withdraw(&self) -> Reply {
        self.ask(Method::DELETE, "", &Value::Null).await
    }

    pub async fn execute(&self, reference: &str) -> Reply {
        self.ask(Method::POST, "/use", &json!({ "reference": reference })).await
    }

    /// The link of a channel with what the TPP appends.
    pub fn url(&self, channel: &str) -> String {
        appended(self.answer["consent_approval_urls"][channel].as_str().unwrap())
    }

    /// The customer's browser, sent to the bank.
    pub async fn open(&self, channel: &str) -> Psu {
        Psu::open(self.client.tpp.bank, self.client.brand, &self.url(channel)).await
    }

    /// The customer before the payment, signed in.
    pub async fn shown(&self, channel: &str) -> Psu {
        let mut psu = self.open(channel).await;
        psu.sign_in("approves").await;
        assert!(psu.page.body.contains("value=\"approve\""), "{:?}", psu.page);
        psu
    }

    /// The access token of a whole journey.
    pub async fn token(&self, channel: &str) -> String {
        let landing = self.open(channel).await.approve().await;
        let tokens = self.client.redeem(channel, "pisp", landing.code()).await.ok(200).json();
        assert!(tokens.get("refresh_token").is_none(), "one payment, nothing to refresh: {tokens}");
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}
