//! The steps of a TPP, each with what must come back.

use super::{
    Journey, TryArgs,
    customer::Customer,
    endpoints::{Channel, Endpoints, metadata_url},
    target::Target,
    wire::{Body, Reply, Transcript},
};
use crate::clock::{Entropy, System};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use url::{Url, form_urlencoded};

type Outcome<T> = Result<T, String>;

/// A registered client.
struct Client {
    id: String,
    secret: Option<String>,
    /// RFC 7592 s3.
    uri: String,
    registration_token: String,
}

/// A code and the verifier of its challenge.
struct Code {
    code: String,
    verifier: String,
    payment: Option<Payment>,
}

/// What the bank's payment API lodged for the customer.
struct Payment {
    id: String,
    /// Its link to the channel's authorization endpoint.
    consent_approval: String,
}

struct Tokens {
    access: String,
    refresh: Option<String>,
}

impl Tokens {
    fn read(reply: &Reply) -> Outcome<Self> {
        let document = reply.json();
        let refresh = document["refresh_token"].as_str().map(str::to_owned);
        Ok(Self { access: member(&document, "access_token")?, refresh })
    }
}

/// One TPP at one brand.
pub struct Session<'a, 'o> {
    args: &'a TryArgs,
    target: &'a Target,
    transcript: &'a mut Transcript<'o>,
    endpoints: Endpoints,
    entropy: System,
}

impl<'a, 'o> Session<'a, 'o> {
    /// Finds out where everything is.
    pub async fn begin(args: &'a TryArgs, target: &'a Target, transcript: &'a mut Transcript<'o>) -> Outcome<Self> {
        let url = metadata_url(&target.issuer)?;
        let reply = transcript.send(&target.browser, Method::GET, &url, &[], Body::None).await?.expect(200)?;
        let endpoints = Endpoints::read(&reply.json(), &target.issuer)?;
        transcript.note("the brand says where its endpoints are", "RFC 8414 s3.2")?;
        Ok(Self { args, target, transcript, endpoints, entropy: System::new() })
    }

    pub async fn walk(mut self) -> Outcome<()> {
        let channels = self.endpoints.channels(self.args.channel.as_deref())?;
        let client = self.register().await?;
        let walked = self.with_client(&client, &channels).await;
        if self.args.journey == Journey::Register {
            return walked.and_then(|()| self.transcript.say(&format!("The client stays: {}\n", client.uri)));
        }
        walked.and(self.delete(&client).await)
    }

    async fn with_client(&mut self, client: &Client, channels: &[Channel]) -> Outcome<()> {
        if self.goes(Journey::Register) {
            self.read(client).await?;
        }
        if !matches!(self.args.journey, Journey::Register | Journey::ClientCredentials) {
            for channel in channels {
                self.with_customer(client, channel).await?;
            }
        }
        if self.goes(Journey::ClientCredentials) {
            self.client_credentials(client).await?;
        }
        Ok(())
    }

    async fn with_customer(&mut self, client: &Client, channel: &Channel) -> Outcome<()> {
        self.transcript.say(&format!("--- channel {} ---\n", channel.name))?;
        let Some(code) = self.authorize(client, channel).await? else { return Ok(()) };
        if self.args.journey == Journey::Authorize {
            return Ok(());
        }
        let mut tokens = vec![self.redeem(client, channel, &code).await?];
        if self.goes(Journey::Introspect) {
            let told = self.introspect(&tokens[0].access, true).await?;
            if let Some(payment) = &code.payment {
                self.execute(payment, &told, &tokens[0].access).await?;
            }
        }
        if self.goes(Journey::Refresh) {
            match tokens[0].refresh.clone() {
                Some(refresh) => tokens.push(self.refresh(client, channel, &refresh).await?),
                None => self.transcript.note("no refresh token for this scope: nothing to refresh", "RFC 6749 s5.1")?,
            }
        }
        if self.goes(Journey::Revoke) {
            let strongest = tokens[0].refresh.as_ref().unwrap_or(&tokens[0].access).clone();
            self.revoke(client, &strongest).await?;
            for token in &tokens {
                self.introspect(&token.access, false).await?;
            }
        }
        Ok(())
    }

    fn goes(&self, step: Journey) -> bool {
        self.args.journey == step || self.args.journey == Journey::All
    }

    async fn register(&mut self) -> Outcome<Client> {
        let metadata = json!({
            "redirect_uris": [self.args.redirect_uri],
            "client_name": "guichet try",
            "grant_types": self.endpoints.grant_types,
            "token_endpoint_auth_method": "tls_client_auth",
            // of its own, lest the bank takes this for the last registration sent again
            "software_id": self.random(),
        });
        let url = self.endpoints.registration.clone();
        let reply = self.send(Method::POST, &url, &[], Body::Json(&metadata)).await?.expect(201)?;
        let document = reply.json();
        let client = Client {
            id: member(&document, "client_id")?,
            secret: document["client_secret"].as_str().map(str::to_owned),
            uri: member(&document, "registration_client_uri")?,
            registration_token: member(&document, "registration_access_token")?,
        };
        self.transcript.note("the QWAC registered a client", "RFC 7591 s3.2.1")?;
        Ok(client)
    }

    async fn read(&mut self, client: &Client) -> Outcome<()> {
        let bearer = format!("Bearer {}", client.registration_token);
        let reply = self.send(Method::GET, &client.uri, &[("authorization", &bearer)], Body::None).await?.expect(200)?;
        if reply.json()["client_id"] != client.id.as_str() {
            return Err("another client was read".into());
        }
        self.transcript.note("the client reads what is registered of it", "RFC 7592 s2.1")
    }

    async fn delete(&mut self, client: &Client) -> Outcome<()> {
        self.send(Method::DELETE, &client.uri, &[], Body::None).await?.expect(204)?;
        self.transcript.note("the client is deleted, with all that it was granted", "RFC 7592 s2.3")
    }

    /// `None`: the bank said no, as it should for this customer.
    async fn authorize(&mut self, client: &Client, channel: &Channel) -> Outcome<Option<Code>> {
        let (state, verifier) = (self.random(), self.random());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let payment = self.lodge(client, channel).await?;
        let (scope, redirect_uri) = (self.args.scope.as_str(), self.args.redirect_uri.as_str());
        let own = [("redirect_uri", redirect_uri), ("state", &state), ("code_challenge", &challenge), ("code_challenge_method", "S256")];
        let mut query = form_urlencoded::Serializer::new(String::new());
        let url = match &payment {
            Some(payment) => format!("{}&{}", payment.consent_approval, query.extend_pairs(own).finish()),
            None => {
                let asked = [("response_type", "code"), ("client_id", &client.id), ("scope", scope)];
                format!("{}?{}", channel.authorization_endpoint, query.extend_pairs(asked).extend_pairs(own).finish())
            }
        };
        let customer = Customer { login: &self.args.customer, password: &self.args.password };
        let landed = customer.follow(self.transcript, &self.target.browser, &url, redirect_uri).await?;
        let answer = Answer::read(&landed);
        answer.belongs_to(&state, &self.target.issuer)?;
        let through = self.args.customer.starts_with("approves");
        match (answer.get("code"), answer.get("error")) {
            (Some(code), None) if through => {
                self.transcript.note("the customer came home with a code, state and iss are right", "RFC 6749 s4.1.2, RFC 9207 s2")?;
                Ok(Some(Code { code: code.to_owned(), verifier, payment }))
            }
            (None, Some(error)) if !through => {
                self.transcript.note(&format!("the customer came home with {error}, state and iss are right"), "RFC 6749 s4.1.2.1")?;
                Ok(None)
            }
            (Some(_), None) => Err(format!("customer {} was expected to fail, and brought a code", self.args.customer)),
            (_, error) => {
                Err(format!("the customer came home with {}: {}", error.unwrap_or("neither code nor error"), answer.description()))
            }
        }
    }

    /// As the bank's payment API does before it answers the TPP's payment request. `None`: no payment, or nobody lodges it here.
    async fn lodge(&mut self, client: &Client, channel: &Channel) -> Outcome<Option<Payment>> {
        let endpoint = self.target.gateway.as_ref().and_then(|gateway| Some((&gateway.wire, gateway.payments_endpoint.as_ref()?)));
        let (Some((wire, url)), "pisp") = (endpoint, self.args.scope.as_str()) else { return Ok(None) };
        let payment = json!({
            "client_id": client.id,
            "kind": "initiation",
            "payment_id": format!("try-{:.16}", self.random()),
            "amount": "1234.50",
            "currency": "EUR",
            "creditor_name": "Librairie des Arts",
            "creditor_account": "FR7630006000011234567890189",
        });
        let lodged = self.transcript.send(wire, Method::POST, url, &[], Body::Json(&payment)).await?.expect(201)?.json();
        let consent_approval = member(&lodged["consent_approval_urls"], &channel.name)?;
        self.transcript.note(
            "the bank's payment API lodged a payment; its consentApproval link is where the customer goes",
            "docs/integration.md, Your payment API",
        )?;
        Ok(Some(Payment { id: member(&lodged, "payment_request")?, consent_approval }))
    }

    /// As the bank's payment API does when the TPP confirms the payment.
    async fn execute(&mut self, payment: &Payment, told: &Value, token: &str) -> Outcome<()> {
        if told["payment_request"] != payment.id.as_str() {
            return Err(format!("the token is good for payment {}, not {}", told["payment_request"], payment.id));
        }
        let endpoint = self.target.gateway.as_ref().and_then(|gateway| Some((&gateway.wire, gateway.payments_endpoint.as_ref()?)));
        let Some((wire, url)) = endpoint else { return Ok(()) };
        let (url, execution) = (format!("{url}/{}/use", payment.id), json!({ "reference": format!("try-{:.16}", self.random()) }));
        self.transcript.send(wire, Method::POST, &url, &[], Body::Json(&execution)).await?.expect(200)?;
        self.transcript.note("the approval is spent on this one payment", "docs/integration.md, Your payment API")?;
        self.introspect(token, false).await.map(drop)
    }

    async fn redeem(&mut self, client: &Client, channel: &Channel, code: &Code) -> Outcome<Tokens> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code.code),
            ("redirect_uri", &self.args.redirect_uri),
            ("code_verifier", &code.verifier),
            ("scope", &self.args.scope),
        ];
        let reply = self.post(client, &channel.token_endpoint, &form).await?.expect(200)?;
        self.transcript.note("the code was exchanged, PKCE and the QWAC proven", "RFC 6749 s4.1.3, RFC 7636 s4.5, RFC 8705 s2.1")?;
        Tokens::read(&reply)
    }

    async fn refresh(&mut self, client: &Client, channel: &Channel, token: &str) -> Outcome<Tokens> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        let reply = self.post(client, &channel.token_endpoint, &form).await?.expect(200)?;
        self.transcript.note("a new access token, without the customer", "RFC 6749 s6")?;
        Tokens::read(&reply)
    }

    async fn client_credentials(&mut self, client: &Client) -> Outcome<()> {
        if !self.endpoints.offers("client_credentials") {
            return self.transcript.note("the brand offers no client_credentials", "RFC 8414 s2");
        }
        let url = self.endpoints.channels.first().map(|channel| channel.token_endpoint.clone()).unwrap_or_default();
        let form = [("grant_type", "client_credentials"), ("scope", "pisp")];
        let reply = self.post(client, &url, &form).await?.expect(200)?;
        let tokens = Tokens::read(&reply)?;
        if tokens.refresh.is_some() {
            return Err("client_credentials brought a refresh token".into());
        }
        self.transcript.note("a token to lodge payments with, no customer in it", "RFC 6749 s4.4")
    }

    /// RFC 7009 s2.1: of a refresh token, and what it gave goes along.
    async fn revoke(&mut self, client: &Client, token: &str) -> Outcome<()> {
        let url = self.endpoints.revocation.clone();
        self.post(client, &url, &[("token", token)]).await?.expect(200)?;
        self.transcript.note("the grant is revoked", "RFC 7009 s2.2")
    }

    /// What is told of it; nothing where the bank's own side cannot be reached.
    async fn introspect(&mut self, token: &str, active: bool) -> Outcome<Value> {
        let Some(gateway) = &self.target.gateway else {
            if self.args.journey == Journey::Introspect {
                return Err("introspection needs --internal and the gateway's files".into());
            }
            return Ok(Value::Null);
        };
        let form = Body::Form(&[("token", token)]);
        let sent = self.transcript.send(&gateway.wire, Method::POST, &gateway.introspection_endpoint, &[], form);
        let document = sent.await?.expect(200)?.json();
        if document["active"] != active {
            return Err(format!("introspection answered active: {}, not {active}", document["active"]));
        }
        let what =
            if active { "the bank's gateway learns what the token is good for" } else { "the token is dead, and nothing else is said" };
        self.transcript.note(what, "RFC 7662 s2.2")?;
        Ok(document)
    }

    /// A form at a machine endpoint, authenticated as the brand asks.
    async fn post(&mut self, client: &Client, url: &str, form: &[(&str, &str)]) -> Outcome<Reply> {
        match &client.secret {
            Some(secret) if self.endpoints.basic => {
                let basic = format!("Basic {}", STANDARD.encode(format!("{}:{secret}", client.id)));
                self.send(Method::POST, url, &[("authorization", &basic)], Body::Form(form)).await
            }
            Some(_) | None => {
                let form: Vec<_> = [("client_id", client.id.as_str())].into_iter().chain(form.iter().copied()).collect();
                self.send(Method::POST, url, &[], Body::Form(&form)).await
            }
        }
    }

    async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: Body<'_>) -> Outcome<Reply> {
        self.transcript.send(&self.target.tpp, method, url, headers, body).await
    }

    /// 256 bits, in the alphabet that RFC 7636 s4.1 allows.
    fn random(&self) -> String {
        URL_SAFE_NO_PAD.encode((&self.entropy as &dyn Entropy).bytes::<32>())
    }
}

/// The parameters of an authorization response.
struct Answer(HashMap<String, String>);

impl Answer {
    fn read(landed: &Url) -> Self {
        Self(landed.query_pairs().into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// RFC 6749 s10.12; RFC 9207 s2.4.
    fn belongs_to(&self, state: &str, issuer: &str) -> Outcome<()> {
        if self.get("state") != Some(state) {
            return Err("the customer came home with another state, or none".into());
        }
        if self.get("iss") != Some(issuer) {
            return Err(format!("the customer came home from issuer {}", self.get("iss").unwrap_or("(none)")));
        }
        Ok(())
    }

    fn description(&self) -> &str {
        self.get("error_description").unwrap_or("no description")
    }
}

fn member(document: &Value, name: &str) -> Outcome<String> {
    document[name].as_str().map(str::to_owned).ok_or_else(|| format!("the answer has no {name}"))
}
